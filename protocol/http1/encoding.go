package http1

// Encoding is a content coding (RFC 9110 8.4.1).
type Encoding uint8

const (
	Identity Encoding = iota
	Gzip
	Brotli
	Zstd
	encodings // how many there are
)

var encodingNames = [encodings]string{"identity", "gzip", "br", "zstd"}

func (e Encoding) String() string { return encodingNames[e] }

// ParseEncoding finds an encoding by its registered name.
func ParseEncoding(name string) (e Encoding, ok bool) {
	for i, known := range encodingNames {
		if name == known {
			return Encoding(i), true
		}
	}
	return Identity, false
}

// Preferences are the weights of a client's Accept-Encoding, in thousandths. The zero value is that of a client that did
// not send the field, and gets Identity.
type Preferences struct {
	weights [encodings]uint16
	named   [encodings]bool
	any     uint16 // weight of "*"
	anySet  bool
}

// Note reads one line of Accept-Encoding (RFC 9110 12.5.3); several lines are one list. An element that is not well-formed
// counts as not being there.
func (p *Preferences) Note(list []byte) {
	var element []byte
	for len(list) > 0 {
		element, list = nextElement(list)
		name, weight, ok := cutWeight(element)
		switch {
		case !ok:
		case len(name) == 1 && name[0] == '*':
			p.any, p.anySet = weight, true
		case equalFold(name, "x-gzip"): // the same as gzip (RFC 9110 8.4.1.3)
			p.set(Gzip, weight)
		default:
			for i, known := range encodingNames {
				if equalFold(name, known) {
					p.set(Encoding(i), weight)
				}
			}
		}
	}
}

func (p *Preferences) set(e Encoding, weight uint16) { p.weights[e], p.named[e] = weight, true }

// Choose picks of the encodings offered, which are in the server's order of preference, the one the client likes best.
// Identity when it accepts none: also when it refuses that, for an answer it can read is better than none.
func (p *Preferences) Choose(offered []Encoding) Encoding {
	best, weight := Identity, uint16(0)
	if p.named[Identity] {
		weight = p.weights[Identity]
	}
	for _, e := range offered {
		// What a client says it likes less than identity is not for it; equal weights are for the server to decide.
		if w := p.weight(e); w > weight || w == weight && w > 0 && best == Identity {
			best, weight = e, w
		}
	}
	return best
}

func (p *Preferences) weight(e Encoding) uint16 {
	if !p.named[e] && p.anySet {
		return p.any
	}
	return p.weights[e]
}

// cutWeight takes an element of a list with weights apart: codings [ OWS ";" OWS "q=" qvalue ] (RFC 9110 12.4.2).
func cutWeight(element []byte) (name []byte, weight uint16, ok bool) {
	for i, c := range element {
		if c == ';' {
			weight, ok = parseWeight(trim(element[i+1:]))
			return trim(element[:i]), weight, ok
		}
	}
	return element, 1000, len(element) > 0
}

// parseWeight reads "q=" and at most three digits behind the point, in thousandths.
func parseWeight(b []byte) (weight uint16, ok bool) {
	if len(b) < len("q=0") || len(b) > len("q=0.000") || b[0]|0x20 != 'q' || b[1] != '=' || b[2] != '0' && b[2] != '1' {
		return 0, false
	}
	weight = uint16(b[2]-'0') * 1000
	if len(b) == len("q=0") {
		return weight, true
	}
	if b[3] != '.' {
		return 0, false
	}
	scale := uint16(100)
	for _, c := range b[4:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		weight += uint16(c-'0') * scale
		scale /= 10
	}
	return weight, weight <= 1000
}

// HasToken looks for a lower-case word in a comma-separated list, in any case.
func HasToken(list []byte, lower string) bool { return hasToken(list, lower) }

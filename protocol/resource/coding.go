package resource

// Quality is how much a client wants a content coding, from 0 (refused) to
// 1000, by its Accept-Encoding (RFC 9110 section 12.5.3). coding is lower-case.
func Quality(accept []byte, coding string) int {
	star := 0
	for accept = skip(accept); len(accept) > 0; accept = skip(accept) {
		var element []byte
		element, accept = cutElement(accept)
		name, weight := cutWeight(element)
		switch {
		case foldEqual(name, coding), coding == "gzip" && foldEqual(name, "x-gzip"):
			return weight
		case len(name) == 1 && name[0] == '*':
			star = weight
		}
	}
	return star
}

// cutWeight reads "br" or "br;q=0.5"; a weight that makes no sense is 0.
func cutWeight(element []byte) (name []byte, weight int) {
	i := 0
	for i < len(element) && element[i] != ';' && element[i] != ' ' && element[i] != '\t' {
		i++
	}
	name, rest := element[:i], element[i:]
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == ';') {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return name, 1000
	}
	if len(rest) < 3 || rest[0]|0x20 != 'q' || rest[1] != '=' {
		return name, 0
	}
	return name, parseWeight(rest[2:])
}

// parseWeight reads "1", "0.5", "0.125" (section 12.4.2) as thousandths.
func parseWeight(b []byte) int {
	if b[0] != '0' && b[0] != '1' || len(b) > 5 || len(b) > 1 && b[1] != '.' {
		return 0
	}
	weight := int(b[0]-'0') * 1000
	unit := 100
	for _, c := range b[min(2, len(b)):] {
		if c < '0' || c > '9' {
			return 0
		}
		weight += int(c-'0') * unit
		unit /= 10
	}
	return min(weight, 1000)
}

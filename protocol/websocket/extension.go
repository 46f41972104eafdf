package websocket

import "strconv"

// Window sizes of DEFLATE as powers of two (RFC 7692 7.1.2).
const (
	minWindowBits = 8
	maxWindowBits = 15
)

// Deflate is what a connection agreed on for permessage-deflate (RFC 7692 7.1). The zero value means that it did not.
type Deflate struct {
	ServerBits     uint8 // window of what we compress, 8 to 15
	ClientBits     uint8 // window of what the client compresses
	ServerTakeover bool  // our messages may refer to earlier ones
	ClientTakeover bool  // the client's may: its last 1<<ClientBits bytes must be kept
	ask            uint8 // which parameters the answer names
}

// Parameters of permessage-deflate, as bits.
const (
	serverNoTakeover uint8 = 1 << iota
	clientNoTakeover
	serverWindow
	clientWindow
)

// Negotiated reports whether messages may be compressed.
func (d Deflate) Negotiated() bool { return d.ServerBits != 0 }

// DeflatePolicy is what a server wants to spend on compression.
type DeflatePolicy struct {
	Takeover   bool  // keep a window for each direction of each connection
	WindowBits uint8 // of those windows, 8 to 15: at most 1<<WindowBits bytes each
}

// NegotiateDeflate picks the first offer of permessage-deflate in a Sec-WebSocket-Extensions field that fits the policy (RFC
// 7692 5.1, 7.1). An offer with a parameter that is unknown, repeated or out of range is passed over, as section 7 asks.
//
// Whatever the client offers, no window is kept that the policy does not grant: where the client cannot be told to use a
// smaller one, it is told to use none.
func NegotiateDeflate(offers []byte, policy DeflatePolicy) (Deflate, bool) {
	for scan := (scanner{rest: offers}); !scan.end(); {
		name := scan.token()
		d, ok := readOffer(&scan, policy)
		if scan.bad || name == nil {
			return Deflate{}, false // the rest cannot be told apart
		}
		if ok && equalToken(name, "permessage-deflate") {
			return d, true
		}
	}
	return Deflate{}, false
}

// readOffer reads the parameters of one element of the list, up to the comma behind it.
func readOffer(scan *scanner, policy DeflatePolicy) (d Deflate, ok bool) {
	d = Deflate{ServerBits: maxWindowBits, ClientBits: maxWindowBits, ServerTakeover: policy.Takeover, ClientTakeover: policy.Takeover}
	ok = true
	var seen uint8
	for scan.parameter() {
		param := parameterBit(scan.name)
		ok = ok && param != 0 && seen&param == 0 && d.apply(param, scan.value, scan.hasValue)
		seen |= param
	}
	d.settle(policy, seen)
	return d, ok
}

func parameterBit(name []byte) uint8 {
	switch {
	case equalToken(name, "server_no_context_takeover"):
		return serverNoTakeover
	case equalToken(name, "client_no_context_takeover"):
		return clientNoTakeover
	case equalToken(name, "server_max_window_bits"):
		return serverWindow
	case equalToken(name, "client_max_window_bits"):
		return clientWindow
	}
	return 0
}

// apply takes one parameter of an offer. false: its value makes the offer invalid.
func (d *Deflate) apply(param uint8, value []byte, hasValue bool) bool {
	bits, valid := windowBits(value)
	switch param {
	case serverNoTakeover:
		d.ServerTakeover = false
		return !hasValue
	case clientNoTakeover: // a hint: it will not, whatever the answer says
		d.ClientTakeover = false
		return !hasValue
	case serverWindow:
		d.ServerBits = bits
		return hasValue && valid
	}
	if hasValue {
		d.ClientBits = bits
	}
	return !hasValue || valid
}

// windowBits reads 8 to 15 without leading zeros (RFC 7692 7.1.2.1).
func windowBits(value []byte) (uint8, bool) {
	n, err := strconv.Atoi(string(value))
	if err != nil || n < minWindowBits || n > maxWindowBits || value[0] == '0' || value[0] == '+' {
		return 0, false
	}
	return uint8(n), true
}

// settle fits the windows into the policy and decides what the answer says.
func (d *Deflate) settle(policy DeflatePolicy, offered uint8) {
	if d.ServerTakeover {
		d.ServerBits = min(d.ServerBits, policy.WindowBits)
	}
	switch {
	case !d.ClientTakeover:
	case offered&clientWindow != 0:
		d.ClientBits = min(d.ClientBits, policy.WindowBits)
	default: // it may not be told a size (RFC 7692 7.1.2.2)
		d.ClientTakeover = policy.WindowBits == maxWindowBits
	}
	if !d.ServerTakeover {
		d.ask |= serverNoTakeover
	}
	if !d.ClientTakeover {
		d.ask |= clientNoTakeover
	}
	if offered&serverWindow != 0 || d.ServerBits < maxWindowBits {
		d.ask |= serverWindow
	}
	if offered&clientWindow != 0 && d.ClientBits < maxWindowBits {
		d.ask |= clientWindow
	}
}

// AppendDeflate appends the value of Sec-WebSocket-Extensions that accepts the offer (RFC 7692 5.1).
func AppendDeflate(dst []byte, d Deflate) []byte {
	dst = append(dst, "permessage-deflate"...)
	if d.ask&serverNoTakeover != 0 {
		dst = append(dst, "; server_no_context_takeover"...)
	}
	if d.ask&clientNoTakeover != 0 {
		dst = append(dst, "; client_no_context_takeover"...)
	}
	if d.ask&serverWindow != 0 {
		dst = strconv.AppendUint(append(dst, "; server_max_window_bits="...), uint64(d.ServerBits), 10)
	}
	if d.ask&clientWindow != 0 {
		dst = strconv.AppendUint(append(dst, "; client_max_window_bits="...), uint64(d.ClientBits), 10)
	}
	return dst
}

// ChooseProtocol picks a subprotocol from a Sec-WebSocket-Protocol field: the first of ours that the client offers, or, when
// we name none, the client's first. Empty: none fits, and the connection goes on without one (RFC 6455 4.2.2).
func ChooseProtocol(offered []byte, ours []string) string {
	for _, name := range ours {
		if OffersProtocol(offered, name) {
			return name
		}
	}
	if len(ours) > 0 {
		return ""
	}
	scan := scanner{rest: offered}
	return string(scan.token())
}

// OffersProtocol reports whether a Sec-WebSocket-Protocol field names a subprotocol. Their case counts (RFC 6455 11.3.4).
func OffersProtocol(offered []byte, name string) bool {
	for scan := (scanner{rest: offered}); !scan.end() && !scan.bad; scan.comma() {
		if string(scan.token()) == name {
			return true
		}
	}
	return false
}

// scanner walks through a list of elements with parameters (RFC 6455 9.1, RFC 9110 5.6).
type scanner struct {
	rest        []byte
	name, value []byte // of the parameter read last
	hasValue    bool
	bad         bool // not in the form of such a list
}

// end reports that nothing is left; empty elements are passed over (RFC 9110 5.6.1).
func (s *scanner) end() bool {
	for s.skipBlanks(); len(s.rest) > 0 && s.rest[0] == ','; s.skipBlanks() {
		s.rest = s.rest[1:]
	}
	return len(s.rest) == 0
}

func (s *scanner) skipBlanks() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t') {
		s.rest = s.rest[1:]
	}
}

// take passes over c, with blanks around it.
func (s *scanner) take(c byte) bool {
	s.skipBlanks()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	s.skipBlanks()
	return true
}

// comma goes on to the next element.
func (s *scanner) comma() { s.bad = s.bad || !s.take(',') && len(s.rest) > 0 }

// token reads one (RFC 9110 5.6.2); nil: there is none.
func (s *scanner) token() []byte {
	s.skipBlanks()
	n := 0
	for n < len(s.rest) && tokenByte[s.rest[n]] {
		n++
	}
	if n == 0 {
		s.bad = true
		return nil
	}
	token := s.rest[:n]
	s.rest = s.rest[n:]
	return token
}

// parameter reads `; name` or `; name=value`. false: the element ends here.
func (s *scanner) parameter() bool {
	if s.bad || !s.take(';') {
		s.comma()
		return false
	}
	s.name, s.value = s.token(), nil
	if s.hasValue = s.take('='); s.hasValue {
		s.value = s.quoted()
	}
	return !s.bad
}

// quoted reads a token, which may stand in quotes but not be escaped: no value of this extension would need that.
func (s *scanner) quoted() []byte {
	if len(s.rest) == 0 || s.rest[0] != '"' {
		return s.token()
	}
	s.rest = s.rest[1:]
	value := s.token()
	if len(s.rest) == 0 || s.rest[0] != '"' {
		s.bad = true
		return nil
	}
	s.rest = s.rest[1:]
	return value
}

// tokenByte are the bytes of a token (RFC 9110 5.6.2).
var tokenByte = func() (table [256]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		table[c] = true
	}
	return table
}()

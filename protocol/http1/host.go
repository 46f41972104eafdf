package http1

import "bytes"

// The characters of a host in a URI (RFC 3986 3.2.2): of a registered name or an IPv4 address, and between the brackets of
// an IP literal.
var nameChar, literalChar = hostTables()

func hostTables() (name, literal [256]bool) {
	const alphanum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, c := range alphanum + "-._~!$&'()*+,;=" {
		name[c], literal[c] = true, true
	}
	literal[':'] = true
	return name, literal
}

// validHost checks uri-host [ ":" port ] (RFC 9110 7.2). User information is refused (RFC 9110 4.2.4), an empty value is
// valid (RFC 9112 3.2).
func validHost(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 2 {
			return false
		}
		for _, c := range b[1:end] {
			if !literalChar[c] {
				return false
			}
		}
		i = end + 1
	} else {
		for i < len(b) && (nameChar[b[i]] || isEscape(b[i:])) {
			i++ // the two hex digits of an escape are name characters themselves
		}
	}
	return i == len(b) || b[i] == ':' && validPort(b[i+1:])
}

func isEscape(b []byte) bool {
	return len(b) >= 3 && b[0] == '%' && hexValue[b[1]] < 16 && hexValue[b[2]] < 16
}

// validPort checks *DIGIT (RFC 3986 3.2.3) that is a port.
func validPort(b []byte) bool {
	port := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		if port = port*10 + int(c-'0'); port > 65535 {
			return false
		}
	}
	return true
}

// ValidHost reports whether b is a host, or a host and a port, that a Host field may hold, and not empty.
func ValidHost(b []byte) bool { return len(b) > 0 && validHost(b) }

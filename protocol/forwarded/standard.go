package forwarded

import (
	"bytes"
	"net/netip"

	"gw/protocol/address"
	"gw/protocol/http1"
)

// maxElements of one Forwarded line; nobody has as many proxies.
const maxElements = 32

// element is one element of Forwarded: what one proxy said.
type element struct{ client, proto, host []byte }

// readStandard reads Forwarded (RFC 7239 section 4). Lines are read one by one, from the last: a quote that a client left
// open in a line of its own does not reach into the proxy's.
func readStandard(fields []http1.Field, proxies *address.Set) (c Client, err error) {
	var elements [maxElements]element
	for line := len(fields) - 1; line >= 0; line-- {
		if string(fields[line].Name) != nameStandard {
			continue
		}
		n, ok := parseElements(fields[line].Value, &elements)
		if !ok {
			return Client{}, ErrMalformed
		}
		for i := n - 1; i >= 0; i-- {
			further, ok := c.takeElement(&elements[i], proxies)
			if !ok {
				return Client{}, ErrMalformed
			}
			if !further {
				return c, nil
			}
		}
	}
	return c, nil
}

// takeElement reads what one proxy said; further: that its client is a trusted proxy again.
func (c *Client) takeElement(e *element, proxies *address.Set) (further, ok bool) {
	*c = Client{}
	if !c.takeScheme(e.proto) || !c.takeHost(e.host) {
		return false, false
	}
	// "unknown", and names made up by the proxy (RFC 7239 section 6): it does not tell.
	if len(e.client) == 0 || fold(e.client, "unknown") || e.client[0] == '_' {
		return false, true
	}
	c.Address, ok = parseNode(e.client)
	return ok && proxies.Has(c.Address.Addr()), ok
}

// parseNode reads an address, whose port may be made up too.
func parseNode(b []byte) (netip.AddrPort, bool) {
	if i := bytes.Index(b, []byte(":_")); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 || b[0] != '[' && bytes.Count(b, []byte(":")) > 1 {
		return netip.AddrPort{}, false // IPv6 has brackets
	}
	return parseAddress(b)
}

// parseElements takes a line apart: for=192.0.2.1;proto=https, for="[2001:db8::1]:80".
func parseElements(b []byte, elements *[maxElements]element) (n int, ok bool) {
	for {
		b = trim(b)
		if len(b) == 0 {
			return n, true
		}
		if b[0] == ',' {
			b = b[1:]
			continue
		}
		if n == maxElements {
			return 0, false
		}
		elements[n] = element{}
		if b, ok = elements[n].parse(b); !ok {
			return 0, false
		}
		n++
	}
}

// parse reads pairs up to a comma or the end; between two semicolons there may be nothing.
func (e *element) parse(b []byte) (rest []byte, ok bool) {
	for {
		b = trim(b)
		if len(b) == 0 || b[0] == ',' {
			return b, true
		}
		if b[0] == ';' {
			b = b[1:]
			continue
		}
		end := bytes.IndexByte(b, '=')
		if end < 1 || !http1.ValidName(b[:end]) {
			return nil, false
		}
		name, value := b[:end], []byte(nil)
		if value, b, ok = parseValue(b[end+1:]); !ok || !e.set(name, value) {
			return nil, false
		}
		if b = trim(b); len(b) > 0 && b[0] != ',' && b[0] != ';' {
			return nil, false
		}
	}
}

// set keeps a value; one that is said twice is a fault (RFC 7239 section 4), others than ours are passed over.
func (e *element) set(name, value []byte) bool {
	place := (*[]byte)(nil)
	switch {
	case fold(name, "for"):
		place = &e.client
	case fold(name, "proto"):
		place = &e.proto
	case fold(name, "host"):
		place = &e.host
	default:
		return true
	}
	if *place != nil {
		return false
	}
	*place = value
	return true
}

// parseValue reads a token or a quoted string. None of the values that are read needs a backslash: one there is a fault.
func parseValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '"' {
		end := bytes.IndexAny(b[1:], `"\`)
		if end < 0 || b[1+end] == '\\' {
			return nil, nil, false
		}
		return b[1 : 1+end : 1+end], b[end+2:], true
	}
	end := bytes.IndexAny(b, ";, \t\"=")
	if end < 0 {
		end = len(b)
	}
	if end == 0 || !validUnquoted(b[:end]) {
		return nil, nil, false
	}
	return b[:end:end], b[end:], true
}

// validUnquoted takes a token, and the colon and brackets that should have been quoted and often are not.
func validUnquoted(b []byte) bool {
	for i := range b {
		if b[i] != ':' && b[i] != '[' && b[i] != ']' && !http1.ValidName(b[i:i+1]) {
			return false
		}
	}
	return true
}

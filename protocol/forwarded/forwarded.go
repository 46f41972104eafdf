// Package forwarded reads what proxies say about the client of a request: Forwarded (RFC 7239), or X-Forwarded-For, -Proto,
// -Host and -Port, which most proxies send.
//
// Each proxy adds to the right of what is there, and anybody can send anything to the first of them. So only what stands
// to the right counts: going left from there, the client is the first address that is not a trusted proxy's. Invariants:
//
//   - What is left of the client's address is its own say-so, and is not even parsed.
//   - Something malformed where a trusted proxy should have written makes the whole of it void.
//   - Nothing is allocated; results are views into the fields.
package forwarded

import (
	"bytes"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unsafe"

	"gw/protocol/address"
	"gw/protocol/http1"
)

// ErrMalformed says that a proxy's fields cannot be made sense of.
var ErrMalformed = errors.New("malformed Forwarded or X-Forwarded field")

// Client is what trusted proxies say of the client.
type Client struct {
	// Address of the client; port 0 where the proxies do not tell it, and zero where they do not tell the address.
	Address netip.AddrPort
	Scheme  string // http or https; empty: not said
	Host    []byte // host, or host:port; nil: not said
	Port    []byte // that the client connected to, of X-Forwarded-Port; nil: not said
}

// Read reads the fields of a request that a trusted proxy sent. Where both kinds of fields are there, X-Forwarded counts:
// proxies that write it often let a Forwarded of the client pass, hardly the other way round. The error is ErrMalformed.
func Read(fields []http1.Field, proxies *address.Set) (Client, error) {
	standard := false
	for i := range fields {
		switch string(fields[i].Name) {
		case nameFor, nameProto, nameHost, namePort:
			return readX(fields, proxies)
		case nameStandard:
			standard = true
		}
	}
	if standard {
		return readStandard(fields, proxies)
	}
	return Client{}, nil
}

const (
	nameStandard = "forwarded"
	prefix       = "x-forwarded-"
	nameFor      = prefix + "for"
	nameProto    = prefix + "proto"
	nameHost     = prefix + "host"
	namePort     = prefix + "port"
)

// Speaks says whether a field speaks of the client in a proxy's name: Forwarded, X-Real-IP and everything that begins with
// X-Forwarded-. An underscore counts as a dash, as CGI's environment makes no difference. The name must be lower-case.
func Speaks(name []byte) bool {
	switch {
	case len(name) < len(nameStandard) || name[0] != 'x' && name[0] != 'f':
		return false
	case len(name) == len(nameStandard):
		return string(name) == nameStandard || matches(name, "x-real-ip")
	}
	return len(name) >= len(prefix) && matches(name[:len(prefix)], prefix)
}

// Standard says whether a field is Forwarded itself.
func Standard(name []byte) bool { return string(name) == nameStandard }

func matches(name []byte, want string) bool {
	for i, c := range name {
		if c == '_' {
			c = '-'
		}
		if c != want[i] {
			return false
		}
	}
	return len(name) == len(want)
}

// readX reads the X-Forwarded fields.
func readX(fields []http1.Field, proxies *address.Set) (c Client, err error) {
	elements := list{fields: fields, name: nameFor, line: len(fields)}
	hops := -1 // how far from the right the client stands
	for {
		element, more := elements.next()
		if !more {
			break
		}
		hops++
		if string(element) == "unknown" {
			c.Address = netip.AddrPort{}
			break
		}
		at, ok := parseAddress(element)
		if !ok {
			return Client{}, ErrMalformed
		}
		c.Address = at
		if !proxies.Has(at.Addr()) {
			break
		}
	}
	hops = max(hops, 0)
	ok := c.takeScheme(pick(fields, nameProto, hops)) && c.takeHost(pick(fields, nameHost, hops)) && c.takePort(pick(fields, namePort, hops))
	if !ok {
		return Client{}, ErrMalformed
	}
	return c, nil
}

// pick returns the element that stands hops from the right, or the left-most one where there are fewer: most proxies
// replace all but X-Forwarded-For.
func pick(fields []http1.Field, name string, hops int) (element []byte) {
	elements := list{fields: fields, name: name, line: len(fields)}
	for ; hops >= 0; hops-- {
		next, more := elements.next()
		if !more {
			return element
		}
		element = next
	}
	return element
}

// list walks through the elements of a comma-separated field, lines and elements from the last to the first.
type list struct {
	fields []http1.Field
	name   string
	line   int
	rest   []byte
	open   bool
}

func (l *list) next() (element []byte, more bool) {
	for {
		if !l.open {
			for l.line--; l.line >= 0 && string(l.fields[l.line].Name) != l.name; l.line-- {
			}
			if l.line < 0 {
				return nil, false
			}
			l.rest, l.open = l.fields[l.line].Value, true
		}
		comma := bytes.LastIndexByte(l.rest, ',')
		element = trim(l.rest[comma+1:])
		if comma < 0 {
			l.rest, l.open = nil, false
		} else {
			l.rest = l.rest[:comma]
		}
		if len(element) > 0 { // empty elements do not count (RFC 9110 section 5.6.1)
			return element, true
		}
	}
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// The take functions read one value; nothing is no fault.

func (c *Client) takeScheme(b []byte) bool {
	switch {
	case len(b) == 0:
	case fold(b, "https"), fold(b, "wss"):
		c.Scheme = "https"
	case fold(b, "http"), fold(b, "ws"):
		c.Scheme = "http"
	default:
		return false
	}
	return true
}

func (c *Client) takeHost(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	c.Host = b
	return http1.ValidHost(b)
}

func (c *Client) takePort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	c.Port = b
	_, ok := parsePort(b)
	return ok
}

func fold(b []byte, lower string) bool {
	return len(b) == len(lower) && strings.EqualFold(text(b), lower)
}

// parseAddress reads 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1] and [2001:db8::1]:80.
func parseAddress(b []byte) (netip.AddrPort, bool) {
	host, port := b, []byte(nil)
	if b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || end+1 < len(b) && b[end+1] != ':' || bytes.IndexByte(b[:end], ':') < 0 {
			return netip.AddrPort{}, false
		}
		host = b[1:end]
		if end+1 < len(b) {
			port = b[end+2:]
		}
	} else if colon := bytes.IndexByte(b, ':'); colon >= 0 && colon == bytes.LastIndexByte(b, ':') {
		host, port = b[:colon], b[colon+1:]
	}
	number := uint16(0)
	if port != nil {
		var ok bool
		if number, ok = parsePort(port); !ok {
			return netip.AddrPort{}, false
		}
	}
	a, err := netip.ParseAddr(text(host))
	if err != nil || a.Zone() != "" {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a.Unmap(), number), true
}

func parsePort(b []byte) (uint16, bool) {
	n, err := strconv.ParseUint(text(b), 10, 16)
	return uint16(n), err == nil && b[0] != '+'
}

// text is b without a copy: for parsers that keep nothing of it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

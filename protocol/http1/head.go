package http1

import (
	"bytes"
	"math"
)

// head collects what only the end of the head can judge.
type head struct {
	hosts              int
	absolute           bool // the target named the host
	close, keepAlive   bool
	upgrade, websocket bool
	codings            int // transfer codings, over all lines
	chunked            int // how often chunked is among them
	chunkedLast        bool
}

// note reads the few fields that frame the message or speak about the connection.
func (r *Request) note(name, value []byte, h *head) error {
	switch len(name) {
	case len("host"):
		if string(name) == "host" {
			return r.noteHost(value, h)
		}
	case len("expect"):
		if string(name) == "expect" {
			return r.noteExpect(value)
		}
	case len("upgrade"):
		if string(name) == "upgrade" {
			h.websocket = h.websocket || hasToken(value, "websocket")
		}
	case len("connection"):
		if string(name) == "connection" {
			h.noteConnection(value)
		}
	case len("content-length"):
		if string(name) == "content-length" {
			return r.noteContentLength(value)
		}
	case len("transfer-encoding"):
		if string(name) == "transfer-encoding" {
			return h.noteTransferEncoding(value, r.Minor)
		}
	}
	return nil
}

func (r *Request) noteHost(value []byte, h *head) error {
	h.hosts++
	if h.hosts > 1 || !validHost(value) {
		return ErrHost
	}
	if !h.absolute { // the target wins over the field (RFC 9112 3.2.2)
		r.Host = value
	}
	return nil
}

// noteExpect: an expectation in HTTP/1.0 is ignored (RFC 9110 10.1.1).
func (r *Request) noteExpect(value []byte) error {
	if r.Minor == 0 {
		return nil
	}
	if !equalFold(value, "100-continue") {
		return ErrExpectation
	}
	r.Expect100 = true
	return nil
}

func (h *head) noteConnection(list []byte) {
	var option []byte
	for len(list) > 0 {
		option, list = nextElement(list)
		switch len(option) {
		case len("close"):
			h.close = h.close || equalFold(option, "close")
		case len("upgrade"):
			h.upgrade = h.upgrade || equalFold(option, "upgrade")
		case len("keep-alive"):
			h.keepAlive = h.keepAlive || equalFold(option, "keep-alive")
		}
	}
}

// noteContentLength takes digits only (RFC 9110 8.6). Neither a list of equal numbers nor a second line is put up with, as
// RFC 9112 6.3 would allow: that is where two servers begin to disagree.
func (r *Request) noteContentLength(value []byte) error {
	if r.ContentLength >= 0 || len(value) == 0 {
		return ErrContentLength
	}
	var length int64
	for _, c := range value {
		digit := int64(c) - '0'
		if digit < 0 || digit > 9 || length > (math.MaxInt64-digit)/10 {
			return ErrContentLength
		}
		length = length*10 + digit
	}
	r.ContentLength = length
	return nil
}

// noteTransferEncoding counts the codings; conclude judges them. HTTP/1.0 has none, and one that says so has been through a
// proxy that did not understand it (RFC 9112 6.1).
func (h *head) noteTransferEncoding(list []byte, minor int) error {
	if minor == 0 || len(list) == 0 {
		return ErrTransferEncoding
	}
	for more := true; more; {
		var coding []byte
		comma := bytes.IndexByte(list, ',')
		more = comma >= 0
		if more {
			coding, list = trim(list[:comma]), list[comma+1:]
		} else {
			coding = trim(list)
		}
		if len(coding) == 0 {
			return ErrTransferEncoding
		}
		h.codings++
		h.chunkedLast = equalFold(coding, "chunked")
		if h.chunkedLast {
			h.chunked++
		}
	}
	return nil
}

// replaceHost gives the Host field the value of the target: nobody behind us may see another one (RFC 9112 3.2.2).
func (r *Request) replaceHost() {
	for i := range r.Fields {
		if string(r.Fields[i].Name) == "host" {
			r.Fields[i].Value = r.Host
			return
		}
	}
	r.Fields = append(r.Fields, Field{hostName, r.Host})
}

// hostName is never written to: only names in the caller's buffer are lower-cased.
var hostName = []byte("host")

// conclude judges what the fields say together, when the head is complete.
func (r *Request) conclude(h *head) error {
	if h.hosts == 0 && r.Minor > 0 {
		return ErrHost
	}
	if h.absolute {
		r.replaceHost()
	}
	if h.codings > 0 {
		switch {
		case r.ContentLength >= 0:
			return ErrAmbiguousLength
		case !h.chunkedLast || h.chunked > 1:
			return ErrTransferEncoding
		case h.codings > 1:
			return ErrTransferCoding
		}
		r.Chunked = true
	}
	r.KeepAlive = !h.close && (r.Minor > 0 || h.keepAlive)
	r.Upgrade = r.Minor > 0 && h.upgrade && h.websocket // ignored in HTTP/1.0 (RFC 9110 7.8)
	return nil
}

// hasToken looks for a lower-case word in a comma-separated list, in any case.
func hasToken(list []byte, lower string) bool {
	var element []byte
	for len(list) > 0 {
		if element, list = nextElement(list); equalFold(element, lower) {
			return true
		}
	}
	return false
}

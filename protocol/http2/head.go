package http2

import (
	"bytes"
	"slices"

	"golang.org/x/net/http2/hpack"

	"gw/protocol/http1"
)

// Head is the room that header blocks are decoded into. Connections that are worked on in turn share one: what it holds is
// valid until the next call of Next on any of them.
type Head struct {
	// Request is the head of a request as HTTP/1.1 would have it: Method, Target, Host and Fields, with cookies in one field
	// (RFC 9113 8.2.3) and a host field from :authority. Chunked is never set. A request for a WebSocket (RFC 8441) is a GET
	// with Upgrade set, as it is in HTTP/1.1. KeepAlive is not set: a stream ends with its answer.
	Request *http1.Request

	// Err is an *http1.Error when the head is well-formed and must be answered with that status all the same.
	Err error

	emit   func(hpack.HeaderField)
	config *Config
	arena  []byte // names and values; never grows while a block is decoded
	cookie []byte
	size   int // as MaxHeaderBytes counts

	pseudo    [pseudoFields][]byte // views into arena
	host      []byte
	trailers  bool
	regular   bool // a field that is not a pseudo-header was seen
	hosts     int
	malformed bool // RFC 9113 8.1.1

	spare  *Stream // free list
	spares int
}

// Pseudo-header fields of requests (RFC 9113 8.3.1, RFC 8441 4).
const (
	pseudoMethod = iota
	pseudoScheme
	pseudoAuthority
	pseudoPath
	pseudoProtocol
	pseudoFields
)

// NewHead returns a Head that puts requests into r.
func NewHead(r *http1.Request) *Head {
	h := &Head{Request: r}
	h.emit = h.field
	return h
}

func (h *Head) begin(config *Config, trailers bool) {
	*h.Request = http1.Request{Minor: 1, ContentLength: -1, Fields: h.Request.Fields[:0]}
	h.Err = nil
	h.config, h.trailers = config, trailers
	h.size, h.hosts, h.regular, h.malformed = 0, 0, false, false
	h.pseudo, h.host = [pseudoFields][]byte{}, nil
	h.cookie = h.cookie[:0]
	// Views must stay valid, so all of the list fits from the beginning.
	h.arena = slices.Grow(h.arena[:0], config.MaxHeaderBytes)
}

// keep copies a string of the decoder.
func (h *Head) keep(s string) []byte {
	at := len(h.arena)
	h.arena = append(h.arena, s...)
	return h.arena[at:len(h.arena):len(h.arena)]
}

// field takes one field of a block.
func (h *Head) field(f hpack.HeaderField) {
	if h.malformed || h.Err == http1.ErrHeadTooLarge {
		return
	}
	if h.size += len(f.Name) + len(f.Value) + 32; h.size > h.config.MaxHeaderBytes {
		h.Err = http1.ErrHeadTooLarge
		return
	}
	name, value := h.keep(f.Name), h.keep(f.Value)
	switch {
	case len(name) > 0 && name[0] == ':':
		h.malformed = !h.takePseudo(name, value)
	case !http1.ValidLowerName(name) || !http1.ValidValue(value) || padded(value):
		h.malformed = true
	default:
		h.regular = true
		h.malformed = !h.takeField(name, value)
	}
}

// padded: whitespace around a value is not part of it, and cannot be sent here (RFC 9113 8.2.1).
func padded(b []byte) bool {
	return len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[len(b)-1] == ' ' || b[len(b)-1] == '\t')
}

func (h *Head) takePseudo(name, value []byte) bool {
	if h.regular || h.trailers || !http1.ValidValue(value) {
		return false
	}
	var which int
	switch string(name) {
	case ":method":
		which = pseudoMethod
	case ":scheme":
		which = pseudoScheme
	case ":authority":
		which = pseudoAuthority
	case ":path":
		which = pseudoPath
	case ":protocol":
		which = pseudoProtocol
	default:
		return false
	}
	if h.pseudo[which] != nil {
		return false
	}
	h.pseudo[which] = value
	return true
}

func (h *Head) takeField(name, value []byte) bool {
	if connectionField(name, value) {
		return false
	}
	if h.trailers {
		return true
	}
	r := h.Request
	switch string(name) {
	case "host":
		h.host = value
		h.hosts++
		return true
	case "cookie":
		if len(h.cookie) > 0 {
			h.cookie = append(h.cookie, "; "...)
		}
		h.cookie = append(h.cookie, value...)
		return true
	case "content-length":
		if r.NoteContentLength(value) != nil {
			return false
		}
	case "expect":
		if err := r.NoteExpect(value); err != nil && h.Err == nil {
			h.Err = err
		}
	}
	if len(r.Fields) == h.config.MaxFields {
		if h.Err == nil {
			h.Err = http1.ErrTooManyFields
		}
		return true
	}
	r.Fields = append(r.Fields, http1.Field{Name: name, Value: value})
	return true
}

// connectionField tells fields that speak about a connection of HTTP/1, which make a message malformed (RFC 9113 8.2.2).
func connectionField(name, value []byte) bool {
	switch string(name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	case "te":
		return string(value) != "trailers"
	}
	return false
}

// conclude judges the head as a whole and completes Request. ended: no body follows.
func (h *Head) conclude(ended bool) {
	r := h.Request
	method, protocol := h.pseudo[pseudoMethod], h.pseudo[pseudoProtocol]
	r.Method = method
	switch {
	case h.malformed:
		return
	case h.Err == http1.ErrHeadTooLarge:
		return // what is missing may have come behind the limit
	case method == nil, ended && r.ContentLength > 0:
		h.malformed = true
		return
	case string(method) == "CONNECT" && protocol == nil:
		// RFC 9113 8.5
		h.malformed = h.pseudo[pseudoScheme] != nil || h.pseudo[pseudoPath] != nil || h.pseudo[pseudoAuthority] == nil
		h.Err = http1.ErrConnect
		return
	case string(method) != "CONNECT" && protocol != nil:
		h.malformed = true // RFC 8441 4
		return
	case h.pseudo[pseudoScheme] == nil, len(h.pseudo[pseudoPath]) == 0:
		h.malformed = true
		return
	}
	h.concludeHost()
	if h.malformed || h.Err != nil {
		return
	}
	if protocol != nil {
		if string(protocol) != "websocket" {
			h.Err = errProtocol
			return
		}
		if ended {
			h.Err = errEnded
			return
		}
		r.Upgrade = true
		method = methodGet
	}
	h.Err = r.SetTarget(method, h.pseudo[pseudoPath], r.Host, h.config.MaxTarget)
	if len(h.cookie) > 0 {
		r.Fields = append(r.Fields, http1.Field{Name: nameCookie, Value: h.cookie})
	}
}

var (
	methodGet  = []byte("GET")
	nameHost   = []byte("host")
	nameCookie = []byte("cookie")

	// errProtocol answers an extended CONNECT for something else than websocket (RFC 9220 3).
	errProtocol = &http1.Error{Status: 501, Reason: "only the protocol websocket can be connected to"}
	errEnded    = &http1.Error{Status: 400, Reason: "a WebSocket needs a stream that stays open"}
)

// concludeHost makes a host field of :authority, in the place where HTTP/1 clients put it. A Host field that says
// otherwise makes the request malformed (RFC 9113 8.3.1).
func (h *Head) concludeHost() {
	authority := h.pseudo[pseudoAuthority]
	switch {
	case h.hosts > 1 || authority != nil && h.host != nil && !bytes.Equal(authority, h.host):
		h.malformed = true
		return
	case authority == nil:
		authority = h.host
	}
	if len(authority) == 0 {
		h.Err = http1.ErrHost
		return
	}
	r := h.Request
	r.Host = authority
	r.Fields = append(r.Fields, http1.Field{})
	copy(r.Fields[1:], r.Fields)
	r.Fields[0] = http1.Field{Name: nameHost, Value: authority}
}

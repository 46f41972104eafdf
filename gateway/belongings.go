package gateway

import (
	"time"

	"gw/protocol/framing"
	"gw/protocol/websocket"
)

// belongings are what a dialogue may have and most of those that idle have not:
// apart, they keep the struct of a silent connection small. A WebSocket has
// them from its handshake on, a line of text perhaps never.
type belongings struct {
	reader  websocket.Reader
	deflate *deflate // nil: permessage-deflate was not negotiated
	// The handshake: path, query and header block in one piece.
	handshake          []byte
	pathLen, headersAt uint32

	session     []byte
	uid         string
	groups      []membership
	framing     framing.Framing // nil: the listener's
	closeReason string
	heard       time.Duration // when a WebSocket's client last sent something of a message
	visit       *visit        // for the access log; nil: it gets no line
}

// nothing is what all share that have nothing. It is only read.
var nothing belongings

// keep makes room for what d has.
func (d *dialogue) keep() *belongings {
	if d.own == &nothing {
		d.own = new(belongings)
	}
	return d.own
}

// ends notes why d ends; the first reason counts.
func (d *dialogue) ends(code uint16, reason string) {
	if d.closeCode != 0 {
		return
	}
	d.closeCode = code
	if reason != "" {
		d.keep().closeReason = reason
	}
}

package gateway

import (
	"errors"

	"gw/protocol/http1"
	"gw/protocol/websocket"
	"gw/protocol/wire"
)

// upgrade answers a WebSocket handshake (RFC 6455 section 4.2) from the head
// in l.request.
func (l *loop) upgrade(c *conn) {
	r := &l.request
	if e := websocket.CheckHandshake(r.Method, r.Minor, r.Combined); e != nil {
		l.refuse(c, e.Status, e.Reason)
		return
	}
	out := append(l.output(c), "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: "...)
	out = websocket.AppendAccept(out, r.Header("sec-websocket-key"))
	out = append(out, "\r\n"...)
	if protocol := firstElement(r.Header("sec-websocket-protocol")); len(protocol) > 0 {
		out = append(append(append(out, "sec-websocket-protocol: "...), protocol...), "\r\n"...)
	}
	c.out = append(out, "\r\n"...)
	l.touched(c)

	p := c.exchange.pool
	l.releaseExchange(c)
	d := l.startDialogue(c, kindWebSocket, p)
	l.block = append(append(l.block[:0], r.Path...), r.Query...)
	d.pathLen, d.headersAt = uint32(len(r.Path)), uint32(len(l.block))
	l.block = http1.AppendFields(l.block, r.Fields)
	d.handshake = append(make([]byte, 0, len(l.block)), l.block...)
	l.announce(c)
	l.rearm(c)
}

func firstElement(list []byte) []byte {
	for i, b := range list {
		if b == ',' || b == ' ' {
			return list[:i]
		}
	}
	return list
}

// processWebSocket takes frames off buf.
func (l *loop) processWebSocket(c *conn, buf []byte) (used int) {
	d := c.dialogue
	d.pinged = false
	l.rearm(c)
	for c.state <= stateHalf && !d.full() {
		ev, n, ok, err := d.reader.Next(buf[used:], c.listener.limits.MaxMessageBytes)
		used += n
		if err != nil {
			l.webSocketFault(c, err)
			return len(buf)
		}
		if !ok {
			return used
		}
		l.webSocketEvent(c, &ev)
	}
	if c.state >= stateClosing {
		return len(buf)
	}
	return used
}

func (l *loop) webSocketEvent(c *conn, ev *websocket.Event) {
	switch ev.Op {
	case websocket.OpText:
		l.received(c, 0, ev.Data)
	case websocket.OpBinary:
		l.received(c, wire.FlagBinary, ev.Data)
	case websocket.OpPing:
		if l.roomFor(c, len(ev.Data)) {
			c.out = websocket.AppendFrame(l.output(c), websocket.OpPong, ev.Data)
			l.touched(c)
		}
	case websocket.OpClose:
		l.clientClosed(c, ev.Code, string(ev.Data))
	}
}

// clientClosed echoes the client's close frame, once everything it sent before
// has been queued, and ends (RFC 6455 section 5.5.1).
func (l *loop) clientClosed(c *conn, code uint16, reason string) {
	d := c.dialogue
	if d.closeCode == 0 {
		d.closeCode, d.closeReason = code, reason
	}
	if !d.closeSent {
		d.closeSent = true
		c.out = websocket.AppendClose(l.output(c), code, "")
		l.touched(c)
	}
	l.closeAfterFlush(c)
}

// webSocketFault closes a client that broke the protocol; only that one.
func (l *loop) webSocketFault(c *conn, err error) {
	code, reason := uint16(1002), err.Error()
	var e *websocket.Error
	if errors.As(err, &e) {
		code, reason = e.Code, e.Reason
	}
	l.closeDialogue(c, code, reason)
}

// expireWebSocket pings a silent client, and gives it up after the second
// silent interval.
func (l *loop) expireWebSocket(c *conn) {
	d := c.dialogue
	if d.pinged {
		d.closeReason = "no answer to a ping"
		l.lost(c)
		return
	}
	l.rearm(c)
	if c.paused { // its pong may be among what is not read
		return
	}
	d.pinged = true
	c.out = websocket.AppendFrame(l.output(c), websocket.OpPing, nil)
	l.touched(c)
}

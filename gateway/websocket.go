package gateway

import (
	"errors"
	"time"

	"gw/protocol/websocket"
	"gw/protocol/wire"
)

// processWebSocket takes frames off buf.
func (l *loop) processWebSocket(c *conn, buf []byte) (used int) {
	c.dialogue.pinged = false
	if c.pinged() {
		l.rearm(c)
	}
	used = l.takeWebSocket(c, buf)
	if l.outwaited(c) {
		return len(buf)
	}
	return used
}

func (l *loop) takeWebSocket(c *conn, buf []byte) (used int) {
	d := c.dialogue
	reader := &d.keep().reader
	for c.state <= stateHalf && !d.full() {
		ev, n, ok, err := reader.Next(buf[used:], c.listener.limits.MaxMessageBytes)
		used += n
		if err != nil {
			l.webSocketFault(c, err)
			return len(buf)
		}
		if !ok {
			if n > 0 {
				l.heard(c) // a part of a message
			}
			return used
		}
		if ev.Compressed {
			if ev.Data, err = l.expand(c, &ev); err != nil {
				l.webSocketFault(c, err)
				return len(buf)
			}
		}
		l.webSocketEvent(c, &ev)
	}
	if c.state >= stateLeaving {
		return len(buf)
	}
	return used
}

func (l *loop) webSocketEvent(c *conn, ev *websocket.Event) {
	switch ev.Op {
	case websocket.OpText:
		l.heard(c)
		l.received(c, 0, ev.Data)
	case websocket.OpBinary:
		l.heard(c)
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

// clientClosed answers the client's close frame in turn (RFC 6455 section 5.5.1).
func (l *loop) clientClosed(c *conn, code uint16, reason string) {
	c.dialogue.closeReceived = true
	l.closeInTurn(c, code, reason)
}

// webSocketFault closes a client that broke the protocol; only that one.
func (l *loop) webSocketFault(c *conn, err error) {
	code, reason := uint16(1002), err.Error()
	var e *websocket.Error
	if errors.As(err, &e) {
		code, reason = e.Code, e.Reason
	}
	l.closeInTurn(c, code, reason)
}

// leavePatience is how long closeInTurn waits in a pool without request_timeout.
const leavePatience = 30 * time.Second

// closeInTurn closes behind the answers to what the client sent before, as far
// as handlers give them in one request_timeout. What it sends from now on is
// read, so that its end is noticed, and thrown away (sections 1.4 and 7.1.7).
func (l *loop) closeInTurn(c *conn, code uint16, reason string) {
	d := c.dialogue
	d.ends(code, reason)
	c.state = stateLeaving
	if d.busy() {
		l.rearm(c)
		return
	}
	l.leave(c)
}

// leave ends the wait of closeInTurn. A close frame is echoed without its reason.
func (l *loop) leave(c *conn) {
	d := c.dialogue
	reason := d.own.closeReason
	if d.closeReceived {
		reason = ""
	}
	l.closeDialogue(c, d.closeCode, reason)
}

// expireWebSocket pings a silent client, and gives it up after the second
// silent interval.
func (l *loop) expireWebSocket(c *conn) {
	d := c.dialogue
	if l.outwaited(c) {
		return
	}
	if d.pinged {
		d.keep().closeReason = "no answer to a ping"
		l.lost(c)
		return
	}
	l.rearm(c)
	if c.paused || !c.pinged() { // its pong may be among what is not read
		return
	}
	d.pinged = true
	c.out = websocket.AppendFrame(l.output(c), websocket.OpPing, nil)
	l.touched(c)
}

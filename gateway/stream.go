package gateway

import (
	"gw/protocol/control"
	"gw/protocol/framing"
	"gw/protocol/wire"
)

// framingOf is how messages of a scheme stand on the stream; nil for HTTP and
// datagrams.
func framingOf(scheme string, m control.Framing) framing.Framing {
	switch scheme {
	case "text":
		if m.Delimiter == "" {
			return framing.Lines
		}
		return framing.NewText(m.Delimiter)
	case "frame":
		if m.LengthBytes == 0 {
			return framing.Workerman
		}
		return &framing.Frame{Size: m.LengthBytes, Little: m.Little, Payload: m.Payload, Offset: m.Offset}
	case "tcp":
		return framing.Raw{}
	}
	return nil
}

// setFraming takes over a listener's framing. Connections keep the one they
// began with: the client knows no other.
func (l *loop) setFraming(ln *listener, scheme string, m control.Framing) {
	if ln.scheme == scheme && ln.framingSpec == m {
		return
	}
	for _, c := range l.conns.conns {
		if c != nil && c.listener == ln && c.dialogue != nil && c.dialogue.own.framing == nil {
			c.dialogue.keep().framing = ln.framing
		}
	}
	ln.framing, ln.framingSpec = framingOf(scheme, m), m
}

// framing is how c's messages stand on the stream.
func (c *conn) framing() framing.Framing {
	if f := c.dialogue.own.framing; f != nil {
		return f
	}
	return c.listener.framing
}

// processStream cuts messages off the bytes of a text, frame or tcp connection.
func (l *loop) processStream(c *conn, buf []byte) (used int) {
	if c.listener.limits.MessageTimeout > 0 {
		l.rearm(c)
	}
	f := c.framing()
	flags := uint64(wire.FlagBinary)
	if c.kind == kindText {
		flags = 0
	}
	for c.state <= stateHalf && !c.dialogue.full() && used < len(buf) {
		message, n, err := f.Next(buf[used:], int(c.scanned), c.listener.limits.MaxMessageBytes)
		c.scanned = 0
		if err != nil {
			l.log.Debug("Closed a client whose message broke the framing", "connection", c.id, "remote", c.peer, "err", err)
			l.closeDialogue(c, closeTooBig, err.Error())
			return len(buf)
		}
		if n == 0 {
			c.scanned = int32(len(buf) - used)
			return used
		}
		used += n
		l.received(c, flags, message)
	}
	if c.state >= stateClosing {
		return len(buf)
	}
	return used
}

// unsayable closes a connection to which a handler sends what its framing has no
// form for. To leave a message out in silence would be worse.
func (l *loop) unsayable(c *conn, length int) {
	const reason = "a message does not fit the length field"
	l.log.Error("Closed a connection: a handler's message is longer than its length field can say, or shorter than its offset", "connection", c.id, "remote", c.peer, "listener", c.listener.name, "bytes", length)
	l.closeDialogue(c, closeTooBig, reason)
}

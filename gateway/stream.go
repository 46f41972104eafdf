package gateway

import (
	"gw/protocol/framing"
	"gw/protocol/wire"
)

// processStream cuts messages off the bytes of a text, frame or tcp connection.
func (l *loop) processStream(c *conn, buf []byte) (used int) {
	for c.state <= stateHalf && !c.dialogue.full() && used < len(buf) {
		message, n, err := l.nextMessage(c, buf[used:])
		if err != nil {
			l.log.Debug("Closed a client whose message broke the framing", "connection", c.id, "remote", c.peer, "err", err)
			l.closeDialogue(c, closeTooBig, err.Error())
			return len(buf)
		}
		if n == 0 {
			return used
		}
		used += n
		flags := uint64(wire.FlagBinary)
		if c.kind == kindText {
			flags = 0
		}
		l.received(c, flags, message)
	}
	if c.state >= stateClosing {
		return len(buf)
	}
	return used
}

func (l *loop) nextMessage(c *conn, buf []byte) (message []byte, n int, err error) {
	limit := c.listener.limits.MaxMessageBytes
	switch c.kind {
	case kindText:
		message, n, err = framing.NextLine(buf, int(c.scanned), limit)
		c.scanned = 0
		if n == 0 && err == nil {
			c.scanned = int32(len(buf))
		}
		return message, n, err
	case kindFrame:
		return framing.NextFrame(buf, limit)
	}
	n = min(len(buf), limit)
	return buf[:n], n, nil
}

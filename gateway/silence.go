package gateway

import "time"

// silence is why a connection was closed: its client said nothing for
// message_timeout. Pings and pongs say nothing; a part of a message does.
const silence = "no message within message_timeout"

// dialogueTimeout is how long c may stay as it is.
func (c *conn) dialogueTimeout() time.Duration {
	limits := &c.listener.limits
	wait := limits.MessageTimeout
	if c.state == stateHalf {
		wait = 0
	}
	if c.pinged() {
		return limits.PingInterval
	}
	return wait
}

// pinged reports that the time-out of c is that of its next ping.
func (c *conn) pinged() bool {
	limits := &c.listener.limits
	return c.kind == kindWebSocket && limits.PingInterval > 0 && (limits.MessageTimeout <= 0 || limits.PingInterval < limits.MessageTimeout)
}

// heard notes that a WebSocket's client said something.
func (l *loop) heard(c *conn) {
	c.dialogue.own.heard = l.now
	if c.listener.limits.MessageTimeout > 0 {
		l.rearm(c)
	}
}

// expireStream closes a text, frame or tcp connection: its time-out began with
// the last byte of its client.
func (l *loop) expireStream(c *conn) {
	if c.dialogue.busy() || c.state == stateHalf { // it waits for an answer, or cannot say anything any more
		l.rearm(c)
		return
	}
	l.closeSilent(c)
}

// outwaited closes a WebSocket whose client has said nothing for too long. It is
// asked when a ping is due, and when something comes that is no message: pings
// of a client would put off the time-out for ever.
func (l *loop) outwaited(c *conn) bool {
	limit := c.listener.limits.MessageTimeout
	if limit <= 0 || c.state != stateOpen || l.now-c.dialogue.own.heard < limit {
		return false
	}
	if c.dialogue.busy() {
		c.dialogue.own.heard = l.now
		return false
	}
	l.closeSilent(c)
	return true
}

func (l *loop) closeSilent(c *conn) {
	l.log.Debug("Closed a connection that sent no message within message_timeout", "connection", c.id, "remote", c.peer)
	l.closeDialogue(c, closeGoing, silence)
}

// rearmDialogues lets a reload's limits hold for connections that are there.
func (l *loop) rearmDialogues(ln *listener) {
	for _, c := range l.conns.conns {
		if c != nil && c.listener == ln && c.dialogue != nil && c.state < stateLeaving {
			l.rearm(c)
		}
	}
}

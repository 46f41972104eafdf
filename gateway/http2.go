package gateway

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"gw/protocol/control"
	"gw/protocol/http2"
)

// http2Conn is what a connection that speaks HTTP/2 has beyond a conn. Each of
// its streams is a conn of its own, without a descriptor: requests, answers and
// WebSockets on it are those of HTTP/1.
type http2Conn struct {
	*http2.Conn
	streams *stream // open ones, newest first
	open    int
	// Streams that have something to send and wait for room in the
	// connection's output or its window: first come, first served, one frame
	// at a time.
	first, last *stream
	waiting     int
	refilled    time.Duration // when the client last got budget
	hurry       bool          // the client has begun something: header_timeout runs
}

// Bounds on what waits for the client of one connection.
const (
	// http2Ahead is how much of the streams' output is cut into frames before
	// the client takes it; the rest waits in the streams.
	http2Ahead = 64 << 10
	// http2Frame is the longest frame we send, and http2Margin room for the heads
	// of as many as http2Ahead takes.
	http2Frame  = 16 << 10
	http2Margin = 6 * 9
	// http2Answers is how much may wait before nothing more is read: who sends
	// PINGs and reads no answers must not fill our memory.
	http2Answers = 256 << 10
)

// Windows for request bodies. A body that is taken at once (into memory or a
// file) gets the whole window; one that its handler does not take holds as much.
const (
	http2StreamWindow = 256 << 10
	http2Window       = 1 << 20
)

// configureHTTP2 sets what new connections are granted.
func (ln *listener) configureHTTP2(m *control.Listener) {
	ln.http2 = nil
	if m.HTTP2 {
		ln.http2 = &http2.Config{MaxStreams: m.Limits.MaxStreams, MaxHeaderBytes: m.Limits.MaxHeaderBytes, MaxFields: http2MaxFields,
			MaxTarget: http2MaxTarget, StreamWindow: http2StreamWindow, Window: http2Window}
	}
}

// As those of HTTP/1.
const (
	http2MaxFields = 100
	http2MaxTarget = 8 << 10
)

// speaksHTTP2 reports that what a client sent first is the preface of HTTP/2
// (RFC 9113 section 3.3), or may become it.
func (l *loop) speaksHTTP2(c *conn, buf []byte) bool {
	return len(buf) > 0 && buf[0] == 'P' && !c.begun && c.listener.http2 != nil && c.transport == nil &&
		strings.HasPrefix(http2.Preface, string(buf[:min(len(buf), len(http2.Preface))]))
}

// neitherHTTP reports that a connection begins with something that neither
// version of HTTP begins with, not even in error: no version, and nothing like a
// target behind the first word. It is closed without an answer, as an invalid
// preface is to be (RFC 9113 section 3.4): a client of HTTP/2 could not read it.
func neitherHTTP(c *conn, buf []byte) bool {
	if c.begun || c.listener.http2 == nil {
		return false
	}
	line, _, _ := bytes.Cut(buf, []byte("\r"))
	_, rest, _ := bytes.Cut(line, []byte(" "))
	target := len(rest) > 0 && (rest[0] == '/' || rest[0] == '*' || bytes.Contains(rest, []byte("://")))
	return !target && !bytes.Contains(bytes.ToUpper(line), []byte("HTTP/"))
}

// startHTTP2 makes c a connection of HTTP/2.
func (l *loop) startHTTP2(c *conn) {
	c.kind = kindHTTP2
	c.http2 = &http2Conn{Conn: http2.NewConn(c.listener.http2, l.http2Head), refilled: l.now}
	l.touched(c)
	l.rearm(c)
}

// processHTTP2 takes frames off buf.
func (l *loop) processHTTP2(c *conn, buf []byte) (used int) {
	h := c.http2
	if passed := l.now - h.refilled; passed >= time.Second {
		h.Refill(int(passed / time.Second))
		h.refilled = l.now
	}
	for c.state <= stateHalf && !l.blocked(c) {
		ev, n, err := h.Next(buf[used:])
		used += n
		if err != nil {
			l.failHTTP2(c, err)
			return len(buf)
		}
		l.http2Event(c, &ev)
		if n == 0 {
			break
		}
	}
	l.decideStreams()
	if c.state >= stateClosing {
		return len(buf)
	}
	l.touchedHTTP2(c)
	l.settleHTTP2(c)
	if hurry := used < len(buf) || h.Pending(); hurry != h.hurry || hurry && used > 0 {
		h.hurry = hurry
		l.rearm(c)
	}
	return used
}

func (l *loop) http2Event(c *conn, ev *http2.Event) {
	switch ev.Kind {
	case http2.Request:
		l.openStream(c, ev)
	case http2.Data:
		if st, ok := ev.Stream.User.(*stream); ok {
			l.streamInput(st, ev.Data, ev.End)
		}
	case http2.Reset:
		if st, ok := ev.Stream.User.(*stream); ok {
			l.lost(&st.conn)
		}
	case http2.Window:
		if ev.Stream == nil {
			l.touched(c) // those that wait for the connection's window go on when it was flushed
		} else if st, ok := ev.Stream.User.(*stream); ok {
			l.windowOpened(st)
		}
	case http2.Windows:
		for st := c.http2.streams; st != nil; st = st.older {
			l.windowOpened(st)
		}
	}
}

// windowOpened sends on what waited for the stream's window.
func (l *loop) windowOpened(st *stream) {
	if st.pending() > 0 && !st.queued {
		l.touched(&st.conn)
	}
}

// failHTTP2 ends a connection whose client broke the protocol, and tells it why.
func (l *loop) failHTTP2(c *conn, err error) {
	var e *http2.Error
	if !errors.As(err, &e) {
		e = &http2.Error{Code: http2.InternalError, Reason: err.Error()}
	}
	if e.Code == http2.EnhanceYourCalm {
		c.listener.calmed++
		l.log.Warn("Closed a client that made work for nothing", "connection", c.id, "remote", c.peer, "err", err)
	} else {
		l.log.Debug("Closed a client that broke HTTP/2", "connection", c.id, "remote", c.peer, "err", err)
	}
	c.http2.Fail(e)
	l.moveHTTP2(c)
	l.closeStreams(c)
	c.linger = true
	l.closeAfterFlush(c)
}

// closeStreams cuts off everything a connection has under way.
func (l *loop) closeStreams(c *conn) {
	for c.http2.streams != nil {
		l.lost(&c.http2.streams.conn)
	}
}

// moveHTTP2 puts answers to frames (acknowledgements, windows, resets) behind
// what waits for the client.
func (l *loop) moveHTTP2(c *conn) {
	if c.http2.HasOutput() {
		c.out = c.http2.Output(l.output(c))
	}
}

func (l *loop) touchedHTTP2(c *conn) {
	if c.http2.HasOutput() {
		l.touched(c)
	}
}

// flushedHTTP2 lets streams go on that waited for room, each for one turn.
func (l *loop) flushedHTTP2(c *conn) {
	h := c.http2
	for n := h.waiting; n > 0 && h.first != nil && c.pending() < http2Ahead; n-- {
		st := h.first
		h.take(st)
		st.turn = true
		l.flush(&st.conn)
		st.turn = false
	}
	if h.Exhausted() && c.state < stateClosing {
		l.failHTTP2(c, http2.Calm)
	}
	if c.paused && !l.blocked(c) {
		l.resume(c)
	}
}

// leaveHTTP2 asks the client to open no more streams and closes the connection
// when those it has are done. The client hears of it in two steps, so that no
// request crosses the announcement (RFC 9113 section 6.8).
func (l *loop) leaveHTTP2(c *conn) {
	c.http2.Shutdown()
	l.touched(c)
	l.rearm(c)
}

// leaveListener does so for the clients of a listener that was closed.
func (l *loop) leaveListener(ln *listener) {
	for _, c := range l.conns.conns {
		if c != nil && c.listener == ln && c.http2 != nil && c.state < stateClosing {
			l.leaveHTTP2(c)
		}
	}
}

// settleHTTP2 closes the connection when it has nothing more to do.
func (l *loop) settleHTTP2(c *conn) {
	h := c.http2
	if h.open == 0 && c.state < stateClosing && (h.Leaving() || c.state == stateHalf) {
		l.endHTTP2(c)
	}
}

// endHTTP2 closes a connection without streams, in good order.
func (l *loop) endHTTP2(c *conn) {
	c.http2.Leave()
	l.moveHTTP2(c)
	c.linger = true // a request may be on its way; no RST must overtake the GOAWAY
	l.touched(c)
	l.closeAfterFlush(c)
}

// http2Timeout is how long the connection may stay as it is.
func (c *conn) http2Timeout() time.Duration {
	switch h, limits := c.http2, &c.listener.limits; {
	case h.hurry || h.Pending():
		return limits.HeaderTimeout
	case h.open > 0:
		return 0
	case h.Warned():
		return lingerTimeout
	default:
		return limits.IdleTimeout
	}
}

// expireHTTP2 acts on a connection that sent too slowly, stayed idle too long
// or did not answer when it was asked to leave.
func (l *loop) expireHTTP2(c *conn) {
	if c.http2.hurry || c.http2.Pending() {
		l.failHTTP2(c, &http2.Error{Code: http2.ProtocolError, Reason: "a frame or header block was not sent within header_timeout"})
		return
	}
	l.endHTTP2(c)
}

package gateway

import (
	"bytes"
	"strconv"
	"time"

	"gw/protocol/http1"
	"gw/protocol/wire"
)

// answered finds the exchange that an answer of w is for. nil: nobody waits
// for it any more, or w broke the protocol (and is replaced).
func (l *loop) answered(w *worker, id uint64) *conn {
	c := l.conns.find(id)
	if c == nil {
		return nil // the client left; ABORT is on its way or came too late
	}
	switch e := c.exchange; {
	case e == nil && c.kind == kindHTTP:
		l.failWorker(w, "answered the same request twice")
		return nil
	case e == nil || e.worker != w:
		l.failWorker(w, "answered a request it was never given")
		return nil
	}
	return c
}

// respond writes a complete answer.
func (l *loop) respond(w *worker, m *wire.Message) {
	c := l.answered(w, m.ID)
	if c == nil {
		return
	}
	e := c.exchange
	if e.state == exchangeStreaming {
		l.failWorker(w, "sent RES in the middle of a streamed answer")
		return
	}
	e.owed = -1
	out, ok := l.appendHead(c, m)
	if !ok {
		l.fail(c, 500, "the handler's answer was not valid")
		return
	}
	empty := http1.HasNoBody(nil, m.Status)
	if !empty {
		length := int64(len(m.Data))
		if e.head && length == 0 && e.owed > 0 { // HEAD answered without making the body
			length = e.owed
		}
		out = append(out, "content-length: "...)
		out = strconv.AppendInt(out, length, 10)
		out = append(out, "\r\n"...)
	}
	out = append(out, l.dateField()...)
	out = appendConnection(out, e)
	if !empty && !e.head {
		out = append(out, m.Data...)
	}
	c.out = out
	l.touched(c)
	l.finishExchange(c)
}

// startStream writes the head of a streamed answer.
func (l *loop) startStream(w *worker, m *wire.Message) {
	c := l.answered(w, m.ID)
	if c == nil {
		return
	}
	e := c.exchange
	if e.state == exchangeStreaming {
		l.failWorker(w, "began an answer twice")
		return
	}
	e.owed = -1
	out, ok := l.appendHead(c, m)
	if !ok {
		l.abort(w, c.id, wire.AbortClientGone)
		l.conns.renew(c) // what still comes of this answer finds nobody
		l.fail(c, 500, "the handler's answer was not valid")
		return
	}
	noBody := e.head || http1.HasNoBody(nil, m.Status)
	switch {
	case http1.HasNoBody(nil, m.Status): // content-length is forbidden with 204 (RFC 9110 section 8.6)
	case e.owed >= 0:
		e.sized = true
		out = append(out, "content-length: "...)
		out = strconv.AppendInt(out, e.owed, 10)
		out = append(out, "\r\n"...)
	case noBody:
	case e.oldClient:
		e.keepAlive = false // the end of the connection ends the body
	default:
		e.chunkedOut = true
		out = append(out, "transfer-encoding: chunked\r\n"...)
	}
	out = append(out, l.dateField()...)
	c.out = appendConnection(out, e)
	e.head = noBody
	e.state = exchangeStreaming
	l.touched(c)
	l.occupy(w, e.item)
	if len(m.Data) > 0 {
		l.stream(w, m)
	}
}

// occupy gives nothing more to a worker that streams and does one thing at a
// time, until that is acknowledged: also when the client left, for the worker
// does not know yet.
func (l *loop) occupy(w *worker, it *item) {
	if it == nil || it.worker != w || w.async() {
		return
	}
	it.streamed = true
	w.streams++
	l.releaseWaiting(w)
}

// streamChunk adds to a streamed answer.
func (l *loop) streamChunk(w *worker, m *wire.Message) {
	c := l.answered(w, m.ID)
	if c == nil {
		return
	}
	if c.exchange.state != exchangeStreaming {
		l.failWorker(w, "sent RES_CHUNK before RES_START")
		return
	}
	l.stream(w, m)
}

func (l *loop) stream(w *worker, m *wire.Message) {
	c := l.conns.find(m.ID)
	e := c.exchange
	if e.unpaid += len(m.Data); e.unpaid > wire.StreamCredit+wire.ChunkLimit {
		l.failWorker(w, "streamed more than its credit")
		return
	}
	if e.head { // the client takes nothing of it, and at once
		l.touched(c)
		return
	}
	if e.sized {
		if e.owed -= int64(len(m.Data)); e.owed < 0 {
			l.log.Error("Cut an answer: the handler sent more than its content-length", "pool", w.pool.name, "worker", w.id, "pid", w.pid)
			l.lost(c)
			return
		}
	}
	out := l.output(c)
	if e.chunkedOut {
		out = http1.AppendChunk(out, m.Data)
	} else {
		out = append(out, m.Data...)
	}
	c.out = out
	l.touched(c)
}

// endStream completes a streamed answer, or cuts it off.
func (l *loop) endStream(w *worker, m *wire.Message) {
	c := l.answered(w, m.ID)
	if c == nil {
		return
	}
	e := c.exchange
	switch {
	case e.state != exchangeStreaming:
		l.failWorker(w, "sent RES_END before RES_START")
		return
	case m.Cut:
		l.cutStream(c)
		return
	case len(m.Data) > 0:
		l.stream(w, m)
		if c.exchange != e || w.state >= workerBroken {
			return
		}
	}
	if e.sized && !e.head && e.owed > 0 {
		l.log.Error("Cut an answer: the handler sent less than its content-length", "pool", w.pool.name, "worker", w.id, "pid", w.pid, "missing_bytes", e.owed)
		l.cutStream(c)
		return
	}
	if e.chunkedOut && !e.head {
		c.out = append(l.output(c), http1.LastChunk...)
		l.touched(c)
	}
	l.finishExchange(c)
}

// cutStream closes without the end of the body, so the client notices.
func (l *loop) cutStream(c *conn) {
	c.exchange.keepAlive = false
	l.finishExchange(c)
}

// creditStep is how much a client must have taken before the worker hears of it.
const creditStep = wire.StreamCredit / 4

// creditFlushed gives the worker credit for what the client took.
func (l *loop) creditFlushed(c *conn) {
	e := c.exchange
	if e.state != exchangeStreaming {
		return
	}
	if taken := e.unpaid - c.pending(); taken >= creditStep {
		e.unpaid -= taken
		l.credit(e.worker, c.id, taken)
	}
}

// appendHead writes status and the handler's fields. A faulty field fails the
// whole answer: half of it would be worse than a clear 500.
func (l *loop) appendHead(c *conn, m *wire.Message) (out []byte, ok bool) {
	e := c.exchange
	if m.Status < 200 || m.Status > 599 {
		l.log.Error("A handler answered with a status outside 200-599", "pool", e.pool.name, "worker", e.worker.id, "pid", e.worker.pid, "status", m.Status)
		return nil, false
	}
	out = l.output(c)
	begin := len(out)
	out = http1.AppendStatus(out, 1, m.Status)
	for walk := m.Headers.Walk(); ; {
		name, value, more := walk.Next()
		if !more {
			if err := walk.Err(); err != nil {
				return l.badHead(c, out[:begin], "headers", err.Error())
			}
			return out, true
		}
		if !http1.ValidName(name) || !http1.ValidValue(value) {
			return l.badHead(c, out[:begin], string(name), "a header name or value has a character that HTTP forbids")
		}
		if l.ownField(e, name, value) {
			continue
		}
		out = append(append(out, name...), ": "...)
		out = append(append(out, value...), "\r\n"...)
	}
}

func (l *loop) badHead(c *conn, out []byte, name, why string) ([]byte, bool) {
	c.out = out
	w := c.exchange.worker
	l.log.Error("Refused a handler's answer, sent 500 instead", "pool", w.pool.name, "worker", w.id, "pid", w.pid, "header", name, "err", why)
	return nil, false
}

// ownField reports a field that the gateway writes itself.
func (l *loop) ownField(e *exchange, name, value []byte) bool {
	switch len(name) {
	case 4:
		return foldEqual(name, "date")
	case 7:
		return foldEqual(name, "upgrade") || foldEqual(name, "trailer")
	case 10:
		if foldEqual(name, "connection") {
			if foldEqual(value, "close") {
				e.keepAlive = false
			}
			return true
		}
		return foldEqual(name, "keep-alive")
	case 14:
		if foldEqual(name, "content-length") {
			if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && n >= 0 {
				e.owed = n
			}
			return true
		}
	case 17:
		return foldEqual(name, "transfer-encoding")
	}
	return false
}

func foldEqual(b []byte, lower string) bool {
	return string(b) == lower || len(b) == len(lower) && bytes.EqualFold(b, []byte(lower))
}

// appendConnection ends the head.
func appendConnection(out []byte, e *exchange) []byte {
	switch {
	case !e.keepAlive:
		return append(out, "connection: close\r\n\r\n"...)
	case e.oldClient:
		return append(out, "connection: keep-alive\r\n\r\n"...)
	}
	return append(out, "\r\n"...)
}

// dateField is the Date line (RFC 9110 section 6.6.1), made once a second.
func (l *loop) dateField() []byte {
	if second := l.now / time.Second; second != l.dateAt || l.date == nil {
		l.dateAt = second
		l.date = append(l.date[:0], "date: "...)
		l.date = l.wallClock().UTC().AppendFormat(l.date, "Mon, 02 Jan 2006 15:04:05 GMT")
		l.date = append(l.date, "\r\n"...)
	}
	return l.date
}

package gateway

import (
	"bytes"
	"strconv"
	"time"
	"unsafe"

	"gw/protocol/http1"
	"gw/protocol/wire"
)

// reply is the head of a response on its way out, a handler's or the gateway's
// own. The loop has one, used again and again.
type reply struct {
	status int
	// length of the body; -1: it is not known before it ends.
	length int64
	// fields in their order, without those that the gateway writes itself:
	// Content-Length, Transfer-Encoding, Connection, Date. Views that are valid
	// while the message they come from is being handled, and never written to.
	fields   []http1.Field
	prepared bool   // prepare has run
	plain    bool   // the body must go out as it is made
	made     []byte // values made for it
}

// newReply empties the loop's reply.
func (l *loop) newReply(status int) *reply {
	r := &l.reply
	*r = reply{status: status, length: -1, fields: r.fields[:0], made: r.made[:0]}
	return r
}

// add appends a field. Its texts must stay as they are until the head is written.
func (r *reply) add(name, value string) {
	r.fields = append(r.fields, http1.Field{Name: view(name), Value: view(value)})
}

// view is text as bytes that nobody may write to.
func view(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// field returns the value of the first field of that name, nil without one. The
// name is lower-case.
func (r *reply) field(name string) []byte {
	if i := r.index(name); i >= 0 {
		return r.fields[i].Value
	}
	return nil
}

// remove takes every field of that name out.
func (r *reply) remove(name string) {
	for i := r.index(name); i >= 0; i = r.index(name) {
		r.fields = append(r.fields[:i], r.fields[i+1:]...)
	}
}

func (r *reply) index(name string) int {
	for i := range r.fields {
		if foldEqual(r.fields[i].Name, name) {
			return i
		}
	}
	return -1
}

// hasToken looks for a lower-case word in the list that a field is, over all of
// its lines.
func (r *reply) hasToken(name, lower string) bool {
	for i := range r.fields {
		if foldEqual(r.fields[i].Name, name) && http1.HasToken(r.fields[i].Value, lower) {
			return true
		}
	}
	return false
}

// compose puts texts together to a value that holds until the next reply.
func (r *reply) compose(texts ...string) []byte {
	begin := len(r.made)
	for _, text := range texts {
		r.made = append(r.made, text...)
	}
	return r.made[begin:len(r.made):len(r.made)]
}

// vary adds the name of a request field to Vary (RFC 9110 section 12.5.5).
func (r *reply) vary(name string) {
	i := r.index("vary")
	switch {
	case i < 0:
		r.add("vary", name)
	case !r.hasToken("vary", name) && !r.hasToken("vary", "*"):
		r.fields[i].Value = r.compose(string(r.fields[i].Value), ", ", name)
	}
}

func foldEqual(b []byte, lower string) bool {
	return string(b) == lower || len(b) == len(lower) && bytes.EqualFold(b, []byte(lower))
}

// bodyFraming is how a client finds the end of a response body (RFC 9112 section 6.3).
type bodyFraming uint8

const (
	framingNone    bodyFraming = iota // it has none: HEAD, 204, 304
	framingLength                     // Content-Length
	framingChunked                    // Transfer-Encoding: chunked
	framingClose                      // it ends with the connection: HTTP/1.0
	framingOwn                        // the transport marks it: HTTP/2
)

// frame decides how the body of r goes to c.
func (e *exchange) frame(c *conn, r *reply) {
	e.outgoing = r.length
	if e.packer != nil {
		e.outgoing = e.packer.length
	}
	_, own := c.transport.(messenger)
	switch {
	case e.head || http1.HasNoBody(nil, r.status):
		e.framing = framingNone
	case r.length >= 0:
		e.framing = framingLength
	case own:
		e.framing = framingOwn
	case e.oldClient:
		e.framing, e.keepAlive = framingClose, false
	default:
		e.framing = framingChunked
	}
}

// prepare gives a head what the configuration adds to every answer, once, and
// says in which encoding the body is to go out.
func (l *loop) prepare(c *conn, r *reply) http1.Encoding {
	if r.prepared {
		return http1.Identity
	}
	r.prepared = true
	if d := c.listener.dress; d != nil {
		d.apply(r)
	}
	if o := c.exchange.cors; o != nil {
		o.apply(r, c.exchange.origin)
	}
	return l.negotiate(c, r)
}

// replyWhole answers with a complete body and ends the exchange.
func (l *loop) replyWhole(c *conn, r *reply, body []byte) {
	if !c.exchange.head || len(body) > 0 || r.length < 0 { // else: HEAD answered without making the body
		r.length = int64(len(body))
	}
	if encoding := l.prepare(c, r); encoding != http1.Identity {
		var later bool
		if body, later = l.packWhole(c, r, body, encoding); later {
			return
		}
	}
	l.beginReply(c, r)
	l.writeBody(c, body)
	l.endBody(c)
	l.finishExchange(c)
}

// beginReply writes the head; the body follows by writeBody and endBody.
func (l *loop) beginReply(c *conn, r *reply) {
	e := c.exchange
	e.status = r.status
	l.settleUpload(c)
	if encoding := l.prepare(c, r); encoding != http1.Identity {
		l.packStream(c, r, encoding)
	}
	e.frame(c, r)
	if m, ok := c.transport.(messenger); ok {
		m.sendHead(l, c, r)
		return
	}
	out := http1.AppendStatus(l.output(c), 1, r.status)
	for i := range r.fields {
		f := &r.fields[i]
		out = append(append(out, f.Name...), ": "...)
		out = append(append(out, f.Value...), "\r\n"...)
	}
	switch {
	case e.framing == framingChunked:
		out = append(out, "transfer-encoding: chunked\r\n"...)
	case r.length >= 0 && !http1.HasNoBody(nil, r.status): // forbidden with 204 (RFC 9110 section 8.6)
		out = append(out, "content-length: "...)
		out = strconv.AppendInt(out, r.length, 10)
		out = append(out, "\r\n"...)
	}
	out = append(append(append(out, "date: "...), l.dateText()...), "\r\n"...)
	c.out = appendConnection(out, e)
	l.touched(c)
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

// writeBody adds to the body.
func (l *loop) writeBody(c *conn, b []byte) {
	e := c.exchange
	if len(b) == 0 || e.framing == framingNone {
		return
	}
	e.outgoing -= int64(len(b))
	if e.packer != nil {
		b = e.packer.pack(b, e.state != exchangeServing)
	}
	l.writePiece(c, b)
}

// writePiece adds to the body what is in its last encoding.
func (l *loop) writePiece(c *conn, b []byte) {
	out, e := l.outputFor(c, len(b)+formMargin), c.exchange
	if e.visit != nil {
		e.visit.sent += int64(len(b))
	}
	if e.framing == framingChunked {
		out = http1.AppendChunk(out, b)
	} else {
		out = append(out, b...)
	}
	c.out = out
	l.touched(c)
}

// endBody marks the end of the body.
func (l *loop) endBody(c *conn) {
	if p := c.exchange.packer; p != nil {
		l.writePiece(c, p.finish(nil))
	}
	if c.exchange.framing == framingChunked {
		c.out = append(l.output(c), http1.LastChunk...)
		l.touched(c)
	}
}

// source makes a body in the gateway: a file, say.
type source interface {
	// fill writes a piece of the body with writeBody, some 64 KiB at most. It
	// runs whenever less than sourceBytes waits for the client. done: that was all.
	// An error cuts the answer off.
	fill(l *loop, c *conn) (done bool, err error)
	// close gives back what the source holds; it runs once, at the end or when
	// the client left.
	close()
}

// sourceBytes is how much of a source's body may wait for the client when more
// is asked for; with another piece it fits a buffer of 80 KiB.
const sourceBytes = 16 << 10

// replyFrom answers with a body that comes out of s piece by piece, as the
// client takes it. No worker is occupied by it.
func (l *loop) replyFrom(c *conn, r *reply, s source) {
	e := c.exchange
	l.beginReply(c, r)
	l.leaveWorker(e)
	e.source, e.state = s, exchangeServing
	if e.framing == framingNone {
		l.finishExchange(c)
		return
	}
	l.pump(c)
}

// pump lets the source fill c's output.
func (l *loop) pump(c *conn) {
	e := c.exchange
	if c.pending() >= sourceBytes {
		return
	}
	done, err := e.source.fill(l, c)
	switch {
	case err != nil:
		l.log.Error("Cut an answer: its body could not be read to the end", "connection", c.id, "remote", c.peer, "err", err)
		l.cutStream(c)
	case done:
		l.endBody(c)
		l.finishExchange(c)
	}
}

// bodyFlushed goes on with the body after the client took some of it.
func (l *loop) bodyFlushed(c *conn) {
	switch c.exchange.state {
	case exchangeStreaming:
		l.creditFlushed(c)
	case exchangeServing:
		l.pump(c)
	}
}

// answer is a short text of the gateway's own as a complete answer; it ends
// the exchange.
func (l *loop) answer(c *conn, status int, reason string) {
	r := l.newReply(status)
	r.add("content-type", "text/plain; charset=utf-8")
	switch status {
	case 503:
		r.add("retry-after", "1")
	case 429:
		r.add("retry-after", strconv.Itoa(int((l.retryAfter+time.Second-1)/time.Second)))
	case 405:
		r.add("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	case 426: // RFC 6455 section 4.4
		r.add("upgrade", "websocket")
		r.add("sec-websocket-version", "13")
	}
	l.text = strconv.AppendInt(l.text[:0], int64(status), 10)
	l.text = append(append(l.text, ' '), http1.ReasonPhrase(status)...)
	l.text = append(append(append(l.text, ": "...), reason...), '\n')
	l.replyWhole(c, r, l.text)
}

// handlerReply reads the head of a handler's answer. A faulty field fails the
// whole answer: half of it would be worse than a clear 500.
func (l *loop) handlerReply(c *conn, m *wire.Message) (r *reply, ok bool) {
	e := c.exchange
	if m.Status < 200 || m.Status > 599 {
		l.log.Error("A handler answered with a status outside 200-599", "pool", e.pool.name, "worker", e.worker.id, "pid", e.worker.pid, "status", m.Status)
		return nil, false
	}
	r = l.newReply(m.Status)
	for walk := m.Headers.Walk(); ; {
		name, value, more := walk.Next()
		if !more {
			if err := walk.Err(); err != nil {
				return l.badHead(e.worker, "headers", err.Error())
			}
			return r, true
		}
		if !http1.ValidName(name) || !http1.ValidValue(value) {
			return l.badHead(e.worker, string(name), "a header name or value has a character that HTTP forbids")
		}
		if !r.ownField(e, name, value) {
			r.fields = append(r.fields, http1.Field{Name: name, Value: value})
		}
	}
}

func (l *loop) badHead(w *worker, name, why string) (*reply, bool) {
	l.log.Error("Refused a handler's answer, sent 500 instead", "pool", w.pool.name, "worker", w.id, "pid", w.pid, "header", name, "err", why)
	return nil, false
}

// ownField takes in a field that the gateway writes itself.
func (r *reply) ownField(e *exchange, name, value []byte) bool {
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
				r.length = n
			}
			return true
		}
	case 17:
		return foldEqual(name, "transfer-encoding")
	}
	return false
}

// dateText is the Date field's value (RFC 9110 section 6.6.1), made once a second.
func (l *loop) dateText() []byte {
	if second := l.now / time.Second; second != l.dateAt || l.date == nil {
		l.dateAt = second
		l.date = l.wallClock().UTC().AppendFormat(l.date[:0], "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	return l.date
}

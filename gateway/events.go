package gateway

import (
	"time"

	"gw/protocol/http1"
	"gw/protocol/sse"
	"gw/protocol/wire"
)

// An event stream is the answer to a request that goes on as a connection of
// messages: the handler is done with it, and what is sent to the connection
// becomes server-sent events. Whatever the client still sends is thrown away;
// its end is the end of the stream.

// startEvents answers a request with an event stream.
func (l *loop) startEvents(w *worker, m *wire.Message) {
	if len(m.Data) > wire.SessionLimit {
		l.failWorker(w, "sent a session of more than 16 KiB")
		return
	}
	c, r := l.openAnswer(w, m)
	if r == nil {
		return
	}
	e := c.exchange
	for _, f := range [...]http1.Field{{Name: view("content-type"), Value: view("text/event-stream")}, {Name: view("cache-control"), Value: view("no-cache")},
		{Name: view("x-accel-buffering"), Value: view("no")}} { // the last one for an nginx in front
		if r.index(string(f.Name)) < 0 {
			r.fields = append(r.fields, f)
		}
	}
	r.length, e.keepAlive = -1, false // no request follows on this connection
	r.plain = true                    // one event may be for thousands of streams
	l.beginReply(c, r)
	if e.framing == framingNone { // HEAD; or 204, which tells EventSource to stop
		l.finishExchange(c)
		return
	}
	l.becomeEvents(c, w, m)
}

// becomeEvents turns the exchange into a dialogue under the same id.
func (l *loop) becomeEvents(c *conn, w *worker, m *wire.Message) {
	e := c.exchange
	d := l.startDialogue(c, kindEvents, e.pool)
	own := d.keep()
	own.visit = e.keepVisit()
	d.chunked = e.framing == framingChunked
	own.handshake, own.pathLen, own.headersAt = e.handshake()
	l.releaseExchange(c)
	l.releaseInput(c)
	own.session = append(own.session, m.Data...)
	l.hub.bind(c, string(m.UID))
	wire.Names(m.Value).Each(func(name []byte) { l.joinGroup(c, w.author(), name) })
	if len(m.Text) > 0 {
		l.sendTo(c, wire.FlagEvent, m.Text)
	}
	l.rearm(c)
	l.updateReading(c)
	if c.ending() {
		l.endEvents(c)
	}
}

// handshake copies path, query and header block out of the REQ.
func (e *exchange) handshake() (b []byte, pathLen, headersAt uint32) {
	r := wire.NewReader(e.item.data)
	r.Array()
	for range 4 { // op, sid, flags, lid
		r.Uint()
	}
	r.Bytes() // peer
	r.Bytes() // method
	path, query, headers := r.Bytes(), r.Bytes(), r.Bytes()
	b = make([]byte, 0, len(path)+len(query)+len(headers))
	b = append(append(append(b, path...), query...), headers...)
	return b, uint32(len(path)), uint32(len(path) + len(query))
}

// appendEvent writes one event to a stream.
func (l *loop) appendEvent(out []byte, chunked bool, flags uint64, data []byte) []byte {
	if !chunked {
		return appendEventText(out, flags, data)
	}
	l.text = appendEventText(l.text[:0], flags, data)
	return http1.AppendChunk(out, l.text)
}

func appendEventText(out []byte, flags uint64, data []byte) []byte {
	if flags&wire.FlagEvent != 0 {
		return sse.AppendBlock(out, data)
	}
	return sse.AppendData(out, data)
}

// messageOf is what a connection that is no event stream gets. ok is false when
// an event has no data for it.
func messageOf(flags uint64, data []byte) (message []byte, ok bool) {
	if flags&wire.FlagEvent == 0 {
		return data, true
	}
	return sse.AppendText(nil, data)
}

// heartbeatInterval is for listeners without a ping_interval: an event stream
// has no other way to notice a client that is gone without a word.
const heartbeatInterval = 30 * time.Second

var chunkedHeartbeat = http1.AppendChunk(nil, []byte(sse.Heartbeat))

// expireEvents keeps a stream alive, and finds out that a client is gone
// without a word.
func (l *loop) expireEvents(c *conn) {
	l.rearm(c)
	if c.pending() > 0 {
		return
	}
	beat := view(sse.Heartbeat)
	if c.dialogue.chunked {
		beat = chunkedHeartbeat
	}
	l.share(c, beat)
}

// ending reports that the client has ended its side of the connection. For a
// stream of HTTP/2 that is the connection that carries it.
func (c *conn) ending() bool {
	if st := c.stream(); st != nil {
		return st.parent.state == stateHalf
	}
	return c.state == stateHalf
}

// endEvents is the end of an event stream by its client.
func (l *loop) endEvents(c *conn) {
	c.dialogue.closeCode = closeNormal
	l.drop(c)
}

// finishHalfStreams looks after the streams of an HTTP/2 connection whose
// client has ended its side.
func (l *loop) finishHalfStreams(p *conn) {
	for st := p.http2.streams; st != nil; {
		next := st.older
		switch c := &st.conn; {
		case c.kind == kindEvents:
			l.endEvents(c)
		case c.silent():
			l.rearm(c)
		}
		st = next
	}
}

// halfPatience is how long an answer without length may be silent towards a
// client that has ended its side, before the client counts as gone.
//
// Browsers and HTTP libraries end their side when they give up; a program that
// does so and still reads is rare, but gets its answer as long as there is
// something to read. When the client is gone the first write finds out, so only
// silence must be bounded: an idle event stream would hold its handler for ever.
const halfPatience = 10 * time.Second

// silent reports an answer that halfPatience is for.
func (c *conn) silent() bool {
	e := c.exchange
	if e == nil || e.state != exchangeStreaming || !c.ending() {
		return false
	}
	return e.framing != framingLength && e.framing != framingNone
}

package gateway

import (
	"strconv"

	"gw/protocol/http1"
	"gw/protocol/http2"
)

// stream is one request of an HTTP/2 connection: a conn whose transport is the
// stream. It ends with its exchange, or goes on as a WebSocket (RFC 8441).
type stream struct {
	conn
	parent *conn // of kind kindHTTP2
	engine *http2.Stream
	head   int  // so many bytes at the beginning of conn's output are a header block
	turn   bool // it is its turn among the waiting ones
	queued bool // it waits
	next   *stream
	done   bool // the client has sent all of its body

	newer, older *stream // in http2Conn.streams
}

// stream returns the stream that c is, or nil.
func (c *conn) stream() *stream {
	st, _ := c.transport.(*stream)
	return st
}

// openStream begins a request with the head in l.request.
func (l *loop) openStream(p *conn, ev *http2.Event) {
	st := l.streams.get()
	st.parent, st.engine, st.done = p, ev.Stream, ev.End
	st.conn = conn{fd: -1, listener: p.listener, peer: p.peer, origin: l.sharedOrigin(p), transport: st, opened: l.now, active: l.now}
	c := &st.conn
	if !l.conns.add(c) {
		p.http2.Reset(ev.Stream, http2.RefusedStream)
		p.http2.Release(ev.Stream)
		l.streams.put(st)
		return
	}
	ev.Stream.User = st
	p.http2.add(st)
	if p.http2.open == 1 {
		l.rearm(p)
	}
	if !p.mayAskAgain() {
		l.leaveHTTP2(p)
	}
	if err := l.http2Head.Err; err != nil {
		l.refuseParse(c, err)
		return
	}
	l.request.Chunked = !ev.End && l.request.ContentLength < 0 && !l.request.Upgrade
	l.beginExchange(c)
	l.inviteBody(c, nil)
	if c.exchange != nil && c.exchange.undecided {
		l.undecided = append(l.undecided, st)
	}
}

// decideStreams sends requests on their way that stream their bodies, and of
// whose bodies nothing came along with the head.
func (l *loop) decideStreams() {
	for _, st := range l.undecided {
		if c := &st.conn; c.state < stateClosing && c.exchange != nil && c.exchange.undecided {
			l.consume(c, nil)
		}
	}
	clear(l.undecided)
	l.undecided = l.undecided[:0]
}

// streamInput takes body bytes, or those of a WebSocket. end: the last ones.
func (l *loop) streamInput(st *stream, data []byte, end bool) {
	c := &st.conn
	c.bytesIn += uint64(len(data))
	st.done = st.done || end
	if c.state < stateLeaving {
		c.active = l.now
	}
	switch {
	case c.state >= stateLeaving:
		st.taken(l)
	case len(c.in) > 0:
		c.in = append(l.buffers.room(c.in, len(data)), data...)
		l.consume(c, c.in)
	default:
		l.consume(c, data)
	}
	if end && c.state != stateGone && (c.kind == kindWebSocket || c.state == stateLingering) {
		l.ended(c)
	}
}

// taken opens the windows by what is no longer held of the input.
func (st *stream) taken(l *loop) {
	if st.engine != nil {
		st.parent.http2.Hold(st.engine, len(st.in))
		l.touchedHTTP2(st.parent)
	}
}

// receive has nothing to give: streamInput brings what there is.
func (st *stream) receive(*loop, *conn) ([]byte, error) { return nil, errAgain }

// security is the TLS of the connection.
func (st *stream) security() *tlsTransport { return st.parent.tls() }

func (st *stream) watch(*loop, *conn, uint32) {}

func (st *stream) waiting() int { return 0 }

// sendHead encodes the head of a response. It goes out with the first bytes of
// the body, at the stream's turn.
func (st *stream) sendHead(l *loop, c *conn, r *reply) {
	out := l.output(c)
	at := len(out)
	out = http2.AppendStatus(out, r.status)
	for i := range r.fields {
		if f := &r.fields[i]; !hopByHop(f.Name) {
			out = http2.AppendField(out, f.Name, f.Value)
		}
	}
	if r.length >= 0 && !http1.HasNoBody(nil, r.status) {
		l.text = strconv.AppendInt(l.text[:0], r.length, 10)
		out = http2.AppendField(out, view("content-length"), l.text)
	}
	out = http2.AppendField(out, view("date"), l.dateText())
	st.head += len(out) - at
	c.out = out
	l.touched(c)
}

// hopByHop tells fields that HTTP/2 does not have (RFC 9113 section 8.2.2).
func hopByHop(name []byte) bool {
	switch len(name) {
	case 7:
		return foldEqual(name, "upgrade")
	case 10:
		return foldEqual(name, "connection") || foldEqual(name, "keep-alive")
	case 16:
		return foldEqual(name, "proxy-connection")
	case 17:
		return foldEqual(name, "transfer-encoding")
	}
	return false
}

// sendContinue tells the client that its body is welcome.
func (st *stream) sendContinue(l *loop) {
	p := st.parent
	l.moveHTTP2(p)
	p.out = p.http2.AppendHeaders(l.output(p), st.engine, http2.AppendStatus(l.text[:0], 100), false)
	l.touched(p)
}

// send cuts b into frames: one when other streams wait too, else as many as
// there is room for.
func (st *stream) send(l *loop, c *conn, b []byte) (n int, err error) {
	p, s := st.parent, st.engine
	h := p.http2
	if !s.Live() {
		return len(b), nil // reset, and soon lost
	}
	last := c.state == stateClosing && !c.cut // nothing comes behind b
	for n < len(b) && (h.waiting == 0 || st.turn) && p.pending() < http2Ahead {
		took := st.head
		if took == 0 && h.Room(s) == 0 {
			break
		}
		l.moveHTTP2(p)
		if took > 0 {
			p.out = h.AppendHeaders(l.outputFor(p, took+http2Margin), s, b[:took], last && took == len(b))
			st.head = 0
		} else {
			room := min(len(b)-n, http2Ahead-p.pending()+http2Frame, h.Room(s)) // of this frame and those that follow it at once
			p.out, took = h.AppendData(l.outputFor(p, room+http2Margin), s, b[n:], last)
			st.turn = st.turn && h.waiting == 0
		}
		n += took
	}
	if p.pending() > 0 {
		l.touched(p)
	}
	if n < len(b) && (st.head > 0 || !s.Stalled()) {
		h.wait(st)
	}
	if n == 0 {
		return 0, errAgain
	}
	return n, nil
}

// shutdown ends our side of the stream.
func (st *stream) shutdown(l *loop, c *conn) {
	p := st.parent
	if st.engine == nil || !st.engine.Live() {
		return
	}
	l.moveHTTP2(p)
	p.out, _ = p.http2.AppendData(l.output(p), st.engine, nil, true)
	l.touched(p)
}

// close ends the stream. Without an end before, the client sees it reset.
func (st *stream) close(l *loop, c *conn) {
	p := st.parent
	h := p.http2
	if !st.engine.LocalEnded() {
		h.Reset(st.engine, http2.InternalError)
	}
	h.Release(st.engine)
	st.engine = nil
	h.take(st)
	h.remove(st)
	l.streams.gone = append(l.streams.gone, st)
	if p.state == stateGone {
		return
	}
	l.touchedHTTP2(p)
	if h.open == 0 {
		l.rearm(p)
		l.settleHTTP2(p)
	}
}

// add puts a new stream into the list of open ones.
func (h *http2Conn) add(st *stream) {
	st.older, st.newer = h.streams, nil
	if h.streams != nil {
		h.streams.newer = st
	}
	h.streams = st
	h.open++
}

func (h *http2Conn) remove(st *stream) {
	if st.newer == nil {
		h.streams = st.older
	} else {
		st.newer.older = st.older
	}
	if st.older != nil {
		st.older.newer = st.newer
	}
	st.newer, st.older = nil, nil
	h.open--
}

// wait queues a stream for its turn to send.
func (h *http2Conn) wait(st *stream) {
	if st.queued {
		return
	}
	st.queued, st.next = true, nil
	if h.last == nil {
		h.first = st
	} else {
		h.last.next = st
	}
	h.last = st
	h.waiting++
}

// take takes a stream out of the queue; almost always it is the first.
func (h *http2Conn) take(st *stream) {
	if !st.queued {
		return
	}
	if h.first == st {
		if h.first = st.next; h.first == nil {
			h.last = nil
		}
	} else {
		before := h.first
		for before.next != st {
			before = before.next
		}
		if before.next = st.next; before.next == nil {
			h.last = before
		}
	}
	st.queued, st.next = false, nil
	h.waiting--
}

// streamStore is a bounded free list. A stream that ended is used again only
// after the turn: lists of the loop may still point to it.
type streamStore struct {
	free  *stream
	count int
	low   int // as itemStore's
	gone  []*stream
}

const spareStreams = 1024

func (s *streamStore) get() *stream {
	st := s.free
	if st == nil {
		return new(stream)
	}
	s.free, st.next = st.next, nil
	s.count--
	s.low = min(s.low, s.count)
	return st
}

func (s *streamStore) put(st *stream) {
	if s.count >= spareStreams {
		return
	}
	*st = stream{next: s.free}
	s.free = st
	s.count++
}

// turnEnd takes back what ended in this turn. A WebSocket is left to the garbage
// collector: its last event may be under way for long.
func (s *streamStore) turnEnd() {
	kept := s.gone[:0]
	for _, st := range s.gone {
		switch {
		case st.dirty || st.queuedRun:
			kept = append(kept, st)
		case st.dialogue == nil:
			s.put(st)
		}
	}
	clear(s.gone[len(kept):])
	s.gone = kept
}

// trim lets go of what was not needed since the last time.
func (s *streamStore) trim() {
	for ; s.low > 0; s.low-- {
		s.free = s.free.next
		s.count--
	}
	s.low = s.count
}

// inputDone reports that a stream's client has ended its side.
func (c *conn) inputDone() bool {
	st := c.stream()
	return st != nil && st.done
}

package gateway

import "gw/protocol/wire"

// answered finds the exchange that an answer of w is for. nil: nobody waits
// for it any more, or w broke the protocol (and is replaced).
func (l *loop) answered(w *worker, id uint64) *conn {
	c := l.conns.find(id)
	if c == nil {
		if !w.hasBeenIn(loopOf(id)) {
			l.failWorker(w, "answered a request it was never given")
		}
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
	if c, r := l.openAnswer(w, m); r != nil && !l.sendsFile(w, c, r, m.Op) {
		l.replyWhole(c, r, m.Data)
	}
}

// startStream writes the head of a streamed answer.
func (l *loop) startStream(w *worker, m *wire.Message) {
	c, r := l.openAnswer(w, m)
	if r == nil || l.sendsFile(w, c, r, m.Op) {
		return
	}
	l.beginReply(c, r)
	c.exchange.state, c.exchange.moved = exchangeStreaming, l.now
	l.occupy(w, c.exchange.item)
	if len(m.Data) > 0 {
		l.stream(w, m)
	}
	if c.ending() {
		l.rearm(c)
	}
}

// openAnswer finds the exchange that m answers, and reads the head. No reply:
// there is nothing to answer, or 500 was sent.
func (l *loop) openAnswer(w *worker, m *wire.Message) (*conn, *reply) {
	c := l.answered(w, m.ID)
	if c == nil {
		return nil, nil
	}
	if c.exchange.state == exchangeStreaming {
		l.failWorker(w, "began an answer in the middle of a streamed one")
		return nil, nil
	}
	r, ok := l.handlerReply(c, m)
	if !ok {
		l.stopAnswer(w, c, m.Op)
		l.fail(c, 500, "the handler's answer was not valid")
		return nil, nil
	}
	return c, r
}

// stopAnswer sees to it that what still comes of a streamed answer finds nobody.
func (l *loop) stopAnswer(w *worker, c *conn, op wire.Op) {
	if op == wire.OpResStart {
		l.abort(w, c.id, wire.AbortClientGone)
		l.conns.renew(c)
	}
}

// occupy gives nothing more to a worker that streams and does one thing at a
// time, until that is acknowledged: also when the client left, for the worker
// does not know yet.
func (l *loop) occupy(w *worker, it *item) {
	if it == nil || it.worker != w || it.streamed || w.async() {
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
	e.moved = l.now
	if c.ending() {
		l.rearm(c)
	}
	if e.unpaid += len(m.Data); e.unpaid > wire.StreamCredit+wire.ChunkLimit {
		l.failWorker(w, "streamed more than its credit")
		return
	}
	switch {
	case e.framing == framingNone: // the client takes nothing of it, and at once
		l.touched(c)
	case e.sized() && int64(len(m.Data)) > e.outgoing:
		l.log.Error("Cut an answer: the handler sent more than its content-length", "pool", w.pool.name, "worker", w.id, "pid", w.pid)
		l.lost(c)
	default:
		l.writeBody(c, m.Data)
	}
}

// sized reports that outgoing counts: the length of the body was announced.
func (e *exchange) sized() bool {
	return e.framing == framingLength || e.packer != nil && e.packer.length >= 0
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
	if e.sized() && e.outgoing > 0 {
		l.log.Error("Cut an answer: the handler sent less than its content-length", "pool", w.pool.name, "worker", w.id, "pid", w.pid, "missing_bytes", e.outgoing)
		l.cutStream(c)
		return
	}
	l.endBody(c)
	l.finishExchange(c)
}

// cutStream closes without the end of the body, so the client notices. Where
// the end of the connection is the end of the body, it must not be a clean one.
func (l *loop) cutStream(c *conn) {
	e := c.exchange
	c.cut = e.framing == framingClose || c.transport != nil
	e.keepAlive = false
	l.finishExchange(c)
}

// creditStep is how much a client must have taken before the worker hears of it.
const creditStep = wire.StreamCredit / 4

// creditFlushed gives the worker credit for what the client took.
func (l *loop) creditFlushed(c *conn) {
	e := c.exchange
	if taken := e.unpaid - c.pending(); taken >= creditStep {
		e.unpaid -= taken
		e.moved = l.now
		l.credit(e.worker, c.id, taken)
	}
}

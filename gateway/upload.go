package gateway

import "gw/protocol/wire"

// upload is a request body that goes to its handler piece by piece, as the
// handler asks for it. What it has not asked for stays in the connection's
// input and with the client, which is not read on.
//
// Until the first piece was sent the request is whole in the gateway and may go
// to any worker, also to one that takes no streams: see collectInstead.
type upload struct {
	credit int  // bytes asked for and not sent
	expect bool // the client waits for 100 Continue
	sent   bool // a piece was sent, and is kept nowhere
	ended  bool // the last one was sent
}

// discardLimit is how much of a body that nobody wants is read, in bytes, so
// that the connection can be kept. Behind a longer one it is closed.
const discardLimit = 256 << 10

// beginUpload sends the request on its way; its body follows.
func (l *loop) beginUpload(c *conn, expect bool) {
	e := c.exchange
	e.upload = &upload{expect: expect}
	e.item.data[e.flagsAt] |= wire.FlagBodyFollows
	e.item.data = wire.AppendBin(e.item.data, "")
	l.dispatchRequest(c)
}

// collectInstead turns back to receiving the whole body: the worker that is
// free takes no streams. A reload can bring that about.
func (l *loop) collectInstead(c *conn) {
	e := c.exchange
	expect := e.upload.expect
	e.upload = nil
	e.item.data[e.flagsAt] &^= wire.FlagBodyFollows
	e.item.data = e.item.data[:len(e.item.data)-len(wire.AppendBin(nil, ""))]
	l.collectBody(c, e.incoming)
	if expect && c.exchange == e {
		l.sendContinue(c)
	}
	l.resume(c)
}

// streamChunked decides on a chunked body when the first of it could be there:
// what came as a whole with the head is worth no round trip.
func (l *loop) streamChunked(c *conn, buf []byte) {
	e := c.exchange
	e.undecided = false
	before := e.chunked
	if len(buf) > 0 {
		var done bool
		var err error
		l.text, _, done, err = e.decodeBody(l.text[:0], buf)
		e.chunked = before
		if done || err != nil {
			return
		}
	}
	l.beginUpload(c, false)
}

// incomplete reports that more of the request is to come.
func (e *exchange) incomplete() bool {
	return e.state == exchangeBody || e.state == exchangeDiscard || e.upload != nil && !e.upload.ended
}

// takes reports that body bytes of e can be worked on now.
func (e *exchange) takes() bool {
	return e.state == exchangeBody && !e.spool.full() || e.state == exchangeDiscard || e.uploadRoom() > 0
}

// uploadRoom is how much of the body may be sent to the worker now.
func (e *exchange) uploadRoom() int {
	u, w := e.upload, e.worker
	switch {
	case u == nil || u.ended || w == nil || w.deaf || w.state >= workerBroken:
		return 0
	case len(w.out)-w.outOff >= maxUnwritten:
		w.choked = w.choked || u.credit > 0 // another one may wait already
		return 0
	}
	return min(u.credit, wire.ChunkLimit)
}

// takeUpload sends pieces of the body as far as there is credit.
func (l *loop) takeUpload(c *conn, buf []byte) (used int, done bool) {
	e, u := c.exchange, c.exchange.upload
	for (used < len(buf) || c.inputDone()) && !u.ended {
		room := e.uploadRoom()
		if room == 0 {
			break
		}
		n, data, last, err := e.nextPiece(buf[used:], room)
		used += n
		switch {
		case err != nil:
			status, reason := blame(err)
			l.breakUpload(c, status, reason)
			return len(buf), true
		case e.received+e.chunked.Left() > c.listener.limits.MaxBodyBytes:
			l.breakUpload(c, 413, "body longer than max_body")
			return len(buf), true
		}
		l.sendPiece(e, data, last)
	}
	l.rearm(c)
	return used, u.ended
}

// nextPiece takes the payload out of at most room bytes of buf, which are overwritten.
func (e *exchange) nextPiece(buf []byte, room int) (n int, data []byte, last bool, err error) {
	part := buf[:min(len(buf), room)]
	if e.chunkedIn {
		data, n, last, err = e.decodeBody(part[:0], part)
		last = last && (n == len(buf) || e.conn.stream() == nil) // a stream has ended only behind all that came
		e.received += int64(len(data))
		return n, data, last, err
	}
	n = int(min(e.incoming, int64(len(part))))
	e.incoming -= int64(n)
	return n, part[:n], e.incoming == 0, nil
}

func (l *loop) sendPiece(e *exchange, data []byte, last bool) {
	if len(data) == 0 && !last {
		return
	}
	w, u := e.worker, e.upload
	if w.batch > 0 && len(w.out)-w.batchAt+len(data) > wire.BatchBytes {
		w.closeBatch()
	}
	l.endMessage(w, wire.AppendBody(l.beginMessage(w), e.conn.id, data, last))
	u.credit -= len(data)
	u.sent, u.ended = true, last
	if e.item != nil {
		e.item.sentAt = l.now // request_timeout runs from here
	}
}

// bodyCredit: the handler asks for more of a request's body.
func (l *loop) bodyCredit(w *worker, m *wire.Message) {
	c := l.conns.find(m.ID)
	if c == nil || c.exchange == nil || c.exchange.worker != w || c.exchange.upload == nil || c.exchange.upload.ended {
		return // asked in the moment when the body ended or the client left
	}
	e, u := c.exchange, c.exchange.upload
	u.credit = int(min(uint64(u.credit)+m.N, wire.FrameCap))
	if e.item != nil {
		e.item.sentAt = l.now
	}
	if u.expect {
		u.expect = false
		l.sendContinue(c)
	}
	l.rearm(c)
	l.resume(c)
}

// sendContinue lets a client send its body that asked whether it may.
func (l *loop) sendContinue(c *conn) {
	if st := c.stream(); st != nil {
		st.sendContinue(l)
		return
	}
	c.out = append(l.output(c), "HTTP/1.1 100 Continue\r\n\r\n"...)
	l.touched(c)
}

// unchoke goes on with bodies that waited for w's pipe.
func (l *loop) unchoke(w *worker) {
	if !w.choked {
		return
	}
	w.choked = false
	for e := w.exchanges.first; e != nil; e = e.next {
		if e.upload != nil {
			l.resume(e.conn)
		}
	}
}

// awaited reports an upload whose handler waits for the client.
func (it *item) awaited() bool {
	if it.conn == nil || it.conn.exchange == nil || it.conn.exchange.item != it {
		return false
	}
	u := it.conn.exchange.upload
	return u != nil && !u.ended && u.credit > 0
}

// sentBody reports that part of the body is with a worker, and only there.
func (e *exchange) sentBody() bool { return e.upload != nil && e.upload.sent }

// breakUpload ends a request whose body went wrong.
func (l *loop) breakUpload(c *conn, status int, reason string) {
	if c.exchange.state == exchangeStreaming { // too late for a status
		c.cut = true
		l.lost(c)
		return
	}
	l.refuse(c, status, reason)
}

// settleUpload decides, before the head of the answer is written, whether the
// connection can be kept although the body has not ended.
func (l *loop) settleUpload(c *conn) {
	e := c.exchange
	if e.upload == nil || e.upload.ended {
		return
	}
	if e.chunkedIn || e.upload.expect || e.incoming > discardLimit {
		e.keepAlive, c.linger = false, true
	}
}

// discardRest reads what is left of the body of an answered request, for the
// next request stands behind it. false: there is nothing left.
func (l *loop) discardRest(c *conn) bool {
	e := c.exchange
	if !e.keepAlive || e.upload == nil || e.upload.ended || e.state == exchangeDiscard {
		return false
	}
	l.leaveWorker(e)
	e.state = exchangeDiscard
	l.rearm(c)
	l.resume(c)
	return true
}

// takeDiscarded throws body bytes away.
func (l *loop) takeDiscarded(c *conn, buf []byte) (n int, done bool) {
	e := c.exchange
	n = int(min(e.incoming, int64(len(buf))))
	if e.incoming -= int64(n); e.incoming > 0 {
		return n, false
	}
	l.finishExchange(c)
	return n, true
}

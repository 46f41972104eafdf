package gateway

import "gw/protocol/wire"

// beginBody prepares for a body of length bytes (-1: none announced).
func (l *loop) beginBody(c *conn, length int64) {
	e := c.exchange
	if e.visit != nil {
		e.visit.announced = length
	}
	switch streams := e.pool.interest().streamBody; {
	case streams && length > wire.InlineLimit, streams && e.chunkedIn && l.request.Expect100:
		e.incoming = length
		l.beginUpload(c, l.request.Expect100)
	default:
		e.undecided = streams && e.chunkedIn
		l.collectBody(c, length)
	}
}

// collectBody receives the whole body before the request goes on.
func (l *loop) collectBody(c *conn, length int64) {
	e := c.exchange
	switch {
	case e.chunkedIn:
		e.state = exchangeBody
	case length <= 0:
		e.item.data = wire.AppendBin(e.item.data, "")
		l.dispatchRequest(c)
		return
	case length > wire.BodyLimit:
		e.state, e.incoming = exchangeBody, length
		l.openSpool(c)
	default:
		e.state, e.incoming = exchangeBody, length
		e.item.data = wire.AppendBinHeader(e.item.data, int(length))
	}
	l.rearm(c)
}

// takeBody takes body bytes off buf. done: the body ended, or was refused.
func (l *loop) takeBody(c *conn, buf []byte) (n int, done bool) {
	e := c.exchange
	if e.undecided {
		l.streamChunked(c, buf)
		if c.exchange != e { // no room in the queue
			return len(buf), true
		}
	}
	if len(buf) == 0 && !c.inputDone() {
		return 0, false
	}
	if e.spool.full() {
		return 0, false
	}
	if e.upload != nil && e.state != exchangeDiscard {
		return l.takeUpload(c, buf)
	}
	l.rearm(c)
	switch {
	case e.state == exchangeDiscard:
		return l.takeDiscarded(c, buf)
	case e.chunkedIn:
		return l.takeChunked(c, buf)
	}
	n = int(min(e.incoming, int64(len(buf))))
	e.incoming -= int64(n)
	if e.spool != nil {
		l.spoolBytes(e.spool, buf[:n])
	} else {
		l.items.grow(e.item, n)
		e.item.data = append(e.item.data, buf[:n]...)
	}
	if e.incoming > 0 {
		return n, false
	}
	l.completeBody(c)
	return n, true
}

func (l *loop) takeChunked(c *conn, buf []byte) (n int, done bool) {
	e := c.exchange
	e.body = l.buffers.room(e.body, len(buf))
	out, n, done, err := e.decodeBody(e.body, buf)
	if err != nil {
		l.refuseParse(c, err)
		return len(buf), true
	}
	e.received += int64(len(out) - len(e.body))
	e.body = out
	if e.chunked.Left() > c.listener.limits.MaxBodyBytes-e.received {
		l.refuse(c, 413, "body longer than max_body")
		return len(buf), true
	}
	if len(e.body) > wire.BodyLimit || e.spool != nil {
		if e.spool == nil {
			l.openSpool(c)
		}
		l.spoolBytes(e.spool, e.body)
		e.body = e.body[:0]
	}
	if done {
		if e.spool == nil {
			l.items.grow(e.item, len(e.body))
			e.item.data = wire.AppendBin(e.item.data, e.body)
		}
		l.buffers.put(e.body)
		e.body = nil
		l.completeBody(c)
	}
	return n, done
}

// decodeBody appends the payload in src of a body that says nothing of its
// length. A stream of HTTP/2 marks the end itself.
func (e *exchange) decodeBody(dst, src []byte) (out []byte, n int, done bool, err error) {
	if st := e.conn.stream(); st != nil {
		return append(dst, src...), len(src), st.done, nil
	}
	return e.chunked.Decode(dst, src)
}

// completeBody sends the request on its way, or lets its file be finished first.
func (l *loop) completeBody(c *conn) {
	if c.exchange.spool != nil {
		l.closeSpool(c)
		return
	}
	l.dispatchRequest(c)
}

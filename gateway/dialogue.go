package gateway

import (
	"time"

	"gw/protocol/http1"
	"gw/protocol/websocket"
	"gw/protocol/wire"
)

// Codes that close events carry (RFC 6455 section 7.4.1), for every kind of
// connection.
const (
	closeNormal   = 1000
	closeGoing    = 1001
	closeAbnormal = 1006
	closeTooBig   = 1009
	closeInternal = 1011
)

// dialogue is what a connection that exchanges messages has beyond a conn: its
// events in order, the worker that has them, and what handlers keep with it.
type dialogue struct {
	pool   *pool
	worker *worker

	queue       itemList // events not yet given to a worker
	queuedBytes int
	first, last *item // unfinished at worker, in order
	unfinished  int

	queued      *connQueue // the queue it waits in for a worker
	nextWaiting *conn

	own           *belongings // never nil, see keep
	closeCode     uint16
	closeReceived bool // the client's close frame came
	chunked       bool // an event stream in chunks (HTTP/1.1)
	pinged        bool
	known         bool // worker was introduced to the connection
	ended         bool // its close event is in queue or delivered
	endedAt       time.Duration
}

// A connection stops being read while this much of it waits.
const (
	queueItems = 64
	queueBytes = 256 << 10
)

func (d *dialogue) full() bool { return d.queue.len >= queueItems || d.queuedBytes >= queueBytes }

// busy reports events that are not finished.
func (d *dialogue) busy() bool { return d.queue.len > 0 || d.unfinished > 0 }

// ready reports events that could be given to a worker and wait for none.
func (d *dialogue) ready() bool { return d.unfinished == 0 && d.queue.len > 0 && d.queued == nil }

func (d *dialogue) link(it *item) {
	it.sibling = nil
	if d.last == nil {
		d.first = it
	} else {
		d.last.sibling = it
	}
	d.last = it
	d.unfinished++
}

// unlink takes a finished item out; almost always it is the first.
func (d *dialogue) unlink(it *item) {
	if d.first == it {
		d.first = it.sibling
		if d.first == nil {
			d.last = nil
		}
	} else {
		p := d.first
		for p.sibling != it {
			p = p.sibling
		}
		if p.sibling = it.sibling; p.sibling == nil {
			d.last = p
		}
	}
	it.sibling = nil
	d.unfinished--
}

func (d *dialogue) describe(c *conn) wire.Connection {
	var flags uint64
	if c.secure() {
		flags |= wire.FlagTLS
	}
	if c.stream() != nil {
		flags |= wire.FlagHTTP2
	}
	own := d.own
	return wire.Connection{ID: c.id, Flags: flags, Listener: c.listener.id, Peer: c.peer, Kind: c.kind.String(),
		Path: own.handshake[:own.pathLen], Query: own.handshake[own.pathLen:own.headersAt], Headers: own.handshake[own.headersAt:],
		Session: own.session, UID: own.uid}
}

// startDialogue makes c a connection of messages.
func (l *loop) startDialogue(c *conn, k kind, p *pool) *dialogue {
	d := &dialogue{pool: p, own: &nothing}
	c.kind, c.dialogue = k, d
	return d
}

// announce tells a handler of the connection, if it wants to know.
func (l *loop) announce(c *conn) {
	d := c.dialogue
	if !d.pool.interest().events.Connect {
		return
	}
	it := l.items.get(wire.OpOpen, c.id, c, d.pool)
	conn := d.describe(c)
	it.data = wire.AppendOpen(it.data, &conn)
	l.enqueue(c, it)
}

// received hands one message of the client on.
func (l *loop) received(c *conn, flags uint64, data []byte) {
	l.messages++
	it := l.items.get(wire.OpMsg, c.id, c, c.dialogue.pool)
	l.items.grow(it, len(data))
	it.data = wire.AppendMessage(it.data, c.id, flags, data)
	l.enqueue(c, it)
}

func (l *loop) enqueue(c *conn, it *item) {
	d := c.dialogue
	d.queue.pushBack(it)
	d.queuedBytes += len(it.data)
	l.forward(c)
}

// dialogueMoved runs after an event of c was finished.
func (l *loop) dialogueMoved(c *conn) {
	d := c.dialogue
	if d.ready() {
		l.forward(c)
	}
	switch {
	case c.state == stateGone:
		l.settleGone(c)
	case c.state == stateLeaving && !d.busy():
		l.leave(c)
	case c.state == stateHalf && !d.busy():
		l.resume(c)
	case c.paused && d.queue.len <= queueItems/2 && d.queuedBytes < queueBytes/2:
		l.resume(c)
	}
}

// settleGone forgets a closed connection once its last event is finished.
func (l *loop) settleGone(c *conn) {
	d := c.dialogue
	if d.ended && !d.busy() && l.conns.find(c.id) == c {
		if d.worker != nil {
			d.worker.conns--
			d.worker = nil
		}
		l.conns.remove(c)
		l.checkStopped()
	}
}

// endDialogue follows the close of the descriptor: the handler hears of it
// behind the last message.
func (l *loop) endDialogue(c *conn) {
	d := c.dialogue
	if d.ended {
		return
	}
	d.ended, d.endedAt = true, l.now
	l.closeDialogueVisit(c)
	l.hub.forget(c)
	if d.known || d.busy() || d.pool.interest().events.Close {
		if d.closeCode == 0 {
			d.closeCode = closeNormal
		}
		it := l.items.get(wire.OpClose, c.id, c, d.pool)
		it.data = wire.AppendClose(it.data, c.id, uint64(d.closeCode), d.own.closeReason)
		l.enqueue(c, it)
	}
	l.settleGone(c)
}

// sendTo writes one message to a client; nothing happens when it has left.
func (l *loop) sendTo(c *conn, flags uint64, data []byte) {
	if c == nil || c.dialogue == nil || c.state >= stateClosing || !l.roomFor(c, len(data)) {
		return
	}
	out, fits := l.appendMessage(l.outputFor(c, len(data)+formMargin), c, flags, data)
	c.out = out
	switch {
	case !fits:
		l.unsayable(c, len(data))
	case c.pending() == 0: // there was nothing to say
		l.releaseOutput(c)
		return
	}
	l.touched(c)
}

// appendMessage appends a payload as c gets it. That may be nothing: an event
// without data is for event streams alone. fits is false where the framing has no
// form for it.
func (l *loop) appendMessage(dst []byte, c *conn, flags uint64, data []byte) (out []byte, fits bool) {
	if c.kind == kindEvents {
		return l.appendEvent(dst, c.dialogue.chunked, flags, data), true
	}
	data, ok := messageOf(flags, data)
	if !ok {
		return dst, true
	}
	if c.kind == kindWebSocket {
		return l.appendWebSocket(c, dst, opcode(flags), data), true
	}
	f := c.framing()
	if !f.Fits(data) {
		return dst, false
	}
	return f.Append(dst, data), true
}

func opcode(flags uint64) websocket.Opcode {
	if flags&wire.FlagBinary != 0 {
		return websocket.OpBinary
	}
	return websocket.OpText
}

// roomFor applies the policy for slow readers: above half of send_buffer the
// handler is told, above all of it the connection is closed and counted. A
// single message larger than send_buffer may always go to an idle client.
func (l *loop) roomFor(c *conn, n int) bool {
	limit := c.listener.limits.SendBufferBytes
	waiting := c.pending()
	if waiting > 0 && waiting+n > limit {
		c.listener.slowClosed++
		l.log.Warn("Closed a client that reads too slowly: more than send_buffer waited for it", "connection", c.id, "remote", c.peer, "waiting_bytes", waiting)
		c.dialogue.keep().closeReason = "client reads too slowly"
		l.lost(c)
		return false
	}
	if !c.slow && waiting > limit/2 {
		c.slow = true
		l.tellBuffer(c, true)
	}
	return true
}

func (l *loop) drainedOutput(c *conn) {
	c.slow = false
	if c.dialogue != nil {
		l.tellBuffer(c, false)
	}
}

func (l *loop) tellBuffer(c *conn, full bool) {
	if !c.dialogue.pool.interest().events.Buffer {
		return
	}
	it := l.items.get(wire.OpBuf, c.id, c, c.dialogue.pool)
	it.data = wire.AppendBuf(it.data, c.id, full)
	l.enqueue(c, it)
}

// closeDialogue flushes and closes, as a handler asks or gw must. What the
// client sent before is still delivered, see dropQueued.
func (l *loop) closeDialogue(c *conn, code uint16, reason string) {
	if c == nil || c.dialogue == nil || c.state >= stateClosing {
		return
	}
	d := c.dialogue
	d.ends(code, reason)
	c.linger = !d.closeReceived // a client may be sending at any moment; a WebSocket has its close frame to send
	if c.kind == kindWebSocket {
		c.out = websocket.AppendClose(l.output(c), code, reason)
		l.touched(c)
	}
	if c.kind == kindEvents && d.chunked {
		c.out = append(l.output(c), http1.LastChunk...)
		l.touched(c)
	}
	l.closeAfterFlush(c)
}

// dropQueued forgets messages of a client that no worker has yet: a handler
// that closes the connection, or died on it, wants no more of them.
func (l *loop) dropQueued(d *dialogue) {
	for it := d.queue.first; it != nil; {
		next := it.next
		if it.op == wire.OpMsg {
			d.queue.remove(it)
			d.queuedBytes -= len(it.data)
			l.items.put(it)
		}
		it = next
	}
}

// connQueue is a FIFO of connections that wait for a worker.
type connQueue struct {
	first, last *conn
	len         int
}

func (q *connQueue) push(c *conn) {
	c.dialogue.queued, c.dialogue.nextWaiting = q, nil
	if q.last == nil {
		q.first = c
	} else {
		q.last.dialogue.nextWaiting = c
	}
	q.last = c
	q.len++
}

func (q *connQueue) pop() *conn { return q.popIf(func(*dialogue) bool { return true }) }

// popIf takes out the first connection that fits.
func (q *connQueue) popIf(fits func(*dialogue) bool) *conn {
	var before *conn
	for c := q.first; c != nil; before, c = c, c.dialogue.nextWaiting {
		if !fits(c.dialogue) {
			continue
		}
		if before == nil {
			q.first = c.dialogue.nextWaiting
		} else {
			before.dialogue.nextWaiting = c.dialogue.nextWaiting
		}
		if q.last == c {
			q.last = before
		}
		c.dialogue.queued, c.dialogue.nextWaiting = nil, nil
		q.len--
		return c
	}
	return nil
}

package gateway

import (
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// pool is what dispatch knows of a pool: its active workers, and what waits
// for one of them.
//
// Invariant: something waits only while no active worker has room for it.
type pool struct {
	name           string
	requestTimeout time.Duration
	streamTimeout  time.Duration
	queueTimeout   time.Duration
	queueLimit     int
	onCrash        control.OnCrash
	sendfile       []string // folders of files that handlers may have sent
	sendfileHeader bool     // the header X-Sendfile counts too

	share       *poolShare
	workers     int           // as configured; they are in the first loops
	hungrySince time.Duration // since when work waits and no worker is idle; 0: not
	leaving     *worker       // gets nothing more, because another loop has none
	leftAt      time.Duration // since when; without one: when the last one could not leave, 0: it could

	named   bool // by the configuration that is being taken over
	removed bool // not configured any more: what no worker takes is given up

	active []*worker

	queue   itemList  // HTTP requests; bounded by queueLimit, newest refused with 503
	waiting connQueue // connections with messages and no worker; bounded by the connections

	doubtful   itemList  // requests beside which a worker died; bounded by what workers had
	suspected  connQueue // connections with such a message
	doubtGroup int       // how many of them a worker gets at a time

	sockets    []*listener // udp listeners, each with a queue of its own
	socketTurn int

	retried, redelivered, dropped, timedOut, setAside uint64
}

func (p *pool) add(w *worker) { p.active = append(p.active, w) }

func (p *pool) remove(w *worker) {
	for i, a := range p.active {
		if a == w {
			p.active = append(p.active[:i], p.active[i+1:]...)
			return
		}
	}
}

// pick returns the worker with the fewest unfinished messages that has room,
// or nil. Among equals the first: bursts stay together and travel in one frame.
func (p *pool) pick() *worker {
	var best *worker
	for _, w := range p.active {
		if w.hasRoom() && (best == nil || w.sent.len < best.sent.len) {
			best = w
		}
	}
	return best
}

// idle returns a worker with nothing to do, or nil.
func (p *pool) idle() *worker {
	for _, w := range p.active {
		if w.sent.len == 0 && w.hasRoom() {
			return w
		}
	}
	return nil
}

// dispatchRequest sends a complete request to a worker, or lets it wait.
func (l *loop) dispatchRequest(c *conn) {
	e := c.exchange
	e.state = exchangeWaiting
	if e.visit != nil {
		e.visit.ready = l.now
	}
	l.rearm(c)
	if e.pool.queue.len == 0 {
		if w := e.pool.pick(); w != nil {
			l.deliverRequest(w, e.item)
			return
		}
	}
	if e.pool.full(l.index) {
		it := e.item
		e.item = nil
		l.items.put(it)
		l.fail(c, 503, "too many requests wait for a worker")
		return
	}
	e.item.queuedAt = l.now
	e.pool.queue.pushBack(e.item)
}

func (l *loop) deliverRequest(w *worker, it *item) {
	e := it.conn.exchange
	switch {
	case e.upload != nil && !w.ready.StreamBody:
		l.collectInstead(it.conn)
		return
	case e.offer != nil && !w.ready.Events.Handshake: // of another version of the program than the one that asked
		e.item = nil
		l.items.put(it)
		l.acceptUnasked(e.conn)
		return
	}
	e.worker = w
	e.visit.deliver(l.now, w)
	w.exchanges.add(e)
	l.deliver(w, it)
	if e.upload != nil {
		l.occupy(w, it)
	}
}

// feed gives w what waits, until its window is full: requests, connections that
// wait for w, those that wait for any worker, and those behind a stuck one. They
// take turns: a source that never runs dry must not starve the others.
func (l *loop) feed(w *worker) {
	for w.hasRoom() {
		if !l.feedOne(w) {
			l.steal(w)
			return
		}
	}
}

const feedSources = 6

func (l *loop) feedOne(w *worker) bool {
	for range feedSources {
		w.turn = (w.turn + 1) % feedSources
		if l.feedTurn(w) {
			return true
		}
	}
	return false
}

func (l *loop) feedTurn(w *worker) bool {
	switch w.turn {
	case 0:
		it := w.pool.queue.popFront()
		if it != nil {
			l.deliverRequest(w, it)
		}
		return it != nil
	case 1:
		return l.feedFrom(&w.waiting)
	case 2:
		return l.feedFrom(&w.pool.waiting)
	case 3:
		return l.feedDoubtful(w)
	case 4:
		return l.feedDatagram(w)
	}
	return l.relieve(w)
}

// stuckAfter is how long a worker works on one message before the connections
// that wait for it move even to workers that are not idle. Each move costs an
// introduction, so it is some ten windows.
const stuckAfter = 10 * time.Millisecond

// relieve takes over one connection that waits for a stuck worker.
func (l *loop) relieve(w *worker) bool {
	for _, other := range w.pool.active {
		if other == w || other.waiting.len == 0 || !other.stuck(l.now) {
			continue
		}
		if c := other.waiting.popIf(func(d *dialogue) bool { return d.unfinished == 0 }); c != nil {
			l.moveTo(c, w)
			l.forward(c)
			return true
		}
	}
	return false
}

func (l *loop) feedFrom(q *connQueue) bool {
	c := q.pop()
	if c == nil {
		return false
	}
	l.forward(c)
	return true
}

// steal takes over a connection whose messages wait behind another worker's
// slow work, when w has nothing to do.
func (l *loop) steal(w *worker) {
	if w.sent.len > 0 {
		return
	}
	for _, other := range w.pool.active {
		if other == w {
			continue
		}
		if c := other.waiting.popIf(func(d *dialogue) bool { return d.unfinished == 0 }); c != nil {
			l.forward(c)
			if w.sent.len > 0 {
				return
			}
		}
	}
}

// releaseWaiting moves connections that waited for w to other workers.
func (l *loop) releaseWaiting(w *worker) {
	for n := w.waiting.len; n > 0; n-- {
		if c := w.waiting.pop(); c != nil {
			l.forward(c)
		}
	}
}

// forward gives c's waiting messages to its worker, or to another one when
// its own cannot take them and has nothing unfinished of it.
func (l *loop) forward(c *conn) {
	d := c.dialogue
	for d.queue.len > 0 && d.queued == nil {
		if d.queue.first.doubtful && !l.placeDoubtful(c) {
			return
		}
		w := l.workerFor(c)
		if w == nil {
			return
		}
		it := d.queue.popFront()
		d.queuedBytes -= len(it.data)
		l.deliverEvent(w, c, it)
	}
}

// workerFor returns the worker that c's next message may go to now. nil: c
// waits, and is in the queue that will wake it.
func (l *loop) workerFor(c *conn) *worker {
	d := c.dialogue
	w := d.worker
	if w != nil && w.hasRoom() {
		return w
	}
	usable := w != nil && w.state == workerActive && !w.deaf && !w.leaving && w.streams == 0
	var next *worker
	switch {
	case d.unfinished > 0: // it must stay: what is unfinished goes first
	case usable:
		next = d.pool.idle()
	default:
		next = d.pool.pick()
	}
	switch {
	case next != nil:
		l.moveTo(c, next)
		return next
	case usable:
		w.waiting.push(c)
	case d.unfinished > 0:
	case d.pool.removed:
		l.discard(c)
	default:
		d.pool.waiting.push(c)
	}
	return nil
}

// moveTo pins c to w.
func (l *loop) moveTo(c *conn, w *worker) {
	d := c.dialogue
	if old := d.worker; old != nil {
		old.conns--
		switch {
		case old.id == w.id: // it was away, and remembers
			d.worker = w
			w.conns++
			return
		case d.known && old.state == workerAway:
			l.detachAway(old.id, c.id)
		case d.known && old.state == workerActive && !old.deaf:
			l.endMessage(old, wire.AppendDetach(l.beginMessage(old), c.id))
		}
	}
	d.worker, d.known = w, false
	w.conns++
}

// deliverEvent sends one message of a connection, with an introduction when w
// does not know the connection.
func (l *loop) deliverEvent(w *worker, c *conn, it *item) {
	d := c.dialogue
	if !wanted(w, d, it.op) {
		l.items.put(it)
		l.dialogueMoved(c)
		return
	}
	if !d.known {
		if it.op != wire.OpOpen {
			conn := d.describe(c)
			l.endMessage(w, wire.AppendAttach(l.beginMessage(w), &conn))
		}
		d.known = true
	}
	d.link(it)
	l.deliver(w, it)
}

// wanted reports whether w listens to such an event. A connection that w
// knows must be closed there, whether it asked for the event or not.
func wanted(w *worker, d *dialogue, op wire.Op) bool {
	e := &w.ready.Events
	switch op {
	case wire.OpOpen:
		return e.Connect
	case wire.OpClose:
		return d.known || e.Close
	case wire.OpBuf:
		return e.Buffer
	}
	return true
}

// settle decides what becomes of the work of a dead worker. readUpTo is how far
// it read in the stream written to it: messages behind that were not begun.
func (l *loop) settle(w *worker, reason string, readUpTo int64) {
	unfinished := w.sent.len
	suspect := w.sent.first // the one it was working on, if it works in order
	if w.goodbye && w.begun == 0 || unfinished == 0 {
		suspect = nil
	}
	w.pool.doubt(unfinished)
	for it := w.sent.last; it != nil; it = w.sent.last {
		w.sent.remove(it)
		it.worker, it.streamed = nil, false // it counts at the next one again
		fresh := it.at >= readUpTo || w.goodbye && w.begun <= w.sent.len
		if (it == suspect || w.async()) && !fresh {
			it.crashes++
			it.doubtful = w.async()
		}
		l.settleItem(w, it, fresh, reason)
	}
	for e := w.exchanges.first; e != nil; e = w.exchanges.first {
		l.settleExchange(e)
	}
	for _, c := range l.conns.conns {
		if c != nil && c.dialogue != nil && c.dialogue.worker == w {
			l.orphan(c)
		}
	}
	l.wake(w.pool)
	if unfinished > 0 {
		l.log.Warn("A handler ended with work unfinished", "pool", w.pool.name, "slot", w.slot, "worker", w.id, "pid", w.pid, "exit", reason, "unfinished", unfinished)
	}
}

// settleItem puts one unfinished item back, or gives it up. fresh: it was
// certainly not begun.
func (l *loop) settleItem(w *worker, it *item, fresh bool, exit string) {
	c := it.conn
	if it.crashes >= deadlyAfter {
		l.setItemAside(it, it.remote(), exit)
	}
	switch {
	case it.socket != nil:
		l.settleDatagram(it, fresh)
	case c == nil:
		l.items.put(it)
	case c.exchange != nil && c.exchange.item == it:
		l.settleRequest(w, c, it, fresh)
	default:
		c.dialogue.unlink(it)
		l.settleMessage(c, it, fresh)
	}
}

// settleRequest: again elsewhere if that is safe, once; else 502.
func (l *loop) settleRequest(w *worker, c *conn, it *item, fresh bool) {
	e := c.exchange
	again := !e.pool.removed && e.state == exchangeWaiting && !e.sentBody() && (fresh || e.idempotent && it.crashes < deadlyAfter)
	if !again {
		e.item = nil
		l.items.put(it)
		return // settleExchange answers it
	}
	w.exchanges.remove(e)
	e.worker = nil
	if e.upload != nil {
		e.upload.credit = 0
	}
	it.queuedAt = l.now
	e.pool.requeue(it)
	e.pool.retried++
}

func (l *loop) settleExchange(e *exchange) {
	w := e.worker
	w.exchanges.remove(e)
	e.worker = nil
	l.fail(e.conn, 502, "the handler died before it answered")
}

// settleMessage follows the pool's on_crash.
func (l *loop) settleMessage(c *conn, it *item, fresh bool) {
	p := c.dialogue.pool
	switch {
	case it.crashes >= deadlyAfter:
		l.items.put(it)
		l.dropQueued(c.dialogue)
		l.closeDialogue(c, closeInternal, "the handler failed on this message")
	case fresh || it.op != wire.OpMsg || p.onCrash == control.Redeliver:
		if !fresh && it.op == wire.OpMsg {
			p.redelivered++
		}
		c.dialogue.queue.pushFront(it)
		c.dialogue.queuedBytes += len(it.data)
	default:
		p.dropped++
		l.items.put(it)
		if p.onCrash == control.CloseConnection {
			l.dropQueued(c.dialogue)
			l.closeDialogue(c, closeInternal, "the handler died")
		}
	}
}

// orphan unpins c from a dead worker; its waiting messages find another.
func (l *loop) orphan(c *conn) {
	d := c.dialogue
	d.worker, d.known = nil, false
	l.forward(c)
	l.dialogueMoved(c)
}

// wake gives a pool's waiting work to whoever has room.
func (l *loop) wake(p *pool) {
	for _, w := range p.active {
		l.feed(w)
	}
}

// sweepPools ends what waited or ran too long.
func (l *loop) sweepPools() {
	for _, p := range l.pools {
		l.sweepQueue(p)
		l.sweepWaiting(p)
		l.sweepWorkers(p)
		l.sweepDatagrams(p)
	}
}

// sweepQueue answers 503 to requests no worker took in time.
func (l *loop) sweepQueue(p *pool) {
	for _, q := range [...]*itemList{&p.queue, &p.doubtful} {
		for it := q.first; it != nil && p.queueTimeout > 0 && l.now-it.queuedAt > p.queueTimeout; it = q.first {
			p.timedOut++
			l.refuseWaiting(q, "no worker was free in time")
		}
	}
}

// refuseWaiting answers 503 to the request that waits longest.
func (l *loop) refuseWaiting(q *itemList, reason string) {
	it := q.popFront()
	if it.socket != nil {
		l.dropDatagram(it)
		return
	}
	c := it.conn
	c.exchange.item = nil
	l.items.put(it)
	l.fail(c, 503, reason)
}

// sweepWaiting gives up what clients sent that have left, or ended their side,
// since: without a worker for so long they would pile up.
func (l *loop) sweepWaiting(p *pool) {
	if len(p.active) > 0 || p.queueTimeout == 0 {
		return
	}
	for n := p.waiting.len; n > 0; n-- {
		c := p.waiting.pop()
		switch {
		case c.dialogue.ended && l.now-c.dialogue.endedAt > p.queueTimeout:
			l.discard(c)
		case c.state == stateHalf && l.now-c.active > p.queueTimeout:
			l.lost(c) // and waits once more, without a descriptor
		default:
			p.waiting.push(c)
		}
	}
}

// discard gives up the events of c that no worker has.
func (l *loop) discard(c *conn) {
	d := c.dialogue
	for it := d.queue.popFront(); it != nil; it = d.queue.popFront() {
		if it.op == wire.OpMsg {
			d.pool.dropped++
		}
		l.items.put(it)
	}
	d.queuedBytes = 0
	l.settleGone(c)
}

// sweepWorkers looks for handlers that hang.
func (l *loop) sweepWorkers(p *pool) {
	for _, w := range l.workers {
		if w == nil || w.pool != p || w.state >= workerBroken {
			continue
		}
		for it := w.sent.first; it != nil; it = it.next {
			if rule := l.overdue(w, it); rule != "" {
				l.timeOut(w, it, rule)
				break
			}
			if !w.async() { // one at a time: what is behind it has not begun
				break
			}
		}
	}
}

// overdue names the rule that a message under way has broken. A streamed answer
// may take as long as it likes if it goes on; a handler that does one thing at
// a time hangs when it does not although it could.
func (l *loop) overdue(w *worker, it *item) string {
	p := w.pool
	switch {
	case it.awaited():
	case it.streaming():
		e := it.conn.exchange
		if p.streamTimeout > 0 && !w.async() && e.unpaid < wire.StreamCredit && l.now-e.moved > p.streamTimeout {
			return "stream_timeout"
		}
	case p.requestTimeout > 0 && l.now-max(it.sentAt, w.lastAck) > p.requestTimeout:
		return "request_timeout"
	}
	return ""
}

// timeOut answers for a hanging worker and has it replaced.
func (l *loop) timeOut(w *worker, it *item, rule string) {
	took := l.now - it.sentAt
	w.pool.timedOut++
	l.log.Error("A handler hangs and is replaced", "rule", rule, "pool", w.pool.name, "slot", w.slot, "worker", w.id, "pid", w.pid, "what", it.describe(), "took", took)
	if c := it.conn; c != nil {
		if c.exchange != nil && c.exchange.item == it {
			c.exchange.item = nil
			it.conn = nil
			l.fail(c, 504, "the handler did not answer in time")
		} else {
			c.dialogue.unlink(it)
			it.conn = nil
			l.dropQueued(c.dialogue)
			l.closeDialogue(c, closeInternal, "the handler did not answer in time")
		}
	}
	if it.socket != nil {
		it.socket.datagrams.dropped++
		l.finishDatagram(it)
	}
	l.giveUp(w, "ran longer than "+rule, true)
}

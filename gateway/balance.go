package gateway

import (
	"cmp"
	"math/bits"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/wire"
)

// Workers go where the work is. Each is in one loop at a time, which alone reads
// and writes its pipes, so nothing is shared while requests flow. When work has
// waited in one loop for hungryAfter and a worker of its pool is idle in another
// loop, that worker moves, and stays until it is wanted elsewhere.
//
// Only a worker with nothing unfinished moves. A loop that has no worker of a
// pool, or only such that are stuck, is given one as soon as one of another loop,
// which gets nothing more for that, has finished what it has.

// hungryAfter is ten times what a move costs, so that bursts set nobody in motion.
const hungryAfter = time.Millisecond

// balance runs at the end of each iteration.
func (l *loop) balance() {
	if len(l.peers) == 1 {
		return
	}
	for _, p := range l.poolList {
		l.balancePool(p)
	}
}

func (l *loop) balancePool(p *pool) {
	s := p.share
	if n := int32(p.queue.len); s.queued[l.index].Load() != n {
		s.queued[l.index].Store(n)
	}
	idle := p.idle()
	if idle == nil && p.waits() {
		l.endure(p)
	} else if p.hungrySince > 0 {
		p.hungrySince = 0
		l.note(&s.hungry, false)
		l.note(&s.bare, false)
	}
	l.note(&s.idle, idle != nil && idle.movable() && idle.free())
	l.lend(p, idle)
}

// note keeps the bit of this loop.
func (l *loop) note(set *atomic.Uint32, is bool) {
	bit := uint32(1) << l.index
	switch has := set.Load()&bit != 0; {
	case has && !is:
		set.And(^bit)
	case !has && is:
		set.Or(bit)
	}
}

// endure waits for hungryAfter, then tells the others.
func (l *loop) endure(p *pool) {
	if p.hungrySince == 0 {
		p.hungrySince = max(l.now, 1)
	}
	if l.now-p.hungrySince < hungryAfter {
		l.hurried = hungryAfter
		return
	}
	s := p.share
	l.note(&s.bare, p.stuck(l.now))
	if l.hurried == 0 {
		l.hurried = stuckAfter // to look again
	}
	if s.hungry.Load()>>l.index&1 == 1 {
		return
	}
	l.note(&s.hungry, true)
	if idle := s.idle.Load() &^ (1 << l.index); idle != 0 {
		l.tell(bits.TrailingZeros32(idle), func(*loop) {}) // the end of that iteration lends
	}
}

// lend gives an idle worker to a loop that is hungry. Where one has none at all,
// a busy worker is made idle for it.
func (l *loop) lend(p *pool, idle *worker) {
	own := uint32(1) << l.index
	hungry, bare := p.share.hungry.Load()&^own, p.share.bare.Load()&^own
	l.keepOrSend(p, bare != 0)
	switch {
	case hungry|bare == 0:
		return
	case bare != 0 && p.leaving != nil && p.leaving.movable():
		l.giveTo(bare, p.leaving)
	case idle != nil && idle.movable() && (bare != 0 || idle.free()):
		l.giveTo(cmp.Or(bare, hungry), idle)
	}
}

// leavePause bounds how long a worker gets nothing because it is to move, and is
// how long it then goes on as before: an answer that is streamed may never end.
const leavePause = time.Second

// keepOrSend chooses a worker that gets nothing more until it moves, as long as
// another loop has none.
func (l *loop) keepOrSend(p *pool, wanted bool) {
	if w := p.leaving; w != nil {
		switch {
		case !wanted || w.state != workerActive:
			p.leftAt = 0
			l.goOn(w)
		case l.now-p.leftAt >= leavePause:
			p.leftAt = l.now
			l.goOn(w)
		}
	}
	if !wanted || p.leaving != nil || l.now-p.leftAt < leavePause && p.leftAt > 0 {
		return
	}
	for _, w := range p.active {
		if p.leaving == nil || w.burden() < p.leaving.burden() {
			p.leaving = w
		}
	}
	if w := p.leaving; w != nil {
		w.leaving, p.leftAt = true, l.now
		l.releaseWaiting(w)
	}
}

// goOn lets w work here again.
func (l *loop) goOn(w *worker) {
	w.leaving, w.pool.leaving = false, nil
	l.feed(w)
}

// burden says how long w takes to finish what it has, roughly.
func (w *worker) burden() (n int) {
	for e := w.exchanges.first; e != nil; e = e.next {
		if e.state != exchangeWaiting || e.upload != nil {
			n += 1000
		}
	}
	return n + w.sent.len
}

// free: nobody would miss w. What an application that works on many things at
// once keeps for its WebSockets does not move with them.
func (w *worker) free() bool { return !w.async() || w.conns == 0 }

// giveTo moves w to the first of some loops, unless that was given one already.
func (l *loop) giveTo(loops uint32, w *worker) {
	bit := loops & -loops
	if s := w.pool.share; s.hungry.And(^bit)&bit != 0 {
		s.bare.And(^bit)
		l.give(w, bits.TrailingZeros32(bit))
	}
}

// stuck: no worker goes on, if there is any.
func (p *pool) stuck(now time.Duration) bool {
	for _, w := range p.active {
		if w.async() || !w.stuck(now) {
			return false
		}
	}
	return true
}

// stuck: w has worked on one message for so long that others do not wait for it.
func (w *worker) stuck(now time.Duration) bool {
	return w.sent.len > 0 && now-max(w.sent.first.sentAt, w.lastAck) >= stuckAfter
}

// waits: something waits that another worker could do.
func (p *pool) waits() bool {
	if p.queue.len+p.waiting.len+p.doubtful.len+p.suspected.len > 0 || p.datagramsWait() {
		return true
	}
	for _, w := range p.active {
		if w.waiting.len > 0 {
			return true
		}
	}
	return false
}

// full: queue_limit is reached, all loops together. A worker that is idle in
// another one is on its way.
func (p *pool) full(index int) bool {
	queued := p.queue.len
	for i := range p.share.queued {
		if i != index {
			queued += int(p.share.queued[i].Load())
		}
	}
	return queued >= p.queueLimit+bits.OnesCount32(p.share.idle.Load()&^(1<<index))
}

// movable: nothing of w belongs to this loop but what is pinned to it. One that is
// due moves too: its successor may never come up.
func (w *worker) movable() bool {
	return w.state == workerActive && !w.deaf && !w.blocked && !w.dirty && w.asking == 0 && w.fromHandler >= 0 &&
		w.sent.len+w.exchanges.len+w.waiting.len+w.streams+len(w.out) == 0
}

// give lets w go to another loop. What is left here is a name for connections
// that were pinned to it.
func (l *loop) give(w *worker, to int) {
	l.poller.remove(w.fromHandler)
	w.pool.remove(w)
	if w.pool.leaving == w {
		w.pool.leaving, w.pool.leftAt = nil, 0
	}
	l.workers[w.index] = nil
	delete(l.byID, w.id)
	l.away[w.id] = to
	moved := *w
	moved.conns, moved.leaving, moved.pool, moved.been = 0, false, nil, w.been|1<<to
	name := w.pool.name
	*w = worker{id: w.id, state: workerAway, pool: w.pool, slot: w.slot, pid: w.pid, conns: w.conns, toHandler: -1, fromHandler: -1}
	l.movers[to] = append(l.movers[to], func(other *loop) { other.welcomeWorker(&moved, name) })
}

// hasBeenIn tells whether w could have requests of that loop.
func (w *worker) hasBeenIn(loop int) bool { return w.been>>loop&1 == 1 }

// welcomeWorker takes over a worker of another loop.
func (l *loop) welcomeWorker(w *worker, name string) {
	p := l.pools[name]
	if p == nil { // not configured any more: the master is about to drain it
		p = &pool{name: name, removed: true, share: new(poolShare)}
	}
	w.pool, w.index = p, l.freeWorkerIndex()
	l.workers[w.index] = w
	l.byID[w.id] = w
	delete(l.away, w.id)
	if err := l.poller.add(w.fromHandler, unix.EPOLLIN, aboutWorkerOut, w.index, uint32(w.id)); err != nil {
		l.failWorker(w, err.Error())
		return
	}
	l.enlist(w)
}

// follow does f in the loop where a worker is.
func (l *loop) follow(id uint64, f func(*loop, *worker)) {
	if w := l.byID[id]; w != nil {
		f(l, w)
	} else if to, ok := l.away[id]; ok {
		l.tell(to, func(other *loop) { other.follow(id, f) })
	}
}

// detachAway tells a worker that has moved on that a connection is somebody
// else's now, unless it has come back and got it again.
func (l *loop) detachAway(id uint64, cid uint64) {
	l.follow(id, func(l *loop, w *worker) {
		c := l.conns.find(cid)
		again := c != nil && c.dialogue != nil && c.dialogue.worker == w
		if !again && w.state == workerActive && !w.deaf {
			l.endMessage(w, wire.AppendDetach(l.beginMessage(w), cid))
		}
	})
}

package gateway

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gw/protocol/wire"
)

// What one loop asks of another goes through the other's mailbox: a client to
// welcome, a message for a connection or a group it has, a worker that moves.
// What one asks of another arrives in that order. Requests and the messages of a
// connection to its worker never come this way.

// errand is something that another loop is asked to do.
type errand func(other *loop)

// tell lets the loop with that number do e, soon: behind what it was told before.
// They are handed over together, at the end of the iteration.
func (l *loop) tell(to int, e errand) {
	l.errands[to] = append(l.errands[to], e)
}

// tellOthers lets all other loops do e.
func (l *loop) tellOthers(e errand) {
	for i := range l.peers {
		if i != l.index {
			l.tell(i, e)
		}
	}
}

// handOverErrands lets workers go last: where they come to they may speak at once,
// and must not overtake what they said here to connections of a third loop.
func (l *loop) handOverErrands() {
	handOver(l.peers, l.errands)
	handOver(l.peers, l.movers)
}

func handOver(peers []*loop, errands [][]errand) {
	for i, list := range errands {
		if len(list) == 0 {
			continue
		}
		other := peers[i]
		other.mailbox.post(func() {
			for _, e := range list {
				e(other)
			}
		})
		errands[i] = nil
	}
}

// crowdBytes is how much may wait in a loop's mailbox of what handlers elsewhere
// say to its connections. Beyond that, the loops that brought it do not listen to
// their handlers until half of it is worked off.
const crowdBytes = 16 << 20

// errandBytes is what a message costs besides: short ones must not fill our memory
// either.
const errandBytes = 512

// inflow is what waits for a loop.
type inflow struct {
	bytes   atomic.Int64
	waiting atomic.Uint32 // loops that stopped listening for it, a bit each
}

// pass lets another loop act on a handler's message. m is kept: its bytes must
// not change any more.
func (l *loop) pass(to int, from author, m *wire.Message) {
	n := int64(errandBytes + len(m.Data) + len(m.Text) + len(m.IDs))
	flow := &l.peers[to].inflow
	if flow.bytes.Add(n) > crowdBytes {
		l.stopListening(flow)
	}
	l.tell(to, func(other *loop) {
		other.act(from, m)
		if flow.bytes.Add(-n) < crowdBytes/2 {
			other.callBack()
		}
	})
}

// passOn lets the loop that has the connection act on a message, if it is not
// here. m is a view of what was read.
func (l *loop) passOn(w *worker, m *wire.Message) bool {
	to := loopOf(m.ID)
	if to == l.index || to >= len(l.peers) {
		return false
	}
	l.pass(to, w.author(), m.Clone())
	return true
}

// passToOthers lets other loops act on a message too: those with a bit in loops.
func (l *loop) passToOthers(w *worker, m *wire.Message, loops uint32) {
	var kept *wire.Message
	for i := range l.peers {
		if i == l.index || loops>>i&1 == 0 {
			continue
		}
		if kept == nil {
			kept = m.Clone()
		}
		l.pass(i, w.author(), kept)
	}
}

const allLoops = 1<<maxLoops - 1

// loopsOf says where the connections with these ids are, a bit each.
func loopsOf(ids wire.IDs) (loops uint32) {
	for walk := ids.Walk(); ; {
		id, ok := walk.Next()
		if !ok {
			return loops
		}
		loops |= 1 << loopOf(id)
	}
}

// stopListening leaves what handlers say in their pipes, which lets them wait.
func (l *loop) stopListening(flow *inflow) {
	flow.waiting.Or(1 << l.index)
	if l.unheard {
		return
	}
	l.unheard = true
	for _, w := range l.workers {
		if w != nil && w.fromHandler >= 0 {
			l.poller.remove(w.fromHandler)
		}
	}
}

// callBack lets those listen again that waited for this loop.
func (l *loop) callBack() {
	if l.inflow.waiting.Load() == 0 {
		return
	}
	waiting := l.inflow.waiting.Swap(0)
	for i := range l.peers {
		if waiting>>i&1 == 1 {
			l.tell(i, (*loop).listenAgain)
		}
	}
}

func (l *loop) listenAgain() {
	if !l.unheard {
		return
	}
	l.unheard = false
	for _, w := range l.workers {
		if w != nil && w.fromHandler >= 0 {
			_ = l.poller.add(w.fromHandler, unix.EPOLLIN, aboutWorkerOut, w.index, uint32(w.id)) // EEXIST: it came meanwhile
		}
	}
}

// author is the handler that said something, for the log.
type author struct {
	pool string
	pid  int
}

func (w *worker) author() author { return author{w.pool.name, w.pid} }

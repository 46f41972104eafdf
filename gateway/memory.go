package gateway

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// memory gives back to the system what a peak has left behind, once all loops
// rest.
//
// By itself the runtime would wait until as much again was allocated, or for two
// minutes, and then return pages slowly; a gateway that allocates nothing kept
// what three thousand slow clients had needed, 900 MB, for longer than that. It
// is a collection and a release of free pages, on a goroutine of its own and
// never under load.
type memory struct {
	awake   atomic.Int32 // loops that do not rest
	turns   atomic.Int64 // of loops, since it was last done
	dropped atomic.Int64 // bytes of buffers that were let go since then

	mu      sync.Mutex
	running bool
	next    time.Duration // loop time, not before
	work    sync.WaitGroup

	held func() uint64 // bytes of the process, as the runtime knows them
	give func()
}

// When it is worth while.
const (
	restTurns   = 500 // so few in a second are rest: a hundred requests or two
	restSeconds = 3   // by then free lists were trimmed twice

	leastTurns   = 1000
	leastDropped = 8 << 20
	leastHeld    = 16 << 20

	// It takes no more than a fiftieth of the time: with a million connections a
	// collection is a second of work.
	giveShare = 50
	giveEvery = 10 * time.Second
)

func newMemory() *memory {
	m := &memory{held: heldBytes, give: debug.FreeOSMemory}
	m.awake.Store(1)
	return m
}

// due reports that enough happened for something to be given back.
func (m *memory) due() bool {
	return m.turns.Load() >= leastTurns || m.dropped.Load() >= leastDropped
}

// rested is called by every loop that rests, once a second.
func (m *memory) rested(now time.Duration) {
	if m.awake.Load() > 0 || !m.due() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running || now < m.next {
		return
	}
	m.turns.Store(0)
	m.dropped.Store(0)
	if m.held() < leastHeld {
		return
	}
	m.running = true
	m.work.Go(func() {
		began := time.Now()
		m.give()
		m.mu.Lock()
		defer m.mu.Unlock()
		m.running, m.next = false, now+max(giveEvery, giveShare*time.Since(began))
	})
}

// close waits for what is under way.
func (m *memory) close() { m.work.Wait() }

// heldBytes is what the runtime has of the system and did not give back.
func heldBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// rest is a loop's part in it.
type rest struct {
	turns   uint64 // so far
	counted uint64 // of them, those that were looked at
	quiet   int    // seconds with few turns
	resting bool
}

// busy reports work that was not looked at yet, or that it is not long ago.
func (r *rest) busy() bool { return !r.resting || r.turns-r.counted > restTurns }

// lookForRest finds out, once a second, whether the loop rests.
func (l *loop) lookForRest() {
	r, m := &l.rest, l.memory
	worked := r.turns - r.counted
	r.counted = r.turns
	m.turns.Add(int64(worked))
	m.dropped.Add(l.buffers.dropped)
	l.buffers.dropped = 0
	switch {
	case worked > restTurns:
		r.quiet = 0
		if r.resting {
			r.resting = false
			m.awake.Add(1)
		}
		return
	case !r.resting:
		if r.quiet++; r.quiet < restSeconds {
			return
		}
		r.resting = true
		for _, w := range l.workers {
			w.shrink()
		}
		m.awake.Add(-1)
	}
	m.rested(l.now)
}

// shrink lets go of what a burst made of the buffer to w.
func (w *worker) shrink() {
	if w != nil && len(w.out) == 0 && cap(w.out) > bufferBytes {
		w.out = nil
	}
}

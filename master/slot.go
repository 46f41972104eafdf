package master

import (
	"time"

	"gw/master/config"
)

// probeInterval is the least time between two restarts in a pool whose workers
// fail repeatedly: a broken program with 64 slots is tried once a second, not
// 64 times.
const probeInterval = time.Second

// slot is the place of one worker. Its number is stable. A worker is always
// started as next, and becomes current when it is ready; so first start,
// replacement, recycling and reload are the same movement.
type slot struct {
	pool    *pool
	number  int          // counts from 1
	config  *config.Pool // what the next worker is started with
	current *worker      // gets work; nil: none
	next    *worker      // starting; nil: none

	backoff  backoff
	unready  bool // the last failure came before the worker was ready
	restarts int  // after an unexpected end
	lastExit string
}

// dueAt is when the slot may start a worker.
func (sl *slot) dueAt() time.Time {
	if sl.backoff.failures > 1 && sl.pool.probeAt.After(sl.backoff.retryAt) {
		return sl.pool.probeAt
	}
	return sl.backoff.retryAt
}

// waiting says what an empty slot shows as its state.
func (sl *slot) waiting() string {
	if sl.backoff.looping() {
		return "crash-loop"
	}
	if sl.backoff.failures > 0 {
		return "back-off"
	}
	return string(starting)
}

// workers are the slot's own: not those that drain.
func (sl *slot) workers() []*worker {
	var list []*worker
	for _, w := range []*worker{sl.current, sl.next} {
		if w != nil {
			list = append(list, w)
		}
	}
	return list
}

// release takes w out of the slot: whatever it does from now on is no concern
// of the slot.
func (sl *slot) release(w *worker) {
	if sl.current == w {
		sl.current = nil
	}
	if sl.next == w {
		sl.next = nil
	}
}

// pool is a set of slots.
type pool struct {
	name    string
	config  *config.Pool
	slots   []*slot
	probeAt time.Time // see probeInterval
}

// ready counts the slots that serve.
func (p *pool) ready() int {
	count := 0
	for _, sl := range p.slots {
		if sl.current != nil {
			count++
		}
	}
	return count
}

// starts says whether a worker of the pool is on its way up.
func (p *pool) starts() bool {
	for _, sl := range p.slots {
		if sl.next != nil {
			return true
		}
	}
	return false
}

// newSlot makes the next slot; it is the caller's to append it.
func (p *pool) newSlot(number int, c *config.Pool) *slot {
	return &slot{pool: p, number: number, config: c}
}

// healed lets slots whose worker did not start try at once: one of the pool has
// shown that the program starts again. Workers that crash later are no part of
// it, or each one that starts would set off the others.
func (p *pool) healed(now time.Time) {
	p.probeAt = time.Time{}
	for _, sl := range p.slots {
		if sl.current == nil && sl.next == nil && sl.unready && sl.backoff.retryAt.After(now) {
			sl.backoff.retryAt = now
		}
	}
}

// effectivePools copies the pools of a configuration, with what they inherit.
func effectivePools(c *config.Config) []*config.Pool {
	pools := make([]*config.Pool, len(c.Pools))
	for i := range c.Pools {
		p := c.Pools[i]
		if p.User == "" {
			p.User = c.User
		}
		if p.StdoutFile == "" {
			p.StdoutFile = c.StdoutFile
		}
		pools[i] = &p
	}
	return pools
}

// stableAt is when the slot's failures are forgotten; zero: there are none, or
// nothing has worked since the last (an old worker that serves on because its
// successor does not start proves nothing).
func (sl *slot) stableAt() time.Time {
	if sl.current == nil || sl.backoff.failures == 0 || sl.current.readyAt.Before(sl.backoff.failedAt) {
		return time.Time{}
	}
	return sl.current.readyAt.Add(stableAfter)
}

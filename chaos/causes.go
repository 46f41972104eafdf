package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// effect is what a disturbance may do to requests and messages in its pool.
type effect int

const (
	// harmless: nobody may notice.
	harmless effect = iota
	// kills: what the worker held may fail as docs/reload-and-crash.md says of a crash.
	kills
	// hangs: the same, and one request or message is given up after request_timeout.
	hangs
	// cuts: every open connection of every pool ends.
	cuts
)

// lag is how long after a process was sent SIGKILL it may still take something
// off its pipe, on a busy machine.
const lag = 100 * time.Millisecond

// cause is a disturbance under way or over.
type cause struct {
	what   string
	pool   string // empty: all
	effect effect
	from   time.Time
	until  time.Time // zero: under way
}

func (c *cause) covers(pool string, from, until time.Time) bool {
	return (c.pool == "" || c.pool == pool) && !c.from.After(until) && (c.until.IsZero() || !c.until.Before(from))
}

// causes remembers every disturbance of the run.
type causes struct {
	mu   sync.Mutex
	list []*cause
}

// begin notes a disturbance. Call it before disturbing.
func (c *causes) begin(what, pool string, e effect) *cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &cause{what: what, pool: pool, effect: e, from: time.Now()}
	c.list = append(c.list, one)
	return one
}

// end: what begins later than that was not disturbed by it.
func (c *causes) end(one *cause, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one.until = at
}

// count tells how many disturbances with at least one of the effects were under
// way in a pool at some moment between two.
func (c *causes) count(pool string, from, until time.Time, effects ...effect) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.list {
		for _, e := range effects {
			if one.effect == e && one.covers(pool, from, until) {
				n++
			}
		}
	}
	return n
}

// around names what went on shortly before and at a moment, for people.
func (c *causes) around(at, begin time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, one := range c.list {
		if !one.from.After(at) && (one.until.IsZero() || at.Sub(one.until) < 5*time.Second) {
			name := fmt.Sprintf("%s %s", clock(one.from.Sub(begin)), one.what)
			if !one.until.IsZero() {
				name += " until " + clock(one.until.Sub(begin))
			}
			names = append(names, name)
		}
	}
	if names == nil {
		return "nothing was disturbed"
	}
	return strings.Join(names, "; ")
}

// clock is a moment of the run.
func clock(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

package main

import (
	"context"
	"fmt"
	"time"
)

// standstill is how late a timer of ours must be before the machine is to blame
// for handlers that ran into a time-out.
const standstill = 300 * time.Millisecond

// stalls notes when this machine had no time for us: it had none for handlers
// either, and gw cannot tell one that gets no time from one that hangs. What
// follows within request_timeout is excused as after a hang; the last line says
// how often that was.
type stalls struct {
	count   int
	longest time.Duration
}

// watch looks until the end of the load.
func (s *stalls) watch(ctx context.Context, c *causes) {
	const tick = 20 * time.Millisecond
	for before := time.Now(); sleep(ctx, tick); before = time.Now() {
		late := time.Since(before) - tick
		if late < standstill {
			continue
		}
		s.count++
		s.longest = max(s.longest, late)
		one := c.begin(fmt.Sprintf("machine stood still for %v", late.Round(time.Millisecond)), "", hangs)
		c.end(one, time.Now().Add(requestTimeout))
	}
}

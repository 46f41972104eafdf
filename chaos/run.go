package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// patience bounds every wait for something that should come at once: far above
// what a busy machine needs.
const patience = 30 * time.Second

// run does all of it: build, start, load and disturb, look around, stop.
func run(ctx context.Context, o options, log io.Writer) (*report, error) {
	if o.loops == 0 {
		o.loops = 1 + int(o.seed%3)
	}
	fmt.Fprintf(log, "chaos: seed %d, %v, %d loops\n", o.seed, o.time, o.loops)
	s, err := newSite(o.binary, o.loops)
	if err != nil {
		return nil, err
	}
	if o.keep {
		fmt.Fprintf(log, "chaos: everything is in %s\n", s.dir)
	} else {
		defer s.remove()
	}
	g := &gw{site: s}
	defer g.kill()
	if err := g.start(ctx); err != nil {
		return nil, err
	}
	w := &world{gw: g, causes: &causes{}, ledger: &ledger{}, out: log, begin: time.Now()}
	if err := w.disturbUnderLoad(ctx, o); err != nil {
		return nil, err
	}
	r := w.settle(o)
	r.took = time.Since(w.begin)
	if err := ctx.Err(); err != nil {
		return r, errors.New("interrupted")
	}
	return r, nil
}

// world is what clients and disturbances share.
type world struct {
	gw     *gw
	causes *causes
	ledger *ledger
	out    io.Writer
	begin  time.Time
	deploy deploys
	gauges gauges
	stalls stalls
}

// disturbUnderLoad runs clients and the schedule side by side. The load ends
// last: it must see every disturbance out.
func (w *world) disturbUnderLoad(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.time)
	defer cancel()
	l := startLoad(ctx, w, o.seed)
	var watching sync.WaitGroup
	watching.Go(func() { w.gauges.watch(ctx, w.gw) })
	watching.Go(func() { w.stalls.watch(ctx, w.causes) })
	w.disturb(ctx, plan(o.seed, o.time, o.gatewayKills))
	watching.Wait()
	return l.finish()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"gw/bench/gauge"
	"gw/bench/load"
	"gw/bench/peer"
	"gw/bench/report"
)

const (
	// settle is the time for buffers to be freed and garbage to be collected.
	settle = time.Second
	// openLimit bounds the opening: a server on select(2) takes longer for each
	// connection it has.
	openLimit = 15 * time.Second
	// sealedLimit bounds it where each takes a handshake, on both sides.
	sealedLimit = 2 * time.Minute
	// sealedFirst is how many connections come before those that are measured,
	// in the place of a load.
	sealedFirst = 100
)

// measureIdle starts a server and measures the memory of connections that made
// one request each.
func (b *bench) measureIdle(ctx context.Context, s scenario, p peer.Peer) error {
	server := b.start(ctx, p, s.asks, 1)
	if server == nil {
		return ctx.Err()
	}
	defer b.stop(p, server)
	e := &entrant{peer: p, server: server, row: report.Row{Scenario: "idle-" + s.name, Connections: report.BudgetConnections, Depth: 1}}
	// A first load makes the server allocate what it needs without connections.
	if err := b.warm(ctx, e, s); err != nil {
		return err
	}
	result, err := rest(ctx, e, s, b.options.idle)
	if err != nil {
		fmt.Fprintf(os.Stderr, "FAILED: idle-%s %s: %v\n", s.name, p.Name, err)
	}
	b.report.Idle = append(b.report.Idle, result)
	return ctx.Err()
}

func (b *bench) warm(ctx context.Context, e *entrant, s scenario) error {
	if _, sealed := s.protocol().(load.Resting); sealed {
		idle, err := load.OpenIdle(e.server.Target, s.protocol, sealedFirst, openLimit)
		if err == nil {
			idle.Close()
		}
		return err
	}
	run, err := b.measure(ctx, e, s.protocol(), &awake{})
	if err == nil && run.Failed > 0 {
		b.breakdown(fmt.Sprintf("idle-%s %s: %s", s.name, e.peer.Name, run.FirstErr))
		err = errors.New(run.FirstErr)
	}
	return err
}

// rest opens the connections, lets them rest and closes them.
func rest(ctx context.Context, e *entrant, s scenario, count int) (report.Idle, error) {
	memory := func() map[gauge.Role]gauge.Memory {
		pause(ctx, nil, settle)
		return gauge.ReadTree(e.server.Root).Memory(e.server.Role)
	}
	result := report.Idle{Protocol: s.name, Peer: e.peer.Name, Before: memory(), Lost: count}
	limit, kernel := openLimit, gauge.KernelMemory()
	if _, sealed := s.protocol().(load.Resting); sealed {
		limit = sealedLimit
	}
	idle, err := load.OpenIdle(e.server.Target, s.protocol, count, limit)
	if err != nil {
		return result, err
	}
	defer idle.Close()
	result.Connections, result.With = idle.Open(), memory()
	result.Kernel = gauge.KernelMemory() - kernel
	if result.Lost = idle.Lost(); result.Lost > 0 {
		err = fmt.Errorf("%d of %d idle connections lost", result.Lost, result.Connections)
	}
	idle.Close()
	result.After = memory()
	return result, err
}

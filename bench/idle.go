package main

import (
	"context"
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
	if run, err := b.measure(ctx, e, s.protocol(), &awake{}); err != nil || run.Failed > 0 {
		b.breakdown(fmt.Sprintf("idle-%s %s: %s", s.name, p.Name, run.FirstErr))
		return err
	}
	result, err := rest(ctx, e, s, b.options.idle)
	if err != nil {
		fmt.Fprintf(os.Stderr, "FAILED: idle-%s %s: %v\n", s.name, p.Name, err)
	}
	b.report.Idle = append(b.report.Idle, result)
	return ctx.Err()
}

// rest opens the connections, lets them rest and closes them.
func rest(ctx context.Context, e *entrant, s scenario, count int) (report.Idle, error) {
	memory := func() map[gauge.Role]gauge.Memory {
		pause(ctx, nil, settle)
		return gauge.ReadTree(e.server.Root).Memory(e.server.Role)
	}
	result := report.Idle{Protocol: s.name, Peer: e.peer.Name, Before: memory(), Lost: count}
	kernel := gauge.KernelMemory()
	idle, err := load.OpenIdle(e.server.Target, s.protocol, count, openLimit)
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

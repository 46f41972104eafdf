package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"gw/bench/load"
	"gw/bench/peer"
	"gw/bench/report"
)

// halfPeers are those whose latencies are compared: each behind the gw it
// stands beside.
var halfPeers = []string{"gw-php", "workerman", "gw-asgi", "uvicorn", "fasthttp"}

// halfAll measures latencies on an open-loop schedule, from the time a request
// was due: at half of what the slowest server can do, the same work for all, and
// at half of what each can do by itself.
func (b *bench) halfAll(ctx context.Context, w io.Writer) error {
	var entrants []entrant
	defer func() {
		for _, e := range entrants {
			b.stop(e.peer, e.server)
		}
	}()
	for _, p := range b.chosen(peer.Hello, peer.Hello) {
		if !slices.Contains(halfPeers, p.Name) {
			continue
		}
		if server := b.start(ctx, p, peer.Hello, 1); server != nil {
			entrants = append(entrants, entrant{peer: p, server: server})
		}
	}
	if len(entrants) == 0 {
		return errors.New("no server can run here")
	}
	full, err := b.atRates(ctx, entrants, func(int) float64 { return 0 })
	if err != nil {
		return err
	}
	least := slices.MinFunc(full, func(a, b report.Row) int { return int(a.Median.Rate - b.Median.Rate) }).Median.Rate
	common, err := b.atRates(ctx, entrants, func(int) float64 { return least / 2 })
	if err != nil {
		return err
	}
	own, err := b.atRates(ctx, entrants, func(i int) float64 { return full[i].Median.Rate / 2 })
	if err != nil {
		return err
	}
	for _, table := range []struct {
		title string
		rows  []report.Row
	}{{"half of what the slowest can do", common}, {"half of what each can do", own}} {
		fmt.Fprintf(w, "\n%s, %d connections\n\n", table.title, report.BudgetConnections)
		if err := halfTable(full, table.rows).Write(w); err != nil {
			return err
		}
	}
	return nil
}

// atRates lets the servers take turns, each at its rate; 0: as fast as it can.
func (b *bench) atRates(ctx context.Context, entrants []entrant, rate func(i int) float64) (rows []report.Row, err error) {
	protocol := load.NewHello()
	for i, e := range entrants {
		entrants[i].row = report.Row{Scenario: peer.Hello, Peer: e.peer.Name, Beside: e.peer.Beside, Workers: 1, Connections: report.BudgetConnections, Depth: 1, FixedRate: rate(i)}
	}
	for turn := range b.options.runs {
		for i := range entrants {
			e := &entrants[(i+turn)%len(entrants)]
			run, err := b.measure(ctx, e, protocol, &awake{})
			for again := 0; err == nil && run.Noisy() && run.Failed == 0 && again < b.options.retries; again++ {
				run, err = b.measure(ctx, e, protocol, &awake{})
			}
			if err != nil {
				return nil, err
			}
			if run.Failed > 0 {
				return nil, fmt.Errorf("%s: %d requests failed, first: %s\n%s", e.peer.Name, run.Failed, run.FirstErr, e.server.Output())
			}
			fmt.Fprintf(os.Stderr, "%s at %.0f/s: p50 %v, p99 %v\n", e.peer.Name, run.Rate, run.P50, run.P99)
			e.row.Runs = append(e.row.Runs, run)
		}
	}
	for i := range entrants {
		entrants[i].row.Settle()
		rows = append(rows, entrants[i].row)
	}
	return rows, nil
}

// halfTable shows each server and what the gw beside it has of its latencies.
func halfTable(full, rows []report.Row) *report.Grid {
	g := &report.Grid{Headings: []string{"peer", "alone requests/s", "requests/s", "p50 µs", "p99 µs", "CPU µs", "gw's p50 ÷", "gw's p99 ÷", "noise"}}
	for i, row := range rows {
		m := row.Median
		p50, p99 := "", ""
		if at := slices.IndexFunc(rows, func(gw report.Row) bool { return gw.Peer == row.Beside }); at >= 0 {
			gw := rows[at].Median
			p50, p99 = fmt.Sprintf("%.2f", gw.P50.Seconds()/m.P50.Seconds()), fmt.Sprintf("%.2f", gw.P99.Seconds()/m.P99.Seconds())
		}
		us := func(d time.Duration) string { return thousands(int(d.Microseconds())) }
		g.Add(row.Peer, thousands(int(full[i].Median.Rate)), thousands(int(m.Rate)), us(m.P50), us(m.P99), fmt.Sprintf("%.1f", m.Total()), p50, p99, fmt.Sprintf("%.0f %%", 100*m.Noise))
	}
	return g
}

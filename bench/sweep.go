package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"gw/bench/gauge"
	"gw/bench/load"
	"gw/bench/peer"
	"gw/bench/report"
)

const (
	// sweepPeer is the gw that is swept.
	sweepPeer = "gw-php"
	// sweepActive is how many connections make requests beside others that rest,
	// and in sweeps of something else.
	sweepActive = 64
	// membersOfAGroup hear every message to it.
	membersOfAGroup = 10
	// publishRate keeps messages from travelling together, which those to few
	// groups do when there are many at once.
	publishRate = 2000
)

// What a sweep goes through.
var (
	sweptConnections = []int{1, 16, 64, 256, 1024, 4096, 15000}
	sweptWorkers     = []int{1, 2, 4, 8, 16, 32, 64}
	sweptGroups      = []int{1, 10, 100, 1000}
)

// setting is one point of a sweep: a load, and what else there is meanwhile.
type setting struct {
	names    []string // cells that tell it from the others
	series   string   // those of one are compared with each other
	entrant  entrant
	protocol load.Protocol
	// beside opens what is there beside the load; end wants to know how many
	// requests were made.
	beside func() (end func(done uint64) error, err error)
}

// sweep is -sweep: does the cost of a request depend on how many there are of
// something?
func (b *bench) sweep(ctx context.Context, w io.Writer) error {
	at := slices.IndexFunc(b.peers, func(p peer.Peer) bool { return p.Name == sweepPeer })
	if at < 0 {
		return errors.New(sweepPeer + " cannot run here")
	}
	s := &sweeper{bench: b, gw: b.peers[at]}
	defer s.stop()
	headings, settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	for turn := range b.options.runs {
		for i := range settings {
			if err := s.measure(ctx, settings[(i+turn)%len(settings)]); err != nil {
				return err
			}
		}
	}
	return sweepTable(headings, settings).Write(w)
}

// sweeper owns the servers of a sweep.
type sweeper struct {
	*bench
	gw      peer.Peer
	servers []entrant
}

func (s *sweeper) stop() {
	for _, e := range s.servers {
		s.bench.stop(e.peer, e.server)
	}
}

// serve starts a server and makes an entrant of it.
func (s *sweeper) serve(ctx context.Context, p peer.Peer, asks string, workers int) (entrant, error) {
	server := s.start(ctx, p, asks, workers)
	if server == nil {
		return entrant{}, fmt.Errorf("%s does not start", p.Name)
	}
	e := entrant{peer: p, server: server, row: report.Row{Scenario: asks, Peer: p.Name, Workers: workers, Connections: sweepActive, Depth: 1}}
	s.servers = append(s.servers, e)
	return e, nil
}

func (s *sweeper) settings(ctx context.Context) (headings []string, settings []*setting, err error) {
	switch s.options.sweep {
	case "connections":
		settings, err = s.connections(ctx)
		return []string{"connections", "of them active"}, settings, err
	case "workers":
		settings, err = s.workers(ctx)
		return []string{"peer", "connections", "workers"}, settings, err
	}
	settings, err = s.groups(ctx)
	return []string{"groups", "WebSockets", "groups of each"}, settings, err
}

// connections are all active, or 64 are and the others rest.
func (s *sweeper) connections(ctx context.Context) (settings []*setting, err error) {
	e, err := s.serve(ctx, s.gw, peer.Hello, 1)
	if err != nil {
		return nil, err
	}
	hello := load.NewHello()
	for _, count := range sweptConnections {
		e.row.Connections = count
		settings = append(settings, &setting{names: []string{thousands(count), thousands(count)}, series: "all", entrant: e, protocol: hello})
	}
	e.row.Connections = sweepActive
	for _, count := range sweptConnections {
		if count <= sweepActive {
			continue
		}
		settings = append(settings, &setting{names: []string{thousands(count), fmt.Sprint(sweepActive)}, series: "all", entrant: e, protocol: hello,
			beside: func() (func(uint64) error, error) {
				idle, err := load.OpenIdle(e.server.Target, func() load.Protocol { return load.NewHello() }, count-sweepActive, openLimit)
				if err != nil {
					return nil, err
				}
				return func(uint64) error {
					defer idle.Close()
					if lost := idle.Lost(); lost > 0 || idle.Open() < count-sweepActive {
						return fmt.Errorf("%d of %d idle connections were opened, %d lost", idle.Open(), count-sweepActive, lost)
					}
					return nil
				}, nil
			}})
	}
	return settings, nil
}

// workers that all have work: as many connections as the most workers. More
// processes than processors cost whoever wakes them, so there is another server
// to compare with. Then a single request under way, where only the gateway can
// tell how many workers there are.
func (s *sweeper) workers(ctx context.Context) (settings []*setting, err error) {
	peers := []peer.Peer{s.gw}
	for _, p := range s.peers {
		if p.Name == "workerman" {
			peers = append(peers, p)
		}
	}
	for _, p := range peers {
		for _, count := range sweptWorkers {
			e, err := s.serve(ctx, p, peer.Hello, count)
			if err != nil {
				return nil, err
			}
			for _, active := range []int{sweepActive, 1} {
				e.row.Connections = active
				settings = append(settings, &setting{names: []string{p.Name, fmt.Sprint(active), fmt.Sprint(count)}, series: fmt.Sprint(p.Name, active), entrant: e, protocol: load.NewHello()})
			}
		}
	}
	slices.SortStableFunc(settings, func(a, b *setting) int { return cmp.Compare(b.entrant.row.Connections, a.entrant.row.Connections) })
	return settings, nil
}

// groups of ten members each that are in no other, then ten members that are in
// all groups.
func (s *sweeper) groups(ctx context.Context) (settings []*setting, err error) {
	e, err := s.serve(ctx, s.gw, peer.Groups, 1)
	if err != nil {
		return nil, err
	}
	e.row.FixedRate = publishRate
	add := func(series string, groups, sockets, each int) {
		settings = append(settings, &setting{names: []string{thousands(groups), thousands(sockets), thousands(each)}, series: series, entrant: e, protocol: load.NewPublish(groups),
			beside: func() (func(uint64) error, error) { return members(e.server, groups/each, sockets, each) }})
	}
	for _, count := range sweptGroups {
		add("one group each", count, count*membersOfAGroup, 1)
	}
	for _, count := range sweptGroups {
		add("all groups", count, membersOfAGroup, count)
	}
	return settings, nil
}

// members open WebSockets that join groups and read what is published.
func members(server *peer.Server, groups, sockets, each int) (end func(done uint64) error, err error) {
	idle, err := load.OpenIdle(server.Target, func() load.Protocol { return load.NewJoin(groups, each) }, sockets, openLimit)
	if err != nil {
		return nil, err
	}
	stop, err := idle.Drain()
	if err != nil {
		idle.Close()
		return nil, err
	}
	return func(done uint64) error {
		defer idle.Close()
		want := int64(done) * membersOfAGroup * load.PublishedBytes
		if got := stop(want); got != want {
			return fmt.Errorf("members of groups got %d bytes of %d", got, want)
		}
		return nil
	}, nil
}

// measure makes one run, and others in its place while they are noisy.
func (s *sweeper) measure(ctx context.Context, point *setting) error {
	for again := 0; ; again++ {
		run, err := s.measureOnce(ctx, point)
		if err != nil {
			return err
		}
		if run.Failed > 0 {
			return fmt.Errorf("%v: %d requests failed, first: %s\n%s", point.names, run.Failed, run.FirstErr, point.entrant.server.Output())
		}
		if !run.Noisy() || again >= s.options.retries {
			fmt.Fprintf(os.Stderr, "%s %v: %.1f µs\n", s.options.sweep, point.names, run.Total())
			point.entrant.row.Runs = append(point.entrant.row.Runs, run)
			return nil
		}
	}
}

func (s *sweeper) measureOnce(ctx context.Context, point *setting) (run report.Run, err error) {
	end := func(uint64) error { return nil }
	if point.beside != nil {
		if end, err = point.beside(); err != nil {
			return run, fmt.Errorf("%v: %w", point.names, err)
		}
	}
	run, err = s.bench.measure(ctx, &point.entrant, point.protocol, &awake{})
	return run, errors.Join(err, end(run.Done))
}

func sweepTable(headings []string, settings []*setting) *report.Grid {
	g := &report.Grid{Headings: append(headings, "requests/s", "p50 µs", "p99 µs", "CPU µs", "gateway + handlers", "÷ cheapest", "gateway ÷ cheapest")}
	cheapest, cheapestGateway := map[string]float64{}, map[string]float64{}
	least := func(of map[string]float64, series string, us float64) {
		if before, known := of[series]; !known || us < before {
			of[series] = us
		}
	}
	for _, point := range settings {
		point.entrant.row.Settle()
		least(cheapest, point.series, point.entrant.row.Median.Total())
		least(cheapestGateway, point.series, point.entrant.row.Median.CPU[gauge.Gateway])
	}
	for _, point := range settings {
		m := point.entrant.row.Median
		us := func(d time.Duration) string { return thousands(int(d.Microseconds())) }
		split, gateway := "", ""
		if of, has := m.CPU[gauge.Gateway]; has {
			split, gateway = fmt.Sprintf("%.1f + %.1f", of, m.CPU[gauge.Handler]), fmt.Sprintf("%.2f", of/cheapestGateway[point.series])
		}
		g.Add(append(slices.Clone(point.names), thousands(int(m.Rate)), us(m.P50), us(m.P99), fmt.Sprintf("%.1f", m.Total()),
			split, fmt.Sprintf("%.2f", m.Total()/cheapest[point.series]), gateway)...)
	}
	return g
}

func thousands(n int) string { return report.Thousands(float64(n)) }

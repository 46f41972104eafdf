package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"gw/bench/gauge"
	"gw/bench/load"
	"gw/bench/peer"
	"gw/bench/report"
)

// bench is one run of the benchmark.
type bench struct {
	options options
	kit     *peer.Kit
	peers   []peer.Peer // that can run here
	report  *report.Report
	broken  []string // servers that did not start or stop

	undoNice func()
}

// entrant is a peer's server under one scenario, with its row for the number
// of connections being measured.
type entrant struct {
	peer   peer.Peer
	server *peer.Server
	row    report.Row
}

// prepare builds what the selected settings need, then takes the priority that
// servers and load shall have.
func (b *bench) prepare(ctx context.Context) error {
	var wanted []peer.Peer
	for _, s := range scenarios {
		wanted = append(wanted, b.chosen(s.name, s.asks)...)
	}
	for _, s := range idleScenarios {
		wanted = append(wanted, b.chosenIdle(s)...)
	}
	if len(wanted) == 0 {
		return fmt.Errorf("nothing matches -only %v", b.options.only)
	}
	gw := slices.ContainsFunc(wanted, func(p peer.Peer) bool { return strings.HasPrefix(p.Name, "gw-") })
	err := b.kit.Build(ctx, gw)
	if err != nil {
		return err
	}
	if b.special() == nil {
		if b.report.Alone, err = b.kit.Alone(ctx); err != nil {
			return err
		}
	}
	b.undoNice, err = setNice(b.options.nice)
	return err
}

func (b *bench) measureAll(ctx context.Context) error {
	for _, s := range scenarios {
		for _, workers := range b.options.workers {
			if err := b.measureScenario(ctx, s, workers); err != nil {
				return err
			}
		}
	}
	if b.options.idle == 0 {
		return nil
	}
	for _, s := range idleScenarios {
		for _, p := range b.chosenIdle(s) {
			if err := b.measureIdle(ctx, s, p); err != nil {
				return err
			}
		}
	}
	if len(b.report.Idle) > 0 {
		fmt.Printf("\nmemory of idle connections\n")
		b.report.WriteIdleTable(os.Stdout)
	}
	return nil
}

// measureScenario starts every server of a scenario and lets them take turns.
func (b *bench) measureScenario(ctx context.Context, s scenario, workers int) error {
	chosen, sizes := b.chosen(s.name, s.asks), b.sizes(s)
	if len(chosen) == 0 || len(sizes) == 0 {
		return nil
	}
	runtime.GC()
	protocol := s.protocol()
	var entrants []entrant
	defer func() {
		for _, e := range entrants {
			b.stop(e.peer, e.server)
		}
	}()
	for _, p := range chosen {
		if server := b.start(ctx, p, s.asks, workers); server != nil {
			entrants = append(entrants, entrant{peer: p, server: server})
		}
	}
	for _, conns := range sizes {
		if conns < workers {
			continue // one of them would have nothing to do
		}
		for i := range entrants {
			entrants[i].row = report.Row{
				Scenario: s.name, Peer: entrants[i].peer.Name, Beside: entrants[i].peer.Beside, Workers: workers, Connections: conns, Depth: s.depth, FixedRate: b.options.rate,
			}
		}
		if err := b.takeTurns(ctx, entrants, protocol); err != nil {
			return err
		}
	}
	return nil
}

// takeTurns makes the runs of one number of connections and reports them.
func (b *bench) takeTurns(ctx context.Context, entrants []entrant, protocol load.Protocol) error {
	if len(entrants) == 0 {
		return nil
	}
	awake, err := b.keepAwake(entrants[0].row.Connections)
	if err != nil {
		return err
	}
	defer awake.stop()
	for turn := range b.options.runs {
		for i := range entrants {
			e := &entrants[(i+turn)%len(entrants)] // nobody always follows the same one
			run, err := b.measure(ctx, e, protocol, awake)
			for again := 0; err == nil && run.Noisy() && run.Failed == 0 && again < b.options.retries; again++ {
				run, err = b.measure(ctx, e, protocol, awake)
			}
			if err != nil {
				return err
			}
			if run.Failed > 0 {
				fmt.Fprintf(os.Stderr, "FAILED: %s %s at %d connections: %d, first: %s\n%s", e.row.Scenario, e.peer.Name, e.row.Connections, run.Failed, run.FirstErr, e.server.Output())
			}
			e.row.Runs = append(e.row.Runs, run)
		}
	}
	var rows []report.Row
	for _, e := range entrants {
		e.row.Settle()
		rows = append(rows, e.row)
	}
	b.report.Rows = append(b.report.Rows, rows...)
	fmt.Printf("\n%s\n", rows[0].Scenario)
	b.report.WriteTable(os.Stdout, rows)
	return nil
}

// start starts one server; nil when it does not, which is kept for the verdict.
func (b *bench) start(ctx context.Context, p peer.Peer, asks string, workers int) *peer.Server {
	job, err := b.kit.NewJob(asks, workers)
	if err == nil {
		var server *peer.Server
		if server, err = p.Start(ctx, b.kit, job); err == nil {
			return server
		}
	}
	b.breakdown(fmt.Sprintf("%s %s does not start: %v", asks, p.Name, err))
	return nil
}

// leaveTimeout is how long processes of a server may outlive its first one.
const leaveTimeout = 3 * time.Second

// stop stops one server, and sees to it that no process of it is left.
func (b *bench) stop(p peer.Peer, server *peer.Server) {
	tree := gauge.ReadTree(server.Root)
	if err := server.Stop(); err != nil {
		b.breakdown(fmt.Sprintf("%s does not stop: %v", p.Name, err))
	}
	left := tree.Alive()
	for deadline := time.Now().Add(leaveTimeout); left > 0 && time.Now().Before(deadline); left = tree.Alive() {
		time.Sleep(20 * time.Millisecond)
	}
	if left > 0 {
		b.breakdown(fmt.Sprintf("%s left %d of its processes behind", p.Name, left))
	}
}

func (b *bench) breakdown(what string) {
	fmt.Fprintln(os.Stderr, "FAILED:", what)
	b.broken = append(b.broken, what)
}

// verdict is an error when anything went wrong on the way.
func (b *bench) verdict() error {
	if failed := b.report.Failed(); failed > 0 || len(b.broken) > 0 {
		return fmt.Errorf("%d requests or connections failed, %d servers were in trouble: these figures are worth nothing", failed, len(b.broken))
	}
	return nil
}

// chosen are the peers that serve a scenario and that -only selects.
func (b *bench) chosen(name, asks string) (chosen []peer.Peer) {
	for _, p := range b.peers {
		if p.Serves(asks) && b.options.only.MatchString(name+" "+p.Name) {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

func (b *bench) chosenIdle(s scenario) []peer.Peer {
	return slices.DeleteFunc(b.chosen("idle-"+s.name, s.asks), func(p peer.Peer) bool {
		return b.options.idle == 0 || !slices.Contains(idlePeers, p.Name)
	})
}

// sizes are the numbers of connections a scenario is measured with.
func (b *bench) sizes(s scenario) []int {
	if s.only == 0 {
		return b.options.conns
	}
	return slices.DeleteFunc(slices.Clone(b.options.conns), func(n int) bool { return n != s.only })
}

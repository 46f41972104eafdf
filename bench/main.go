// Command bench measures gw beside other servers: requests per second,
// latencies, processor time per request summed over all of a server's
// processes, and memory per idle connection.
//
// It builds and starts the servers itself, on loopback and free ports, and ends
// them again, also on Ctrl-C. All servers of a scenario run side by side and
// take turns under the load, because figures taken minutes apart differ by more
// than the servers do. Any wrong answer or lost connection makes it fail.
//
//	go run ./bench                      everything, about six minutes
//	go run ./bench -quick               short runs, for a first look
//	go run ./bench -only '^ws gw-'      scenario and peer by regular expression
//	go run ./bench -nice -15 -retries 2 on a machine that has other work
//	go run ./bench -broadcast 10000     latencies beside messages to 10,000 WebSockets
//	go run ./bench -guard               instructions of the SDKs for a message, beside those before
//	go run ./bench -sweep workers       cost by the number of connections, workers or groups
//	go run ./bench -half                latencies under half of the work a server can do
//	go run ./bench -start               how long gw start -d and gw reload take, beside php
//	go run ./bench -soak 5000000        five million requests of each kind: does memory grow?
//	go run ./bench -sdk                 the loops of the SDKs alone, without gateway and sockets
//
// Peers join in where they are found: nginx with php-fpm as Debian installs
// them, and what these variables name. make bench-peers installs what the
// registries offer.
//
//	PEERS_PYTHON   a Python with uvicorn, granian, hypercorn, gunicorn
//	WORKERMAN_SRC  a checkout of Workerman, workerman/coroutine in its vendor
//	               folder or beside it
//	SWOOLE_SO      the extension, swoole.so
//	RR_BIN RR_PHP  the binary of RoadRunner and a vendor folder with
//	               spiral/roadrunner-http
//
// Figures with ~ were taken while others used over 12 % of the machine.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"gw/bench/gauge"
	"gw/bench/peer"
	"gw/bench/report"
)

//go:embed handlers
var handlers embed.FS

func main() {
	o, err := parseOptions(os.Args[1:])
	if err != nil {
		os.Exit(2) // the flag package has said why
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench: interrupted; every server was stopped")
		os.Exit(1)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	// The load's thread never waits for the others, and they never for it.
	runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	debug.SetGCPercent(-1) // collected between the scenarios
	kit, err := peer.NewKit(handlers, o.gw)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kit.Close()) }()

	if o.sdk {
		fmt.Printf("%v.\n", gauge.ReadMachine())
		return sdkAll(ctx, o, kit, os.Stdout)
	}
	if o.guard {
		return guardAll(ctx, o, kit, os.Stdout)
	}
	b := newBench(o, kit)
	defer func() { b.undoNice() }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for _, line := range b.report.Settings() {
		fmt.Println(line)
	}
	if special := b.special(); special != nil {
		return errors.Join(special(ctx, os.Stdout), b.verdict())
	}
	if err := b.measureAll(ctx); err != nil {
		return err
	}
	if err := writeFile(o.json, b.report.WriteJSON); err != nil {
		return err
	}
	markdown := func(w io.Writer) error { b.report.WriteMarkdown(w); return nil }
	if err := writeFile(o.markdown, markdown); err != nil {
		return err
	}
	if err := writeFile(o.svg, b.report.WriteSVG); err != nil {
		return err
	}
	if err := fillPage(o.page, b.report); err != nil {
		return err
	}
	return b.verdict()
}

// special is what is measured instead of the tables of every server; nil: nothing.
func (b *bench) special() func(context.Context, io.Writer) error {
	switch {
	case b.options.soak > 0:
		return b.soakAll
	case b.options.broadcast > 0:
		return b.broadcastAll
	case b.options.start:
		return b.startAll
	case b.options.half:
		return b.halfAll
	case b.options.sweep != "":
		return b.sweep
	}
	return nil
}

// newBench finds out who can be measured.
func newBench(o options, kit *peer.Kit) *bench {
	b := &bench{options: o, kit: kit, undoNice: func() {}, report: &report.Report{
		Command: o.command, Machine: gauge.ReadMachine(), Absent: map[string]string{},
	}}
	for _, p := range peer.All() {
		if why := p.Absent(kit); why != "" {
			b.report.Absent[p.Name] = why
			continue
		}
		b.peers = append(b.peers, p)
	}
	return b
}

// fillPage puts the table of all servers into a page; an empty path: not wanted.
func fillPage(path string, r *report.Report) error {
	if path == "" {
		return nil
	}
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if page, err = r.Insert(page); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, page, 0o644)
}

// writeFile writes one form of the report; an empty path: not wanted.
func writeFile(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

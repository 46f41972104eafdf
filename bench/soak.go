package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"gw/bench/gauge"
	"gw/bench/load"
	"gw/bench/peer"
)

const (
	// soakConnections share the requests of a soak.
	soakConnections = 64
	// soakLooks is how often the memory is read on the way.
	soakLooks = 10
	// soakStall ends a soak whose server does not get on.
	soakStall = 30 * time.Second
)

// soakAll lets every gw peer answer a number of requests of each scenario and
// shows whether its processes grow: what is read after the first tenth has all
// that a warm server needs.
func (b *bench) soakAll(ctx context.Context, w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "scenario\tpeer\trequests\tgateway KiB at 10 %\tat 100 %\thandler KiB at 10 %\tat 100 %\t")
	for _, s := range scenarios {
		for _, p := range b.chosen(s.name, s.asks) {
			if s.depth > 1 || !strings.HasPrefix(p.Name, "gw-") {
				continue
			}
			looks, err := b.soak(ctx, s, p)
			if err != nil {
				return err
			}
			first, last := looks[0], looks[len(looks)-1]
			kib := func(m map[gauge.Role]gauge.Memory, role gauge.Role) int64 { return m[role].RSS >> 10 }
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t\n", s.name, p.Name, b.options.soak,
				kib(first, gauge.Gateway), kib(last, gauge.Gateway), kib(first, gauge.Handler), kib(last, gauge.Handler))
		}
	}
	return t.Flush()
}

// soak reads the memory after each tenth of the requests.
func (b *bench) soak(ctx context.Context, s scenario, p peer.Peer) (looks []map[gauge.Role]gauge.Memory, err error) {
	server := b.start(ctx, p, s.asks, 1)
	if server == nil {
		return nil, fmt.Errorf("%s %s does not start", s.name, p.Name)
	}
	defer b.stop(p, server)
	runtime.GC()
	l, err := load.Open(load.Options{Target: server.Target, Protocol: s.protocol(), Connections: soakConnections, Depth: s.depth})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	for look := range soakLooks {
		want := uint64(b.options.soak) * uint64(look+1) / soakLooks
		if err = await(ctx, ended, l, want); err != nil {
			break
		}
		looks = append(looks, gauge.ReadTree(server.Root).Memory(server.Role))
	}
	l.Stop()
	<-ended
	if failed, fault := l.Failed(); failed > 0 {
		return nil, fmt.Errorf("%s %s: %d requests failed, first: %w\n%s", s.name, p.Name, failed, fault, server.Output())
	}
	fmt.Fprintf(os.Stderr, "%s %s: %d requests\n", s.name, p.Name, l.Done())
	return looks, err
}

// await waits until want requests are done.
func await(ctx context.Context, ended <-chan struct{}, l *load.Load, want uint64) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for before, since := l.Done(), time.Now(); l.Done() < want; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return fmt.Errorf("the load ended after %d of %d requests", l.Done(), want)
		case <-look.C:
		}
		if done := l.Done(); done != before {
			before, since = done, time.Now()
		} else if time.Since(since) > soakStall {
			return fmt.Errorf("no answer for %s after %d of %d requests", soakStall, done, want)
		}
	}
	return nil
}

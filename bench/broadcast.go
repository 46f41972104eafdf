package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"text/tabwriter"
	"time"

	"gw/bench/load"
	"gw/bench/peer"
)

const (
	// broadcastEvery is the time between two messages to all.
	broadcastEvery = 250 * time.Millisecond
	// broadcastFrame is one as a client receives it: 256 bytes behind their head.
	broadcastFrame = 4 + 256
	// broadcastRate and broadcastClients are the requests beside them.
	broadcastRate    = 2000
	broadcastClients = 16
)

// broadcastAll measures what requests feel of messages to every WebSocket: the
// latencies of the same load without and with them.
func (b *bench) broadcastAll(ctx context.Context, w io.Writer) error {
	at := slices.IndexFunc(b.peers, func(p peer.Peer) bool { return p.Serves(peer.Broadcast) })
	if at < 0 {
		return errors.New("gw-php cannot run here")
	}
	p := b.peers[at]
	server := b.start(ctx, p, peer.Broadcast, 1)
	if server == nil {
		return fmt.Errorf("%s does not start", p.Name)
	}
	defer b.stop(p, server)
	sockets, err := load.OpenIdle(server.Target, func() load.Protocol { return load.NewWebSocket() }, b.options.broadcast, openLimit)
	if err != nil {
		return err
	}
	defer sockets.Close()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "WebSockets\tmessages to all\trequests/s\tp50 µs\tp99 µs\tmax µs\t")
	for _, publishing := range []bool{false, true} {
		published, l, err := b.besideBroadcasts(ctx, server.Target, publishing)
		if err != nil {
			return err
		}
		latencies := l.Latencies()
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%d\t%d\t\n", sockets.Open(), published, broadcastRate,
			latencies.Quantile(0.5).Microseconds(), latencies.Quantile(0.99).Microseconds(), latencies.Max().Microseconds())
		if lost := sockets.Receive(published * broadcastFrame); lost > 0 {
			return fmt.Errorf("%d of %d WebSockets did not get every message", lost, sockets.Open())
		}
	}
	return t.Flush()
}

// besideBroadcasts makes requests at a fixed rate, and messages to all beside
// them when publishing is set.
func (b *bench) besideBroadcasts(ctx context.Context, target netip.AddrPort, publishing bool) (published int, l *load.Load, err error) {
	l, err = load.Open(load.Options{Target: target, Protocol: load.NewHello(), Connections: broadcastClients, Depth: 1, Rate: broadcastRate})
	if err != nil {
		return 0, nil, err
	}
	defer l.Close()
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	pause(ctx, ended, warmUp)
	l.Measure()
	until := time.Now().Add(b.options.time * time.Duration(b.options.runs))
	for err == nil && time.Now().Before(until) && ctx.Err() == nil {
		if publishing {
			err = publish(target)
			published++
		}
		pause(ctx, ended, broadcastEvery)
	}
	l.Stop()
	<-ended
	failed, fault := l.Failed()
	if failed > 0 {
		err = fmt.Errorf("%d requests failed, first: %w", failed, fault)
	}
	return published, l, errors.Join(err, ctx.Err())
}

func publish(target netip.AddrPort) error {
	answer, err := http.Get("http://" + target.String() + "/publish")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("publish: %s", answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

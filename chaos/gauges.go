package main

import (
	"context"
	"sync"
	"time"
)

// gauges are what is measured on the way.
type gauges struct {
	recovery greatest // a killed worker's slot serves again
	outage   greatest // the killed gateway's pools serve again

	mu       sync.Mutex
	peak     int64
	repeated uint64 // requests and messages given to a second worker, of gateways that are gone
	latest   uint64 // of the one that lives
}

// watch looks at gw once a second, until the end of the load.
func (g *gauges) watch(ctx context.Context, gw *gw) {
	for sleep(ctx, time.Second) {
		if s, err := gw.status(); err == nil {
			g.look(s)
		}
	}
}

func (g *gauges) look(s *status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.Gateway.PID != 0 {
		g.peak = max(g.peak, peakMemory(s.Gateway.PID))
	}
	var repeated uint64
	for _, p := range s.Pools {
		repeated += p.Retried + p.Redelivered
	}
	g.latest = max(g.latest, repeated)
}

// gatewayDied: the counters of the next one begin at nought.
func (g *gauges) gatewayDied() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.repeated, g.latest = g.repeated+g.latest, 0
}

func (g *gauges) retried() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.repeated + g.latest
}

// greatest is the longest of many times.
type greatest struct {
	mu    sync.Mutex
	value time.Duration
}

func (g *greatest) raise(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.value = max(g.value, d)
}

func (g *gauges) highest() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.peak
}

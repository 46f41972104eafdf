package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// load is all clients of a run.
type load struct {
	w       *world
	ctx     context.Context
	seed    uint64
	clients uint64
	running sync.WaitGroup
}

// startLoad starts every kind of client: about two thousand requests and
// messages a second, if gw keeps up.
func startLoad(ctx context.Context, w *world, seed uint64) *load {
	l := &load{w: w, ctx: ctx, seed: seed}
	for range 16 {
		l.requests("keep", (*requester).small, true, 1, 40*time.Millisecond)
		l.requests("each", (*requester).small, false, 1, 150*time.Millisecond)
	}
	for range 6 {
		l.requests("pipe", (*requester).small, true, 8, 100*time.Millisecond)
		l.requests("slow", (*requester).big, true, 1, 500*time.Millisecond)
	}
	for range 4 {
		l.requests("load", (*requester).upload, true, 1, 500*time.Millisecond)
		l.rude()
	}
	for _, pool := range poolNames {
		l.speakers("websocket", pool, 12, func() (talker, error) { return dialWebSocket(w.gw.site.addresses["http"], "/"+pool) })
		l.slowSpeaker(pool)
	}
	l.speakers("text", "php", 8, func() (talker, error) { return dialStream(w.gw.site.addresses["text"], false) })
	l.speakers("frame", "python", 8, func() (talker, error) { return dialStream(w.gw.site.addresses["frame"], true) })
	l.speakers("text", "async", 8, func() (talker, error) { return dialStream(w.gw.site.addresses["lines"], false) })
	return l
}

// random is a client's own source: what it does does not depend on the others.
func (l *load) random() *rand.Rand {
	l.clients++
	return rand.New(rand.NewPCG(l.seed, 1+l.clients))
}

func (l *load) requests(name string, make func(*requester) *request, keep bool, depth int, pause time.Duration) {
	q := &requester{w: l.w, rand: l.random()}
	q.name = fmt.Sprintf("%s%d", name, l.clients)
	l.running.Go(func() { q.run(l.ctx, func() *request { return make(q) }, keep, depth, pause) })
}

func (l *load) speakers(kind, pool string, count int, dial func() (talker, error)) {
	for range count {
		r := l.random()
		s := &speaker{w: l.w, rand: r, pool: pool, kind: kind, dial: dial, window: 1 + r.IntN(8), pause: 50 * time.Millisecond, longest: 40 << 10, halfEnds: kind != "websocket"}
		l.running.Go(func() { s.run(l.ctx) })
	}
}

// slowSpeaker reads its long answers late, though within what send_buffer holds.
func (l *load) slowSpeaker(pool string) {
	s := &speaker{w: l.w, rand: l.random(), pool: pool, kind: "slow websocket", window: 8, pause: 50 * time.Millisecond, slow: 80 * time.Millisecond, longest: 100 << 10,
		dial: func() (talker, error) { return dialNarrow(l.w.gw.site.addresses["http"], "/"+pool) }}
	l.running.Go(func() { s.run(l.ctx) })
}

func (l *load) rude() {
	r := &rude{w: l.w, rand: l.random()}
	l.running.Go(func() { r.run(l.ctx) })
}

// finish waits until every client has heard what it is owed.
func (l *load) finish() error {
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.running.Wait()
	}()
	select {
	case <-over:
		return nil
	case <-time.After(5 * patience):
		return errors.New("clients did not finish")
	}
}

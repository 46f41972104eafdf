package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

func now() time.Time { return time.Now() }

// disturb carries out a plan, and returns when its last step is over.
func (w *world) disturb(ctx context.Context, steps []step) {
	var under sync.WaitGroup
	defer under.Wait()
	for _, s := range steps {
		if !sleep(ctx, s.at-time.Since(w.begin)) {
			return
		}
		under.Go(func() { w.step(ctx, s) })
	}
}

// sleep is cut short by the end of the run.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// step does one thing and sees it out.
func (w *world) step(ctx context.Context, s step) {
	switch s.kind {
	case reload:
		w.reload(ctx, "reload", nil)
	case scale:
		w.reload(ctx, fmt.Sprintf("scale to %v", s.workers), s.workers)
	case brokenCode:
		w.deployBroken(ctx, s.pool)
	default:
		defer w.deploy.hold(s.pool)()
		if ctx.Err() == nil {
			w.harm(ctx, s)
		}
	}
}

// harm does what needs another process to be started.
func (w *world) harm(ctx context.Context, s step) {
	switch s.kind {
	case kill:
		w.killWorker(s, syscall.SIGKILL)
	case segv:
		w.killWorker(s, syscall.SIGSEGV)
	case exit:
		w.ask(ctx, s, kills, "/exit", 500, 502)
	case hang:
		w.ask(ctx, s, hangs, hangPath(s), 504, 502)
	case hangMessage:
		w.hangOnMessage(s)
	case freeze:
		w.freezeWorker(s, harmless)
	case freezeLong:
		w.freezeWorker(s, hangs)
	case gatewayKill:
		w.killGateway()
	}
}

// hangPath: an async handler may hang with or without blocking the others.
func hangPath(s step) string {
	if s.pick%2 == 0 {
		return "/hang?await=1"
	}
	return "/hang"
}

// victim is the worker that a step is about.
func (w *world) victim(s step) (worker, bool) {
	status, err := w.gw.status()
	if err != nil {
		w.ledger.fail("status: %v", err)
		return worker{}, false
	}
	active := status.active(s.pool)
	if len(active) == 0 {
		return worker{}, false // the gateway was killed just now
	}
	return active[s.pick%len(active)], true
}

func (w *world) killWorker(s step, signal syscall.Signal) {
	v, ok := w.victim(s)
	if !ok {
		return
	}
	c := w.causes.begin(fmt.Sprintf("%v of %s#%d pid %d", s.kind, v.Pool, v.Slot, v.PID), s.pool, kills)
	syscall.Kill(v.PID, signal)
	w.causes.end(c, now().Add(lag))
	w.say("%s", c.what)
	w.awaitReplaced(v, c.from)
}

// awaitReplaced measures how long the slot was without a worker.
func (w *world) awaitReplaced(v worker, since time.Time) {
	back := func() bool { s, err := w.gw.status(); return err == nil && s.replaced(v) }
	if !w.gw.await(context.Background(), 2*patience, back) {
		w.ledger.fail("%s#%d was not replaced within %v\n   around: %s", v.Pool, v.Slot, 2*patience, w.around())
		return
	}
	w.gauges.recovery.raise(time.Since(since))
}

// ask sends a request that does harm to the handler that gets it.
func (w *world) ask(ctx context.Context, s step, e effect, path string, allowed ...int) {
	c := w.causes.begin(fmt.Sprintf("POST /%s%s", s.pool, path), s.pool, e)
	w.say("%s", c.what)
	h, err := dialHTTP(w.gw.site.addresses["http"])
	if err != nil {
		w.ledger.fail("%s: %v", c.what, err)
		return
	}
	defer h.close()
	status, _, err := h.exchange(&request{method: "POST", path: "/" + s.pool + path})
	w.causes.end(c, now().Add(lag))
	for _, a := range allowed {
		if err == nil && status == a {
			w.awaitReady(ctx)
			return
		}
	}
	if w.causes.count(s.pool, h.opened, now(), cuts) == 0 {
		w.ledger.fail("%s: %d %v, want one of %v\n   around: %s", c.what, status, err, allowed, w.around())
	}
}

// hangOnMessage: the connection of a message that hangs is closed with 1011.
func (w *world) hangOnMessage(s step) {
	c := w.causes.begin("message that hangs at "+s.pool, s.pool, hangs)
	w.say("%s", c.what)
	defer w.endNow(c)
	opened := now()
	t, err := dialWebSocket(w.gw.site.addresses["http"], "/"+s.pool)
	if err != nil {
		w.ledger.fail("%s: %v", c.what, err)
		return
	}
	defer t.close()
	if err = t.write("hang"); err == nil {
		_, err = t.read(now().Add(patience))
	}
	if !t.brokenOff(err) && w.causes.count(s.pool, opened, now(), cuts) == 0 {
		w.ledger.fail("%s: %v, want close 1011\n   around: %s", c.what, err, w.around())
	}
}

// freezeWorker stops a worker for a while. One that has nothing to do, or that
// is thawed in time, goes on as if nothing had been.
func (w *world) freezeWorker(s step, e effect) {
	v, ok := w.victim(s)
	if !ok {
		return
	}
	process, err := os.FindProcess(v.PID) // a pidfd: the number may be another's by SIGCONT
	if err != nil {
		return
	}
	defer process.Release()
	c := w.causes.begin(fmt.Sprintf("%v of %s#%d pid %d for %v", s.kind, v.Pool, v.Slot, v.PID, s.length.Round(time.Millisecond)), s.pool, e)
	defer w.endNow(c)
	w.say("%s", c.what)
	process.Signal(syscall.SIGSTOP)
	time.Sleep(s.length)
	process.Signal(syscall.SIGCONT)
}

// killGateway measures until every pool serves again.
func (w *world) killGateway() {
	status, err := w.gw.status()
	if err != nil {
		w.ledger.fail("status: %v", err)
		return
	}
	if status.Gateway.PID == 0 {
		return // it died just now
	}
	w.gauges.look(status)
	c := w.causes.begin(fmt.Sprintf("kill of the gateway, pid %d", status.Gateway.PID), "", cuts)
	syscall.Kill(status.Gateway.PID, syscall.SIGKILL)
	w.causes.end(c, now().Add(lag))
	w.gauges.gatewayDied()
	w.say("%s", c.what)
	for _, pool := range poolNames {
		w.probe(pool)
	}
	w.gauges.outage.raise(time.Since(c.from))
	w.awaitReady(context.Background())
}

// probe asks one question of a new connection: it waits in the kernel until
// there is a gateway.
func (w *world) probe(pool string) {
	h, err := dialHTTP(w.gw.site.addresses["http"])
	if err != nil {
		w.ledger.fail("connect after the gateway was killed: %v", err)
		return
	}
	defer h.close()
	if status, _, err := h.exchange(&request{method: "GET", path: "/" + pool + "/echo"}); err != nil || status != 200 {
		w.ledger.fail("first request to %s after the gateway was killed: %d %v\n   around: %s", pool, status, err, w.around())
	}
}

// awaitReady waits until all is as configured, unless something else goes on.
func (w *world) awaitReady(ctx context.Context) {
	w.gw.await(ctx, patience, func() bool { s, err := w.gw.status(); return err == nil && s.ready() })
}

func (w *world) endNow(c *cause) { w.causes.end(c, now().Add(lag)) }

func (w *world) around() string { return w.causes.around(now(), w.begin) }

// say tells what happens, for people who watch.
func (w *world) say(format string, arguments ...any) {
	fmt.Fprintf(w.out, "%8s  %s\n", clock(time.Since(w.begin)), fmt.Sprintf(format, arguments...))
}

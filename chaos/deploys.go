package main

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// deploys are the changes of code and configuration, one at a time.
type deploys struct {
	one      sync.Mutex   // held from the change to the end of its reload
	newest   int          // version on disk, guarded by one
	promised atomic.Int64 // every answer to a request sent from now on is of this version or newer

	// code of a pool is written while its program is broken: no worker of it may
	// die meanwhile, or none could take its place.
	code [3]sync.RWMutex
}

// hold keeps the programs of a pool whole, or of all; call what it returns.
func (d *deploys) hold(pool string) (release func()) {
	var held []*sync.RWMutex
	for i, name := range poolNames {
		if pool == "" || pool == name {
			d.code[i].RLock()
			held = append(held, &d.code[i])
		}
	}
	return func() {
		for _, lock := range held {
			lock.RUnlock()
		}
	}
}

// reload deploys a new version and, if workers are given, other numbers of them.
func (w *world) reload(ctx context.Context, what string, workers map[string]int) {
	d := &w.deploy
	d.one.Lock()
	defer d.one.Unlock()
	if ctx.Err() != nil {
		return
	}
	c := w.causes.begin(what, "", harmless)
	defer w.endNow(c)
	d.newest++
	if err := w.gw.site.write("version", strconv.Itoa(d.newest+1)); err != nil {
		w.ledger.fail("write version: %v", err)
		return
	}
	if workers != nil {
		if err := w.gw.site.configure(workers); err != nil {
			w.ledger.fail("write gw.yaml: %v", err)
			return
		}
	}
	code, said := w.gw.reload(context.WithoutCancel(ctx))
	switch {
	case code == exitOK:
		d.promised.Store(int64(d.newest + 1))
		w.checkWorkers(workers)
	case code == exitAborted && w.diedSince(c) > 0: // the new worker itself may have been the one
		w.say("%s was aborted, since a process was killed meanwhile", what)
	default:
		w.ledger.fail("%s: gw reload: exit code %d\n%s\n   around: %s", what, code, said, w.around())
	}
}

// diedSince counts what ended processes while c went on.
func (w *world) diedSince(c *cause) (n int) {
	for _, pool := range poolNames {
		n += w.causes.count(pool, c.from, now(), kills, hangs, cuts)
	}
	return n
}

// checkWorkers compares with what was asked for.
func (w *world) checkWorkers(asked map[string]int) {
	s, err := w.gw.status()
	if err != nil {
		w.ledger.fail("status: %v", err)
		return
	}
	for _, p := range s.Pools {
		if asked != nil && p.Workers != asked[p.Name] {
			w.ledger.fail("pool %s has %d workers after a reload that asked for %d", p.Name, p.Workers, asked[p.Name])
		}
	}
}

// deployBroken deploys a program that does not load: the reload is refused, and
// the load finds the old code serving.
func (w *world) deployBroken(ctx context.Context, pool string) {
	d := &w.deploy
	d.one.Lock()
	defer d.one.Unlock()
	lock := &d.code[slices.Index(poolNames, pool)]
	lock.Lock()
	defer lock.Unlock()
	if ctx.Err() != nil {
		return
	}
	c := w.causes.begin("broken deploy of "+pool, "", harmless)
	defer w.endNow(c)
	if err := w.gw.site.spoil(programs[pool]); err != nil {
		w.ledger.fail("break %s: %v", programs[pool], err)
	}
	code, said := w.gw.reload(context.WithoutCancel(ctx))
	if code != exitAborted && w.diedSince(c) == 0 {
		w.ledger.fail("broken deploy of %s: gw reload: exit code %d, want %d\n%s", pool, code, exitAborted, said)
	}
	if err := w.gw.site.install(programs[pool]); err != nil {
		w.ledger.fail("mend %s: %v", programs[pool], err)
	}
}

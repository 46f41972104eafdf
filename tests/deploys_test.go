package tests

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// brokenDeploys are programs that cannot serve, and what each of them says.
var brokenDeploys = map[string]string{
	"broken_syntax":    "syntax",
	"raises_at_import": "raises_at_import",
	"exits_at_boot":    "exits_at_boot",
	"never_ready":      "never_ready",
	"dies_when_ready":  "dies_when_ready",
}

// withLoad sends requests while act runs, and fails when one of them does.
func withLoad(t *testing.T, g *gateway, act func()) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	load := &httpLoad{g: g}
	var clients sync.WaitGroup
	for n := range 4 {
		clients.Go(func() { load.client(ctx, http.MethodPost, n%2 == 0, 5*time.Millisecond) })
	}
	act()
	stop()
	clients.Wait()
	for _, f := range load.failures {
		t.Errorf("failed request: %v", f)
	}
	if load.requests.Load() == 0 {
		t.Error("no request was sent")
	}
}

// Whatever is wrong with a deploy, the old code serves on without one failed
// request, and the next good deploy heals.
func TestBrokenDeployFailsNoRequest(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "numbered", workers: 2, pool: "start_timeout: 1s"})
		file := l.file("numbered")
		whole, before := g.read(file), g.workers()
		withLoad(t, g, func() {
			for broken, says := range brokenDeploys {
				g.write(file, g.read(l.file(broken)))
				begin := time.Now()
				r := g.run("reload")
				if took := time.Since(begin); took > 10*time.Second {
					t.Errorf("%s: the reload took %v", broken, took)
				}
				if r.code != exitReloadAborted || !strings.Contains(strings.ToLower(r.stdout+r.stderr), says) {
					t.Errorf("%s: exit code %d, and it said\n%s%s", broken, r.code, r.stdout, r.stderr)
				}
				if after := g.workers(); !slices.Equal(before, after) {
					t.Errorf("%s: workers %v, then %v", broken, before, after)
				}
			}
			g.write(file, whole)
			g.mustRun("reload")
		})
		if slices.ContainsFunc(g.workers(), func(pid int) bool { return slices.Contains(before, pid) }) {
			t.Error("the good deploy replaced nothing")
		}
	})
}

func TestStartOfABrokenProgramFailsClearly(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		for broken, says := range brokenDeploys {
			g := prepare(t, setup{language: l, handler: broken, workers: 2, pool: "start_timeout: 1s"})
			r := g.run("start", "-d")
			if r.code != exitHandlerFailed || !strings.Contains(strings.ToLower(r.stdout+r.stderr), says) {
				t.Errorf("%s: exit code %d, and it said\n%s%s", broken, r.code, r.stdout, r.stderr)
			}
			if left := processesOf(g); len(left) > 0 {
				t.Errorf("%s: %d processes after the failed start", broken, len(left))
			}
		}
	})
}

// A pool whose program broke while it ran is tried once at once by each worker,
// then less than once a second; it says so, and serves again by itself when the
// file is whole.
func TestBrokenPoolBacksOffAndHealsByItself(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 4})
		file := l.file("hello")
		whole := g.read(file)
		g.write(file, g.read(l.file("exits_at_boot")))
		for _, pid := range g.workers() {
			g.kill(pid, 9)
		}
		inState := func(state string) func() bool {
			return func() bool {
				return slices.ContainsFunc(g.status().Workers, func(w worker) bool { return w.State == state && strings.Contains(w.LastExit, "exit code 3") })
			}
		}
		eventually(t, patience, "status says back-off and why", inState("back-off"))
		first, begin := g.status().Totals.Restarts, time.Now()
		eventually(t, 2*patience, "status says crash-loop", inState("crash-loop"))
		took := time.Since(begin)
		if starts := g.status().Totals.Restarts - first; float64(starts) > took.Seconds()+4 {
			t.Errorf("%d starts in %v", starts, took)
		}
		g.write(file, whole)
		eventually(t, 2*patience, "the pool has healed", func() bool { return g.status().Totals.Ready == 4 })
		g.wantPage("/", "Hello Client")
	})
}

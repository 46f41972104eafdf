package master

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gw/master/api"
	"gw/master/config"
)

func TestReloadActivatesTheNewBeforeItDrainsTheOld(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		if last := w.reload(); last.Result != "ok" {
			t.Errorf("got %+v", last)
		}
		w.sleep(time.Second)
		// The ends of the old ones fall anywhere behind their drains.
		did := slices.DeleteFunc(w.did(), func(what string) bool { return strings.HasPrefix(what, "exited") })
		want := []string{
			"attach 3", "activate 3", "drain 1",
			"attach 4", "activate 4", "drain 2",
			"configure web 1=a:1",
		}
		if !slices.Equal(did, want) {
			t.Errorf("the master did %v", did)
		}
	})
}

func TestReloadNeverServesWithFewerWorkers(t *testing.T) {
	supervise(t, one(4), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.reload()
		serving := 4
		for _, what := range w.did() {
			switch verb, _, _ := strings.Cut(what, " "); verb {
			case "activate":
				serving++
			case "drain":
				serving--
			}
			if serving < 4 || serving > 5 {
				t.Fatalf("%d serve", serving)
			}
		}
	})
}

func TestReloadInParallelTakesTheFirstAlone(t *testing.T) {
	c := one(6)
	c.Pools[0].ReloadParallel = 3
	supervise(t, c, func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.reload()
		var did []string // those of one step come in any order
		for _, what := range w.did() {
			if verb, _, _ := strings.Cut(what, " "); verb == "attach" || verb == "activate" {
				did = append(did, verb)
			}
		}
		want := "attach activate attach attach attach activate activate activate attach attach activate activate"
		if got := strings.Join(did, " "); got != want {
			t.Errorf("the master did %s", got)
		}
	})
}

func TestFailureInAParallelStepCancelsTheOthers(t *testing.T) {
	c := one(4)
	c.Pools[0].ReloadParallel = 3
	supervise(t, c, func(w *world) {
		w.sleep(time.Minute)
		started := 0
		w.behave = func(*command) behaviour {
			if started++; started == 3 {
				return behaviour{readyAt: -1, exitsAt: 5 * time.Millisecond}
			}
			return good
		}
		if last := w.reload(); last.Result != "aborted" || !strings.Contains(last.Reason, "1 of 4 slots") {
			t.Errorf("got %+v", last)
		}
		w.expectStates("active", "active", "active", "active")
	})
}

func TestReloadTellsEachSlot(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		var told []string
		for _, e := range w.reloadEvents() {
			told = append(told, e.Pool+idText(uint64(e.Slot))+" "+e.State+e.Result)
		}
		want := []string{"web1 started", "web1 replaced", "web2 started", "web2 replaced", "0 ok"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
	})
}

func TestReloadDoesNotWaitForOldWorkersToFinish(t *testing.T) {
	c := one(2)
	runWith(t, c, func(w *world) {
		slow := good
		slow.lingers = 4 * time.Second
		w.behave = func(*command) behaviour { return slow }
	}, func(w *world) {
		w.sleep(time.Minute)
		began := time.Now()
		w.reload()
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
		w.expectStates("draining", "active", "draining", "active")
		// Many reloads in a row pile up a bounded number of them.
		for range 5 {
			w.reload()
			if n := len(w.status().Workers); n > 2+minDraining+1 {
				t.Fatalf("%d processes", n)
			}
		}
	})
}

func TestFirstFailureAbortsTheReloadAndKeepsTheOldCode(t *testing.T) {
	for name, plan := range map[string]behaviour{
		"exit code 1 before it was ready":                         {readyAt: -1, exitsAt: time.Second, prints: "boom"},
		"not ready within 10s (start_timeout), killed by SIGKILL": {readyAt: -1, prints: "boom"},
		"no php": {refuse: errors.New("no php")},
	} {
		t.Run(name, func(t *testing.T) {
			supervise(t, one(2), func(w *world) {
				w.sleep(time.Minute)
				w.did()
				w.behaves(plan)
				last := w.reload()
				if last.Result != "aborted" || last.Reason != "pool web, slot 1: new handler did not start: "+name || last.Output != plan.prints {
					t.Errorf("got %+v", last)
				}
				for _, what := range w.did() {
					if strings.HasPrefix(what, "drain") || strings.HasPrefix(what, "activate") || strings.HasPrefix(what, "configure") {
						t.Errorf("the master did %s", what)
					}
				}
				w.sleep(time.Minute)
				s := w.status()
				if s.Workers[0].ID != 1 || s.Workers[1].ID != 2 || len(s.Workers) != 2 || s.Reload.Result != "aborted" || s.State != "running" {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

func TestAbortLaterSaysWhichSlotsAreNew(t *testing.T) {
	supervise(t, one(3), func(w *world) {
		w.sleep(time.Minute)
		w.change(func() {
			w.behave = func(c *command) behaviour {
				if lookupVariable(c.environment, "GW_SLOT") == "2" {
					return behaviour{readyAt: -1, exitsAt: time.Second}
				}
				return good
			}
		})
		last := w.reload()
		if last.Result != "aborted" || !strings.Contains(last.Reason, "1 of 3 slots were replaced") {
			t.Errorf("got %+v", last)
		}
		w.sleep(time.Minute)
		w.expectStates("active", "active", "active")
	})
}

func TestFaultOfTheConfigurationChangesNothing(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.rereads(nil, errors.New("gw.yaml:3:5: unknown key"))
		if last := w.reload(); last.Result != "aborted" || !strings.Contains(last.Reason, "gw.yaml:3:5") {
			t.Errorf("got %+v", last)
		}
		w.expect()
	})
}

func TestPortInUseChangesNothing(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		c := one(1)
		c.Listeners = append(c.Listeners, config.Listener{Scheme: "http", Address: "c:3"}, config.Listener{Scheme: "http", Address: "b:2"})
		w.change(func() { w.busy["b:2"] = true })
		w.rereads(c, nil)
		if last := w.reload(); last.Result != "aborted" || !strings.Contains(last.Reason, "b:2") {
			t.Errorf("got %+v", last)
		}
		w.expect()
	})
}

func TestReloadChangesListeners(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		c := one(1)
		c.Listeners = []config.Listener{{Scheme: "http", Address: "b:2"}, c.Listeners[0]}
		w.rereads(c, nil)
		w.reload()
		if did := w.did(); !slices.Contains(did, "configure web 2=b:2* 1=a:1") {
			t.Errorf("the master did %v", did)
		}
		c = one(1)
		c.Listeners = []config.Listener{{Scheme: "http", Address: "b:2"}}
		w.rereads(c, nil)
		w.reload()
		if did := w.did(); !slices.Contains(did, "configure web 2=b:2") {
			t.Errorf("the master did %v", did)
		}
		if w.bound[0].file.Close() == nil {
			t.Error("the listener that went is still open")
		}
	})
}

func TestReloadResizesPools(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		w.rereads(one(4), nil)
		w.reload()
		w.sleep(time.Second)
		w.expectStates("active", "active", "active", "active")
		w.rereads(one(1), nil)
		w.reload()
		w.sleep(time.Second)
		w.expectStates("active")
	})
}

func TestPoolWithoutReloadIsLeftAlone(t *testing.T) {
	c := one(2)
	c.Pools[0].Reload = false
	supervise(t, c, func(w *world) {
		w.sleep(time.Minute)
		events := w.reloadEvents()
		if events[0].State != "unchanged" || events[len(events)-1].Result != "ok" {
			t.Errorf("got %+v", events)
		}
		if s := w.status(); s.Workers[0].ID != 1 || s.Workers[1].ID != 2 {
			t.Errorf("workers %+v", s.Workers)
		}
	})
}

func TestReloadAddsAPoolBeforeItsRoutesAndRemovesItAfterThem(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		c := one(1)
		c.Pools[0].Reload = false
		c.Pools = append(c.Pools, onePool("api", 1))
		c.Listeners[0].Routes = append(c.Listeners[0].Routes, config.Route{Prefix: "/api", Pool: "api"})
		w.rereads(c, nil)
		w.reload()
		w.expect("configure web api 1=a:1", "attach 2", "activate 2", "configure web api 1=a:1")
		c = one(1)
		c.Pools[0].Reload = false
		w.rereads(c, nil)
		w.reload()
		w.sleep(time.Second)
		w.expect("configure web 1=a:1", "drain 2", "exited 2")
		w.expectStates("active")
	})
}

func TestAddedPoolThatDoesNotStartGoesAgain(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		c := one(1)
		c.Pools[0].Reload = false
		c.Pools = append(c.Pools, onePool("api", 2))
		w.rereads(c, nil)
		w.behaves(behaviour{readyAt: -1, exitsAt: time.Second})
		w.did()
		if last := w.reload(); last.Result != "aborted" {
			t.Errorf("got %+v", last)
		}
		w.sleep(time.Minute)
		did := w.did()
		if did[len(did)-1] != "configure web 1=a:1" && !slices.Contains(did, "configure web 1=a:1") {
			t.Errorf("the master did %v", did)
		}
		if s := w.status(); len(s.Pools) != 1 || len(s.Workers) != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestReloadOfOnePoolTakesNothingElseOver(t *testing.T) {
	c := one(1)
	c.Pools = append(c.Pools, onePool("api", 1))
	supervise(t, c, func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.rereads(&config.Config{Pools: []config.Pool{onePool("api", 2)}}, nil)
		done := make(chan *progress, 1)
		w.s.post(func() {
			p, _ := w.s.beginReload("api")
			done <- p
		})
		<-done
		w.sleep(time.Second)
		s := w.status()
		if len(s.Workers) != 3 || s.Workers[0].ID != 1 || len(s.Listeners) != 1 || s.Pools[1].Workers != 2 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestReloadRetriesACrashLoopAtOnce(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.behaves(behaviour{readyAt: -1, exitsAt: 10 * time.Millisecond})
		w.exit("1", "exit code 1")
		w.sleep(10 * time.Minute)
		w.expectStates("crash-loop")
		w.behaves(good)
		began := time.Now()
		if last := w.reload(); last.Result != "ok" {
			t.Errorf("got %+v", last)
		}
		if took := time.Since(began); took > 100*time.Millisecond+trialTime {
			t.Errorf("took %s", took)
		}
		w.expectStates("active")
	})
}

func TestCrashOfTheOldWorkerDuringAReloadIsHarmless(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		slow := good
		slow.readyAt = time.Second
		w.behaves(slow)
		p := w.beginReload()
		w.sleep(100 * time.Millisecond)
		w.exit("1", "exit code 1")
		w.sleep(2 * time.Second)
		if events, _ := p.from(0); events[len(events)-1].Result != "ok" {
			t.Errorf("got %+v", events)
		}
		w.expectStates("active")
	})
}

func TestGatewayDeathAbortsTheReload(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		slow := good
		slow.readyAt = time.Second
		w.behaves(slow)
		p := w.beginReload()
		w.sleep(100 * time.Millisecond)
		w.exit("gateway", "killed by SIGKILL")
		events, _ := p.from(0)
		if last := events[len(events)-1]; last.Result != "aborted" {
			t.Errorf("got %+v", events)
		}
		w.sleep(5 * time.Second)
		w.expectStates("active")
	})
}

func TestSecondReloadIsRefused(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		slow := good
		slow.readyAt = time.Second
		w.behaves(slow)
		w.beginReload()
		busy := make(chan string, 1)
		w.s.post(func() {
			_, why := w.s.beginReload("")
			busy <- why
		})
		if <-busy == "" {
			t.Error("a second reload began")
		}
		w.sleep(5 * time.Second)
	})
}

func TestStopDuringAReloadEndsIt(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		slow := good
		slow.readyAt = 5 * time.Second
		w.behaves(slow)
		p := w.beginReload()
		w.sleep(100 * time.Millisecond)
		w.signals <- syscall.SIGTERM
		<-w.s.done
		if events, _ := p.from(0); events[len(events)-1] == (api.ReloadEvent{}) || events[len(events)-1].Result != "aborted" {
			t.Errorf("got %+v", events)
		}
	})
}

package master

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gw/protocol/control"
)

func TestStartActivatesEverySlotAndSaysReadyOnce(t *testing.T) {
	supervise(t, one(3), func(w *world) {
		w.sleep(time.Second)
		w.expectStates("active", "active", "active")
		if w.ready != 1 {
			t.Errorf("Ready was called %d times", w.ready)
		}
		did := w.did()
		if did[0] != "configure web 1=a:1*" {
			t.Errorf("first came %q", did[0])
		}
		for _, id := range []string{"1", "2", "3"} {
			if slices.Index(did, "attach "+id) < 0 || slices.Index(did, "attach "+id) > slices.Index(did, "activate "+id) {
				t.Errorf("worker %s: %v", id, did)
			}
		}
		if s := w.status(); s.State != "running" || s.Totals.Ready != 3 || s.Gateway.State != "running" {
			t.Errorf("status %+v", s)
		}
	})
}

func TestStartFailureEndsEverything(t *testing.T) {
	supervise(t, one(2), func(w *world) {})
	for name, plan := range map[string]behaviour{
		"exit code 1 before it was ready":                         {readyAt: -1, exitsAt: time.Second, prints: "why"},
		"not ready within 10s (start_timeout), killed by SIGKILL": {readyAt: -1, prints: "why"},
		"no php": {refuse: errors.New("no php")},
	} {
		t.Run(name, func(t *testing.T) {
			c := one(2)
			w := (*world)(nil)
			runToEnd(t, c, func(fresh *world) {
				w = fresh
				w.behaves(plan)
			}, func(err error) {
				var failure *StartError
				if !errors.As(err, &failure) || failure.Pool != "web" || failure.Reason != name || failure.Output != plan.prints {
					t.Errorf("got %+v", err)
				}
				if w.ready != 0 {
					t.Error("said ready")
				}
			})
		})
	}
}

func TestStartNeedsOneReadyWorkerOnly(t *testing.T) {
	first := true
	c := one(2)
	runWith(t, c, func(w *world) {
		w.behave = func(c *command) behaviour {
			if lookupVariable(c.environment, "GW_SLOT") == "2" && first {
				first = false
				return behaviour{readyAt: -1, exitsAt: time.Second}
			}
			return good
		}
	}, func(w *world) {
		w.sleep(2 * time.Second)
		w.expectStates("active", "active")
		if w.ready != 1 {
			t.Errorf("Ready was called %d times", w.ready)
		}
	})
}

func TestGatewayThatDoesNotStartIsAnError(t *testing.T) {
	runToEnd(t, one(1), func(w *world) { w.gwBreak = true }, func(err error) {
		if err == nil || err.Error() != "gateway process: exit code 2" {
			t.Errorf("got %v", err)
		}
	})
}

func TestCrashIsReplacedAtOnce(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.exit("1", "killed by SIGSEGV")
		w.sleep(20 * time.Millisecond)
		w.expect("exited 1", "attach 3", "activate 3")
		if row := w.status().Workers[0]; row.Restarts != 1 || row.LastExit != "killed by SIGSEGV" {
			t.Errorf("row %+v", row)
		}
	})
}

func TestCrashLoopIsNamedSlowAndHeals(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.behaves(behaviour{readyAt: -1, exitsAt: 10 * time.Millisecond})
		w.exit("1", "exit code 255")
		w.sleep(10 * time.Second)
		if n := w.startsWithin(10 * time.Second); n > 9 {
			t.Errorf("%d starts in 10 seconds", n)
		}
		w.sleep(10 * time.Minute)
		if n := w.startsWithin(9 * time.Minute); n > 20 {
			t.Errorf("%d starts in 9 minutes", n)
		}
		w.expectStates("crash-loop")
		w.behaves(good)
		w.sleep(40 * time.Second)
		w.expectStates("active")
		// Ten stable seconds later a crash is replaced at once again.
		before := w.startsWithin(time.Hour)
		row := w.status().Workers[0]
		w.exit(idText(row.ID), "exit code 1")
		w.sleep(50 * time.Millisecond)
		if n := w.startsWithin(time.Hour) - before; n != 1 {
			t.Errorf("%d starts after the crash", n)
		}
		w.expectStates("active")
	})
}

func TestWorkersThatCrashAfterReadyAreNoForkStorm(t *testing.T) {
	supervise(t, one(8), func(w *world) {
		w.sleep(time.Minute)
		crashing := good
		crashing.exitsAt = 30 * time.Millisecond
		w.behaves(crashing)
		for id := range 8 {
			w.exit(idText(uint64(id+1)), "exit code 1")
		}
		w.sleep(5 * time.Minute)
		if n := w.startsWithin(4 * time.Minute); n > 8*10 {
			t.Errorf("%d starts in 4 minutes", n)
		}
	})
}

func TestBrokenProgramIsTriedOnceASecondWhateverTheSlots(t *testing.T) {
	supervise(t, one(64), func(w *world) {
		w.sleep(time.Minute)
		w.behaves(behaviour{readyAt: -1, exitsAt: 10 * time.Millisecond})
		for id := range 64 {
			w.exit(idText(uint64(id+1)), "exit code 1")
		}
		w.sleep(time.Minute)
		if n := w.startsWithin(55 * time.Second); n > 60 {
			t.Errorf("%d starts in 55 seconds", n)
		}
		// One that starts shows that all may.
		w.behaves(good)
		w.sleep(3 * time.Second)
		if ready := w.status().Totals.Ready; ready != 64 {
			t.Errorf("%d of 64 are back", ready)
		}
	})
}

func TestGatewayFailingAWorkerReplacesIt(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.fails(1, false)
		w.sleep(20 * time.Millisecond)
		did := w.did() // the new one does not wait for the old one's end: any order
		slices.Sort(did)
		if want := []string{"SIGKILL 1", "activate 2", "attach 2", "exited 1"}; !slices.Equal(did, want) {
			t.Errorf("the master did %v", did)
		}
	})
}

func TestHungPythonWorkerPrintsItsStacksFirst(t *testing.T) {
	c := one(1)
	runWith(t, c, func(w *world) {
		python := good
		python.language, python.hard = "python", true
		w.behaves(python)
	}, func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.fails(1, true)
		w.sleep(199 * time.Millisecond)
		w.expect("SIGUSR2 1", "attach 2", "activate 2")
		w.sleep(2 * time.Millisecond)
		w.expect("SIGKILL 1", "exited 1")
	})
}

func TestHungWorkerOfAnotherLanguageIsNotSentSIGUSR2(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.fails(1, true)
		if did := w.did(); did[0] != "SIGKILL 1" {
			t.Errorf("the master did %v", did)
		}
	})
}

func TestGatewayDeathReplacesEverythingWithTheSameSockets(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.exit("gateway", "killed by SIGKILL")
		w.sleep(50 * time.Millisecond)
		did := w.did()
		slices.Sort(did)
		want := []string{"SIGKILL 1", "SIGKILL 2", "activate 3", "activate 4", "attach 3", "attach 4", "configure web 1=a:1*"}
		if !slices.Equal(did, want) {
			t.Errorf("the master did %v", did)
		}
		s := w.status()
		if s.Gateway.Restarts != 1 || s.Gateway.LastExit != "killed by SIGKILL" || s.Totals.Restarts != 0 {
			t.Errorf("status %+v %+v", s.Gateway, s.Totals)
		}
	})
}

func TestGatewayThatKeepsDyingIsStartedMoreAndMoreRarely(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.change(func() { w.gwBreak = true })
		w.exit("gateway", "exit code 2")
		w.sleep(10 * time.Minute)
		if w.gateways > 30 {
			t.Errorf("%d gateways", w.gateways)
		}
		if s := w.status(); s.Gateway.State != "restarting" {
			t.Errorf("gateway is %q", s.Gateway.State)
		}
		w.change(func() { w.gwBreak = false })
		w.sleep(40 * time.Second)
		w.expectStates("active")
	})
}

func TestStatusDoesNotWaitForASilentGateway(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Second)
		w.change(func() { w.mute = true })
		began := time.Now()
		s := w.status()
		if took := time.Since(began); took != statusPatience || s.Gateway.State != "not answering" {
			t.Errorf("gateway is %q after %s", s.Gateway.State, took)
		}
		w.change(func() { w.mute = false })
		if s := w.status(); s.Gateway.State != "running" {
			t.Errorf("gateway is %q", s.Gateway.State)
		}
	})
}

func TestLateAndUnknownMessagesAreHarmless(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Second)
		w.did()
		for _, m := range []*control.Message{
			{Kind: control.WorkerReady, Worker: &control.Worker{ID: 1}},
			{Kind: control.WorkerReady, Worker: &control.Worker{ID: 99}},
			{Kind: control.WorkerDue}, {Kind: control.Report, Seq: 12345}, {Kind: control.Stopped}, {Kind: "song"},
		} {
			w.gateway.say(m)
		}
		w.expect()
		w.expectStates("active")
	})
}

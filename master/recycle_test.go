package master

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
)

func TestWorkerThatReachedMaxRequestsIsRecycledWithoutAGap(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		for _, id := range []uint64{1, 2} {
			w.gateway.say(&control.Message{Kind: control.WorkerDue, Worker: &control.Worker{ID: id}})
		}
		w.sleep(time.Second)
		// One slot after the other, each new before old.
		did := slices.DeleteFunc(w.did(), func(what string) bool { return strings.HasPrefix(what, "exited") })
		want := []string{"attach 3", "activate 3", "drain 1", "attach 4", "activate 4", "drain 2"}
		if !slices.Equal(did, want) {
			t.Errorf("the master did %v", did)
		}
		if s := w.status(); s.Totals.Restarts != 0 {
			t.Errorf("recycling counts as %d restarts", s.Totals.Restarts)
		}
	})
}

func TestMaxRequestsHasJitter(t *testing.T) {
	c := one(1)
	c.Pools[0].MaxRequests = 1000
	supervise(t, c, func(w *world) {
		for random, want := range map[float64]int{0: 900, 0.5: 1000, 0.999999: 1099} {
			w.s.system.random = func() float64 { return random }
			if got := w.s.jitterRequests(1000); got != want {
				t.Errorf("%d, want %d", got, want)
			}
		}
		if got := w.s.jitterRequests(0); got != 0 {
			t.Errorf("no limit became %d", got)
		}
		if got := w.s.jitterRequests(1); got != 1 {
			t.Errorf("1 became %d", got)
		}
	})
}

func TestOldWorkerIsRecycled(t *testing.T) {
	c := one(1)
	c.Pools[0].MaxAge = time.Hour
	supervise(t, c, func(w *world) {
		w.sleep(59 * time.Minute)
		w.did()
		w.sleep(2 * time.Minute)
		w.expect("attach 2", "activate 2", "drain 1", "exited 1")
	})
}

func TestLargeWorkerIsRecycledButNotWithoutEnd(t *testing.T) {
	c := one(1)
	c.Pools[0].MaxMemoryBytes = 100
	supervise(t, c, func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.change(func() { w.memory[101] = 101 })
		w.sleep(2 * time.Second)
		w.expect("attach 2", "activate 2", "drain 1", "exited 1")
		w.change(func() {
			for pid := range 1000 {
				w.memory[pid] = 101
			}
		})
		before := w.startsWithin(time.Hour)
		w.sleep(time.Minute)
		if n := w.startsWithin(time.Hour) - before; n < 3 || n > 6 {
			t.Errorf("%d starts in a minute", n)
		}
	})
}

func TestRecyclingThatFailsKeepsTheOldWorker(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.behaves(behaviour{readyAt: -1, exitsAt: time.Second})
		w.gateway.say(&control.Message{Kind: control.WorkerDue, Worker: &control.Worker{ID: 1}})
		w.sleep(10 * time.Minute)
		if row := w.status().Workers[0]; row.ID != 1 || row.State != "active" {
			t.Errorf("row %+v", row)
		}
		if n := w.startsWithin(9 * time.Minute); n > 20 {
			t.Errorf("%d starts in 9 minutes", n)
		}
		w.behaves(good)
		w.sleep(time.Minute)
		w.expectStates("active")
		if row := w.status().Workers[0]; row.ID == 1 {
			t.Error("it was never recycled")
		}
	})
}

package master

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestStopLetsTheGatewayFinishThenTheWorkers(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.signals <- syscall.SIGTERM
		<-w.s.done
		w.expect("stop within 5s", "drain 1", "exited 1")
	})
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	c := one(1)
	runWith(t, c, func(w *world) {
		stubborn := good
		stubborn.deaf, stubborn.hard = true, true
		w.behave = func(*command) behaviour { return stubborn }
	}, func(w *world) {
		w.sleep(time.Minute)
		w.did()
		began := time.Now()
		w.signals <- syscall.SIGTERM
		<-w.s.done
		w.expect("stop within 5s", "drain 1", "SIGTERM 1", "SIGKILL 1", "exited 1")
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("took %s, want stop_timeout and a second", took)
		}
	})
}

func TestSecondSignalKills(t *testing.T) {
	c := one(2)
	runWith(t, c, func(w *world) {
		slow := good
		slow.deaf = true
		w.behave = func(*command) behaviour { return slow }
	}, func(w *world) {
		w.sleep(time.Minute)
		w.signals <- syscall.SIGINT
		w.sleep(time.Second)
		w.did()
		began := time.Now()
		w.signals <- syscall.SIGINT
		<-w.s.done
		if took := time.Since(began); took != 0 {
			t.Errorf("took %s", took)
		}
		did := w.did()
		slices.Sort(did)
		if want := []string{"SIGKILL 1", "SIGKILL 2", "SIGKILL gateway"}; !slices.Equal(did[:3], want) {
			t.Errorf("the master did %v", did)
		}
	})
}

func TestGracefulStopHasNoDeadline(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.s.post(func() { w.s.beginStop(true, 0, "test") })
		<-w.s.done
		if did := w.did(); did[0] != "stop within 0s" {
			t.Errorf("the master did %v", did)
		}
	})
}

func TestStopWhileNothingRuns(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.behaves(behaviour{readyAt: -1, exitsAt: 10 * time.Millisecond})
		w.exit("1", "exit code 1")
		w.sleep(time.Minute)
		w.signals <- syscall.SIGTERM
		<-w.s.done
	})
}

func TestStopWhileTheGatewayIsDown(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.change(func() { w.gwBreak = true })
		w.exit("gateway", "exit code 2")
		w.sleep(time.Minute)
		w.signals <- syscall.SIGTERM
		<-w.s.done
	})
}

func TestStopDuringTheStart(t *testing.T) {
	c := one(2)
	runToEnd(t, c, func(w *world) {
		w.behave = func(*command) behaviour { return behaviour{readyAt: -1} }
		w.signals <- syscall.SIGTERM
	}, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
}

func TestDrainedWorkerThatDoesNotEndIsToldThenKilled(t *testing.T) {
	c := one(1)
	runWith(t, c, func(w *world) {
		stubborn := good
		stubborn.deaf, stubborn.hard = true, true
		w.behave = func(*command) behaviour { return stubborn }
	}, func(w *world) {
		w.sleep(time.Minute)
		w.behaves(good)
		w.reload()
		w.did()
		w.sleep(4900 * time.Millisecond)
		w.expect()
		w.sleep(200 * time.Millisecond)
		w.expect("SIGTERM 1")
		w.sleep(time.Second)
		w.expect("SIGKILL 1", "exited 1")
	})
}

package master

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// shortLived says that it is ready after 10 ms and ends 20 ms later.
var shortLived = behaviour{readyAt: 10 * time.Millisecond, exitsAt: 30 * time.Millisecond, prints: "boom"}

func TestHandlerThatDiesRightAfterReadyAbortsTheReload(t *testing.T) {
	supervise(t, one(2), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.behaves(shortLived)
		last := w.reload()
		if last.Result != "aborted" || !strings.Contains(last.Reason, "right after it was ready") || last.Output != "boom" {
			t.Errorf("got %+v", last)
		}
		if did := w.did(); slices.ContainsFunc(did, func(what string) bool { return strings.HasPrefix(what, "drain") }) {
			t.Errorf("the master did %v", did)
		}
		w.expectStates("active", "active")
	})
}

func TestHandlerThatDiesRightAfterReadyFailsTheStart(t *testing.T) {
	runToEnd(t, one(2), func(w *world) {
		w.behave = func(*command) behaviour { return shortLived }
	}, func(err error) {
		var start *StartError
		if !errors.As(err, &start) || !strings.Contains(start.Reason, "right after it was ready") || start.Output != "boom" {
			t.Errorf("got %v", err)
		}
	})
}

// One trial proves the code: the other slots of the pool need none.
func TestReloadTriesOneWorkerOfAPool(t *testing.T) {
	supervise(t, one(20), func(w *world) {
		w.sleep(time.Minute)
		began := time.Now()
		w.reload()
		if took := time.Since(began); took < trialTime || took > 3*trialTime+20*good.readyAt {
			t.Errorf("took %s", took)
		}
	})
}

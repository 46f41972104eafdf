package master

import (
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"gw/protocol/control"
)

func TestGatewayThatReadsNothingIsReplaced(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.change(func() { w.stuck = true })
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		w.s.post(func() {
			for range linkQueue + 2 {
				w.s.tell(outgoing{message: &control.Message{Kind: control.Query}})
			}
			// What finds no place is not lost as a descriptor.
			w.s.tell(outgoing{message: &control.Message{Kind: control.Attach}, files: []*os.File{null}, own: true})
			w.change(func() { w.stuck = false }) // for the next one
		})
		w.sleep(time.Second)
		if did := w.did(); !slices.Contains(did, "SIGKILL gateway") || !slices.Contains(did, "activate 2") {
			t.Errorf("the master did %v", did)
		}
		if null.Close() == nil {
			t.Error("a descriptor was left open")
		}
	})
}

func TestGatewayThatClosesItsChannelIsReplaced(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.gateway.once.Do(func() { close(w.gateway.closed) }) // but it lives on
		synctest.Wait()
		w.sleep(goodbyePatience + time.Second)
		if did := w.did(); !slices.Contains(did, "SIGKILL gateway") || !slices.Contains(did, "activate 2") {
			t.Errorf("the master did %v", did)
		}
	})
}

package master

import "testing"

func TestWorkerMovesOnlyForward(t *testing.T) {
	order := []state{starting, ready, active, draining, stopping, gone}
	for i, from := range order {
		for j, to := range order {
			w := &worker{state: from}
			moved := w.move(to)
			if moved && j <= i {
				t.Errorf("%s moved back to %s", from, to)
			}
			if moved != (w.state == to) && from != to {
				t.Errorf("%s to %s: moved is %v, state %s", from, to, moved, w.state)
			}
		}
	}
}

func TestEveryStateButGoneCanEnd(t *testing.T) {
	for from := range transitions {
		if w := (&worker{state: from}); !w.move(gone) {
			t.Errorf("%s cannot end", from)
		}
	}
	if (&worker{state: gone}).move(starting) {
		t.Error("the dead rise")
	}
}

func TestNoWorkForAWorkerThatIsNotReady(t *testing.T) {
	if (&worker{state: starting}).move(active) {
		t.Error("starting became active")
	}
}

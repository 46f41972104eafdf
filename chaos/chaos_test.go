package main

import (
	"os"
	"testing"
	"time"
)

// TestChaos is what CI runs: one seed that has every kind of disturbance, with one
// loop and with more than some pools have workers.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute and a half")
	}
	t.Run("one loop", func(t *testing.T) { chaos(t, 1) })
	t.Run("several loops", func(t *testing.T) { chaos(t, 3) })
}

func chaos(t *testing.T, loops int) {
	r, err := run(t.Context(), options{seed: 6, loops: loops, time: 45 * time.Second, gatewayKills: 1}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.ledger.faults {
		t.Errorf("%s  %s", clock(f.at.Sub(r.begin)), f.text)
	}
	t.Log(r.line())
	if !r.clean() {
		t.Errorf("%d faults, %d messages without a fate", r.ledger.faulty(), r.unaccounted())
	}
}

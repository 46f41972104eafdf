package main

import (
	"os"
	"testing"
	"time"
)

// TestChaos is what CI runs: one seed that has every kind of disturbance.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	r, err := run(t.Context(), options{seed: 6, time: time.Minute, gatewayKills: 1}, os.Stderr)
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

package tests

import (
	"testing"
	"time"
)

// patience bounds every wait: long enough for a busy machine, far below the
// time-out of the whole run.
const patience = 20 * time.Second

// eventually asks until the condition holds, and fails the test when it does
// not within the limit.
func eventually(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

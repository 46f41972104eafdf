package master

import (
	"testing"
	"time"
)

func TestFirstRestartIsImmediateThenEachWaitsLonger(t *testing.T) {
	var b backoff
	now := time.Now()
	var last time.Duration
	for i := range 10 {
		b.failed(now, 0.5)
		delay := b.retryAt.Sub(now)
		switch {
		case i == 0 && delay != 0:
			t.Errorf("the first waits %s", delay)
		case delay < last || delay > 30*time.Second:
			t.Errorf("restart %d waits %s after %s", i, delay, last)
		}
		last = delay
	}
}

func TestCrashLoopIsStatedAfterFiveFailures(t *testing.T) {
	var b backoff
	for i := range 6 {
		if b.looping() != (i >= 5) {
			t.Errorf("after %d failures looping is %v", i, b.looping())
		}
		b.failed(time.Now(), 0)
	}
}

func TestJitterStaysWithinItsShare(t *testing.T) {
	for random, want := range map[float64]time.Duration{0: 80, 0.5: 100, 0.75: 110} {
		if got := spread(100, 0.2, random); got != want {
			t.Errorf("%v: %d, want %d", random, got, want)
		}
	}
}

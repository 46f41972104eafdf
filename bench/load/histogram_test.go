package load

import (
	"testing"
	"time"
)

func TestQuantilesAreWithinOneStep(t *testing.T) {
	var h Histogram
	for i := 1; i <= 100_000; i++ {
		h.Record(time.Duration(i) * time.Microsecond)
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		want := q * 100_000 * float64(time.Microsecond)
		got := float64(h.Quantile(q))
		if got < want*0.98 || got > want*1.02 {
			t.Errorf("quantile %v: got %v, want about %v", q, time.Duration(got), time.Duration(want))
		}
	}
	if h.Total() != 100_000 || h.Max() != 100*time.Millisecond {
		t.Errorf("total %d, max %v", h.Total(), h.Max())
	}
}

func TestEveryValueFallsIntoAStepThatHoldsIt(t *testing.T) {
	last := -1
	for _, v := range []uint64{0, 1, 63, 64, 65, 127, 128, 1000, 1 << 20, 1<<40 - 1, 1 << 40, 1 << 62} {
		i := step(v)
		if i < last {
			t.Errorf("step(%d) = %d is below the step of a smaller value", v, i)
		}
		last = i
		if m := float64(middle(i)); v < 1<<40 && (m < float64(v)*0.98 || m > float64(v)*1.02) {
			t.Errorf("middle of step(%d) = %v", v, m)
		}
	}
}

func TestQuantileNeverExceedsTheMaximum(t *testing.T) {
	var h Histogram
	h.Record(1_000_001)
	if got := h.Quantile(0.99); got != 1_000_001 {
		t.Errorf("got %v", got)
	}
	h.Reset()
	if h.Quantile(0.5) != 0 || h.Total() != 0 {
		t.Error("a reset histogram still holds values")
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Record(12345) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

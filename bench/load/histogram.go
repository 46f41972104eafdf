package load

import (
	"math/bits"
	"time"
)

const (
	// stepBits gives 64 steps per power of two: an error of at most 1.6 %.
	stepBits = 6
	steps    = 1 << stepBits
	octaves  = 40 - stepBits // up to 2^40 ns, 18 minutes
)

// Histogram counts latencies in logarithmic steps, as HdrHistogram does. Its
// size is fixed, so recording never allocates. The zero value is ready.
type Histogram struct {
	counts [(octaves + 1) * steps]uint32
	total  uint64
	max    time.Duration
}

// Record adds one latency; what is beyond the range counts in the last step.
func (h *Histogram) Record(d time.Duration) {
	if d < 0 {
		d = 0
	}
	if d > h.max {
		h.max = d
	}
	h.counts[step(uint64(d))]++
	h.total++
}

// Total is how many latencies were recorded.
func (h *Histogram) Total() uint64 { return h.total }

// Max is the largest latency recorded.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the latency that the fraction q of all recorded ones does
// not exceed, 0 when nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q*float64(h.total-1)) + 1
	var seen uint64
	for i, n := range h.counts {
		seen += uint64(n)
		if seen >= rank {
			return min(middle(i), h.max)
		}
	}
	return h.max
}

// Reset forgets everything recorded.
func (h *Histogram) Reset() { *h = Histogram{} }

// step is the index of a value: values below 64 have their own, then each power
// of two is cut into 64.
func step(v uint64) int {
	if v < steps {
		return int(v)
	}
	shift := bits.Len64(v) - stepBits - 1
	if shift >= octaves {
		return (octaves+1)*steps - 1
	}
	return (shift+1)*steps + int(v>>shift) - steps
}

// middle is the value in the middle of a step.
func middle(i int) time.Duration {
	if i < steps {
		return time.Duration(i)
	}
	shift := i/steps - 1
	low := uint64(i%steps+steps) << shift
	return time.Duration(low + (1<<shift)/2)
}

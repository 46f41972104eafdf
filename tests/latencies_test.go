package tests

import (
	"fmt"
	"slices"
	"time"
)

// latencies are times that requests took.
type latencies []time.Duration

// at returns the time that this share of them did not exceed.
func (l latencies) at(share float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func (l latencies) String() string {
	ms := func(share float64) float64 { return l.at(share).Seconds() * 1000 }
	return fmt.Sprintf("%d requests, p50 %.1f ms, p99 %.1f ms, slowest %.1f ms", len(l), ms(0.5), ms(0.99), ms(1))
}

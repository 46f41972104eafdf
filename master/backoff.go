package master

import "time"

const (
	// stableAfter is how long a process must have worked for its former
	// failures to be forgotten.
	stableAfter = 10 * time.Second
	// crashLoopAfter so many failures in a row the slot is called a crash loop.
	crashLoopAfter = 5
	// backoffJitter spreads the restarts of many slots: ± this share.
	backoffJitter = 0.2
)

// delays before the restart after so many failures in a row. The first is
// immediate: a worker that crashes once in a while costs no capacity. Then five
// starts fall into the first ten seconds, and two a minute from there on.
var delays = []time.Duration{
	0, 200 * time.Millisecond, 800 * time.Millisecond, 3 * time.Second, 10 * time.Second, 30 * time.Second,
}

// backoff spaces restarts.
type backoff struct {
	failures int // in a row
	failedAt time.Time
	retryAt  time.Time
}

// failed notes one more failure; random is in [0, 1).
func (b *backoff) failed(now time.Time, random float64) {
	delay := delays[min(b.failures, len(delays)-1)]
	b.failures++
	b.failedAt = now
	b.retryAt = now.Add(spread(delay, backoffJitter, random))
}

// looping says whether the restarts are a crash loop.
func (b *backoff) looping() bool { return b.failures >= crashLoopAfter }

// spread moves d by up to share of it, either way.
func spread(d time.Duration, share, random float64) time.Duration {
	return d + time.Duration((2*random-1)*share*float64(d))
}

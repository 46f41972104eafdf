package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// kind is one way to disturb.
type kind int

const (
	kill        kind = iota // SIGKILL to a worker
	segv                    // SIGSEGV to a worker
	exit                    // a handler calls exit(1)
	hang                    // a handler never returns from a request
	hangMessage             // ... from a message
	freeze                  // SIGSTOP to a worker, SIGCONT soon
	freezeLong              // SIGSTOP for longer than request_timeout
	reload
	scale      // reload with other numbers of workers
	brokenCode // reload of a program that does not load
	gatewayKill
	kinds
)

func (k kind) String() string {
	return [kinds]string{"kill", "SIGSEGV", "exit", "hang", "hang on a message", "freeze", "long freeze", "reload", "scale", "broken deploy", "gateway kill"}[k]
}

// weights say how often each kind comes. What takes seconds comes less often.
var weights = [kinds]int{kill: 6, segv: 2, exit: 3, hang: 2, hangMessage: 2, freeze: 3, freezeLong: 1, reload: 4, scale: 3, brokenCode: 2}

// step is one disturbance of a plan.
type step struct {
	at      time.Duration
	kind    kind
	pool    string
	pick    int            // which worker, modulo how many there are
	length  time.Duration  // of a freeze
	workers map[string]int // of scale
}

// plan makes the schedule of a run. The gateway is killed at moments of its own,
// in the middle of whatever else goes on.
func plan(seed uint64, length time.Duration, gatewayKills int) (steps []step) {
	r := rand.New(rand.NewPCG(seed, 1))
	quiet := min(2*time.Second, length/10)
	for at := quiet; at < length-2*quiet; at += between(r, 200*time.Millisecond, 2*time.Second) {
		steps = append(steps, nextStep(r, at))
	}
	for range gatewayKills {
		steps = append(steps, step{at: between(r, length/4, length*3/4), kind: gatewayKill})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	return steps
}

func nextStep(r *rand.Rand, at time.Duration) step {
	s := step{at: at, kind: nextKind(r), pool: poolNames[r.IntN(len(poolNames))], pick: r.IntN(1 << 16)}
	switch s.kind {
	case freeze:
		s.length = between(r, 100*time.Millisecond, time.Second)
	case freezeLong:
		s.length = between(r, 4*time.Second, 6*time.Second)
	case scale:
		s.workers = map[string]int{}
		for _, pool := range poolNames {
			s.workers[pool] = 2 + r.IntN(4)
		}
	}
	return s
}

func nextKind(r *rand.Rand) kind {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := r.IntN(sum)
	for k, w := range weights {
		if at -= w; at < 0 {
			return kind(k)
		}
	}
	panic("weights do not sum up")
}

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)+1))
}

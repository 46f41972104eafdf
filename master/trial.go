package master

import "time"

// trialTime is how long the first new workers of a pool must live after they
// said that they are ready, before anything depends on them. A program that
// loads well and ends in its first moment (a timer, a thread, a start callback)
// would otherwise take over slot after slot from code that works. Interpreters
// need some 50 ms for their end on a busy machine. A reload and a start take
// this much longer, once for each pool. At a start, where no good code is at
// stake and somebody waits, the trial is as long as the program took to load,
// within bounds: what loads fast also ends fast, and on a busy machine both take
// longer.
const (
	trialTime          = 150 * time.Millisecond
	startTrialTime     = 80 * time.Millisecond
	shortestStartTrial = 30 * time.Millisecond
)

// onTrial says whether w, which is ready, has yet to show that its program
// lives: at a start and at a reload, until one worker of its pool has.
func (s *supervisor) onTrial(w *worker) bool {
	p := w.slot.pool
	if s.phase == phaseStarting {
		return p.ready() == 0
	}
	return s.reload.covers(w.slot) && !s.reload.proven[p]
}

// trial is how long w must live.
func (s *supervisor) trial(w *worker) time.Duration {
	if s.phase == phaseStarting {
		return min(max(w.readyAt.Sub(w.startedAt), shortestStartTrial), startTrialTime)
	}
	return trialTime
}

// promote brings a worker that is ready into use.
func (s *supervisor) promote(w *worker, now time.Time) {
	s.swap(w)
	w.slot.pool.healed(now)
}

// stage says how far w came before it ended.
func (w *worker) stage() string {
	if w.readyAt.IsZero() {
		return " before it was ready"
	}
	return " right after it was ready"
}

package master

import "time"

// Deadlines are fields of what they belong to, zero when there is none. This
// file is where the loop looks at all of them: wakeAt finds the earliest, expire
// handles those that have passed. What expire handles must leave no passed
// deadline behind, or the loop would spin.

// setTimer sleeps until the earliest deadline.
func (s *supervisor) setTimer(timer *time.Timer) {
	now := time.Now()
	if at := s.wakeAt(now); at.IsZero() {
		timer.Stop()
	} else {
		timer.Reset(at.Sub(now))
	}
}

// earliest keeps the nearest of many moments; zero ones do not count.
type earliest struct{ at time.Time }

func (e *earliest) consider(t time.Time) {
	if !t.IsZero() && (e.at.IsZero() || t.Before(e.at)) {
		e.at = t
	}
}

// later considers a moment only when it is to come: what was due by now has been
// done, or something else holds it up that will wake the loop by itself.
func (e *earliest) later(t, now time.Time) {
	if t.After(now) {
		e.consider(t)
	}
}

// wakeAt is the earliest moment at which something becomes due; zero: nothing.
func (s *supervisor) wakeAt(now time.Time) time.Time {
	var next earliest
	for _, w := range s.workers {
		next.consider(w.deadline)
		next.consider(w.expiresAt)
	}
	for _, p := range s.pools {
		for _, sl := range p.slots {
			next.later(sl.dueAt(), now)
			next.consider(sl.stableAt())
		}
	}
	for _, q := range s.queries {
		next.consider(q.deadline)
	}
	if s.reload != nil {
		next.consider(s.reload.deadline)
	}
	next.later(s.gateway.backoff.retryAt, now)
	for _, t := range []time.Time{
		s.gateway.deadline, s.gateway.stableAt(), s.stopping.deadline, s.logsAt, s.memoryAt, s.readyAt, s.lookAt,
	} {
		next.consider(t)
	}
	return next.at
}

func passed(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// expire handles every deadline that has passed.
func (s *supervisor) expire(now time.Time) {
	s.expireWorkers(now)
	for _, q := range s.queries {
		if passed(q.deadline, now) {
			s.finishQuery(q, false)
		}
	}
	if s.reload != nil && passed(s.reload.deadline, now) {
		s.unconfirmedReload()
	}
	if passed(s.gateway.deadline, now) {
		s.overdueGateway()
	}
	if passed(s.gateway.stableAt(), now) {
		s.gateway.backoff = backoff{}
	}
	if passed(s.stopping.deadline, now) {
		s.overdueStop()
	}
	if passed(s.logsAt, now) {
		s.checkRotation()
	}
	if passed(s.memoryAt, now) {
		s.checkMemory(now)
	}
	if passed(s.lookAt, now) {
		s.lookAtFiles()
	}
}

func (s *supervisor) expireWorkers(now time.Time) {
	for _, w := range s.workers {
		if passed(w.deadline, now) {
			s.overdue(w)
		}
		if passed(w.expiresAt, now) {
			w.expiresAt = time.Time{}
			w.due = "max_age"
		}
	}
	for _, p := range s.pools {
		for _, sl := range p.slots {
			if passed(sl.stableAt(), now) {
				sl.backoff = backoff{}
			}
		}
	}
}

package master

import "time"

// rateInterval is the least time a rate is taken over.
const rateInterval = time.Second

// rate is a number of events a second, over the time since it was last asked.
type rate struct {
	at        time.Time
	total     uint64
	perSecond float64
}

func (r *rate) start(now time.Time) { *r = rate{at: now} }

// sample takes the new total. Samples that follow each other too closely change
// nothing: over a few milliseconds a rate means nothing.
func (r *rate) sample(now time.Time, total uint64) {
	took := now.Sub(r.at)
	if took < rateInterval {
		return
	}
	if total >= r.total {
		r.perSecond = float64(total-r.total) / took.Seconds()
	}
	r.at, r.total = now, total
}

func (s *supervisor) sampleRates(now time.Time) {
	for _, reported := range s.report.Workers {
		if w := s.workers[reported.ID]; w != nil && !w.readyAt.IsZero() {
			w.rate.sample(now, reported.Requests)
		}
	}
}

package master

import (
	"time"

	"gw/protocol/control"
)

const (
	// stopMargin is what the gateway may need beyond its deadline to say that it
	// has stopped.
	stopMargin = 500 * time.Millisecond
	// lastDrain is what a worker gets for its stop callback when the time given
	// for the stop is used up.
	lastDrain = time.Second
)

// stage of a stop.
type stage int

const (
	stageNone      stage = iota
	stageFinishing       // the gateway finishes what is under way
	stageDraining        // the workers run their stop callbacks and exit
	stageClosing         // the gateway exits
	stageKilling         // everything was sent SIGKILL
)

// shutdown is the way down.
type shutdown struct {
	stage    stage
	graceful bool      // without a deadline
	until    time.Time // when the time given is used up
	deadline time.Time // of the stage; zero: none
}

// beginStop ends everything in order: the gateway finishes what is under way,
// the workers end, the gateway ends. A zero limit is the longest stop_timeout.
func (s *supervisor) beginStop(graceful bool, limit time.Duration, why string) {
	if limit <= 0 {
		limit = s.longestStop()
	}
	if s.phase == phaseStopping {
		s.hurryStop(graceful, limit)
		return
	}
	s.log.Info("Stopping", "reason", why, "graceful", graceful)
	s.enterStop()
	now := time.Now()
	s.stopping = shutdown{stage: stageFinishing, graceful: graceful}
	message := &control.Message{Kind: control.Stop}
	if !graceful {
		s.stopping.until = now.Add(limit)
		s.stopping.deadline = s.stopping.until.Add(stopMargin)
		message.Deadline = limit
	}
	for _, w := range s.workers {
		if w.state == starting || w.state == ready {
			s.cancel(w, "gw is stopping")
		}
	}
	if !s.gateway.configured {
		s.drainAll()
		return
	}
	s.tell(outgoing{message: message})
}

// enterStop is what every way down begins with. The listening sockets close at
// once: a client should be refused rather than wait for nobody.
func (s *supervisor) enterStop() {
	s.phase = phaseStopping
	s.abortReload("gw is stopping", "")
	closeListeners(s.listeners)
	s.listeners = nil
	s.memoryAt, s.readyAt, s.logsAt = time.Time{}, time.Time{}, time.Time{}
}

func (s *supervisor) longestStop() time.Duration {
	longest := time.Second
	for _, p := range s.pools {
		longest = max(longest, p.config.StopTimeout)
	}
	return longest
}

// hurryStop gives a stop without a deadline one, or a nearer one.
func (s *supervisor) hurryStop(graceful bool, limit time.Duration) {
	until := time.Now().Add(limit)
	if graceful || s.stopping.stage != stageFinishing || (!s.stopping.until.IsZero() && s.stopping.until.Before(until)) {
		return
	}
	s.stopping.graceful = false
	s.stopping.until, s.stopping.deadline = until, until.Add(stopMargin)
	s.tell(outgoing{message: &control.Message{Kind: control.Stop, Deadline: limit}})
}

func (s *supervisor) gatewayStopped() {
	if s.stopping.stage == stageFinishing {
		s.drainAll()
	}
}

func (s *supervisor) overdueStop() {
	s.stopping.deadline = time.Time{}
	if s.stopping.stage == stageFinishing {
		s.log.Warn("Gateway has not finished in time", "pid", s.gateway.pid())
		s.drainAll()
	}
}

// drainAll lets every worker end.
func (s *supervisor) drainAll() {
	s.stopping.stage = stageDraining
	s.stopping.deadline = time.Time{}
	now := time.Now()
	for _, w := range s.workers {
		if !w.move(draining) {
			continue
		}
		limit := w.config.StopTimeout
		if !s.stopping.graceful {
			limit = min(limit, max(lastDrain, s.stopping.until.Sub(now)))
		}
		s.drainWithin(w, "stop", limit)
	}
}

// advanceStop takes the next stage when the present one is done.
func (s *supervisor) advanceStop(now time.Time) {
	st := &s.stopping
	if st.stage == stageFinishing && !s.gateway.up() {
		s.drainAll() // the workers' pipes have ended: they go by themselves
	}
	if st.stage == stageDraining && len(s.workers) == 0 {
		st.stage = stageClosing
		if s.gateway.link != nil {
			s.gateway.link.finish() // its end of file is the gateway's sign to go
			s.gateway.link = nil
			s.gateway.deadline = now.Add(goodbyePatience)
		}
	}
}

// killAll ends everything at once.
func (s *supervisor) killAll(why string) {
	if s.stopping.stage == stageKilling {
		return
	}
	if s.phase != phaseStopping {
		s.enterStop()
	}
	s.log.Warn("Everything is killed", "reason", why)
	s.stopping = shutdown{stage: stageKilling}
	for _, w := range s.workers {
		s.kill(w)
	}
	s.killGateway()
}

// finished says whether nothing is left to supervise.
func (s *supervisor) finished() bool {
	return s.phase == phaseStopping && len(s.workers) == 0 && !s.gateway.up()
}

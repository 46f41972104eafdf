package master

import "time"

const (
	// memoryInterval is how often max_memory is looked at.
	memoryInterval = time.Second
	// memoryAge is how old a worker must be to be recycled for its memory: one
	// that is too large from the start would be replaced without end.
	memoryAge = 10 * time.Second
)

// recycle replaces workers that are due, one of a pool at a time: the old one
// serves until the new one is ready.
func (s *supervisor) recycle(now time.Time) {
	if s.phase != phaseRunning || s.reload != nil || s.gateway.link == nil {
		return
	}
	s.scheduleMemory(now)
	for _, p := range s.pools {
		if p.starts() {
			continue
		}
		for _, sl := range p.slots {
			if sl.current != nil && sl.current.due != "" && !now.Before(sl.dueAt()) {
				s.logWorker(sl.current).Info("Worker is recycled", "reason", sl.current.due)
				s.start(sl, now)
				break
			}
		}
	}
}

// scheduleMemory has the memory looked at while a pool has a limit.
func (s *supervisor) scheduleMemory(now time.Time) {
	if !s.memoryAt.IsZero() {
		return
	}
	for _, p := range s.pools {
		if p.config.MaxMemoryBytes > 0 {
			s.memoryAt = now.Add(memoryInterval)
			return
		}
	}
}

func (s *supervisor) checkMemory(now time.Time) {
	s.memoryAt = time.Time{} // the next one comes from scheduleMemory
	for _, p := range s.pools {
		for _, sl := range p.slots {
			w := sl.current
			if w == nil || w.due != "" || w.config.MaxMemoryBytes == 0 || now.Sub(w.readyAt) < memoryAge {
				continue
			}
			if s.system.memory(w.pid()) > w.config.MaxMemoryBytes {
				w.due = "max_memory"
			}
		}
	}
}

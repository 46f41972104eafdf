package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// glance is how often the end of a master is looked for.
const glance = 50 * time.Millisecond

// watched is a master whose end somebody waits for.
type watched struct {
	control string
	pidfd   int // -1: the process cannot be seen from here, its socket must do
}

// watch takes hold of the process before it is told to stop, so that its
// number cannot meanwhile become somebody else's.
func watch(control string, pid int) *watched {
	fd, err := unix.PidfdOpen(pid, 0)
	if pid <= 0 || err != nil {
		fd = -1
	}
	return &watched{control, fd}
}

func (w *watched) close() {
	if w.pidfd >= 0 {
		unix.Close(w.pidfd)
	}
}

// gone waits until the master has ended, or ctx has.
func (w *watched) gone(ctx context.Context) bool {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		if w.ended() {
			return true
		}
		if w.pidfd >= 0 && ctx.Err() == nil {
			continue // ended has waited already
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// ended waits for a glance at most. A zombie has ended, whoever is to reap it.
func (w *watched) ended() bool {
	if w.pidfd < 0 {
		return !answers(w.control)
	}
	fds := []unix.PollFd{{Fd: int32(w.pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(glance.Milliseconds()))
	return n > 0 && !errors.Is(err, unix.EINTR)
}

package master

import (
	"bytes"
	"log/slog"
	"sync"
	"time"
)

// stderrPerSecond bounds what one handler may write into gw's log: warnings
// at every request must not fill the disk.
const stderrPerSecond = 50

// stderrLog carries a daemon's handlers' standard error into gw's log, where
// no stdout_file is configured: a traceback must not end in /dev/null.
type stderrLog struct {
	logger *slog.Logger // knows pool, slot, worker
	pid    int
	now    func() time.Time

	mu      sync.Mutex
	second  time.Time // guarded by mu
	written int       // guarded by mu: in this second
	dropped int       // guarded by mu
}

func (l *stderrLog) print(line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.second) >= time.Second {
		l.report()
		l.second, l.written = now, 0
	}
	if l.written >= stderrPerSecond {
		l.dropped++
		return
	}
	l.written++
	l.logger.Warn("A handler wrote to standard error", "pid", l.pid, "text", string(line))
}

// report says how much was left out. The caller holds mu.
func (l *stderrLog) report() {
	if l.dropped > 0 {
		l.logger.Warn("A handler wrote more to standard error than gw logs: set stdout_file to keep all of it", "pid", l.pid, "dropped_lines", l.dropped)
		l.dropped = 0
	}
}

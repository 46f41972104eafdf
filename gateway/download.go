package gateway

// downloads shares a turn of the loop among those who are sent a file: requests
// of others wait no longer than it takes to send the budget, and nobody's file
// waits for the end of somebody else's.
type downloads struct {
	budget int  // bytes that may still go out in this turn
	queue  bulk // connections whose socket has room, first come, first served
}

const (
	// downloadBudget is how much of files goes out in one turn, a tenth of a
	// millisecond's worth. With 256 KiB for each connection and turn a file of
	// 1 MiB cost a third more CPU (measured).
	downloadBudget = 1 << 20
	// leastDownload: less is not worth a system call, unless it is all.
	leastDownload = 64 << 10
)

// grant is how much of the rest of a file may go out now; 0: not in this turn.
func (d *downloads) grant(left int64) int {
	if d.budget < leastDownload && left > int64(d.budget) {
		return 0
	}
	return int(min(left, int64(d.budget)))
}

// wait lets c go on when its turn comes.
func (d *downloads) wait(c *conn, s *fileSource) {
	if !s.queued {
		s.queued = true
		d.queue.push(c)
	}
}

// flushDownloads begins a new budget and goes on with those who wait.
func (l *loop) flushDownloads() {
	l.downloads.budget = downloadBudget
	for n := l.downloads.queue.len(); n > 0 && l.downloads.budget >= leastDownload; n-- {
		c := l.downloads.queue.pop()
		if c.state == stateGone || c.exchange == nil {
			continue
		}
		if s, ok := c.exchange.source.(*fileSource); ok {
			s.queued = false
			if !c.dirty {
				l.flush(c)
			}
		}
	}
}

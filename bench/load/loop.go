package load

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// begin sends the first requests of a closed loop, or marks every slot of a
// fixed rate as free.
func (l *Load) begin() {
	for range l.options.Depth {
		for i := range l.conns {
			if l.options.Rate > 0 {
				l.release(i)
			} else {
				l.send(i, 1, l.now())
			}
		}
	}
}

// step is one turn of the loop; false ends it.
func (l *Load) step() bool {
	phase := l.phase.Load()
	if phase == phaseStop && l.underWay == 0 {
		return false
	}
	if l.options.Rate > 0 && phase != phaseStop {
		l.sendDue()
	}
	n := l.wait()
	for _, e := range l.events[:n] {
		if c := &l.conns[e.Fd]; c.fd >= 0 {
			l.serve(int(e.Fd), e.Events, phase)
		}
	}
	if n == 0 && l.underWay > 0 && l.now()-l.progress > patience.Nanoseconds() {
		l.fail(-1, fmt.Errorf("%d requests unanswered for %v", l.underWay, patience))
		l.failed += uint64(l.underWay - 1)
		return false
	}
	return true
}

// serve reads what one connection sent and, in a closed loop, sends as many
// requests as were answered.
func (l *Load) serve(i int, events uint32, phase int32) {
	c := &l.conns[i]
	if events&unix.EPOLLOUT != 0 {
		if err := c.flush(); err != nil {
			l.fail(i, err)
			return
		}
		l.watch(i)
	}
	n, err := rawRead(c.fd, l.in)
	if err != nil {
		l.fail(i, err)
		return
	}
	answered, err := l.answers(c, l.in[:n], phase == phaseMeasure)
	l.underWay -= answered
	l.done.Add(uint64(answered))
	switch {
	case err != nil:
		l.fail(i, err)
	case phase == phaseStop:
	case l.options.Rate > 0:
		for range answered {
			l.release(i)
		}
	default:
		l.send(i, answered, l.progress)
	}
}

// answers takes every whole answer out of data and keeps the rest.
func (l *Load) answers(c *connection, data []byte, record bool) (answered int, err error) {
	if len(c.rest) > 0 {
		c.rest = append(c.rest, data...)
		data = c.rest
	}
	l.progress = l.now()
	for len(data) > 0 {
		oldest := c.oldest()
		a, err := l.options.Protocol.Answer(data, oldest.request)
		if err != nil {
			return answered, err
		}
		if a.Done && c.count == 0 {
			return answered, fmt.Errorf("an answer nobody asked for: %q", clip(data))
		}
		if a.Size == 0 {
			break
		}
		data = data[a.Size:]
		if !a.Done {
			if err := c.write(a.Reply); err != nil {
				return answered, err
			}
			continue
		}
		c.pop()
		answered++
		if record {
			l.latencies.Record(time.Duration(l.progress - oldest.since))
		}
	}
	c.rest = append(c.rest[:0], data...)
	return answered, nil
}

// send writes the next count requests to a connection, all at once.
func (l *Load) send(i, count int, since int64) {
	if count == 0 {
		return
	}
	c := &l.conns[i]
	batch := l.options.Protocol.Request(l.next)
	if count > 1 {
		l.out = l.out[:0]
	}
	for n := range count {
		if count > 1 {
			l.out = append(l.out, l.options.Protocol.Request(l.next+uint32(n))...)
			batch = l.out
		}
		c.push(underWay{since, l.next + uint32(n)})
	}
	l.next += uint32(count)
	l.underWay += count
	if err := c.write(batch); err != nil {
		l.fail(i, err)
		return
	}
	if len(c.unsent) > 0 {
		l.watch(i)
	}
}

// sendDue sends, at a fixed rate, what the schedule has reached. What finds no
// free connection stays due and keeps its time on the schedule.
func (l *Load) sendDue() {
	now := l.now()
	for l.freeLen > 0 && l.schedule(l.next) <= now {
		i := l.free[l.freeAt]
		l.freeAt = (l.freeAt + 1) % len(l.free)
		l.freeLen--
		if l.conns[i].fd >= 0 {
			l.send(int(i), 1, l.schedule(l.next))
		}
	}
}

// schedule is when request n is due at a fixed rate.
func (l *Load) schedule(n uint32) int64 {
	return int64(float64(n) / l.options.Rate * float64(time.Second))
}

// release marks one slot of a connection as free for the schedule.
func (l *Load) release(i int) {
	l.free[(l.freeAt+l.freeLen)%len(l.free)] = int32(i)
	l.freeLen++
}

// watch asks for EPOLLOUT exactly while bytes are unsent.
func (l *Load) watch(i int) {
	c := &l.conns[i]
	events := uint32(unix.EPOLLIN)
	if len(c.unsent) > 0 {
		events |= unix.EPOLLOUT
	}
	unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, c.fd, &unix.EpollEvent{Events: events, Fd: int32(i)})
}

// fail counts a failure and closes the connection it happened on, with the
// requests under way there; i is -1 when it is none's alone.
func (l *Load) fail(i int, err error) {
	l.failed++
	if l.fault == nil {
		l.fault = err
	}
	if i < 0 {
		return
	}
	c := &l.conns[i]
	if c.fd < 0 {
		return
	}
	unix.Close(c.fd)
	c.fd = -1
	l.alive--
	l.failed += uint64(max(c.count-1, 0))
	l.underWay -= c.count
}

// wait returns how many events there are, 0 after a time-out or a signal. The
// thread is the loop's own and other goroutines have their own threads, so it
// may block without telling the scheduler, which would cost a hand-off.
func (l *Load) wait() int {
	limit := longestWait
	if l.options.Rate > 0 && l.freeLen > 0 {
		limit = min(limit, max(0, time.Duration(l.schedule(l.next)-l.now())))
	}
	l.timeout = unix.NsecToTimespec(limit.Nanoseconds())
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])),
		uintptr(len(l.events)), uintptr(unsafe.Pointer(&l.timeout)), 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// now is the time since Run began.
func (l *Load) now() int64 { return int64(time.Since(l.started)) }

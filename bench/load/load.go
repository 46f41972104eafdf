// Package load generates load: many client connections in one epoll loop on one
// thread, so that it leaves the machine to the server it measures.
//
// It knows requests, answers and their latencies, nothing of the server's
// processes. Invariants: every request sent is answered correctly or counted as
// failed, and nothing is allocated per request.
package load

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Options say what load to make.
type Options struct {
	Target      netip.AddrPort
	Protocol    Protocol
	Connections int
	Depth       int     // requests under way per connection
	Rate        float64 // requests per second over all connections; 0: as fast as answers come (closed loop)
}

// The phases of a load, in their only order.
const (
	phaseWarm int32 = iota
	phaseMeasure
	phaseStop
)

const (
	readBytes  = 64 << 10 // one read per event takes all that a small server sends at once
	eventCount = 256
	// longestWait bounds how late a change of phase is seen.
	longestWait = 20 * time.Millisecond
)

// Load is a running load. [Load.Run] owns all of it but the atomics.
type Load struct {
	options Options
	epoll   int
	conns   []connection
	free    []int32 // fixed rate: slots ready for a request, a FIFO ring
	freeAt  int
	freeLen int

	started  time.Time
	next     uint32 // number of the next request
	underWay int
	alive    int
	progress int64 // when the last answer came

	in, out   []byte
	events    []unix.EpollEvent
	timeout   unix.Timespec
	latencies Histogram
	failed    uint64
	fault     error

	phase atomic.Int32
	done  atomic.Uint64
}

// Open connects and greets every connection.
func Open(o Options) (*Load, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	l := &Load{
		options: o, epoll: epoll, conns: make([]connection, 0, o.Connections),
		in: make([]byte, readBytes), out: make([]byte, 0, readBytes), events: make([]unix.EpollEvent, eventCount),
		free: make([]int32, o.Connections*o.Depth),
	}
	for i := range o.Connections {
		if err := l.open(i); err != nil {
			l.Close()
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, o.Connections, err)
		}
	}
	return l, nil
}

func (l *Load) open(i int) error {
	s, err := dial(l.options.Target, netip.Addr{}, l.options.Protocol)
	if err != nil {
		return err
	}
	l.conns = append(l.conns, connection{fd: int(s), ring: make([]underWay, l.options.Depth)})
	l.alive++
	if err := unix.SetNonblock(int(s), true); err != nil {
		return err
	}
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, int(s), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
}

// Run makes the load until [Load.Stop], then waits for the answers under way.
func (l *Load) Run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The default slack of 50 µs would be part of every latency at a fixed rate.
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	l.started = time.Now()
	l.begin()
	for l.alive > 0 && l.step() {
	}
}

// Measure starts the recording of latencies; call it once the server is warm.
func (l *Load) Measure() { l.phase.CompareAndSwap(phaseWarm, phaseMeasure) }

// Stop ends the load; Run returns soon after.
func (l *Load) Stop() { l.phase.Store(phaseStop) }

// Done is how many requests were answered since Run began. Any goroutine may ask.
func (l *Load) Done() uint64 { return l.done.Load() }

// Latencies are those between Measure and Stop, to be read after Run.
func (l *Load) Latencies() *Histogram { return &l.latencies }

// Failed counts wrong answers, lost answers and lost connections; the error
// tells of the first. To be read after Run.
func (l *Load) Failed() (uint64, error) { return l.failed, l.fault }

// Close closes every connection, after Run. It may be called twice.
func (l *Load) Close() {
	for i := range l.conns {
		if l.conns[i].fd >= 0 {
			unix.Close(l.conns[i].fd)
		}
	}
	l.conns = nil
	if l.epoll >= 0 {
		unix.Close(l.epoll)
		l.epoll = -1
	}
}

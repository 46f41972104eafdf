package load

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// perSource keeps one source address clear of the 28,000 ports it has.
	perSource = 15_000
	// openers open connections at the same time: one alone would mostly wait
	// for the scheduler of a busy machine.
	openers = 16
)

// Idle is a set of connections that made one request each and then rest.
type Idle struct{ sockets []socket }

// OpenIdle opens count connections, from as many loopback addresses as they
// need; fewer when the limit is over before. Each opener speaks a protocol of
// its own.
func OpenIdle(target netip.AddrPort, protocol func() Protocol, count int, limit time.Duration) (*Idle, error) {
	var (
		idle  Idle
		first error
		lock  sync.Mutex // guards idle and first
		wait  sync.WaitGroup
	)
	deadline := time.Now().Add(limit)
	for n := range openers {
		wait.Go(func() {
			sockets, err := openShare(target, protocol(), n, count, deadline)
			lock.Lock()
			defer lock.Unlock()
			idle.sockets = append(idle.sockets, sockets...)
			if first == nil {
				first = err
			}
		})
	}
	wait.Wait()
	if first != nil {
		idle.Close()
		return nil, first
	}
	return &idle, nil
}

// openShare opens every openers-th of count connections, from number n on.
func openShare(target netip.AddrPort, p Protocol, n, count int, deadline time.Time) (sockets []socket, err error) {
	for i := n; i < count && time.Now().Before(deadline); i += openers {
		source := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i/perSource)})
		s, err := dial(target, source, p)
		if err == nil {
			sockets = append(sockets, s)
			if _, done := p.(Resting); !done {
				err = s.exchange(p, uint32(i))
			}
		}
		if err != nil {
			return sockets, fmt.Errorf("idle connection %d: %w", i, err)
		}
	}
	return sockets, nil
}

// Open is how many connections there are.
func (d *Idle) Open() int { return len(d.sockets) }

// Lost counts the connections the server has closed, or sent something nobody
// asked for.
func (d *Idle) Lost() (lost int) {
	var b [1]byte
	for _, s := range d.sockets {
		if _, _, err := unix.Recvfrom(int(s), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); err != unix.EAGAIN {
			lost++
		}
	}
	return lost
}

// Receive reads size bytes from each connection and counts those that have not
// got them, or got more.
func (d *Idle) Receive(size int) (lost int) {
	b := make([]byte, size)
	for _, s := range d.sockets {
		if _, err := io.ReadFull(s, b); err != nil {
			lost++
		}
	}
	return lost + d.Lost()
}

// Drain reads and throws away what the connections get, until stop is called,
// which tells how many bytes came once want of them have, or none do any more.
func (d *Idle) Drain() (stop func(want int64) int64, err error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	for i, s := range d.sockets {
		err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, int(s), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
		if err := errors.Join(err, unix.SetNonblock(int(s), true)); err != nil {
			unix.Close(epoll)
			return nil, err
		}
	}
	var drained, expected atomic.Int64
	expected.Store(math.MaxInt64)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.drain(epoll, &drained, &expected)
	}()
	return func(want int64) int64 {
		expected.Store(want)
		<-ended
		unix.Close(epoll)
		return drained.Load()
	}, nil
}

// drain reads until it has what is expected, or until nothing comes although
// that is known.
func (d *Idle) drain(epoll int, drained, expected *atomic.Int64) {
	events, b := make([]unix.EpollEvent, eventCount), make([]byte, readBytes)
	for quiet := time.Duration(0); drained.Load() < expected.Load() && quiet < patience; {
		n, _ := unix.EpollWait(epoll, events, int(longestWait.Milliseconds()))
		for _, e := range events[:max(n, 0)] {
			got, err := rawRead(int(d.sockets[e.Fd]), b)
			if err != nil { // Lost tells
				unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, int(d.sockets[e.Fd]), nil)
			}
			drained.Add(int64(got))
		}
		switch {
		case n > 0:
			quiet = 0
		case expected.Load() != math.MaxInt64:
			quiet += longestWait
		}
	}
}

// Close closes every connection.
func (d *Idle) Close() {
	for _, s := range d.sockets {
		s.close()
	}
	d.sockets = nil
}

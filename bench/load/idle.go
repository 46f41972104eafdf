package load

import (
	"fmt"
	"io"
	"net/netip"
	"sync"
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

// Close closes every connection.
func (d *Idle) Close() {
	for _, s := range d.sockets {
		s.close()
	}
	d.sockets = nil
}

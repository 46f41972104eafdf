package load

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// perSource keeps one source address clear of the 28,000 ports it has.
const perSource = 15_000

// Idle is a set of connections that made one request each and then rest.
type Idle struct{ sockets []socket }

// OpenIdle opens count connections, from as many loopback addresses as they
// need; fewer when the limit is over before.
func OpenIdle(target netip.AddrPort, p Protocol, count int, limit time.Duration) (*Idle, error) {
	idle, begun := &Idle{}, time.Now()
	for i := range count {
		if time.Since(begun) > limit {
			break
		}
		source := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i/perSource)})
		s, err := dial(target, source, p)
		if err == nil {
			idle.sockets = append(idle.sockets, s)
			err = s.exchange(p, uint32(i))
		}
		if err != nil {
			idle.Close()
			return nil, fmt.Errorf("idle connection %d: %w", i, err)
		}
	}
	return idle, nil
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

// Close closes every connection.
func (d *Idle) Close() {
	for _, s := range d.sockets {
		s.close()
	}
	d.sockets = nil
}

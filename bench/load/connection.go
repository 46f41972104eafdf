package load

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// connection is one client. Its requests under way stand in a ring, oldest
// first, as answers come in order.
type connection struct {
	fd     int // -1: closed
	rest   []byte
	unsent []byte

	ring  []underWay
	first int
	count int
}

// underWay is a request without its answer. since is when it was sent or, at a
// fixed rate, when it should have been: else a server that stalls would also
// stall the clock that measures it.
type underWay struct {
	since   int64
	request uint32
}

func (c *connection) push(u underWay) {
	c.ring[(c.first+c.count)%len(c.ring)] = u
	c.count++
}

// oldest is the request whose answer comes next; a used one when count is 0.
func (c *connection) oldest() underWay { return c.ring[c.first] }

func (c *connection) pop() {
	if c.first++; c.first == len(c.ring) {
		c.first = 0
	}
	c.count--
}

var errClosed = errors.New("connection closed by the server")

// write sends b and keeps what the kernel did not take for [connection.flush].
func (c *connection) write(b []byte) error {
	if len(c.unsent) > 0 {
		c.unsent = append(c.unsent, b...)
		return nil
	}
	n, err := rawWrite(c.fd, b)
	if n < len(b) && err == nil {
		c.unsent = append(c.unsent, b[n:]...)
	}
	return err
}

// flush sends what write kept.
func (c *connection) flush() error {
	n, err := rawWrite(c.fd, c.unsent)
	c.unsent = append(c.unsent[:0], c.unsent[n:]...)
	return err
}

// rawWrite and rawRead pass the Go scheduler by: the calls never wait, and its
// hooks cost as much as a small write.
func rawWrite(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}

// rawRead returns 0 bytes without an error when nothing is there.
func rawRead(fd int, b []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return 0, nil
		case errno != 0:
			return 0, errno
		case n == 0:
			return 0, errClosed
		default:
			return int(n), nil
		}
	}
}

package load

import (
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a connection may take to open, or to answer.
const patience = 5 * time.Second

// socket is a connected TCP socket: blocking with a time-out while it opens,
// then non-blocking for the loop.
type socket int

// dial connects and greets. A valid source is the local address to use.
func dial(target netip.AddrPort, source netip.Addr, p Protocol) (socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	s := socket(fd)
	if err := s.connect(target, source); err != nil {
		s.close()
		return -1, fmt.Errorf("connect %v: %w", target, err)
	}
	if err := p.Greet(s); err != nil {
		s.close()
		return -1, err
	}
	return s, nil
}

func (s socket) connect(target netip.AddrPort, source netip.Addr) error {
	limit := unix.NsecToTimeval(patience.Nanoseconds())
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(int(s), unix.SOL_SOCKET, option, &limit); err != nil {
			return err
		}
	}
	if err := unix.SetsockoptInt(int(s), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if source.IsValid() {
		// Without it bind looks for a port free towards every server, and passes
		// all those the runs before have left in TIME_WAIT: 8 ms each.
		if err := unix.SetsockoptInt(int(s), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return err
		}
		if err := unix.Bind(int(s), &unix.SockaddrInet4{Addr: source.As4()}); err != nil {
			return err
		}
	}
	err := unix.Connect(int(s), &unix.SockaddrInet4{Port: int(target.Port()), Addr: target.Addr().As4()})
	if err == unix.EINTR {
		return s.connected()
	}
	return err
}

// connected waits for the end of a connect that a signal interrupted: it goes
// on without us, connect(2), and must not be called again. The Go scheduler
// sends such signals.
func (s socket) connected() error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(s), Events: unix.POLLOUT}}, int(patience.Milliseconds()))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return unix.ETIMEDOUT
		default:
			errno, err := unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_ERROR)
			if err != nil || errno == 0 {
				return err
			}
			return syscall.Errno(errno)
		}
	}
}

// Read and Write make the blocking socket an io.ReadWriter for Greet.
func (s socket) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), b)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, fmt.Errorf("no answer within %v", patience)
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s socket) Write(b []byte) (int, error) {
	for {
		n, err := unix.Write(int(s), b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// exchange sends request i on a blocking socket and waits for its answer.
func (s socket) exchange(p Protocol, i uint32) error {
	if _, err := s.Write(p.Request(i)); err != nil {
		return err
	}
	var data []byte
	for chunk := make([]byte, 8<<10); ; {
		n, err := s.Read(chunk)
		if err != nil {
			return err
		}
		data = append(data, chunk[:n]...)
		a, err := p.Answer(data, i)
		if err != nil || a.Done {
			return err
		}
		if _, err := s.Write(a.Reply); err != nil {
			return err
		}
		data = data[a.Size:]
	}
}

func (s socket) close() { unix.Close(int(s)) }

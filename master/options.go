package master

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gw/master/config"
)

// beforeBind sets what must be set before a socket has an address.
func (l *listener) beforeBind(_, _ string, c syscall.RawConn) (err error) {
	if !l.config.Socket.ReusePort {
		return nil
	}
	controlErr := c.Control(func(fd uintptr) {
		err = os.NewSyscallError("SO_REUSEPORT", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	})
	if err == nil {
		err = controlErr
	}
	return err
}

// setOptions sets what may change at a reload. Accepted sockets inherit it, so
// it costs nothing for each of them.
func (l *listener) setOptions() error {
	o := &l.config.Socket
	fd := int(l.file.Fd())
	if l.config.Scheme != "udp" {
		// A second listen(2) only changes the backlog.
		if err := unix.Listen(fd, backlog(o.Backlog)); err != nil {
			return os.NewSyscallError("listen", err)
		}
	}
	if o.ReceiveBytes > 0 {
		setReceiveBuffer(fd, o.ReceiveBytes)
	}
	if l.socket != nil {
		return l.setAccess()
	}
	if l.config.Scheme == "udp" || strings.HasPrefix(l.address, "unix:") {
		return nil
	}
	return setTCPOptions(fd, o)
}

// setAccess changes mode and owner of a unix socket's file.
func (l *listener) setAccess() error {
	a, err := accessOf(&l.config.Socket)
	if err != nil {
		return err
	}
	if !l.socket.ours() {
		return fmt.Errorf("%s is not the socket's file any more", l.socket.path)
	}
	return a.give(l.socket.path)
}

func setTCPOptions(fd int, o *config.Socket) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, integer(o.NoDelay)); err != nil {
		return os.NewSyscallError("TCP_NODELAY", err)
	}
	k := o.KeepAlive
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, integer(k.Idle > 0)); err != nil || k.Idle == 0 {
		return os.NewSyscallError("SO_KEEPALIVE", err)
	}
	for option, value := range map[int]int{
		unix.TCP_KEEPIDLE:  int(k.Idle / time.Second),
		unix.TCP_KEEPINTVL: int(k.Interval / time.Second),
		unix.TCP_KEEPCNT:   k.Count,
	} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, value); err != nil {
			return os.NewSyscallError("TCP_KEEPIDLE", err)
		}
	}
	return nil
}

// setReceiveBuffer does what it may: only root gets beyond net.core.rmem_max.
func setReceiveBuffer(fd, bytes int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bytes) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
	}
}

func integer(on bool) int {
	if on {
		return 1
	}
	return 0
}

func backlog(configured int) int {
	if configured <= 0 {
		return 4096 // the kernel lowers it to net.core.somaxconn
	}
	return configured
}

// accessOf looks the names up.
func accessOf(o *config.Socket) (access, error) {
	a := access{mode: o.Mode, uid: -1, gid: -1}
	if o.Owner != "" {
		found, err := user.Lookup(o.Owner)
		if err != nil {
			if found, _ = user.LookupId(o.Owner); found == nil {
				return a, fmt.Errorf("owner of the socket file: %w", err)
			}
		}
		if a.uid, err = strconv.Atoi(found.Uid); err != nil {
			return a, fmt.Errorf("owner of the socket file: %w", err)
		}
	}
	if o.Group != "" {
		found, err := user.LookupGroup(o.Group)
		if err != nil {
			if found, _ = user.LookupGroupId(o.Group); found == nil {
				return a, fmt.Errorf("group of the socket file: %w", err)
			}
		}
		if a.gid, err = strconv.Atoi(found.Gid); err != nil {
			return a, fmt.Errorf("group of the socket file: %w", err)
		}
	}
	return a, nil
}

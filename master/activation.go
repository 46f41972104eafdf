package master

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/master/config"
)

// Socket is one that was bound before we were started, by systemd or a program
// that does as it does (sd_listen_fds(3)).
type Socket struct {
	Name string // FileDescriptorName of the unit
	FD   int    // open for good; its copies are listeners
}

// activation gives listeners the sockets that were passed to us. They stay open
// here: whoever bound them has them anyway, and a reload may name them.
type activation struct {
	sockets []Socket
	used    []bool
}

// bind takes the socket that was passed for c, or else binds one.
func (a *activation) bind(c config.Listener) (*listener, error) {
	fd, err := a.find(&c)
	if err == nil && fd < 0 {
		return bind(c)
	}
	var l *listener
	if err == nil {
		l, err = adopt(c, fd)
	}
	if err != nil {
		return nil, &ListenError{Listen: c.Scheme + "://" + c.Address, Err: err}
	}
	return l, nil
}

// find looks for a socket by its name, or with the same address. -1: none.
func (a *activation) find(c *config.Listener) (fd int, err error) {
	if a.used == nil {
		a.used = make([]bool, len(a.sockets))
	}
	name, named := strings.CutPrefix(c.Address, "systemd:")
	found := -1
	for i, s := range a.sockets {
		switch {
		case named && s.Name != name, !named && !hasAddress(s.FD, c):
		case found >= 0 && named:
			return -1, fmt.Errorf("systemd passed several sockets named %s: write their addresses instead, or give each a unit with a FileDescriptorName of its own", name)
		case found < 0:
			found = i
		}
	}
	if found >= 0 {
		a.used[found] = true
		return a.sockets[found].FD, nil
	}
	if named {
		return -1, fmt.Errorf("systemd passed no socket named %s%s", name, a.known())
	}
	return -1, nil
}

func (a *activation) known() string {
	if len(a.sockets) == 0 {
		return ", and no other: is gw started by a unit with a .socket beside it?"
	}
	var names []string
	for _, s := range a.sockets {
		names = append(names, s.Name)
	}
	return ": it passed " + strings.Join(names, ", ")
}

// reportUnused: clients of such a socket would wait for ever.
func (a *activation) reportUnused(log *slog.Logger) {
	for i, s := range a.sockets {
		if len(a.used) == 0 || !a.used[i] {
			log.Warn("A socket that was passed to gw has no listener: write listen: http://systemd:NAME, or its address", "name", s.Name, "address", addressOf(s.FD))
		}
	}
}

// adopt makes a listener of a socket that is not ours.
func adopt(c config.Listener, fd int) (*listener, error) {
	if err := suits(fd, c.Scheme == "udp"); err != nil {
		return nil, err
	}
	duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate: %w", err)
	}
	l := &listener{config: c, address: addressOf(fd), passed: true}
	l.file = ipc.NewFile(duplicate, l.address)
	if err := l.setOptions(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// suits checks that a socket is what the protocol needs.
func suits(fd int, datagrams bool) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case err != nil:
		return fmt.Errorf("descriptor %d is no socket: %w", fd, err)
	case datagrams && kind != unix.SOCK_DGRAM:
		return fmt.Errorf("the socket that was passed is not for datagrams: write ListenDatagram in its unit")
	case datagrams:
		return nil
	case kind != unix.SOCK_STREAM:
		return fmt.Errorf("the socket that was passed is not for streams: write ListenStream in its unit")
	}
	if listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || listening == 0 {
		return fmt.Errorf("the socket that was passed does not listen: write Accept=no in its unit")
	}
	return nil
}

// hasAddress tells whether a socket is bound where c is to listen.
func hasAddress(fd int, c *config.Listener) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || (kind == unix.SOCK_DGRAM) != (c.Scheme == "udp") {
		return false
	}
	bound := addressOf(fd)
	if bound == c.Address {
		return true
	}
	have, err := netip.ParseAddrPort(bound)
	if err != nil {
		return false
	}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil || port != fmt.Sprint(have.Port()) {
		return false
	}
	if host == "" { // all of both families, which systemd has as [::]
		return have.Addr() == netip.IPv6Unspecified()
	}
	want, err := netip.ParseAddr(host)
	return err == nil && want == have.Addr()
}

// addressOf is where a socket is bound, as a configuration would have it.
func addressOf(fd int) string {
	address, err := unix.Getsockname(fd)
	if err != nil {
		return ""
	}
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrUnix:
		return "unix:" + a.Name
	}
	return ""
}

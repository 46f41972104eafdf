package master

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/master/config"
)

// listener is a bound socket. The master holds it as long as the configuration
// names it, so that it outlives any gateway process.
type listener struct {
	id      int    // set when it comes into use
	key     string // what it is recognised by over reloads
	config  config.Listener
	address string   // where it is bound: the port is never 0
	file    *os.File // not watched by our poller: connections are the gateway's
	socket  *socketFile
	passed  bool // it was bound for us, by systemd
	given   int  // the gateway process that has it, by generation
}

// bind opens the socket of c. The error is a *ListenError.
func bind(c config.Listener) (*listener, error) {
	l := &listener{config: c, address: c.Address}
	var err error
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok {
		err = l.bindUnix(path)
	} else {
		err = l.bindInternet()
	}
	if err == nil {
		err = l.setOptions()
	}
	if err != nil {
		if l.file != nil {
			l.close()
		}
		return nil, &ListenError{Listen: c.Scheme + "://" + c.Address, Err: err}
	}
	return l, nil
}

func (l *listener) bindUnix(path string) error {
	a, err := accessOf(&l.config.Socket)
	if err != nil {
		return err
	}
	if err := removeStaleSocket(path); err != nil {
		return err
	}
	fd, socket, err := listenUnix(path, a, l.config.Socket.Backlog)
	if err != nil {
		return err
	}
	l.file, l.socket = ipc.NewFile(fd, "unix:"+path), socket
	return nil
}

// internetSocket is what package net gives us.
type internetSocket interface {
	io.Closer
	syscall.Conn
}

// bindInternet leaves the choice of address families to package net (":80" is
// both, IPv4 alone where the machine has no IPv6) and takes the descriptor over.
func (l *listener) bindInternet() error {
	network := net.ListenConfig{Control: l.beforeBind}
	network.SetMultipathTCP(false) // Go's default would hand MPTCP sockets to the gateway
	socket, bound, err := l.open(&network)
	if err != nil {
		return cause(err)
	}
	defer socket.Close()
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	duplicate := -1
	controlErr := raw.Control(func(fd uintptr) {
		duplicate, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	if controlErr != nil || err != nil {
		return fmt.Errorf("duplicate: %w", err)
	}
	if strings.HasSuffix(l.config.Address, ":0") {
		l.address = bound.String()
	}
	l.file = ipc.NewFile(duplicate, l.address)
	return nil
}

func (l *listener) open(network *net.ListenConfig) (internetSocket, net.Addr, error) {
	family := l.family()
	if l.config.Scheme == "udp" {
		socket, err := network.ListenPacket(context.Background(), "udp"+family, l.config.Address)
		if err != nil {
			return nil, nil, err
		}
		return socket.(*net.UDPConn), socket.LocalAddr(), nil
	}
	socket, err := network.Listen(context.Background(), "tcp"+family, l.config.Address)
	if err != nil {
		return nil, nil, err
	}
	return socket.(*net.TCPListener), socket.Addr(), nil
}

// family narrows down what package net would bind for both: 0.0.0.0 is IPv4, and
// with ipv6_only [::] and * are IPv6.
func (l *listener) family() string {
	host, _, _ := net.SplitHostPort(l.config.Address)
	ip, err := netip.ParseAddr(host)
	switch {
	case l.config.Socket.IPv6Only:
		return "6"
	case err == nil && ip.Is4():
		return "4"
	}
	return ""
}

// text is what a user calls the listener: scheme://address.
func (l *listener) text() string { return l.config.Scheme + "://" + l.address }

func (l *listener) close() {
	l.file.Close()
	l.socket.remove()
}

// cause strips what package net wraps around the reason: the address is in
// ListenError already.
func cause(err error) error {
	if inner, ok := err.(*net.OpError); ok {
		err = inner.Err
	}
	if inner, ok := err.(*os.SyscallError); ok && inner.Err == syscall.EADDRINUSE {
		return inner.Err
	}
	return err
}

// listenerKeys names each listener of a configuration by its address and
// protocol below. Listeners with the same text, which only port 0 makes possible,
// are told apart by their order.
func listenerKeys(listeners []config.Listener) []string {
	seen := map[string]int{}
	keys := make([]string, len(listeners))
	for i, c := range listeners {
		keys[i] = c.Address
		if c.Scheme == "udp" {
			keys[i] = "udp " + c.Address
		}
		seen[keys[i]]++
		if n := seen[keys[i]]; n > 1 {
			keys[i] = fmt.Sprintf("%s (%d)", keys[i], n)
		}
	}
	return keys
}

// bindMissing binds every listener of c whose key is not in have. On an error
// none stays bound.
func bindMissing(c *config.Config, have map[string]bool, bind func(config.Listener) (*listener, error)) ([]*listener, error) {
	var bound []*listener
	for i, key := range listenerKeys(c.Listeners) {
		if have[key] {
			continue
		}
		l, err := bind(c.Listeners[i])
		if err != nil {
			closeListeners(bound)
			return nil, err
		}
		l.key = key
		bound = append(bound, l)
	}
	return bound, nil
}

func closeListeners(listeners []*listener) {
	for _, l := range listeners {
		l.close()
	}
}

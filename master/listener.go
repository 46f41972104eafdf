package master

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/master/config"
)

// unixMode of a listener's socket file: like a port on the loopback, everybody
// on the machine may connect. The mode of its folder narrows that down.
const unixMode = 0o666

// listener is a bound socket. The master holds it as long as the configuration
// names it, so that it outlives any gateway process.
type listener struct {
	id      int    // set when it comes into use
	key     string // what it is recognised by over reloads
	config  config.Listener
	address string   // where it is bound: the port is never 0
	file    *os.File // not watched by our poller: connections are the gateway's
	socket  *socketFile
	given   int // the gateway process that has it, by generation
}

// bind opens the socket of c. The error is a *ListenError.
func bind(c config.Listener) (*listener, error) {
	l := &listener{config: c, address: c.Address}
	var err error
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok {
		err = l.bindUnix(path)
	} else {
		err = l.bindTCP()
	}
	if err != nil {
		return nil, &ListenError{Listen: c.Scheme + "://" + c.Address, Err: err}
	}
	return l, nil
}

func (l *listener) bindUnix(path string) error {
	if err := removeStaleSocket(path); err != nil {
		return err
	}
	fd, socket, err := listenUnix(path, unixMode, backlog(l.config.Backlog))
	if err != nil {
		return err
	}
	l.file, l.socket = ipc.NewFile(fd, "unix:"+path), socket
	return nil
}

// bindTCP leaves the choice of address families to package net (":80" is both,
// IPv4 alone where the machine has no IPv6) and takes the descriptor over.
func (l *listener) bindTCP() error {
	var network net.ListenConfig
	network.SetMultipathTCP(false) // Go's default would hand MPTCP sockets to the gateway
	socket, err := network.Listen(context.Background(), "tcp", l.config.Address)
	if err != nil {
		return cause(err)
	}
	defer socket.Close()
	raw, err := socket.(*net.TCPListener).SyscallConn()
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
	l.address = socket.Addr().String()
	if !strings.HasSuffix(l.config.Address, ":0") {
		l.address = l.config.Address
	}
	l.file = ipc.NewFile(duplicate, l.address)
	return l.setBacklog()
}

// setBacklog calls listen(2) again, which on Linux only changes the backlog.
func (l *listener) setBacklog() error {
	return os.NewSyscallError("listen", unix.Listen(int(l.file.Fd()), backlog(l.config.Backlog)))
}

// text is what a user calls the listener: scheme://address.
func (l *listener) text() string { return l.config.Scheme + "://" + l.address }

func (l *listener) close() {
	l.file.Close()
	l.socket.remove()
}

func backlog(configured int) int {
	if configured <= 0 {
		return 4096 // the kernel lowers it to net.core.somaxconn
	}
	return configured
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

// listenerKeys names each listener of a configuration by its address. Listeners
// with the same text, which only port 0 makes possible, are told apart by their
// order.
func listenerKeys(listeners []config.Listener) []string {
	seen := map[string]int{}
	keys := make([]string, len(listeners))
	for i, c := range listeners {
		seen[c.Address]++
		keys[i] = c.Address
		if n := seen[c.Address]; n > 1 {
			keys[i] = fmt.Sprintf("%s (%d)", c.Address, n)
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

package master

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/master/config"
)

func listenerAt(scheme, address string) config.Listener {
	return config.Listener{Scheme: scheme, Address: address, Socket: config.Socket{Mode: 0o666, NoDelay: true,
		KeepAlive: config.KeepAlive{Idle: 61 * time.Second, Interval: 17 * time.Second, Count: 3}}}
}

func mustBind(t *testing.T, c config.Listener) *listener {
	t.Helper()
	l, err := bind(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func option(t *testing.T, fd uintptr, level, name int) int {
	t.Helper()
	value, err := unix.GetsockoptInt(int(fd), level, name)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Accepted connections inherit them.
func TestTCPOptionsReachConnections(t *testing.T) {
	l := mustBind(t, listenerAt("tcp", "127.0.0.1:0"))
	accepted := func() uintptr {
		client, err := net.Dial("tcp", l.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		for {
			fd, _, err := unix.Accept(int(l.file.Fd()))
			if err == nil {
				t.Cleanup(func() { unix.Close(fd) })
				return uintptr(fd)
			} else if err != unix.EAGAIN {
				t.Fatal(err)
			}
		}
	}
	fd := accepted()
	for name, want := range map[int]int{unix.TCP_NODELAY: 1, unix.TCP_KEEPIDLE: 61, unix.TCP_KEEPINTVL: 17, unix.TCP_KEEPCNT: 3} {
		if got := option(t, fd, unix.IPPROTO_TCP, name); got != want {
			t.Errorf("option %d is %d, want %d", name, got, want)
		}
	}
	l.config.Socket = config.Socket{} // as a reload does
	if err := l.setOptions(); err != nil {
		t.Fatal(err)
	}
	fd = accepted()
	if option(t, fd, unix.IPPROTO_TCP, unix.TCP_NODELAY) != 0 || option(t, fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE) != 0 {
		t.Error("a reload does not switch them off")
	}
}

func TestPortIsSharedOnlyWhereItIsAsked(t *testing.T) {
	c := listenerAt("http", "127.0.0.1:0")
	c.Socket.ReusePort = true
	first := mustBind(t, c)
	c.Address = first.address
	mustBind(t, c)
	c.Socket.ReusePort = false
	if _, err := bind(c); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("bound once more: %v", err)
	}
}

func TestIPv6OnlyLeavesIPv4ToOthers(t *testing.T) {
	for _, scheme := range []string{"tcp", "udp"} {
		c := listenerAt(scheme, "[::]:0")
		c.Socket.IPv6Only = true
		l := mustBind(t, c)
		if option(t, l.file.Fd(), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY) != 1 {
			t.Errorf("%s has both families", scheme)
		}
		c.Socket.IPv6Only = false
		if both := mustBind(t, c); option(t, both.file.Fd(), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY) != 0 {
			t.Errorf("%s has one family", scheme)
		}
	}
}

// Package net would take both families.
func TestIPv4IsNotIPv6(t *testing.T) {
	for _, scheme := range []string{"tcp", "udp"} {
		if l := mustBind(t, listenerAt(scheme, "0.0.0.0:0")); option(t, l.file.Fd(), unix.SOL_SOCKET, unix.SO_DOMAIN) != unix.AF_INET {
			t.Errorf("%s has IPv6", scheme)
		}
	}
}

func TestReceiveBuffer(t *testing.T) {
	c := listenerAt("udp", "127.0.0.1:0")
	c.Socket.ReceiveBytes = 100_000
	l := mustBind(t, c)
	if got := option(t, l.file.Fd(), unix.SOL_SOCKET, unix.SO_RCVBUF); got < 100_000 { // the kernel doubles it
		t.Errorf("%d bytes", got)
	}
}

func TestUDPAndTCPShareAPort(t *testing.T) {
	first := mustBind(t, listenerAt("tcp", "127.0.0.1:0"))
	mustBind(t, listenerAt("udp", first.address))
}

func TestAccessOfAUnixSocketChangesWithAReload(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	l := mustBind(t, listenerAt("text", "unix:"+path))
	info, _ := os.Lstat(path)
	if info.Mode().Perm() != 0o666 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	l.config.Socket.Mode, l.config.Socket.Group = 0o620, strconv.Itoa(os.Getgid())
	if err := l.setOptions(); err != nil {
		t.Fatal(err)
	}
	if info, _ = os.Lstat(path); info.Mode().Perm() != 0o620 {
		t.Errorf("mode %o after the reload", info.Mode().Perm())
	}
	os.Remove(path)
	os.WriteFile(path, nil, 0o600)
	if err := l.setOptions(); err == nil {
		t.Error("changed somebody else's file")
	}
}

func TestListenerIsReadyToBeHandedOn(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0", "unix:" + path} {
		t.Run(address, func(t *testing.T) {
			l, err := bind(listenerAt("http", address))
			if err != nil {
				t.Fatal(err)
			}
			defer l.close()
			fd := l.file.Fd()
			if flags, _ := unix.FcntlInt(fd, unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Error("it is not closed on exec")
			}
			if flags, _ := unix.FcntlInt(fd, unix.F_GETFL, 0); flags&unix.O_NONBLOCK == 0 {
				t.Error("it blocks")
			}
			network, target := "tcp", l.address
			if rest, ok := strings.CutPrefix(l.address, "unix:"); ok {
				network, target = "unix", rest
			}
			client, err := net.Dial(network, target)
			if err != nil {
				t.Fatal(err)
			}
			client.Close()
			if protocol, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL); err == nil && protocol == unix.IPPROTO_MPTCP {
				t.Error("it is an MPTCP socket")
			}
		})
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket file is left: %v", err)
	}
}

func TestBusyUnixSocketIsNamed(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	first, err := bind(listenerAt("text", "unix:"+path))
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	_, err = bind(listenerAt("text", "unix:"+path))
	var failure *ListenError
	if !errors.As(err, &failure) || failure.Listen != "text://unix:"+path || !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
}

func TestListenersAreRecognisedByAddressAndOrder(t *testing.T) {
	got := listenerKeys([]config.Listener{{Address: "a:1"}, {Address: "a:0"}, {Address: "a:0"}, {Scheme: "udp", Address: "a:1"}})
	if want := []string{"a:1", "a:0", "a:0 (2)", "udp a:1"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestFailedBindLeavesNothingBound(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	before := countDescriptors()
	_, err = bindMissing(&config.Config{Listeners: []config.Listener{
		{Address: "127.0.0.1:0"}, {Address: "127.0.0.1:0"}, {Address: taken.Addr().String()},
	}}, nil, bind)
	if err == nil {
		t.Fatal("bound a busy port")
	}
	if after := countDescriptors(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

package master

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gw/master/config"
)

func TestListenerIsReadyToBeHandedOn(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0", "unix:" + path} {
		t.Run(address, func(t *testing.T) {
			l, err := bind(config.Listener{Scheme: "http", Address: address})
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
	first, err := bind(config.Listener{Scheme: "text", Address: "unix:" + path})
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	_, err = bind(config.Listener{Scheme: "text", Address: "unix:" + path})
	var failure *ListenError
	if !errors.As(err, &failure) || failure.Listen != "text://unix:"+path || !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
}

func TestListenersAreRecognisedByAddressAndOrder(t *testing.T) {
	got := listenerKeys([]config.Listener{{Address: "a:1"}, {Address: "a:0"}, {Address: "a:0"}})
	if want := []string{"a:1", "a:0", "a:0 (2)"}; !slices.Equal(got, want) {
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

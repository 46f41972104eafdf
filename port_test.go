package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOwnerOfAPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	f := listenFailure(fmt.Sprintf("http://127.0.0.1:%d", port), syscall.EADDRINUSE)
	wanted := fmt.Sprintf("cannot listen on http://127.0.0.1:%d: port %d is in use by pid %d (", port, port, os.Getpid())
	if f.code != exitListen || !strings.HasPrefix(f.text, wanted) {
		t.Errorf("got %+v, want %s", f, wanted)
	}
}

func TestOwnerOfAUDPPortIsNamed(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.LocalAddr().(*net.UDPAddr).Port
	f := listenFailure(fmt.Sprintf("udp://127.0.0.1:%d", port), syscall.EADDRINUSE)
	if wanted := fmt.Sprintf("port %d is in use by pid %d (", port, os.Getpid()); !strings.Contains(f.text, wanted) {
		t.Errorf("got %s, want %s", f.text, wanted)
	}
}

func TestOwnerOfAUnixSocketIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := listenFailure("text://unix:"+path, syscall.EADDRINUSE)
	if wanted := fmt.Sprintf("the socket is in use by pid %d (", os.Getpid()); !strings.Contains(f.text, wanted) {
		t.Errorf("got %s, want %s", f.text, wanted)
	}
}

func TestOwnerThatCannotBeSeen(t *testing.T) {
	if got := portOwner(t.TempDir(), 80, false); got != "" {
		t.Errorf("got %s", got)
	}
}

func TestListenFailuresSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		listen string
		err    error
		want   string
	}{
		{"http://:80", os.NewSyscallError("bind", syscall.EACCES), "cannot listen on http://:80: bind: permission denied\nports below 1024 need root, or: setcap cap_net_bind_service=+ep on the gw binary; or choose a port above (8080)"},
		{"http://192.0.2.1:80", syscall.EADDRNOTAVAIL, "cannot listen on http://192.0.2.1:80: cannot assign requested address\nno network interface of this machine has this address; * takes all"},
		{"http://unix:/x/a.sock", syscall.EACCES, "cannot listen on http://unix:/x/a.sock: permission denied\nthe folder of the socket must be writable"},
		{"http://unix:/x/a.sock", syscall.EADDRINUSE, "cannot listen on http://unix:/x/a.sock: the socket is in use\nanother program listens there: stop it, or choose another path"},
	} {
		if got := listenFailure(c.listen, c.err).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

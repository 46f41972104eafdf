package master

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gw/master/config"
)

// fromSystemd is a socket as systemd would pass it.
func fromSystemd(t *testing.T, name string, socket interface {
	File() (*os.File, error)
	Close() error
}) Socket {
	t.Helper()
	file, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	socket.Close()
	fd, err := unix.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	t.Cleanup(func() { unix.Close(fd) })
	return Socket{Name: name, FD: fd}
}

func tcpSocket(t *testing.T, address string) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

func TestPassedSocketIsFoundByNameAndByAddress(t *testing.T) {
	four, six := tcpSocket(t, "127.0.0.1:0"), tcpSocket(t, "[::]:0")
	_, port, _ := net.SplitHostPort(six.Addr().String())
	path := filepath.Join(shortFolder(t), "s")
	file, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	file.SetUnlinkOnClose(false)
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	udp, tcp := packets.LocalAddr().String(), four.Addr().String()
	a := &activation{sockets: []Socket{fromSystemd(t, "web", four), fromSystemd(t, "all", six), fromSystemd(t, "lines", file), fromSystemd(t, "metrics", packets)}}
	for _, c := range []struct{ scheme, address, want string }{
		{"http", "systemd:web", tcp}, {"http", tcp, tcp}, {"http", ":" + port, "[::]:" + port}, {"http", "[::]:" + port, "[::]:" + port},
		{"text", "systemd:lines", "unix:" + path}, {"text", "unix:" + path, "unix:" + path},
		{"udp", "systemd:metrics", udp}, {"udp", udp, udp},
	} {
		l, err := a.bind(listenerAt(c.scheme, c.address))
		if err != nil {
			t.Fatalf("%s://%s: %v", c.scheme, c.address, err)
		}
		if !l.passed || l.address != c.want {
			t.Errorf("%s://%s: passed %t, at %s", c.scheme, c.address, l.passed, l.address)
		}
		l.close()
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error("a socket file that is not ours was removed")
	}
	own, err := a.bind(listenerAt("http", "127.0.0.1:0"))
	if err != nil || own.passed {
		t.Fatalf("%v", err)
	}
	own.close()
}

func TestPassedSocketThatDoesNotFitIsExplained(t *testing.T) {
	one, two := tcpSocket(t, "127.0.0.1:0"), tcpSocket(t, "127.0.0.1:0")
	client, err := net.Dial("tcp", one.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a := &activation{sockets: []Socket{fromSystemd(t, "web", one), fromSystemd(t, "twin", two), fromSystemd(t, "twin", tcpSocket(t, "127.0.0.1:0")), fromSystemd(t, "accepted", client.(*net.TCPConn))}}
	for _, c := range []struct{ scheme, address, want string }{
		{"http", "systemd:wbe", "passed no socket named wbe: it passed web, twin, twin, accepted"},
		{"http", "systemd:twin", "several sockets named twin"},
		{"udp", "systemd:web", "not for datagrams"},
		{"http", "systemd:accepted", "does not listen: write Accept=no"},
	} {
		_, err := a.bind(listenerAt(c.scheme, c.address))
		var failure *ListenError
		if !errors.As(err, &failure) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s://%s: %v, want %s", c.scheme, c.address, err, c.want)
		}
	}
	var log bytes.Buffer
	a.reportUnused(slog.New(slog.NewTextHandler(&log, nil)))
	if strings.Count(log.String(), "has no listener") != 2 || !strings.Contains(log.String(), "name=twin") {
		t.Errorf("%s", log.String())
	}
	if _, err := new(activation).bind(config.Listener{Scheme: "http", Address: "systemd:web"}); err == nil || !strings.Contains(err.Error(), "unit with a .socket") {
		t.Errorf("%v", err)
	}
}

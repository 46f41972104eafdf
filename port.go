package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listenFailure says why an address cannot be bound, and who has it.
func listenFailure(listen string, err error) *failure {
	f := &failure{code: exitListen, text: fmt.Sprintf("cannot listen on %s: %v", listen, err)}
	port, tcp := portOf(listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && tcp:
		f.text = fmt.Sprintf("cannot listen on %s: port %d is in use", listen, port)
		f.hint = "stop the program that has it, or choose another port (ss -ltnp shows who it is)"
		if owner := portOwner("/proc", port, strings.HasPrefix(listen, "udp:")); owner != "" {
			f.text += " by " + owner
			f.hint = "stop it, or choose another port"
		}
	case errors.Is(err, syscall.EADDRINUSE):
		f.text = fmt.Sprintf("cannot listen on %s: the socket is in use", listen)
		f.hint = "another program listens there: stop it, or choose another path"
		_, path, _ := strings.Cut(listen, "unix:")
		if owner := socketOwner(path); owner != "" {
			f.text += " by " + owner
		}
	case errors.Is(err, syscall.EACCES) && tcp:
		f.hint = fmt.Sprintf("ports below 1024 need root, or: setcap cap_net_bind_service=+ep on the gw binary; or choose a port above (%d)", port+8000)
	case errors.Is(err, syscall.EACCES):
		f.hint = "the folder of the socket must be writable"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.hint = "no network interface of this machine has this address; * takes all"
	}
	return f
}

// portOf is the port of a listen text; false for a unix socket.
func portOf(listen string) (int, bool) {
	if strings.Contains(listen, "unix:") {
		return 0, false
	}
	port, err := strconv.Atoi(listen[strings.LastIndexByte(listen, ':')+1:])
	return port, err == nil
}

// socketOwner names the process that listens on a unix socket (unix(7),
// SO_PEERCRED); "" when it does not take us in.
func socketOwner(path string) string {
	connection, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return ""
	}
	defer connection.Close()
	raw, err := connection.(*net.UnixConn).SyscallConn()
	if err != nil {
		return ""
	}
	var who *unix.Ucred
	if raw.Control(func(fd uintptr) { who, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) != nil || err != nil {
		return ""
	}
	return processName(filepath.Join("/proc", strconv.Itoa(int(who.Pid))))
}

// portOwner names the process that has a TCP or UDP port: "pid 123 (nginx)".
// It is "" when proc does not let us see it: other users' descriptors are
// readable for root only.
func portOwner(proc string, port int, udp bool) string {
	inodes := map[string]bool{}
	tables, state := []string{"tcp", "tcp6"}, tcpListen
	if udp {
		tables, state = []string{"udp", "udp6"}, udpBound
	}
	for _, table := range tables {
		listeningInodes(filepath.Join(proc, "net", table), port, state, inodes)
	}
	if len(inodes) == 0 {
		return ""
	}
	links, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && inodes[target] {
			return processName(filepath.Dir(filepath.Dir(link)))
		}
	}
	return ""
}

// States in the tables of proc_net_tcp(5): LISTEN, and CLOSE, which every UDP
// socket without a peer is in.
const tcpListen, udpBound = "0A", "07"

// listeningInodes reads a table of proc_net_tcp(5): local address in hex as
// second field, state as fourth, inode as tenth.
func listeningInodes(table string, port int, state string, inodes map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == state {
			inodes["socket:["+fields[9]+"]"] = true
		}
	}
}

func processName(dir string) string {
	name, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil {
		return "pid " + filepath.Base(dir)
	}
	return fmt.Sprintf("pid %s (%s)", filepath.Base(dir), strings.TrimSpace(string(name)))
}

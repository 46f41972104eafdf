package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"gw/master"
)

// passedSockets takes over the sockets that systemd, or whoever does as it does,
// bound for us (sd_listen_fds(3)). The variables are ours alone: handlers do not
// see them.
func passedSockets() []master.Socket {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxPassed || pid != strconv.Itoa(os.Getpid()) {
		return nil // meant for another process: variables are inherited
	}
	return socketsFrom(firstInherited, n, strings.Split(names, ":"))
}

// maxPassed is far above what a unit has.
const maxPassed = 1024

// socketsFrom are n sockets from a descriptor on.
func socketsFrom(first, n int, names []string) []master.Socket {
	sockets := make([]master.Socket, n)
	for i := range sockets {
		name := "unknown" // what systemd calls one without a name
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		syscall.CloseOnExec(first + i)
		sockets[i] = master.Socket{Name: name, FD: first + i}
	}
	return sockets
}

func socketNames(sockets []master.Socket) string {
	names := make([]string, len(sockets))
	for i, s := range sockets {
		names[i] = s.Name
	}
	return strings.Join(names, ":")
}

package tests

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// processesOf finds every process of a gateway: those that inherited its
// state folder, or that work in its folder. Zombies do not count.
func processesOf(g *gateway) []int {
	var pids []int
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, entry := range entries {
		pid, _ := strconv.Atoi(filepath.Base(entry))
		if pid != os.Getpid() && belongs(entry, g) && !isZombie(entry) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func belongs(entry string, g *gateway) bool {
	environment, _ := os.ReadFile(filepath.Join(entry, "environ"))
	if bytes.Contains(environment, []byte("GW_STATE_DIR="+g.state+"\x00")) {
		return true
	}
	folder, _ := os.Readlink(filepath.Join(entry, "cwd"))
	return folder == g.dir
}

func isZombie(entry string) bool {
	stat, err := os.ReadFile(filepath.Join(entry, "stat"))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// alive tells whether a process exists and is no zombie.
func alive(pid int) bool {
	entry := filepath.Join("/proc", strconv.Itoa(pid))
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && !isZombie(entry)
}

// describeProcess names a process in a failure.
func describeProcess(pid int) string {
	line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return strconv.Itoa(pid) + " " + strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
}

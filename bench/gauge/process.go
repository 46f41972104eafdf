// Package gauge reads what Linux knows of processes and the machine: processor
// time, memory, versions. It starts nothing but programs asked for their
// version, and it owns no state: every reading is a value.
package gauge

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Role is what a process of a server does.
type Role string

// The roles: a server that is one program has only handlers.
const (
	Master  Role = "master"
	Gateway Role = "gateway"
	Handler Role = "handler"
)

// tick is the unit of times in /proc/PID/stat; USER_HZ is 100 on every Linux Go runs on.
const tick = 10 * time.Millisecond

// Process is one reading of one process.
type Process struct {
	PID    int
	Parent int
	Name   string
	Ended  bool // but nobody has waited for it yet

	CPU    time.Duration // all its threads, to the nanosecond where the kernel tells
	Reaped time.Duration // children that ended and were waited for
}

// ReadProcess reads one process.
func ReadProcess(pid int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	p, err := parseStat(stat)
	if err != nil {
		return Process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	// stat counts in steps of 10 ms, a tenth of a short run; but only stat knows
	// of threads that ended, so it wins when it is clearly ahead.
	if fine := threadTime(pid); fine > p.CPU-2*tick {
		p.CPU = fine
	}
	return p, nil
}

// parseStat reads /proc/PID/stat, proc_pid_stat(5). The name stands in
// parentheses and may hold spaces and parentheses itself.
func parseStat(stat []byte) (Process, error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return Process{}, fmt.Errorf("unreadable stat: %q", stat)
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 15 {
		return Process{}, fmt.Errorf("unreadable stat: %q", stat)
	}
	number := func(field int) int { n, _ := strconv.Atoi(fields[field-3]); return n } // fields[0] is field 3
	pid, err := strconv.Atoi(string(bytes.TrimSpace(stat[:open])))
	return Process{
		PID: pid, Parent: number(4), Name: string(stat[open+1 : end]), Ended: fields[0] == "Z",
		CPU:    time.Duration(number(14)+number(15)) * tick,
		Reaped: time.Duration(number(16)+number(17)) * tick,
	}, err
}

// threadTime sums the first number of every thread's schedstat, nanoseconds on
// a processor; 0 where the kernel has none.
func threadTime(pid int) (sum time.Duration) {
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		first, _, _ := bytes.Cut(text, []byte(" "))
		ns, _ := strconv.ParseInt(string(first), 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}

package gauge

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is the resident memory of a process or of several, in bytes. In PSS a
// page shared by n processes counts one n-th for each.
type Memory struct{ RSS, PSS int64 }

// ReadMemory reads /proc/PID/smaps_rollup.
func ReadMemory(pid int) (Memory, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return Memory{}, err
	}
	defer f.Close()
	var m Memory
	for in := bufio.NewScanner(f); in.Scan(); {
		name, value, _ := strings.Cut(in.Text(), ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "Rss":
			m.RSS = kib << 10
		case "Pss":
			m.PSS = kib << 10
		}
	}
	return m, nil
}

// KernelMemory is what the kernel keeps for sockets, descriptors and the like,
// all over the machine, in bytes: the slabs that it cannot give back
// (proc_meminfo(5)).
func KernelMemory() int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "SUnreclaim:"); found {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// Memory sums the tree's memory by role.
func (t Tree) Memory(role func(Process) Role) map[Role]Memory {
	sum := map[Role]Memory{}
	for _, p := range t.Processes {
		m, err := ReadMemory(p.PID)
		if err != nil {
			continue // ended meanwhile
		}
		s := sum[role(p)]
		sum[role(p)] = Memory{s.RSS + m.RSS, s.PSS + m.PSS}
	}
	return sum
}

package gauge

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Tree is one reading of a server: its root process and all descendants.
type Tree struct {
	Root      int
	Processes []Process
}

// ReadTree reads the tree below root; empty when root is gone.
func ReadTree(root int) Tree {
	all := map[int][]Process{}
	t := Tree{Root: root}
	for _, pid := range pids() {
		p, err := readKin(pid)
		if err != nil {
			continue // ended meanwhile
		}
		if p.PID == root {
			t.Processes = append(t.Processes, p)
		}
		all[p.Parent] = append(all[p.Parent], p)
	}
	for i := 0; i < len(t.Processes); i++ { // grows while it is walked
		t.Processes = append(t.Processes, all[t.Processes[i].PID]...)
	}
	return t.Refresh()
}

// Refresh reads the processes of an earlier reading again, without looking for
// new ones: cheap enough for the middle of a measurement.
func (t Tree) Refresh() Tree {
	now := Tree{Root: t.Root}
	for _, p := range t.Processes {
		if fresh, err := ReadProcess(p.PID); err == nil {
			now.Processes = append(now.Processes, fresh)
		}
	}
	return now
}

// Has tells whether a process belongs to the tree.
func (t Tree) Has(pid int) bool {
	return slices.ContainsFunc(t.Processes, func(p Process) bool { return p.PID == pid })
}

// Alive counts the processes that have not ended since the tree was read.
func (t Tree) Alive() (alive int) {
	for _, p := range t.Refresh().Processes {
		if !p.Ended {
			alive++
		}
	}
	return alive
}

// Used is the processor time that went into the tree between two readings, by
// role. A process that ended counts through the parent that waited for it.
func Used(before, after Tree, role func(Process) Role) map[Role]time.Duration {
	used := map[Role]time.Duration{}
	for _, p := range after.Processes {
		used[role(p)] += p.CPU + p.Reaped
	}
	for _, p := range before.Processes {
		used[role(p)] -= p.CPU + p.Reaped
	}
	return used
}

// Sum adds the roles up.
func Sum(used map[Role]time.Duration) (sum time.Duration) {
	for _, d := range used {
		sum += d
	}
	return sum
}

// pids lists every process of the machine.
func pids() (list []int) {
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		if pid, err := strconv.Atoi(filepath.Base(path)); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

// readKin reads only what is needed to find a family.
func readKin(pid int) (Process, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Process{}, err
	}
	return parseStat(stat)
}

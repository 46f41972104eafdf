package gauge

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseStatCopesWithAnyName(t *testing.T) {
	line := "42 (a) b (c) S 7 1 1 0 -1 4194304 1 2 3 4 150 50 30 20 20 0 1 0 119576 0"
	p, err := parseStat([]byte(line))
	want := Process{PID: 42, Parent: 7, Name: "a) b (c", CPU: 2 * time.Second, Reaped: 500 * time.Millisecond}
	if err != nil || p != want {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, bad := range []string{"", "42 (x", "42 (x) S 1"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestBusyLeavesIdleAndGuestOut(t *testing.T) {
	if got := parseBusy("cpu  100 1 50 9999 888 2 3 4 77 66"); got != 1600*time.Millisecond {
		t.Errorf("got %v", got)
	}
}

func TestUsedCountsWhatEndedThroughItsParent(t *testing.T) {
	before := Tree{1, []Process{{PID: 1, CPU: time.Second}, {PID: 2, Parent: 1, CPU: 2 * time.Second}}}
	after := Tree{1, []Process{{PID: 1, CPU: time.Second, Reaped: 3 * time.Second}, {PID: 3, Parent: 1, CPU: time.Second}}}
	role := func(p Process) Role {
		if p.PID == 1 {
			return Master
		}
		return Handler
	}
	if got := Sum(Used(before, after, role)); got != 2*time.Second {
		t.Errorf("got %v", got)
	}
}

func TestTreeFindsTheChildrenOfAProcess(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	tree := ReadTree(os.Getpid())
	if !tree.Has(child.Process.Pid) || !tree.Has(os.Getpid()) {
		t.Errorf("%+v", tree)
	}
	if tree.Alive() < 2 {
		t.Errorf("%d alive", tree.Alive())
	}
	if m := tree.Memory(func(Process) Role { return Handler }); m[Handler].RSS == 0 || m[Handler].PSS == 0 {
		t.Errorf("memory %+v", m)
	}
}

func TestOwnTimeGrowsWithWork(t *testing.T) {
	before, err := ReadProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	// A busy machine may give us little of a core: work until it shows.
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		if after, _ := ReadProcess(os.Getpid()); after.CPU-before.CPU >= 20*time.Millisecond {
			return
		}
	}
	t.Error("20 s of work do not show")
}

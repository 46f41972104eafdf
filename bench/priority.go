package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// setNice sets the priority of this process, which its children inherit, and
// returns what undoes its effect on others. On Linux a priority belongs to a
// thread, and new threads take their creator's.
func setNice(nice int) (undo func(), err error) {
	undo = func() {}
	if nice == 0 {
		return undo, nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return undo, err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return undo, err
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, nice); err != nil {
			return undo, fmt.Errorf("priority %d: %w", nice, err)
		}
	}
	before := sessionNice(os.Getpid())
	return func() { setSessionNice(os.Getpid(), before) }, setSessionNice(os.Getpid(), nice)
}

// setSessionNice sets the priority of a process's whole session. Where the
// kernel groups sessions, sched(7) "The autogroup feature", priorities of
// processes count only inside their session. Where it does not, nothing is set.
func setSessionNice(pid, nice int) error {
	err := os.WriteFile(autogroup(pid), []byte(strconv.Itoa(nice)), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sessionNice reads "/autogroup-14 nice 0".
func sessionNice(pid int) int {
	text, _ := os.ReadFile(autogroup(pid))
	words := strings.Fields(string(text))
	if len(words) == 0 {
		return 0
	}
	nice, _ := strconv.Atoi(words[len(words)-1])
	return nice
}

func autogroup(pid int) string { return fmt.Sprintf("/proc/%d/autogroup", pid) }

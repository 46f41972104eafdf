package master

import (
	"fmt"
	"strings"
)

// AlreadyRunningError says that another master holds the pid file.
type AlreadyRunningError struct {
	PID int // 0 when the other one has not written it yet
}

func (e *AlreadyRunningError) Error() string {
	if e.PID == 0 {
		return "gw is already running"
	}
	return fmt.Sprintf("gw is already running (pid %d)", e.PID)
}

// ListenError says which listener could not be bound.
type ListenError struct {
	Listen string // scheme://address
	Err    error
}

func (e *ListenError) Error() string { return fmt.Sprintf("listen %s: %v", e.Listen, e.Err) }
func (e *ListenError) Unwrap() error { return e.Err }

// StartError says which handler did not become ready when gw started.
type StartError struct {
	Pool   string
	Slot   int
	Reason string // such as "exit code 1 before it was ready"
	Output string // what it printed last
}

func (e *StartError) Error() string {
	text := fmt.Sprintf("pool %s, slot %d: handler did not start: %s", e.Pool, e.Slot, e.Reason)
	if e.Output != "" {
		text += "\n" + strings.TrimRight(e.Output, "\n")
	}
	return text
}

package main

import (
	"errors"
	"fmt"
	"strings"

	"gw/master"
	"gw/master/config"
)

// Exit codes of gw. They are part of the command line's promise: scripts tell
// them apart, so a number is never given another meaning.
const (
	exitOK             = 0
	exitFailure        = 1  // none of the others
	exitUsage          = 2  // unknown command or flag, bad argument
	exitNotRunning     = 3  // there is no gw to talk to
	exitAlreadyRunning = 4  // this configuration already runs
	exitConfig         = 5  // gw.yaml or the handler named instead is faulty
	exitListen         = 6  // an address cannot be bound
	exitHandler        = 7  // a handler did not become ready at start
	exitTimeout        = 8  // what was asked for took longer than allowed
	exitReloadAborted  = 9  // the new handlers did not start; the old ones serve
	exitReloadBusy     = 10 // another reload is under way
)

// exitMeanings is the table of `gw help exit-codes`.
var exitMeanings = [...]string{
	exitOK:             "done",
	exitFailure:        "failed in a way that has no code of its own",
	exitUsage:          "unknown command or flag, or a bad argument",
	exitNotRunning:     "gw is not running here",
	exitAlreadyRunning: "gw is already running here",
	exitConfig:         "the configuration is faulty",
	exitListen:         "an address is in use or cannot be bound",
	exitHandler:        "a handler did not start",
	exitTimeout:        "time-out",
	exitReloadAborted:  "the reload was aborted, the old handlers go on",
	exitReloadBusy:     "another reload is under way",
}

// failure is an error that knows its exit code and what to do next.
type failure struct {
	code int
	text string
	hint string // "": there is nothing to advise
}

func (f *failure) Error() string {
	if f.hint == "" {
		return f.text
	}
	return f.text + "\n" + f.hint
}

func usage(hint, format string, args ...any) error {
	return &failure{exitUsage, fmt.Sprintf(format, args...), hint}
}

// explain turns any error of a command into the failure a person reads.
func explain(err error) *failure {
	var (
		known   *failure
		faults  config.Faults
		running *master.AlreadyRunningError
		listen  *master.ListenError
		start   *master.StartError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &faults):
		return &failure{code: exitConfig, text: faults.Error()}
	case errors.As(err, &running):
		return alreadyRunning(running.PID)
	case errors.As(err, &listen):
		return listenFailure(listen.Listen, listen.Err)
	case errors.As(err, &start):
		return startFailure(start)
	}
	return &failure{code: exitFailure, text: err.Error()}
}

func alreadyRunning(pid int) *failure {
	f := &failure{code: exitAlreadyRunning, text: "gw is already running here",
		hint: "take new code over with gw reload, or end it with gw stop"}
	if pid > 0 {
		f.text += fmt.Sprintf(" (pid %d)", pid)
	}
	return f
}

func startFailure(e *master.StartError) *failure {
	text := fmt.Sprintf("pool %s, slot %d: the handler did not start: %s", e.Pool, e.Slot, e.Reason)
	if output := strings.TrimRight(e.Output, "\n"); output != "" {
		text += "\n  | " + strings.ReplaceAll(output, "\n", "\n  | ")
	}
	return &failure{code: exitHandler, text: text, hint: "nothing was left running"}
}

// report is what stands on standard error. Faults of a configuration keep the
// form that editors jump to.
func report(err error, f *failure) string {
	var faults config.Faults
	switch {
	case f.text == "": // it was printed already
		return ""
	case errors.As(err, &faults):
		return f.Error() + "\n"
	}
	return "gw: " + f.Error() + "\n"
}

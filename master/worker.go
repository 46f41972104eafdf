package master

import (
	"fmt"
	"slices"
	"time"

	"gw/master/config"
)

// state of a worker.
type state string

const (
	starting state = "starting" // spawned, or about to be; has not said READY
	ready    state = "ready"    // has said READY, gets no work yet
	active   state = "active"   // gets work
	draining state = "draining" // finishes what it holds
	stopping state = "stopping" // has been told by a signal
	gone     state = "gone"     // reaped
)

// transitions of a worker's state. What is not here does not happen.
var transitions = map[state][]state{
	starting: {ready, stopping, gone},
	ready:    {active, stopping, gone},
	active:   {draining, stopping, gone},
	draining: {stopping, gone},
	stopping: {gone},
}

// worker is one handler process. The owner loop alone touches it.
type worker struct {
	id     uint64
	slot   *slot
	config *config.Pool // what it was started with
	state  state

	process  *process // nil until it is spawned
	attached int      // generation of the gateway that has its pipes

	startedAt time.Time
	readyAt   time.Time
	deadline  time.Time // when the state has lasted too long; zero: never
	expiresAt time.Time // max_age with its jitter; zero: never
	killed    bool      // SIGKILL was sent

	due     string // why it is to be recycled
	failure string // why the master gave it up
	python  bool   // READY said so: dumps its stacks on SIGUSR2
	sdk     string // such as "php 8.2.36, sdk 0.1.0"

	rate rate // requests a second, for status
}

// move changes the state, if the table allows it.
func (w *worker) move(to state) bool {
	if !slices.Contains(transitions[w.state], to) {
		return false
	}
	w.state = to
	w.deadline = time.Time{}
	return true
}

// alive says whether the worker is not yet on its way out.
func (w *worker) alive() bool {
	return w.state == starting || w.state == ready || w.state == active
}

// name is pool#slot.
func (w *worker) name() string { return fmt.Sprintf("%s#%d", w.slot.pool.name, w.slot.number) }

func (w *worker) pid() int {
	if w.process == nil {
		return 0
	}
	return w.process.pid
}

// tail is what the process printed last.
func (w *worker) tail() string {
	if w.process == nil {
		return ""
	}
	return w.process.tail()
}

package master

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"gw/ipc"
	"gw/protocol/control"
)

const (
	// termPatience is how long a worker may take to end after SIGTERM.
	termPatience = time.Second
	// dumpPatience is how long a hung worker may take to print its stacks.
	dumpPatience = 200 * time.Millisecond
	// recycleJitter keeps workers that started together from being recycled
	// together: ± this share of max_requests and max_age.
	recycleJitter = 0.1
)

// start starts a worker as the slot's next.
func (s *supervisor) start(sl *slot, now time.Time) *worker {
	s.lastWorker++
	w := &worker{
		id: s.lastWorker, slot: sl, config: sl.config, state: starting,
		startedAt: now, deadline: now.Add(sl.config.StartTimeout),
	}
	s.workers[w.id] = w
	sl.next = w
	if sl.backoff.failures > 0 {
		sl.pool.probeAt = now.Add(probeInterval)
	}
	s.goroutines.Go(func() { s.live(w) })
	return w
}

// live goes with a worker's process from its start to its end. It reads only
// what never changes: the worker's id, slot number and configuration.
func (s *supervisor) live(w *worker) {
	p, pipes, err := s.spawn(w)
	if err != nil {
		s.post(func() { s.exited(w, err.Error()) })
		return
	}
	if !s.post(func() { s.spawned(w, p, pipes) }) {
		pipes.CloseGateway() // the master has ended without waiting for us
		p.group(syscall.SIGKILL)
	}
	reason := p.wait()
	s.post(func() { s.exited(w, reason) })
}

func (s *supervisor) spawn(w *worker) (*process, *ipc.HandlerPipes, error) {
	who, err := lookupAccount(w.config.User)
	if err != nil {
		return nil, nil, err
	}
	pipes, err := s.system.pipes()
	if err != nil {
		return nil, nil, err
	}
	defer pipes.CloseHandler()
	p, err := s.system.start(&command{
		arguments:   w.config.Command,
		dir:         w.config.Dir,
		environment: s.handlerEnvironment(w, who),
		files:       []*os.File{pipes.HandlerIn, pipes.HandlerOut},
		account:     who,
		// A handler that changes users is not to change back. One that keeps
		// ours may need sudo or sendmail.
		confined: who != nil,
		output:   s.handlerOutput(w),
		errors:   s.handlerErrors(w),
	})
	if err != nil {
		pipes.CloseGateway()
		return nil, nil, err
	}
	return p, pipes, nil
}

func (s *supervisor) handlerEnvironment(w *worker, who *account) []string {
	return mergeEnvironment(
		[]string{"PYTHONUNBUFFERED=1"}, // Python keeps what it prints to a pipe to itself for 8 KiB
		s.environ, who.environment(), s.options.Environment,
		[]string{"PWD=" + w.config.Dir},
		variables(w.config.Env),
		ipc.Environment(w.id, w.slot.pool.name, w.slot.number),
	)
}

// handlerOutput decides where a handler's lines go.
func (s *supervisor) handlerOutput(w *worker) func(pid int) func([]byte) {
	if s.options.Daemon {
		file := s.outputs.at(w.config.StdoutFile)
		if file == nil {
			return nil
		}
		return func(int) func([]byte) { return file.print }
	}
	if s.printer == nil {
		return nil
	}
	return func(pid int) func([]byte) {
		prefix := fmt.Sprintf("[%s %d] ", w.name(), pid)
		return func(line []byte) { s.printer.print(prefix, line) }
	}
}

// handlerErrors: without a stdout_file, what a daemon's handler writes to
// standard error goes into gw's log.
func (s *supervisor) handlerErrors(w *worker) func(pid int) func([]byte) {
	if !s.options.Daemon || s.outputs.at(w.config.StdoutFile) != nil {
		return nil
	}
	logger := s.log.With("pool", w.slot.pool.name, "slot", w.slot.number, "worker", w.id)
	return func(pid int) func([]byte) {
		return (&stderrLog{logger: logger, pid: pid, now: time.Now}).print
	}
}

// spawned gives the new process to the gateway.
func (s *supervisor) spawned(w *worker, p *process, pipes *ipc.HandlerPipes) {
	w.process = p
	if w.state != starting || s.gateway.link == nil {
		pipes.CloseGateway()
		w.slot.release(w)
		s.kill(w)
		p.group(syscall.SIGKILL) // kill came before there was a process
		return
	}
	s.logWorker(w).Debug("Worker started")
	w.attached = s.gateway.generation
	s.tell(outgoing{
		message: &control.Message{Kind: control.Attach, Worker: &control.Worker{
			ID: w.id, Pool: w.slot.pool.name, Slot: w.slot.number, PID: p.pid,
			MaxRequests: s.jitterRequests(w.config.MaxRequests),
		}},
		files: []*os.File{pipes.GatewayIn, pipes.GatewayOut}, own: true,
	})
	s.reloadStarted(w)
}

func (s *supervisor) jitterRequests(limit int) int {
	if limit == 0 {
		return 0
	}
	return max(1, int(spread(time.Duration(limit), recycleJitter, s.system.random())))
}

// workerSaid handles what the gateway tells of a worker.
func (s *supervisor) workerSaid(m *control.Message) {
	if m.Worker == nil {
		s.log.Warn("Gateway said something of no worker", "kind", m.Kind)
		return
	}
	w := s.workers[m.Worker.ID]
	if w == nil {
		return // it crossed with the worker's end
	}
	switch m.Kind {
	case control.WorkerReady:
		s.becameReady(w, m.Worker)
	case control.Drained:
		s.logWorker(w).Debug("Worker is drained")
	case control.WorkerFailed:
		s.failed(w, m.Reason, m.Hung)
	case control.WorkerDue:
		if w.state == active && w.due == "" {
			w.due = "max_requests"
		}
	}
}

func (s *supervisor) becameReady(w *worker, said *control.Worker) {
	if w.slot.next != w || !w.move(ready) {
		return
	}
	now := time.Now()
	w.readyAt = now
	w.python = said.Language == "python"
	w.sdk = fmt.Sprintf("%s %s, sdk %s", said.Language, said.LanguageVersion, said.SDK)
	w.rate.start(now)
	if w.config.MaxAge > 0 {
		w.expiresAt = now.Add(spread(w.config.MaxAge, recycleJitter, s.system.random()))
	}
	s.logWorker(w).Info("Worker is ready", "took", now.Sub(w.startedAt))
	if s.onTrial(w) {
		w.deadline = now.Add(s.trial(w))
		return
	}
	s.promote(w, now)
}

// swap gives new work to w and lets the worker before it finish its own. In
// this order: the pool never has one worker too few.
func (s *supervisor) swap(w *worker) {
	sl := w.slot
	old := sl.current
	sl.current, sl.next = w, nil
	w.move(active)
	s.tellAbout(w, control.Message{Kind: control.Activate})
	reason := "reload"
	if old != nil {
		if s.reload == nil {
			reason = old.due
		}
		s.drain(old, reason)
	}
	s.reloadSwapped(w, old)
}

// drain lets a worker finish what it holds.
func (s *supervisor) drain(w *worker, reason string) {
	if !w.move(draining) {
		s.terminate(w)
		return
	}
	s.drainWithin(w, reason, w.config.StopTimeout)
}

func (s *supervisor) drainWithin(w *worker, reason string, limit time.Duration) {
	w.expiresAt = time.Time{}
	w.deadline = time.Now().Add(limit)
	s.logWorker(w).Debug("Worker drains", "reason", reason)
	s.tellAbout(w, control.Message{Kind: control.Drain, Reason: reason, Deadline: limit})
}

// terminate asks a worker's process group to end.
func (s *supervisor) terminate(w *worker) {
	if !w.move(stopping) {
		return
	}
	w.expiresAt = time.Time{}
	w.deadline = time.Now().Add(termPatience)
	if w.process != nil {
		w.process.group(syscall.SIGTERM)
	}
}

// kill ends a worker's process group.
func (s *supervisor) kill(w *worker) {
	if w.killed {
		return
	}
	w.move(stopping)
	w.killed = true
	w.expiresAt = time.Time{}
	w.deadline = time.Now().Add(killPatience)
	if w.process != nil {
		w.process.group(syscall.SIGKILL)
	}
}

// overdue handles a worker whose state has lasted too long.
func (s *supervisor) overdue(w *worker) {
	switch w.state {
	case starting:
		w.failure = fmt.Sprintf("not ready within %s (start_timeout)", w.config.StartTimeout)
		s.kill(w)
	case ready:
		s.promote(w, time.Now())
	case draining:
		w.failure = fmt.Sprintf("did not finish within %s (stop_timeout)", w.config.StopTimeout)
		s.logWorker(w).Warn("Worker does not finish, it is told to end", "took", time.Since(w.readyAt))
		s.terminate(w)
	case stopping:
		if !w.killed {
			s.kill(w)
			return
		}
		s.logWorker(w).Error("Worker does not end after SIGKILL, it is left behind")
		s.exited(w, "does not end after SIGKILL")
	default:
		w.deadline = time.Time{}
	}
}

// failed handles a worker that the gateway gives up: it broke the protocol or
// hangs. Its successor does not wait for its end.
func (s *supervisor) failed(w *worker, reason string, hung bool) {
	if w.state == stopping {
		return
	}
	w.failure = reason
	s.logWorker(w).Warn("Worker failed", "reason", reason, "hung", hung)
	if w.slot.current == w {
		w.slot.lastExit = reason
		s.crashed(w)
	}
	if hung && w.python && w.process != nil {
		s.dump(w)
		return
	}
	s.kill(w)
}

// dump asks a Python worker for its stacks; the kill follows.
func (s *supervisor) dump(w *worker) {
	w.move(stopping)
	w.expiresAt = time.Time{}
	w.deadline = time.Now().Add(dumpPatience)
	w.process.signal(syscall.SIGUSR2)
}

// exited handles the end of a worker's process, or of the attempt to start one.
func (s *supervisor) exited(w *worker, reason string) {
	was := w.state
	if !w.move(gone) {
		return // left behind before
	}
	delete(s.workers, w.id)
	s.tellAbout(w, control.Message{Kind: control.Exited, Reason: reason})
	sl := w.slot
	if w.failure != "" {
		reason = w.failure + ", " + reason
	}
	switch {
	case s.phase == phaseStopping:
		sl.release(w)
		s.retired(w, was, reason)
	case sl.next == w:
		s.didNotStart(w, reason)
	case sl.current == w:
		sl.lastExit = reason
		s.logWorker(w).Warn("Worker ended unexpectedly", "reason", reason)
		s.crashed(w)
	default:
		s.retired(w, was, reason)
	}
}

// crashed notes the unexpected end of a slot's current worker.
func (s *supervisor) crashed(w *worker) {
	sl := w.slot
	sl.release(w)
	sl.restarts++
	sl.unready = false
	s.backOff(sl)
}

func (s *supervisor) backOff(sl *slot) {
	now := time.Now()
	was := sl.backoff.looping()
	sl.backoff.failed(now, s.system.random())
	if sl.backoff.looping() && !was {
		s.log.Error("Crash loop: the slot is tried more and more rarely", "pool", sl.pool.name, "slot", sl.number,
			"failures", sl.backoff.failures, "last_exit", sl.lastExit)
	}
}

// didNotStart handles a worker that ended before it was ready.
func (s *supervisor) didNotStart(w *worker, reason string) {
	sl := w.slot
	sl.release(w)
	if w.failure == "" && w.process != nil {
		reason += w.stage()
	}
	sl.lastExit = reason
	if s.phase == phaseStarting && sl.pool.ready() == 0 {
		s.fail(&StartError{Pool: sl.pool.name, Slot: sl.number, Reason: reason, Output: w.tail()})
		return
	}
	if s.reload.covers(sl) {
		s.reloadFailed(w, reason)
		return
	}
	s.logWorker(w).Warn("Worker did not start", "reason", reason, "output", lastLine(w.tail()))
	sl.unready = true
	sl.restarts++
	s.backOff(sl)
}

// retired handles the end of a worker that was not in its slot any more.
func (s *supervisor) retired(w *worker, was state, reason string) {
	log := s.logWorker(w)
	if w.failure == "" && (was == draining || s.phase == phaseStopping) {
		log.Debug("Worker ended", "reason", reason)
		return
	}
	w.slot.lastExit = reason
	log.Info("Worker ended", "reason", reason)
}

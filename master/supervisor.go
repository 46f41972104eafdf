package master

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"gw/master/api"
	"gw/master/config"
	"gw/protocol/control"
)

// killPatience is how long a process may take to go after SIGKILL. One that
// hangs in the kernel longer is left behind; the master does not wait for it.
const killPatience = 5 * time.Second

// readyPatience is how long the news that every pool can serve waits for the
// slots that are still starting: they usually need a moment more.
const readyPatience = time.Second

// phase of the master's life.
type phase string

const (
	phaseStarting phase = "starting" // not every pool has had a ready worker
	phaseRunning  phase = "running"
	phaseStopping phase = "stopping"
)

// supervisor is the owner of all state of the master. One goroutine runs it:
// everything below is touched by run and what run calls, by nobody else.
//
// Whatever happens elsewhere arrives as a function in the inbox. After each one
// the loop does what has become due: deadlines are fields, not timers, and one
// timer wakes the loop at the earliest of them.
type supervisor struct {
	options Options
	system  system
	log     *slog.Logger
	environ []string // ours, under every child's own
	printer *printer // foreground: handlers' output
	outputs outputs  // daemon: handlers' output

	inbox      chan func() // unbuffered: senders wait, the loop never does
	done       chan struct{}
	goroutines sync.WaitGroup

	phase     phase
	startedAt time.Time
	readyAt   time.Time // when Ready is called at the latest; zero: it was, or not yet
	result    error

	config    *config.Config
	listeners []*listener // in the order of config.Listeners
	pools     []*pool     // in the order of config.Pools

	accessLogs []*accessLog
	logsAt     time.Time // when to look whether one was moved away; zero: never, or that is under way
	lastLog    int
	workers    map[uint64]*worker
	gateway    gateway

	keyring        keyring
	certificateIDs map[keyFiles]int
	given          map[int]givenPair
	suspects       map[keyFiles]stamps
	lookAt         time.Time // for changes of certificate files; zero: there are none, or a look is under way

	reload     *reload // nil: none under way
	lastReload *api.Reload
	stopping   shutdown

	queries    map[uint64]*query
	report     control.Status // the gateway's last numbers
	memoryAt   time.Time
	lastWorker uint64
	lastSeq    uint64
	lastListen int
}

func newSupervisor(o Options, system system, listeners []*listener) *supervisor {
	s := &supervisor{
		options: o, system: system, log: o.Logger, environ: os.Environ(),
		outputs: outputs{logger: o.Logger},
		inbox:   make(chan func()), done: make(chan struct{}),
		phase: phaseStarting, startedAt: time.Now(), config: o.Config,
		workers: map[uint64]*worker{}, queries: map[uint64]*query{},
		certificateIDs: map[keyFiles]int{}, given: map[int]givenPair{},
	}
	if o.Output != nil && !o.Daemon {
		s.printer = newPrinter(o.Output)
	}
	s.adoptListeners(listeners)
	for _, c := range effectivePools(o.Config) {
		p := &pool{name: c.Name, config: c}
		for n := range c.Workers {
			p.slots = append(p.slots, p.newSlot(n+1, c))
		}
		s.pools = append(s.pools, p)
	}
	return s
}

// adoptListeners brings new listeners into use.
func (s *supervisor) adoptListeners(listeners []*listener) {
	for _, l := range listeners {
		s.lastListen++
		l.id = s.lastListen
		s.listeners = append(s.listeners, l)
	}
}

// run owns the state until everything has ended.
func (s *supervisor) run(ctx context.Context, signals <-chan os.Signal) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	cancelled := ctx.Done()
	s.advance(time.Now())
	for !s.finished() {
		s.setTimer(timer)
		select {
		case f := <-s.inbox:
			f()
		case number := <-signals:
			s.signalled(number)
		case <-cancelled:
			cancelled = nil
			s.killAll("cancelled")
		case <-timer.C:
		}
		now := time.Now()
		s.expire(now)
		s.advance(now)
	}
	close(s.done)
	s.waitForGoroutines()
	return s.result
}

// advance does what the present state asks for. It may be called at any time.
func (s *supervisor) advance(now time.Time) {
	if s.phase == phaseStopping {
		s.advanceStop(now)
		return
	}
	s.fillGateway(now)
	s.fillSlots(now)
	s.announce(now) // before recycle, which begins once everything serves
	s.recycle(now)
	s.advanceReload(now)
}

// fillSlots starts a worker wherever one is missing.
func (s *supervisor) fillSlots(now time.Time) {
	if s.gateway.link == nil {
		return
	}
	for _, p := range s.pools {
		for _, sl := range p.slots {
			if sl.current == nil && sl.next == nil && !now.Before(sl.dueAt()) {
				s.start(sl, now)
			}
		}
	}
}

// announce ends the phase of starting as soon as every pool can serve, and says
// so when the other slots are up too, or after readyPatience.
func (s *supervisor) announce(now time.Time) {
	if s.phase == phaseStarting && s.gateway.configured && s.serves() {
		s.phase = phaseRunning
		s.readyAt = now.Add(readyPatience)
	}
	if s.readyAt.IsZero() || (now.Before(s.readyAt) && slices.ContainsFunc(s.pools, (*pool).starts)) {
		return
	}
	s.readyAt = time.Time{}
	s.log.Info("Ready", "took", time.Since(s.startedAt))
	if s.options.Ready != nil {
		status := s.status()
		s.goroutines.Go(func() {
			s.measure(&status)
			s.options.Ready(status)
		})
	}
}

// serves says whether every pool has a ready worker.
func (s *supervisor) serves() bool {
	for _, p := range s.pools {
		if len(p.slots) > 0 && p.ready() == 0 {
			return false
		}
	}
	return true
}

// fail ends a start that cannot succeed.
func (s *supervisor) fail(err error) {
	if s.result == nil {
		s.result = err
	}
	s.killAll("start failed")
}

// post gives f to the loop and waits until it is taken; false: the loop has
// ended.
func (s *supervisor) post(f func()) bool {
	select {
	case s.inbox <- f:
		return true
	case <-s.done:
		return false
	}
}

var errBusy = errors.New("master is stopping or busy")

// call is post for somebody who cannot wait for ever.
func (s *supervisor) call(ctx context.Context, f func()) error {
	select {
	case s.inbox <- f:
		return nil
	case <-s.done:
	case <-ctx.Done():
	}
	return errBusy
}

// waitForGoroutines waits for all of them, but not for one that hangs in the
// kernel: the process ends anyway.
func (s *supervisor) waitForGoroutines() {
	ended := make(chan struct{})
	go func() {
		s.goroutines.Wait()
		close(ended)
	}()
	patience := time.NewTimer(killPatience)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
		s.log.Error("Left something behind that does not end")
	}
}

func (s *supervisor) findPool(name string) *pool {
	for _, p := range s.pools {
		if p.name == name {
			return p
		}
	}
	return nil
}

// logWorker is the logger for events of w.
func (s *supervisor) logWorker(w *worker) *slog.Logger {
	return s.log.With("pool", w.slot.pool.name, "slot", w.slot.number, "worker", w.id, "pid", w.pid())
}

// Package gateway is the process that owns every client socket.
//
// It parses what clients send, gives it to handlers as messages over pipes,
// and writes what they answer. It does not start, stop or judge handlers: the
// master does, over the control channel.
//
// Invariants:
//   - A connection and a pipe belong to one loop; everybody else only posts to
//     its mailbox. No lock is taken and nothing is allocated for a request.
//   - Reading from a worker never waits for writing to it.
//   - Every id is slot and generation: a late answer reaches nobody else.
//   - A message is in exactly one place: queued, delivered to one worker, or done.
//   - A client's garbage closes that client, a handler's garbage replaces that
//     handler, and neither stops the gateway.
package gateway

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/protocol/control"
)

// Main is the gateway process: it serves until the master says stop or goes
// away. fd is the control channel's descriptor.
func Main(fd int) error {
	if runtime.GOMAXPROCS(0) < 2 {
		// A loop parked in the netpoller starves behind one busy goroutine
		// when there is only one P (measured: p50 of 17 ms and more).
		runtime.GOMAXPROCS(2)
	}
	channel, err := ipc.Open(os.NewFile(uintptr(fd), "control"))
	if err != nil {
		return fmt.Errorf("control channel: %w", err)
	}
	defer channel.Close()
	log := logger(os.Stderr)
	out := newOutbox(channel, log)
	defer out.close()
	g := newGateway(log, out.send)
	go g.receive(channel)
	return g.wait()
}

// gateway hands the master's messages to the loops, and what it asks all of them
// it puts together to one answer. Its goroutine may wait for loops, they never
// wait for it.
type gateway struct {
	log          *slog.Logger
	send         func(*control.Message) // to the master
	loops        []*loop                // since the first configuration
	certificates []*control.Certificate // that came before
	arrival      map[uint64]*loop       // of workers: where they came in
	stopped      atomic.Int32           // loops that have
	running      sync.WaitGroup
	ended        chan error
}

func newGateway(log *slog.Logger, send func(*control.Message)) *gateway {
	return &gateway{log: log, send: send, arrival: make(map[uint64]*loop), ended: make(chan error, maxLoops+1)}
}

// start begins to run n loops.
func (g *gateway) start(n int) error {
	n = min(max(n, 1), maxLoops)
	loops := make([]*loop, n)
	for i := range loops {
		l, err := newLoop(g.log, g.report)
		if err != nil {
			return err
		}
		loops[i] = l
	}
	for i, l := range loops {
		l.join(i, loops)
		l.poller.mayBeEager = runtime.NumCPU() > n
	}
	g.loops = loops
	for _, l := range loops {
		g.running.Go(func() {
			if err := l.run(); err != nil {
				g.ended <- err
			}
		})
	}
	for _, c := range g.certificates {
		g.takeCertificate(c)
	}
	g.certificates = nil
	return nil
}

// wait returns when the master is gone, or a loop failed.
func (g *gateway) wait() error {
	err := <-g.ended
	for _, l := range g.loops {
		l.mailbox.post(func() { l.done = true })
	}
	g.running.Wait()
	var closing sync.WaitGroup // each may wait for a disk, and the master waits for us
	for _, l := range g.loops {
		closing.Go(l.close)
	}
	closing.Wait()
	return err
}

// do runs f in a loop, and waits for it.
func (g *gateway) do(l *loop, f func()) {
	done := make(chan struct{})
	l.mailbox.post(func() {
		defer close(done)
		f()
	})
	<-done
}

// receive takes the master's messages, until it is gone.
func (g *gateway) receive(channel *ipc.Channel) {
	for {
		m, files, err := channel.Receive()
		if err != nil {
			for _, l := range g.loops {
				l.mailbox.post(func() { l.masterGone(err) })
			}
			g.running.Wait()
			g.ended <- nil
			return
		}
		if err := g.control(m, files); err != nil {
			g.ended <- err
			return
		}
	}
}

// control acts on one message of the master.
func (g *gateway) control(m *control.Message, files []*os.File) error {
	if g.loops == nil {
		if m.Kind == control.GiveCertificate {
			g.certificates = append(g.certificates, m.Certificate)
			return nil
		}
		if m.Kind != control.Configure {
			return errors.New("the master's first message is no configuration")
		}
		if err := g.start(m.Configuration.Loops); err != nil {
			return err
		}
	}
	switch m.Kind {
	case control.Configure:
		g.configure(m, files)
	case control.Attach:
		g.attach(m, files)
	case control.GiveCertificate:
		g.takeCertificate(m.Certificate)
	case control.Query:
		g.query(m)
	case control.Stop:
		for _, l := range g.loops {
			l.mailbox.post(func() { l.stop(m.Deadline) })
		}
	default:
		g.controlWorker(m)
	}
	return nil
}

func (g *gateway) takeCertificate(c *control.Certificate) {
	first := g.loops[0]
	first.mailbox.post(func() { first.takeCertificate(c) })
}

// configure lets one loop after the other take over a configuration: what they
// have in common the first one makes.
func (g *gateway) configure(m *control.Message, files []*os.File) {
	for i, l := range g.loops {
		own := files
		if i < len(g.loops)-1 {
			own = g.duplicates(files)
		}
		g.do(l, func() { l.takeConfiguration(m, own) })
	}
	for _, l := range g.loops {
		g.do(l, l.listenAll)
	}
	if !m.More {
		g.send(&control.Message{Kind: control.Configured, Seq: m.Seq})
	}
}

// duplicates gives another loop descriptors of its own; nil for what there was
// none for.
func (g *gateway) duplicates(files []*os.File) []*os.File {
	own := make([]*os.File, len(files))
	for i, f := range files {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			g.log.Error("A loop cannot have a listener or an access log: raise the limit of open files, then restart", "file", f.Name(), "err", err)
			continue
		}
		own[i] = os.NewFile(uintptr(fd), f.Name())
	}
	return own
}

// attach brings a worker into the loop that its slot belongs to, so that a pool's
// workers are in all loops, and those of a reload where the ones before were.
func (g *gateway) attach(m *control.Message, files []*os.File) {
	fds := take(files)
	if len(fds) != 2 {
		g.log.Error("The master sent a worker without its pipes", "worker", m.Worker.ID)
		return
	}
	l := g.loops[max(m.Worker.Slot-1, 0)%len(g.loops)]
	g.arrival[m.Worker.ID] = l
	l.mailbox.post(func() { l.attach(m.Worker, fds[0], fds[1]) })
}

// controlWorker acts on a worker where it is now.
func (g *gateway) controlWorker(m *control.Message) {
	l := g.arrival[m.Worker.ID]
	if l == nil {
		return
	}
	if m.Kind == control.Exited {
		delete(g.arrival, m.Worker.ID)
	}
	l.mailbox.post(func() {
		l.follow(m.Worker.ID, func(l *loop, w *worker) { l.controlWorker(w, m) })
	})
}

// report passes on what a loop says. The gateway has stopped when all have.
func (g *gateway) report(m *control.Message) {
	if m.Kind == control.Stopped && int(g.stopped.Add(1)) < len(g.loops) {
		return
	}
	g.send(m)
}

// logger writes in the form the master asks for, so that one log has one form.
func logger(w io.Writer) *slog.Logger {
	var level slog.Level
	switch os.Getenv("GW_LOG_LEVEL") {
	case "debug":
		level = slog.LevelDebug
	case "warning":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if os.Getenv("GW_LOG_FORMAT") == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(h).With("process", "gateway")
}

// readable writes durations with their unit; in JSON slog has nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().Round(100*time.Microsecond).String())
	}
	return a
}

// masterGone ends a loop, and with it its handlers: they see end of file.
func (l *loop) masterGone(err error) {
	l.done = true
	if !errors.Is(err, io.EOF) {
		l.log.Error("The control channel broke", "err", err)
		return
	}
	if !l.stopped {
		l.log.Error("The master is gone: ending, and the handlers with it")
		for _, w := range l.workers {
			if w != nil {
				_ = syscall.Kill(-w.pid, syscall.SIGKILL)
			}
		}
	}
}

// controlWorker acts on a message about one of this loop's workers.
func (l *loop) controlWorker(w *worker, m *control.Message) {
	switch m.Kind {
	case control.Activate:
		l.activate(w)
	case control.Drain:
		l.drain(w, m.Deadline, m.Reason)
	case control.Exited:
		l.exited(w, m.Reason)
	}
}

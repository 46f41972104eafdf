// Package gateway is the process that owns every client socket.
//
// It parses what clients send, gives it to handlers as messages over pipes,
// and writes what they answer. It does not start, stop or judge handlers: the
// master does, over the control channel.
//
// Invariants:
//   - One loop owns all connections and pipes; other goroutines only post to
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
	"slices"
	"strings"
	"syscall"
	"time"

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
	l, err := newLoop(log, out.send)
	if err != nil {
		return err
	}
	defer l.close()
	go receive(channel, l)
	return l.run()
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

// receive posts the master's messages to the loop, until the master is gone.
func receive(channel *ipc.Channel, l *loop) {
	for {
		m, files, err := channel.Receive()
		if err != nil {
			l.mailbox.post(func() { l.masterGone(err) })
			return
		}
		l.mailbox.post(func() { l.control(m, files) })
	}
}

// masterGone ends the gateway, and with it the handlers: they see end of file.
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

// control acts on one message of the master.
func (l *loop) control(m *control.Message, files []*os.File) {
	switch m.Kind {
	case control.Configure:
		logs := min(freshLogs(m.Configuration), len(files))
		l.configureLogs(m.Configuration.AccessLogs, files[:logs])
		l.configure(m.Configuration, take(files[logs:]))
		if m.More {
			return
		}
		l.closeUnnamed()
		l.report(&control.Message{Kind: control.Configured, Seq: m.Seq})
	case control.Attach:
		fds := take(files)
		if len(fds) != 2 {
			l.log.Error("The master sent a worker without its pipes", "worker", m.Worker.ID)
			return
		}
		l.attach(m.Worker, fds[0], fds[1])
	case control.GiveCertificate:
		l.takeCertificate(m.Certificate)
	case control.Query:
		l.query(m)
	case control.Stop:
		l.stop(m.Deadline)
	default:
		l.controlWorker(m)
	}
}

func (l *loop) controlWorker(m *control.Message) {
	w := l.byID[m.Worker.ID]
	if w == nil {
		return
	}
	switch m.Kind {
	case control.Activate:
		l.activate(w)
	case control.Drain:
		l.drain(w, m.Deadline, m.Reason)
	case control.Exited:
		l.exited(w, m.Reason)
	}
}

// take turns files into descriptors that no finalizer closes.
func take(files []*os.File) []int {
	fds := make([]int, len(files))
	for i, f := range files {
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			fd = -1
		} else {
			syscall.CloseOnExec(fd)
		}
		_ = syscall.SetNonblock(fd, true)
		_ = f.Close()
		fds[i] = fd
	}
	return fds
}

// configure takes over a configuration, the first or a reload's. A long one
// comes in several messages.
func (l *loop) configure(c *control.Configuration, fds []int) {
	l.version, l.debug, l.tempDir, l.setAsideDir = c.Version, c.Debug, c.TempDir, c.SetAside
	for i := range c.Pools {
		l.configurePool(&c.Pools[i])
	}
	for i := range c.Listeners {
		m := &c.Listeners[i]
		l.named[m.ID] = true
		l.maxMessage = max(l.maxMessage, m.Limits.MaxMessageBytes)
		if !m.Fresh {
			if ln := l.listenerByID(m.ID); ln != nil {
				l.configureListener(ln, m)
			}
			continue
		}
		if len(fds) == 0 {
			l.log.Error("The master sent a listener without its socket", "listener", m.Name)
			continue
		}
		ln := &listener{id: m.ID, fd: fds[0]}
		fds = fds[1:]
		l.place(ln)
		l.configureListener(ln, m)
		if err := l.listen(ln); err != nil {
			l.log.Error("Cannot listen", "listener", ln.name, "err", err)
		}
	}
	l.maxFrame = max(l.maxFrame, frameFor(l.maxMessage))
}

// closeUnnamed ends the listeners that the configuration no longer names.
func (l *loop) closeUnnamed() {
	for _, ln := range l.listeners {
		if !l.named[ln.id] {
			l.closeListener(ln)
		}
	}
	clear(l.named)
	l.forgetCertificates()
	l.configureIssuers()
	l.removePools()
	l.retireLogs()
}

// place puts a listener where an old one is no longer needed, or at the end.
func (l *loop) place(ln *listener) {
	for i, old := range l.listeners {
		if old.gone() {
			old.closeStatic()
			ln.index = int32(i)
			l.listeners[i] = ln
			return
		}
	}
	ln.index = int32(len(l.listeners))
	l.listeners = append(l.listeners, ln)
}

func (l *loop) listenerByID(id int) *listener {
	for _, ln := range l.listeners {
		if ln.id == id && !ln.closed {
			return ln
		}
	}
	return nil
}

func (l *loop) configurePool(m *control.Pool) {
	p := l.pools[m.Name]
	if p == nil {
		p = &pool{name: m.Name}
		l.pools[m.Name] = p
	}
	p.requestTimeout, p.queueTimeout, p.queueLimit = m.RequestTimeout, m.QueueTimeout, m.QueueLimit
	p.onCrash = m.OnCrash
	p.streamTimeout = m.StreamTimeout
	p.sendfile, p.sendfileHeader = m.Sendfile, m.SendfileHeader
	p.named = true
}

// removePools ends what belongs to pools that are not configured any more. The
// master drains their workers next.
func (l *loop) removePools() {
	for name, p := range l.pools {
		if p.named {
			p.named = false // until the next configuration
			continue
		}
		delete(l.pools, name)
		p.removed, p.queueLimit = true, 0
		for _, q := range [...]*itemList{&p.queue, &p.doubtful} {
			for q.len > 0 {
				l.refuseWaiting(q, "this service is not configured any more")
			}
		}
		for _, ln := range slices.Clone(p.sockets) {
			l.dropAllDatagrams(ln)
		}
		for _, c := range l.conns.conns {
			if c != nil && c.dialogue != nil && c.dialogue.pool == p {
				l.closeDialogue(c, closeGoing, "service is gone")
			}
		}
		for _, q := range [...]*connQueue{&p.waiting, &p.suspected} {
			for c := q.pop(); c != nil; c = q.pop() {
				l.forward(c)
			}
		}
	}
}

// outbox sends to the master from its own goroutine: a master that is slow to
// read must not stop a loop.
type outbox struct {
	queue chan *control.Message
	done  chan struct{}
	log   *slog.Logger
}

// outboxLimit bounds what may wait. A master that is this far behind is dead.
const outboxLimit = 8192

func newOutbox(channel *ipc.Channel, log *slog.Logger) *outbox {
	o := &outbox{queue: make(chan *control.Message, outboxLimit), done: make(chan struct{}), log: log}
	go func() {
		defer close(o.done)
		for m := range o.queue {
			if err := channel.Send(m); err != nil && !strings.Contains(err.Error(), "broken pipe") {
				log.Error("Cannot tell the master", "kind", m.Kind, "err", err)
			}
		}
	}()
	return o
}

func (o *outbox) send(m *control.Message) {
	select {
	case o.queue <- m:
	default:
		o.log.Error("The master does not read its messages: one was dropped", "kind", m.Kind)
	}
}

func (o *outbox) close() {
	close(o.queue)
	<-o.done
}

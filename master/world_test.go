package master

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/master/api"
	"gw/master/config"
	"gw/protocol/control"
)

// world is a supervisor among processes that exist only in this test, with a
// clock that jumps (testing/synctest): an hour of back-off takes a millisecond.
type world struct {
	t       *testing.T
	s       *supervisor
	signals chan os.Signal
	ended   chan error
	ready   int

	mu        sync.Mutex
	log       []string // what the master did, in order
	starts    []time.Time
	processes map[string]*fakeProcess // by worker id; "gateway"
	bound     []*listener
	gateway   *fakeChannel
	gateways  int
	memory    map[int]int64
	busy      map[string]bool // addresses that cannot be bound

	behave  func(c *command) behaviour // of a handler; may change
	mute    bool                       // the gateway answers no queries
	stuck   bool                       // the gateway reads nothing
	gwBreak bool                       // the gateway dies at once
}

// behaviour of a handler.
type behaviour struct {
	refuse   error         // it cannot be started
	exitsAt  time.Duration // after its start; 0: never by itself
	readyAt  time.Duration // after it was attached; negative: never
	language string
	deaf     bool          // takes no notice of a drain
	hard     bool          // nor of SIGTERM
	lingers  time.Duration // between drain and exit
	prints   string
}

type fakeProcess struct {
	w     *world
	id    string
	plan  behaviour
	ended chan string
	once  sync.Once
}

// fakeChannel is both ends: the master's Send acts as the gateway would.
type fakeChannel struct {
	w      *world
	said   chan *control.Message
	closed chan struct{}
	once   sync.Once
}

var good = behaviour{readyAt: 10 * time.Millisecond, language: "go"}

// supervise runs a supervisor for c in a bubble, and then test.
func supervise(t *testing.T, c *config.Config, test func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, c)
		w.run()
		test(w)
		w.end()
	})
}

func newWorld(t *testing.T, c *config.Config) *world {
	w := &world{
		t: t, signals: make(chan os.Signal, 4), ended: make(chan error, 1),
		processes: map[string]*fakeProcess{}, memory: map[int]int64{}, busy: map[string]bool{},
		behave: func(*command) behaviour { return good },
	}
	listeners, err := bindMissing(c, nil, w.bind)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Config: c, Version: "test", Executable: "gw", LogOutput: io.Discard, Daemon: true,
		Logger: slog.New(slog.DiscardHandler), Ready: func(api.Status) { w.change(func() { w.ready++ }) },
	}
	w.s = newSupervisor(o, system{
		start: w.start, pipes: ipc.Pipes, pair: w.pair, bind: w.bind,
		memory: w.residentBytes, load: func() [3]float64 { return [3]float64{} },
		random: func() float64 { return 0.5 }, // no jitter
	}, listeners)
	return w
}

// change sets a field while the supervisor runs.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// behaves has handlers that are started from now on behave so.
func (w *world) behaves(plan behaviour) {
	w.change(func() { w.behave = func(*command) behaviour { return plan } })
}

func (w *world) run() {
	go func() { w.ended <- w.s.run(context.Background(), w.signals) }()
	synctest.Wait()
}

// end stops the supervisor, if the test has not, and looks for what it left.
func (w *world) end() {
	select {
	case <-w.s.done:
	default:
		w.s.post(func() { w.s.killAll("end of the test") })
	}
	<-w.ended
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.processes {
		w.t.Errorf("process %s is left", id)
	}
	for _, l := range w.bound {
		if l.file.Close() == nil {
			w.t.Errorf("listener %s is left open", l.address)
		}
	}
}

func (w *world) note(format string, arguments ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, arguments...))
}

// did returns what the master did since it was last asked.
func (w *world) did() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	return log
}

func (w *world) expect(want ...string) {
	w.t.Helper()
	if got := w.did(); !slices.Equal(got, want) {
		w.t.Errorf("the master did\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// startsWithin counts the handlers started in the last d.
func (w *world) startsWithin(d time.Duration) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := 0
	for _, at := range w.starts {
		if time.Since(at) < d {
			count++
		}
	}
	return count
}

func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) status() api.Status {
	w.t.Helper()
	reply := make(chan api.Status, 1)
	w.s.post(func() {
		w.s.askStatus(func(bool) { reply <- w.s.status() })
	})
	return <-reply
}

// states of the workers, as gw status shows them.
func (w *world) states() (states []string) {
	for _, row := range w.status().Workers {
		states = append(states, row.State)
	}
	return states
}

func (w *world) expectStates(want ...string) {
	w.t.Helper()
	if got := w.states(); !slices.Equal(got, want) {
		w.t.Errorf("states %v, want %v", got, want)
	}
}

// reload runs a reload to its end.
func (w *world) reload() api.ReloadEvent {
	w.t.Helper()
	events := w.reloadEvents()
	return events[len(events)-1]
}

func (w *world) reloadEvents() []api.ReloadEvent {
	w.t.Helper()
	p := w.beginReload()
	for {
		events, changed := p.from(0)
		if n := len(events); n > 0 && events[n-1].Result != "" {
			synctest.Wait()
			return events
		}
		<-changed
	}
}

func (w *world) beginReload() *progress {
	w.t.Helper()
	reply := make(chan *progress, 1)
	w.s.post(func() {
		p, busy := w.s.beginReload("")
		if busy != "" {
			w.t.Errorf("reload refused: %s", busy)
			p = newProgress()
			p.add(api.ReloadEvent{Result: "busy"})
		}
		reply <- p
	})
	return <-reply
}

// rereads has the next reloads find this configuration.
func (w *world) rereads(c *config.Config, err error) {
	w.s.options.Reread = func() (*config.Config, error) { return c, err }
}

func (w *world) start(c *command) (*process, error) {
	id := "gateway"
	plan := behaviour{}
	if c.arguments[0] != "gw" {
		w.mu.Lock()
		id, plan = lookupVariable(c.environment, "GW_WORKER_ID"), w.behave(c)
		w.starts = append(w.starts, time.Now())
		w.mu.Unlock()
		if plan.refuse != nil {
			return nil, plan.refuse
		}
	}
	p := &fakeProcess{w: w, id: id, plan: plan, ended: make(chan string, 1)}
	w.mu.Lock()
	w.processes[id] = p
	breaks := w.gwBreak
	w.mu.Unlock()
	if plan.exitsAt > 0 {
		time.AfterFunc(plan.exitsAt, func() { p.exit("exit code 1") })
	}
	if id == "gateway" && breaks {
		p.exit("exit code 2")
	}
	return &process{pid: p.pid(), signal: p.signal, group: p.signal, wait: p.wait, tail: func() string { return plan.prints }}, nil
}

// pid of a handler is 100 and its worker id.
func (p *fakeProcess) pid() int {
	n, _ := strconv.Atoi(p.id)
	return 100 + n
}

func (p *fakeProcess) exit(reason string) { p.once.Do(func() { p.ended <- reason }) }

func (p *fakeProcess) wait() string {
	reason := <-p.ended
	p.w.mu.Lock()
	delete(p.w.processes, p.id)
	p.w.mu.Unlock()
	return reason
}

func (p *fakeProcess) signal(number syscall.Signal) {
	name := unix.SignalName(number)
	p.w.note("%s %s", name, p.id)
	if number == syscall.SIGKILL || (number == syscall.SIGTERM && !p.plan.hard) {
		p.exit("killed by " + name)
	}
}

// exit ends a handler or the gateway from outside.
func (w *world) exit(id, reason string) {
	w.mu.Lock()
	p := w.processes[id]
	w.mu.Unlock()
	p.exit(reason)
	synctest.Wait()
}

func (w *world) pair() (channel, *os.File, error) {
	null, err := os.Open(os.DevNull)
	c := &fakeChannel{w: w, said: make(chan *control.Message, 64), closed: make(chan struct{})}
	w.mu.Lock()
	w.gateway = c
	w.gateways++
	w.mu.Unlock()
	return c, null, err
}

func (w *world) bind(c config.Listener) (*listener, error) {
	w.mu.Lock()
	busy := w.busy[c.Address]
	w.mu.Unlock()
	if busy {
		return nil, &ListenError{Listen: c.Address, Err: syscall.EADDRINUSE}
	}
	null, err := os.Open(os.DevNull)
	l := &listener{config: c, address: c.Address, file: null}
	w.mu.Lock()
	w.bound = append(w.bound, l)
	w.mu.Unlock()
	return l, err
}

func (w *world) residentBytes(pid int) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.memory[pid]
}

// say is a message of the gateway.
func (c *fakeChannel) say(m *control.Message) {
	select {
	case c.said <- m:
	case <-c.closed:
	}
}

func (c *fakeChannel) Receive() (*control.Message, []*os.File, error) {
	select {
	case m := <-c.said:
		return m, nil, nil
	case <-c.closed:
		return nil, nil, io.EOF
	}
}

// Close is the end of file that the gateway exits on.
func (c *fakeChannel) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.w.mu.Lock()
		p := c.w.processes["gateway"]
		c.w.mu.Unlock()
		if p != nil {
			p.exit("exit code 0")
		}
	})
	return nil
}

func (c *fakeChannel) Send(m *control.Message, files ...*os.File) error {
	select {
	case <-c.closed:
		return errors.New("closed")
	default:
	}
	w := c.w
	w.mu.Lock()
	stuck := w.stuck
	w.mu.Unlock()
	if stuck {
		<-c.closed
		return errors.New("closed")
	}
	switch m.Kind {
	case control.Configure:
		w.note("configure %s", configureText(m, len(files)))
		c.say(&control.Message{Kind: control.Configured, Seq: m.Seq})
	case control.Query:
		w.mu.Lock()
		mute := w.mute
		w.mu.Unlock()
		if !mute {
			c.say(&control.Message{Kind: control.Report, Seq: m.Seq, Status: &control.Status{}})
		}
	case control.Stop:
		w.note("stop within %s", m.Deadline)
		c.say(&control.Message{Kind: control.Stopped})
	case control.GiveCertificate:
		w.note("certificate %d from %s", m.Certificate.ID, filepath.Base(m.Certificate.File))
	default:
		w.note("%s %d", m.Kind, m.Worker.ID)
		c.about(m)
	}
	return nil
}

// about acts on a message that names a worker.
func (c *fakeChannel) about(m *control.Message) {
	c.w.mu.Lock()
	p := c.w.processes[fmt.Sprint(m.Worker.ID)]
	c.w.mu.Unlock()
	switch {
	case p == nil:
	case m.Kind == control.Attach && p.plan.readyAt >= 0:
		time.AfterFunc(p.plan.readyAt, func() {
			c.say(&control.Message{Kind: control.WorkerReady, Worker: &control.Worker{ID: m.Worker.ID, Language: p.plan.language}})
		})
	case m.Kind == control.Drain && !p.plan.deaf:
		time.AfterFunc(p.plan.lingers, func() { p.exit("exit code 0") })
	}
}

// fails has the gateway give a worker up.
func (w *world) fails(id uint64, hung bool) {
	w.gateway.say(&control.Message{Kind: control.WorkerFailed, Hung: hung, Reason: "request_timeout", Worker: &control.Worker{ID: id}})
	synctest.Wait()
}

// configureText: the names of pools and listeners, and a star for each fresh
// one.
func configureText(m *control.Message, files int) string {
	var words []string
	for _, p := range m.Configuration.Pools {
		words = append(words, p.Name)
	}
	for _, l := range m.Configuration.Listeners {
		word := fmt.Sprintf("%d=%s", l.ID, l.Address)
		if l.Fresh {
			word += "*"
			files--
		}
		words = append(words, word)
	}
	if files != 0 {
		words = append(words, "with a wrong number of descriptors")
	}
	return strings.Join(words, " ")
}

// one is a configuration with one pool, web, behind one listener.
func one(workers int) *config.Config {
	return &config.Config{
		Pools: []config.Pool{onePool("web", workers)},
		Listeners: []config.Listener{{
			Scheme: "http", Address: "a:1", Routes: []config.Route{{Prefix: "/", Pool: "web"}},
		}},
	}
}

func onePool(name string, workers int) config.Pool {
	return config.Pool{
		Name: name, Command: []string{"php"}, Workers: workers, Reload: true,
		StartTimeout: 10 * time.Second, StopTimeout: 5 * time.Second,
	}
}

// runWith is supervise with something to prepare before the first process.
func runWith(t *testing.T, c *config.Config, prepare, test func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, c)
		prepare(w)
		w.run()
		test(w)
		w.end()
	})
}

// runToEnd runs a supervisor that ends by itself.
func runToEnd(t *testing.T, c *config.Config, prepare func(*world), check func(error)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, c)
		prepare(w)
		w.run()
		err := <-w.ended
		check(err)
		w.ended <- err
		w.end()
	})
}

func idText(id uint64) string { return strconv.FormatUint(id, 10) }

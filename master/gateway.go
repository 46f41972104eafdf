package master

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"gw/protocol/control"
)

const (
	// gatewayPatience is how long a new gateway process may take to answer its
	// configuration.
	gatewayPatience = 10 * time.Second
	// goodbyePatience is how long a gateway that closed its channel, or was asked
	// to go, may take to exit.
	goodbyePatience = 2 * time.Second
)

// gateway is the gateway process, or the place of one.
type gateway struct {
	generation int // counts the processes
	spawning   bool
	process    *process // nil: none
	link       *link    // nil: none, or it is on its way out
	configured bool     // it has answered its first configuration
	startedAt  time.Time
	deadline   time.Time // when it is killed; zero: never
	killed     bool

	backoff  backoff
	restarts int
	lastExit string
	silent   bool // it did not answer the last query in time
}

func (g *gateway) pid() int {
	if g.process == nil {
		return 0
	}
	return g.process.pid
}

// up says whether there is a process, or will be in a moment.
func (g *gateway) up() bool { return g.process != nil || g.spawning }

func (g *gateway) stableAt() time.Time {
	if !g.configured || g.backoff.failures == 0 {
		return time.Time{}
	}
	return g.startedAt.Add(stableAfter)
}

// state as status shows it.
func (g *gateway) state() string {
	switch {
	case !g.configured && g.restarts == 0:
		return "starting"
	case !g.configured:
		return "restarting"
	case g.silent:
		return "not answering"
	}
	return "running"
}

// fillGateway starts a gateway when there is none.
func (s *supervisor) fillGateway(now time.Time) {
	g := &s.gateway
	if g.up() || now.Before(g.backoff.retryAt) {
		return
	}
	g.generation++
	g.spawning = true
	generation, user, level := g.generation, s.config.User, s.config.LogLevel
	s.goroutines.Go(func() { s.liveGateway(generation, user, level) })
}

// liveGateway goes with a gateway process from its start to its end.
func (s *supervisor) liveGateway(generation int, user, level string) {
	p, c, err := s.spawnGateway(user, level)
	if err != nil {
		s.post(func() { s.gatewayEnded(generation, "did not start: "+err.Error(), "") })
		return
	}
	if !s.post(func() { s.gatewaySpawned(generation, p, c) }) {
		c.Close() // the master has ended without waiting for us
		p.group(syscall.SIGKILL)
	}
	reason := p.wait()
	s.post(func() { s.gatewayEnded(generation, reason, p.tail()) })
}

func (s *supervisor) spawnGateway(user, level string) (*process, channel, error) {
	who, err := lookupAccount(user)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs, err := s.system.pair()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	p, err := s.system.start(&command{
		arguments:   []string{s.options.Executable, "gateway"},
		environment: s.gatewayEnvironment(who, level),
		files:       []*os.File{theirs},
		account:     who, confined: true,
		output: s.gatewayOutput,
	})
	if err != nil {
		ours.Close()
		if who != nil && errors.Is(err, os.ErrPermission) {
			err = fmt.Errorf("user %s cannot reach it, install gw where everybody may run it: %w", who.name, err)
		}
		return nil, nil, err
	}
	return p, ours, nil
}

func (s *supervisor) gatewayEnvironment(who *account, level string) []string {
	return mergeEnvironment(s.environ, who.environment(), []string{
		"GW_LOG_LEVEL=" + level,
		"GW_LOG_FORMAT=" + cmp.Or(s.options.LogFormat, lookupVariable(s.environ, "GW_LOG_FORMAT"), "text"),
	})
}

// gatewayOutput passes the gateway's lines on as they are: they are log lines
// already.
func (s *supervisor) gatewayOutput(int) func([]byte) {
	var out io.Writer = s.options.LogOutput
	return func(line []byte) { out.Write(line) }
}

func (s *supervisor) gatewaySpawned(generation int, p *process, c channel) {
	g := &s.gateway
	g.spawning, g.process, g.killed, g.configured = false, p, false, false
	g.startedAt = time.Now()
	g.link = s.newLink(generation, c, func(m *control.Message) {
		s.post(func() { s.gatewaySaid(generation, m) })
	})
	s.log.Debug("Gateway started", "pid", p.pid)
	if s.phase == phaseStopping {
		s.killGateway()
		return
	}
	g.deadline = g.startedAt.Add(gatewayPatience)
	s.configure()
}

// configure sends the present configuration, and during a reload the pools that
// are about to be added with it: their workers come before their listeners.
func (s *supervisor) configure() (seq uint64) {
	s.lastSeq++
	pools := effectivePools(s.config)
	for _, p := range s.pools {
		if !slices.ContainsFunc(pools, named(p.name)) {
			pools = append(pools, p.config)
		}
	}
	s.giveCertificates()
	g := gatewayConfiguration(s.options.Version, s.config, pools, s.listeners, s.accessLogs, s.gateway.generation)
	for i, l := range s.listeners {
		g.Listeners[i].TLS = s.tlsMessage(l.config.TLS)
	}
	var files []*os.File
	g.AccessLogs, files = s.accessLogMessages()
	for i, o := range configureMessages(g, s.lastSeq, s.listeners) {
		if i == 0 { // descriptors of access logs come first
			o.files, o.spent = append(files, o.files...), files
		}
		s.tell(o)
	}
	for _, l := range s.listeners {
		l.given = s.gateway.generation
	}
	return s.lastSeq
}

// tell queues a message for the gateway. One that does not read its messages is
// killed and replaced.
func (s *supervisor) tell(o outgoing) {
	if s.gateway.link == nil {
		o.dispose()
		return
	}
	if !s.gateway.link.send(o) {
		s.log.Error("Gateway does not read its messages", "pid", s.gateway.pid())
		s.killGateway()
	}
}

// tellAbout sends a message that names a worker, if this gateway knows it.
func (s *supervisor) tellAbout(w *worker, m control.Message) {
	if w.attached != s.gateway.generation {
		return
	}
	m.Worker = &control.Worker{ID: w.id}
	s.tell(outgoing{message: &m})
}

// gatewaySaid handles a message; nil: the channel has ended.
func (s *supervisor) gatewaySaid(generation int, m *control.Message) {
	g := &s.gateway
	if generation != g.generation || g.process == nil {
		return
	}
	if m == nil {
		// Its death is told by wait. This is for one that lives on.
		if at := time.Now().Add(goodbyePatience); g.deadline.IsZero() || at.Before(g.deadline) {
			g.deadline = at
		}
		return
	}
	switch m.Kind {
	case control.Configured:
		s.gatewayConfigured(m)
	case control.Report:
		s.reported(m)
	case control.Stopped:
		s.gatewayStopped()
	case control.WorkerReady, control.Drained, control.WorkerFailed, control.WorkerDue:
		s.workerSaid(m)
	default:
		s.log.Warn("Gateway said something unknown", "kind", m.Kind)
	}
}

func (s *supervisor) gatewayConfigured(m *control.Message) {
	g := &s.gateway
	if !g.configured {
		g.configured = true
		g.deadline = time.Time{}
		s.log.Info("Gateway is up", "pid", g.pid(), "took", time.Since(g.startedAt))
	}
	if s.reload != nil && s.reload.committed != 0 && m.Seq == s.reload.committed {
		s.finishReload("ok", "", "")
	}
}

func (s *supervisor) overdueGateway() {
	g := &s.gateway
	g.deadline = time.Time{}
	if g.killed {
		s.log.Error("Gateway does not end", "pid", g.pid())
		s.gatewayEnded(g.generation, "does not end after SIGKILL", "")
		return
	}
	if !g.configured {
		s.log.Error("Gateway did not answer its configuration", "pid", g.pid(), "took", time.Since(g.startedAt))
	}
	s.killGateway()
}

func (s *supervisor) killGateway() {
	g := &s.gateway
	if g.process == nil || g.killed {
		return
	}
	g.killed = true
	g.deadline = time.Now().Add(killPatience)
	g.process.group(syscall.SIGKILL)
}

// gatewayEnded cleans up after a gateway process. All workers end with it: its
// ends of their pipes are lost, and so are the conversations they were in.
func (s *supervisor) gatewayEnded(generation int, reason, output string) {
	g := &s.gateway
	if generation != g.generation || !g.up() {
		return // left behind before
	}
	pid := g.pid()
	if g.link != nil {
		g.link.close()
	}
	g.spawning, g.process, g.link, g.configured, g.deadline = false, nil, nil, false, time.Time{}
	g.lastExit = reason
	s.failQueries()
	if err := removeSpools(s.config.TempDir, pid); err != nil {
		s.log.Warn("Request bodies of a dead gateway stay in temp_dir", "temp_dir", s.config.TempDir, "err", err)
	}
	switch s.phase {
	case phaseStopping:
		s.log.Debug("Gateway ended", "pid", pid, "reason", reason)
		return
	case phaseStarting:
		s.fail(fmt.Errorf("gateway process: %s%s", reason, appendix(output)))
		return
	}
	now := time.Now()
	g.restarts++
	g.backoff.failed(now, s.system.random())
	s.log.Error("Gateway died", "pid", pid, "reason", reason, "restart_in", max(0, g.backoff.retryAt.Sub(now)))
	s.abortReload("the gateway process died: "+reason, "")
	for _, w := range s.workers {
		w.slot.release(w)
		w.failure = "the gateway process died"
		s.kill(w)
	}
}

func appendix(output string) string {
	if output = strings.TrimRight(output, "\n"); output == "" {
		return ""
	}
	return "\n" + output
}

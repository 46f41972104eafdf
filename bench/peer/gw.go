package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gw/bench/gauge"
)

// gwPeers is gw with each way to write a handler.
func gwPeers() []Peer {
	python := func(module string) func(Job) []string {
		return func(Job) []string { return []string{"python3", "-m", "gw", module + ":app"} }
	}
	return []Peer{
		gwPeer("gw-php", "php", func(j Job) []string { return php(j.handlerFile(".php")) }, Hello, Vary, JSON, WS, Text),
		gwPeer("gw-python", "python3", func(j Job) []string { return []string{"python3", j.handlerFile(".py")} }, Hello, Vary, JSON, WS, Text),
		gwPeer("gw-wsgi", "python3", python("wsgi"), Hello),
		gwPeer("gw-asgi", "python3", python("asgi"), Hello, JSON, WS),
	}
}

func gwPeer(name, interpreter string, command func(Job) []string, scenarios ...string) Peer {
	return Peer{
		Name: name, Scenarios: scenarios, Absent: needs(interpreter),
		Start: func(ctx context.Context, k *Kit, j Job) (*Server, error) {
			target, err := freePort()
			if err != nil {
				return nil, err
			}
			g := gw{program: k.GW, dir: j.Dir}
			if err := g.configure(j, target, command(j)); err != nil {
				return nil, err
			}
			return g.start(ctx, target)
		},
	}
}

// gw is one running gw, in a folder that holds its configuration and state.
type gw struct {
	program string
	dir     string
	master  int
}

// configure writes gw.yaml. A JSON list is a YAML list.
func (g *gw) configure(j Job, target netip.AddrPort, command []string) error {
	list, err := json.Marshal(command)
	if err != nil {
		return err
	}
	scheme := "http"
	if j.Scenario == Text {
		scheme = "text"
	}
	text := fmt.Sprintf("pools:\n  p:\n    command: %s\n    workers: %d\nlisteners:\n  - {listen: \"%s://%v\", pool: p}\n", list, j.Workers, scheme, target)
	if err := os.WriteFile(filepath.Join(g.dir, "gw.yaml"), []byte(text), 0o644); err != nil {
		return err
	}
	return os.Mkdir(filepath.Join(g.dir, "state"), 0o755)
}

func (g *gw) start(ctx context.Context, target netip.AddrPort) (*Server, error) {
	if text, err := g.run(ctx, 2*startTimeout, "start", "-d", "gw.yaml"); err != nil {
		return nil, fmt.Errorf("gw start -d: %w\n%s%s", err, text, g.log())
	}
	var err error
	if g.master, err = g.readPID(); err != nil {
		g.stop()
		return nil, err
	}
	probe, err := net.DialTimeout("tcp4", target.String(), time.Second)
	if err != nil {
		g.stop()
		return nil, fmt.Errorf("gw start -d returned before it listened: %w", err)
	}
	probe.Close()
	return &Server{Target: target, Root: g.master, Role: g.role, Stop: g.stop}, nil
}

// run runs a verb. The output goes to a file: a daemon that kept a pipe open
// would make us wait for its end.
func (g *gw) run(ctx context.Context, limit time.Duration, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := os.Create(filepath.Join(g.dir, "output.log"))
	if err != nil {
		return "", err
	}
	defer out.Close()
	command := exec.CommandContext(ctx, g.program, arguments...)
	command.Dir, command.Stdout, command.Stderr = g.dir, out, out
	command.Env = append(os.Environ(), "GW_STATE_DIR="+filepath.Join(g.dir, "state"))
	err = command.Run()
	text, _ := os.ReadFile(out.Name())
	return string(text), err
}

// stop ends gw by its own verb, and kills the master when that fails: gateway
// and handlers leave with it.
func (g *gw) stop() error {
	text, err := g.run(context.Background(), 3*stopTimeout, "stop", "gw.yaml")
	if err == nil {
		return nil
	}
	if g.master > 0 && g.owns(g.master) {
		syscall.Kill(g.master, syscall.SIGKILL)
	}
	return fmt.Errorf("gw stop: %w\n%s", err, text)
}

func (g *gw) readPID() (int, error) {
	files, _ := filepath.Glob(filepath.Join(g.dir, "state", "*.pid"))
	if len(files) != 1 {
		return 0, fmt.Errorf("want one pid file in the state folder, found %q", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// role tells gateway and handlers apart by the program they run.
func (g *gw) role(p gauge.Process) gauge.Role {
	switch {
	case p.PID == g.master:
		return gauge.Master
	case g.owns(p.PID):
		return gauge.Gateway
	}
	return gauge.Handler
}

// owns tells whether a process runs our gw binary.
func (g *gw) owns(pid int) bool {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && program == g.program
}

// log is the end of gw's own log.
func (g *gw) log() string {
	text, _ := os.ReadFile(filepath.Join(g.dir, "state", "gw.log"))
	return string(text[max(0, len(text)-2000):])
}

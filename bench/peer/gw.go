package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"gw/bench/certificate"
	"gw/bench/gauge"
)

// gwPeers is gw with each way to write a handler.
func gwPeers() []Peer {
	python := func(module string) func(Job) []string {
		return func(Job) []string { return []string{"python3", "-m", "gw", module + ":app"} }
	}
	return []Peer{
		gwPeer("gw-php", "php", func(j Job) []string { return php(j.handlerFile(".php")) }, Hello, Vary, JSON, WS, Text, Broadcast, Groups, TLS),
		gwPeer("gw-python", "python3", func(j Job) []string { return []string{"python3", j.handlerFile(".py")} }, Hello, Vary, JSON, WS, Text),
		gwPeer("gw-wsgi", "python3", python("wsgi"), Hello, Vary, JSON),
		gwPeer("gw-asgi", "python3", python("asgi"), Hello, Vary, JSON, WS),
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
			if err := configure(j, target, command(j)); err != nil {
				return nil, err
			}
			// Not as a daemon, which has a session of its own: where the kernel
			// shares the processor by session (sched(7), autogroup), it would be
			// scheduled in another way than the servers it is compared with.
			state := "GW_STATE_DIR=" + filepath.Join(j.Dir, "state")
			server, err := serveInForeground(ctx, j.Dir, []string{state}, target, k.GW, "start", "gw.yaml")
			if err != nil {
				return nil, err
			}
			server.Role = func(p gauge.Process) gauge.Role { return gwRole(server.Root, k.GW, p) }
			return server, nil
		},
	}
}

// configure writes gw.yaml. A JSON list is a YAML list.
func configure(j Job, target netip.AddrPort, command []string) error {
	list, err := json.Marshal(command)
	if err != nil {
		return err
	}
	scheme := "http"
	if j.Scenario == Text {
		scheme = "text"
	}
	secure := ""
	if j.Scenario == TLS {
		secure = ", tls: {certificate: bench.pem, key: bench.key}"
		if err := writeCertificate(j.Dir); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("pools:\n  p:\n    command: %s\n    workers: %d\n    queue_limit: 20000\nlisteners:\n  - {listen: \"%s://%v\", pool: p%s}\n", list, j.Workers, scheme, target, secure)
	return os.WriteFile(filepath.Join(j.Dir, "gw.yaml"), []byte(text), 0o644)
}

func writeCertificate(dir string) error {
	text, key, err := certificate.New()
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "bench.pem"), text, 0o644), os.WriteFile(filepath.Join(dir, "bench.key"), key, 0o600))
}

// gwRole tells gateway and handlers apart by the program they run.
func gwRole(master int, binary string, p gauge.Process) gauge.Role {
	if p.PID == master {
		return gauge.Master
	}
	if program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID)); err == nil && program == binary {
		return gauge.Gateway
	}
	return gauge.Handler
}

package peer

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// pythonPeers are Python's own servers. They run with the interpreter that
// PEERS_PYTHON names, which make bench-peers installs them for; access logs off,
// otherwise as their documentation starts them.
func pythonPeers() []Peer {
	return []Peer{
		pythonPeer("uvicorn", "gw-asgi", []string{Hello, Vary, JSON, WS}, func(a address, workers string) []string {
			return []string{"-m", "uvicorn", "asgi:app", "--host", a.host, "--port", a.port, "--workers", workers, "--no-access-log", "--log-level", "warning"}
		}),
		pythonPeer("granian", "gw-asgi", []string{Hello, Vary, JSON, WS}, func(a address, workers string) []string {
			return []string{"-m", "granian", "--interface", "asgi", "--host", a.host, "--port", a.port, "--workers", workers, "--log-level", "warning", "asgi:app"}
		}),
		pythonPeer("hypercorn", "gw-asgi", []string{Hello, Vary, JSON, WS}, func(a address, workers string) []string {
			return []string{"-m", "hypercorn", "--config", "hypercorn.toml", "--worker-class", "uvloop", "--bind", a.host + ":" + a.port, "--workers", workers, "--log-level", "warning", "asgi:app"}
		}),
		// Its sync workers close every connection.
		pythonPeer("gunicorn", "gw-wsgi", []string{Hello, Vary, JSON}, func(a address, workers string) []string {
			return []string{"-m", "gunicorn", "--worker-class", "gthread", "--threads", "4", "--bind", a.host + ":" + a.port, "--workers", workers, "--log-level", "warning", "wsgi:app"}
		}),
	}
}

type address struct{ host, port string }

func pythonPeer(module, beside string, scenarios []string, arguments func(a address, workers string) []string) Peer {
	return Peer{
		Name: module, Beside: beside, Scenarios: scenarios,
		Absent: func(*Kit) string {
			python := os.Getenv("PEERS_PYTHON")
			if python == "" {
				return "PEERS_PYTHON is not set"
			}
			if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
				return "PEERS_PYTHON has no " + module + ": " + err.Error()
			}
			return ""
		},
		Start: func(ctx context.Context, _ *Kit, j Job) (*Server, error) {
			target, err := freePort()
			if err != nil {
				return nil, err
			}
			// The path was relative to the folder bench was started in.
			python, err := filepath.Abs(os.Getenv("PEERS_PYTHON"))
			if err != nil {
				return nil, err
			}
			argv := arguments(split(target), strconv.Itoa(j.Workers))
			return serveInForeground(ctx, j.Dir, nil, target, slices.Concat([]string{python}, argv)...)
		},
	}
}

func split(target netip.AddrPort) address {
	return address{host: target.Addr().String(), port: strconv.Itoa(int(target.Port()))}
}

package peer

import (
	"context"
	"os"
	"os/exec"
	"strconv"
)

// uvicorn runs with the Python that UVICORN_PYTHON names.
func uvicorn() Peer {
	return Peer{
		Name: "uvicorn", Scenarios: []string{Hello, JSON, WS},
		Absent: func(*Kit) string {
			python := os.Getenv("UVICORN_PYTHON")
			if python == "" {
				return "UVICORN_PYTHON is not set"
			}
			if err := exec.Command(python, "-c", "import uvicorn").Run(); err != nil {
				return python + " has no uvicorn: " + err.Error()
			}
			return ""
		},
		Start: func(ctx context.Context, _ *Kit, j Job) (*Server, error) {
			target, err := freePort()
			if err != nil {
				return nil, err
			}
			return serveInForeground(ctx, j.Dir, nil, target, os.Getenv("UVICORN_PYTHON"), "-m", "uvicorn", "asgi:app",
				"--host", "127.0.0.1", "--port", strconv.Itoa(int(target.Port())), "--workers", strconv.Itoa(j.Workers),
				"--no-access-log", "--log-level", "warning")
		},
	}
}

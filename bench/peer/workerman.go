package peer

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
)

// workerman runs from a checkout of walkor/workerman that WORKERMAN_SRC names.
func workerman() Peer {
	return Peer{
		Name: "workerman", Beside: "gw-php", Scenarios: []string{Hello, Vary, JSON, WS, Text},
		Absent: func(k *Kit) string {
			source := os.Getenv("WORKERMAN_SRC")
			if source == "" {
				return "WORKERMAN_SRC is not set"
			}
			if _, err := os.Stat(filepath.Join(source, "src", "Worker.php")); err != nil {
				return err.Error()
			}
			return needs("php")(k)
		},
		Start: func(ctx context.Context, _ *Kit, j Job) (*Server, error) {
			target, err := freePort()
			if err != nil {
				return nil, err
			}
			environment := []string{"BENCH_ADDRESS=" + target.String(), "BENCH_SCENARIO=" + j.Scenario, "BENCH_WORKERS=" + strconv.Itoa(j.Workers)}
			return serveInForeground(ctx, j.Dir, environment, target, php(filepath.Join(j.Dir, "workerman.php"), "start")...)
		},
	}
}

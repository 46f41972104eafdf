package peer

import (
	"context"
	"os"
	"strconv"
)

// swoolePeers are the two modes of Swoole, the extension that SWOOLE_SO names.
func swoolePeers() []Peer {
	return []Peer{swoole("swoole-base", "BASE"), swoole("swoole-process", "PROCESS")}
}

func swoole(name, mode string) Peer {
	return Peer{
		Name: name, Beside: "gw-php", Scenarios: []string{Hello, Vary, JSON, WS, Text},
		Absent: func(k *Kit) string {
			extension := os.Getenv("SWOOLE_SO")
			if extension == "" {
				return "SWOOLE_SO is not set"
			}
			if _, err := os.Stat(extension); err != nil {
				return err.Error()
			}
			return needs("php")(k)
		},
		Start: func(ctx context.Context, _ *Kit, j Job) (*Server, error) {
			target, err := freePort()
			if err != nil {
				return nil, err
			}
			environment := []string{"BENCH_ADDRESS=" + target.String(), "BENCH_SCENARIO=" + j.Scenario, "BENCH_WORKERS=" + strconv.Itoa(j.Workers), "BENCH_MODE=" + mode}
			return serveInForeground(ctx, j.Dir, environment, target, php("-d", "extension="+os.Getenv("SWOOLE_SO"), "swoole.php")...)
		},
	}
}

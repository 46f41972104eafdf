package peer

import "context"

// rawEpoll is a bare epoll loop in Go that answers without looking: what the
// kernel and the loopback cost by themselves.
func rawEpoll() Peer {
	return Peer{
		Name: "rawepoll", Beside: "gw-php", Scenarios: []string{Hello, Text}, Absent: here,
		Start: func(ctx context.Context, k *Kit, j Job) (*Server, error) {
			return startReference(ctx, k, j, "rawepoll")
		},
	}
}

// startReference starts one of our own servers: PROGRAM ADDRESS SCENARIO.
func startReference(ctx context.Context, k *Kit, j Job, name string) (*Server, error) {
	target, err := freePort()
	if err != nil {
		return nil, err
	}
	return serveInForeground(ctx, j.Dir, nil, target, k.Program(name), target.String(), j.Scenario)
}

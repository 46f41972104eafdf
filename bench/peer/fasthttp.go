package peer

import "context"

// fasthttp is a Go server without a separate handler process: the handlers
// written in Go, on fasthttp.
func fasthttp() Peer {
	return Peer{
		Name: "fasthttp", Beside: "gw-php", Scenarios: []string{Hello, Vary, JSON, WS, Text, TLS}, Absent: here,
		Start: func(ctx context.Context, k *Kit, j Job) (*Server, error) {
			return startReference(ctx, k, j, "fasthttp")
		},
	}
}

// Package api holds the JSON of the control socket: what the master answers
// and the gw commands, scripts and dashboards read.
//
// The socket is a unix socket, mode 0600, that speaks HTTP/1.1:
//
//	GET  /v1/version                         Version
//	GET  /v1/status                          Status
//	GET  /v1/connections?filter=TEXT         Connections
//	POST /v1/reload     ReloadRequest     -> lines of ReloadEvent (application/x-ndjson)
//	POST /v1/stop       StopRequest       -> 202, then the socket goes away
//
// Every answer but a stream is one JSON object; a failure is an Error with a
// 4xx or 5xx status.
package api

import "time"

// Error is the body of every failure.
type Error struct {
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"` // what to do next
}

// Version answers GET /v1/version.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	PID     int    `json:"pid"`
}

// Status answers GET /v1/status. Sizes in bytes.
type Status struct {
	Version    string     `json:"version"`
	PID        int        `json:"pid"`
	Mode       string     `json:"mode"` // foreground or daemon
	ConfigFile string     `json:"config_file"`
	StartedAt  time.Time  `json:"started_at"`
	Uptime     float64    `json:"uptime_seconds"`
	Load       [3]float64 `json:"load"`
	State      string     `json:"state"` // starting, running, reloading, stopping
	Reload     *Reload    `json:"last_reload,omitempty"`
	Gateway    Gateway    `json:"gateway"`
	Listeners  []Listener `json:"listeners"`
	Pools      []Pool     `json:"pools"`
	Workers    []Worker   `json:"workers"` // by pool, then slot
	Totals     Totals     `json:"totals"`

	AccessLogs []AccessLog `json:"access_logs"`
}

// AccessLog is a file with a line for each request.
type AccessLog struct {
	Path    string `json:"path"`    // - is standard output
	Lines   uint64 `json:"lines"`   // dropped ones included
	Dropped uint64 `json:"dropped"` // the disk was too slow, or full
}

// Reload tells of the last finished reload.
type Reload struct {
	At     time.Time `json:"at"`
	Result string    `json:"result"` // ok or aborted
	Reason string    `json:"reason,omitempty"`
}

// Gateway is the gateway process.
type Gateway struct {
	PID         int    `json:"pid"`
	State       string `json:"state"` // starting, running, restarting, not answering
	MemoryBytes int64  `json:"memory_bytes"`
	Restarts    int    `json:"restarts"`
	LastExit    string `json:"last_exit,omitempty"`
}

// Listener is one listening socket.
type Listener struct {
	ID          int      `json:"id"`
	Name        string   `json:"name"`
	Listen      string   `json:"listen"` // scheme://address
	Pools       []string `json:"pools"`
	Connections int      `json:"connections"`
	Accepted    uint64   `json:"accepted"`
	Refused     uint64   `json:"refused"`
	SlowClosed  uint64   `json:"slow_closed"`
	Calmed      uint64   `json:"calmed"` // clients of HTTP/2 that made work for nothing: closed with ENHANCE_YOUR_CALM

	ProxyRefused    uint64 `json:"proxy_refused"`    // connections without a good PROXY header, or from none of trusted_proxies
	ForwardedFaults uint64 `json:"forwarded_faults"` // requests of trusted proxies whose Forwarded fields made no sense
	AddressRefused  uint64 `json:"address_refused"`  // connections over max_connections_per_address
	RateRefused     uint64 `json:"rate_refused"`     // requests over max_requests_per_address

	TLS           bool   `json:"tls"`
	BadHandshakes uint64 `json:"bad_handshakes"` // TLS handshakes that failed

	Passed    bool       `json:"passed"`              // bound by systemd
	Datagrams *Datagrams `json:"datagrams,omitempty"` // udp
}

// Datagrams counts what a udp listener received and sent.
type Datagrams struct {
	Received  uint64 `json:"received"`
	Sent      uint64 `json:"sent"`
	Queued    int    `json:"queued"`     // wait for a worker now
	Dropped   uint64 `json:"dropped"`    // no room in the kernel or the queue, no worker in time, or the one that had them died
	Truncated uint64 `json:"truncated"`  // longer than max_message
	SendDrops uint64 `json:"send_drops"` // could not be sent
}

// Pool is a pool and its queue.
type Pool struct {
	Name        string   `json:"name"`
	Command     []string `json:"command"`
	User        string   `json:"user"`
	Workers     int      `json:"workers"` // configured
	Ready       int      `json:"ready"`
	Queued      int      `json:"queued"`
	Retried     uint64   `json:"retried"`
	Redelivered uint64   `json:"redelivered"`
	Dropped     uint64   `json:"dropped"`
	TimedOut    uint64   `json:"timed_out"`
	SetAside    uint64   `json:"set_aside"` // messages that killed two workers, kept as files in SetAsideDir
	SetAsideDir string   `json:"set_aside_dir,omitempty"`
}

// Worker is one handler process, or a slot that waits for one (PID 0).
type Worker struct {
	Pool        string  `json:"pool"`
	Slot        int     `json:"slot"`
	ID          uint64  `json:"id"`
	PID         int     `json:"pid"`
	State       string  `json:"state"` // starting, ready, active, draining, stopping, back-off, crash-loop
	MemoryBytes int64   `json:"memory_bytes"`
	Listen      string  `json:"listen"`
	Connections int     `json:"connections"`
	InFlight    int     `json:"in_flight"`
	Requests    uint64  `json:"requests"`
	QPS         float64 `json:"qps"`
	Restarts    int     `json:"restarts"`
	LastExit    string  `json:"last_exit,omitempty"`
	Uptime      float64 `json:"uptime_seconds"`
	SDK         string  `json:"sdk,omitempty"` // such as "php 8.2.36, sdk 0.1.0"
}

// Totals sums up.
type Totals struct {
	Workers     int     `json:"workers"`
	Ready       int     `json:"ready"`
	MemoryBytes int64   `json:"memory_bytes"`
	Connections int     `json:"connections"`
	InFlight    int     `json:"in_flight"`
	Requests    uint64  `json:"requests"`
	Messages    uint64  `json:"messages"`
	QPS         float64 `json:"qps"`
	Restarts    int     `json:"restarts"`
}

// Connections answers GET /v1/connections.
type Connections struct {
	Total       int          `json:"total"`
	Connections []Connection `json:"connections"`
}

// Connection is one client.
type Connection struct {
	ID       uint64   `json:"id"`
	Protocol string   `json:"protocol"`
	TLS      string   `json:"tls,omitempty"` // version, such as 1.3; empty: plain
	State    string   `json:"state"`
	Listener string   `json:"listener"`
	Local    string   `json:"local"`
	Peer     string   `json:"peer"`
	Proxy    string   `json:"proxy,omitempty"` // the socket's address, where peer is what a proxy said
	Age      float64  `json:"age_seconds"`
	Idle     float64  `json:"idle_seconds"`
	BytesIn  uint64   `json:"bytes_in"`
	BytesOut uint64   `json:"bytes_out"`
	QueueIn  int      `json:"queue_in"`
	QueueOut int      `json:"queue_out_bytes"`
	Worker   string   `json:"worker"` // pool#slot
	Groups   []string `json:"groups,omitempty"`
	UID      string   `json:"uid,omitempty"`
}

// ReloadRequest is the body of POST /v1/reload; all fields may be left out.
type ReloadRequest struct {
	Pool   string `json:"pool,omitempty"`
	NoWait bool   `json:"no_wait,omitempty"`
}

// ReloadEvent is one line of a reload's progress. The last one has Result.
type ReloadEvent struct {
	Pool   string  `json:"pool,omitempty"`
	Slot   int     `json:"slot,omitempty"`
	PID    int     `json:"pid,omitempty"`
	OldPID int     `json:"old_pid,omitempty"`
	State  string  `json:"state,omitempty"` // started, ready, replaced, removed, added, failed, unchanged
	Took   float64 `json:"took_seconds,omitempty"`
	Result string  `json:"result,omitempty"` // ok, aborted, busy, accepted (no_wait)
	Reason string  `json:"reason,omitempty"`
	Output string  `json:"output,omitempty"` // what the failed handler printed last
}

// StopRequest is the body of POST /v1/stop.
type StopRequest struct {
	Graceful bool    `json:"graceful,omitempty"`        // wait without a deadline
	Timeout  float64 `json:"timeout_seconds,omitempty"` // 0: each pool's stop_timeout
}

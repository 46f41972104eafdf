// Package config turns gw.yaml, or the path of a handler, into a checked Config.
//
// It owns the file's words, their defaults and every message about a fault in
// them. It starts nothing and listens nowhere. Invariant: a Config that Load
// returned needs no further check by its user.
package config

import "time"

// Config is a whole configuration with every default filled in.
type Config struct {
	File string // absolute path of gw.yaml, or of the handler given instead
	Dir  string // folder that relative paths are relative to; not resolved through symlinks

	User       string // account of gateway and handlers when the master is root; empty: the master's own
	LogFile    string // "": standard error (gw start), <state dir>/gw.log (gw start -d)
	LogLevel   string // debug, info, warning, error
	StdoutFile string // what handlers print under gw start -d; default /dev/null
	StateDir   string // see StateDir; holds what follows unless the file says otherwise
	PIDFile    string
	Control    string // path of the control socket
	TempDir    string // request bodies above the inline limit
	// SetAsideDir keeps messages that killed two workers.
	SetAsideDir string
	Loops       int    // event loops of the gateway; 0: as many as suit the machine
	Debug       bool   // error pages with tracebacks
	Limits      Limits // of every listener that says nothing else
	// AccessLog and TrustedProxies of every listener that says nothing else.
	AccessLog      AccessLog
	TrustedProxies []string

	Pools     []Pool     // in the file's order
	Listeners []Listener // in the file's order

	Warnings Faults // what works, but hardly as meant
}

// Pool is a set of handlers that run one command.
type Pool struct {
	Name    string
	Command []string
	Dir     string // folder the handler starts in
	Workers int
	User    string // empty: Config.User
	Env     map[string]string

	StdoutFile string // empty: Config.StdoutFile

	MaxRequests    int   // 0: never recycle for it
	MaxMemoryBytes int64 // resident; 0: no limit
	MaxAge         time.Duration

	RequestTimeout time.Duration
	StreamTimeout  time.Duration
	QueueTimeout   time.Duration
	QueueLimit     int
	StartTimeout   time.Duration
	StopTimeout    time.Duration

	OnCrash string // redeliver, close, drop
	Reload  bool   // false: gw reload leaves it alone
	// ReloadParallel is how many workers a reload replaces at a time, once the
	// first has shown that the new code runs.
	ReloadParallel int

	Sendfile []string // folders of files to be sent by the gateway; nil: Dir, and the header X-Sendfile means nothing
}

// Listener is one socket.
type Listener struct {
	Name   string // the listen text unless named
	Scheme string // http, websocket, text, frame, tcp, udp
	// Address is host:port; for unix sockets unix:/absolute/path, for one that
	// systemd passes systemd:name.
	Address   string
	Socket    Socket
	Framing   Framing
	HalfClose bool    // who has ended its side is still written to
	Queue     Queue   // udp
	HTTP2     bool    // http, websocket: spoken beside HTTP/1
	Routes    []Route // most specific first, the listener's own pool last as host "" prefix "/"; empty only with Static
	Limits    Limits
	Static    []Static // most specific first

	AccessLog      AccessLog
	TrustedProxies []string // addresses, networks, loopback, private, unix
	ProxyProtocol  bool
	Compression    Compression
	Headers        Headers
	CORS           CORS
	TLS            *TLS // nil: plain

	WebSocket WebSocket
}

// WebSocket is what a listener allows WebSockets.
type WebSocket struct {
	Origins           []string // patterns; none: any origin
	Subprotocols      []string // in order of preference
	Compression       string   // off, message, connection
	CompressFromBytes int
	WindowBytes       int // of compression: connection; a power of two from 256 to 32768
}

// Route picks a pool by host and path prefix.
type Route struct {
	Host   string
	Prefix string
	Pool   string
	CORS   CORS // Origins nil and not Off: that of the listener
}

// Limits bound what a client may ask for. A zero duration: no limit.
type Limits struct {
	HeaderTimeout   time.Duration
	BodyTimeout     time.Duration
	IdleTimeout     time.Duration
	WriteTimeout    time.Duration
	PingInterval    time.Duration
	MessageTimeout  time.Duration
	MaxHeaderBytes  int
	MaxBodyBytes    int64
	MaxMessageBytes int
	SendBufferBytes int
	MaxConnections  int
	// MaxConnectionRequests closes a connection behind the answer to so many.
	MaxConnectionRequests int

	MaxConnectionsPerAddress int
	RequestEvery             time.Duration // max_requests_per_address: time between two
	BurstPerAddress          int
	ExemptAddresses          []string
	MaxStreams               int // of one HTTP/2 connection
}

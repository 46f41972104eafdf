// Package control holds the messages between master and gateway.
//
// It owns their shape and encoding, nothing else: ipc carries them, master and
// gateway act on them. One message is one packet of a SEQPACKET socket,
// encoded with msgpack; descriptors travel beside it (SCM_RIGHTS).
package control

import (
	"fmt"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// MaxPacket bounds one encoded message in bytes. Long lists are split into
// several messages, each but the last with More set.
const MaxPacket = 128 << 10

// Kind says what a message is about.
type Kind string

// Master to gateway.
const (
	// Configure gives the whole configuration. Descriptors: one file for each
	// access log, then one listening socket for each listener, with Fresh set, in
	// their order. Answered by Configured. A listener that is no longer named is closed.
	Configure Kind = "configure"
	// Attach gives a worker. Descriptors: write end of its descriptor 3, read
	// end of its descriptor 4. Answered by WorkerReady in the worker's time.
	Attach Kind = "attach"
	// Activate lets new work flow to a ready worker.
	Activate Kind = "activate"
	// Drain stops new work for a worker and sends it DRAIN. Answered by Drained.
	Drain Kind = "drain"
	// Exited tells that the process was reaped; the gateway reads what is left
	// in its pipe, then settles what it had not finished.
	Exited Kind = "exited"
	// GiveCertificate gives a certificate with its key, or another one in the
	// place of one given before. It comes before the Configure whose listeners
	// name it; listeners that name it already use it from now on.
	GiveCertificate Kind = "certificate"
	// Query asks for a Report (Status) or Connections (Connections).
	Query Kind = "query"
	// Stop ends the gateway: no new connections, finish what is under way until
	// Deadline (0: without one), close the rest. Answered by Stopped.
	Stop Kind = "stop"
)

// Gateway to master.
const (
	Configured   Kind = "configured"
	WorkerReady  Kind = "worker_ready"
	Drained      Kind = "drained"
	WorkerFailed Kind = "worker_failed" // broke the protocol or hangs: replace it; Reason says why
	WorkerDue    Kind = "worker_due"    // reached MaxRequests: recycle it
	Report       Kind = "report"        // answer to Query, Seq repeated
	Stopped      Kind = "stopped"
)

// Message is one control message. Only the fields its Kind names are set.
type Message struct {
	Kind Kind   `msgpack:"kind"`
	Seq  uint64 `msgpack:"seq,omitempty"` // of Query and Configure; repeated in the answer
	More bool   `msgpack:"more,omitempty"`

	Configuration *Configuration `msgpack:"configuration,omitempty"` // Configure
	Worker        *Worker        `msgpack:"worker,omitempty"`        // Attach, and with ID alone: Activate, Drain, Exited, WorkerReady, Drained, WorkerFailed, WorkerDue

	Certificate *Certificate `msgpack:"certificate,omitempty"` // GiveCertificate

	Deadline time.Duration `msgpack:"deadline,omitempty"` // Drain, Stop: from now
	Reason   string        `msgpack:"reason,omitempty"`   // Drain, Exited (such as "killed by SIGKILL"), WorkerFailed
	Hung     bool          `msgpack:"hung,omitempty"`     // WorkerFailed: ran into request_timeout, ask it for a stack dump

	Topic       Topic        `msgpack:"topic,omitempty"`  // Query
	Filter      string       `msgpack:"filter,omitempty"` // Query: connections whose row contains this text
	Status      *Status      `msgpack:"status,omitempty"` // Report
	Connections []Connection `msgpack:"connections,omitempty"`
}

// Topic of a Query.
type Topic string

const (
	TopicStatus      Topic = "status"
	TopicConnections Topic = "connections"
)

// Worker names a handler process.
type Worker struct {
	ID          uint64 `msgpack:"id"` // unique in the life of the master
	Pool        string `msgpack:"pool,omitempty"`
	Slot        int    `msgpack:"slot,omitempty"` // counts from 1
	PID         int    `msgpack:"pid,omitempty"`
	MaxRequests int    `msgpack:"max_requests,omitempty"` // 0: no limit; jitter is already in it
	// WorkerReady only: what READY said.
	Language        string `msgpack:"language,omitempty"`
	LanguageVersion string `msgpack:"language_version,omitempty"`
	SDK             string `msgpack:"sdk,omitempty"`
	Concurrency     int    `msgpack:"concurrency,omitempty"`
}

// Configuration is everything the gateway must know.
type Configuration struct {
	Version   string     `msgpack:"version"`
	Debug     bool       `msgpack:"debug"`
	TempDir   string     `msgpack:"temp_dir"`  // where request bodies spool; exists, owned by the gateway's user
	SetAside  string     `msgpack:"set_aside"` // folder for messages that killed two workers; exists, the gateway may write there
	Loops     int        `msgpack:"loops"`     // event loops; what the first configuration says holds
	Pools     []Pool     `msgpack:"pools"`
	Listeners []Listener `msgpack:"listeners"`
	// AccessLogs come with the first part of a long configuration.
	AccessLogs []AccessLog `msgpack:"access_logs"`
}

// AccessLog is a file that lines for requests are added to.
type AccessLog struct {
	ID    int    `msgpack:"id"` // counts from 1, kept over reloads for the same Path
	Path  string `msgpack:"path"`
	Fresh bool   `msgpack:"fresh"` // a descriptor for it comes with this message: it is new, or was opened anew
}

// Pool holds what dispatch needs of a pool.
type Pool struct {
	Name           string        `msgpack:"name"`
	Workers        int           `msgpack:"workers"`         // how many there shall be
	RequestTimeout time.Duration `msgpack:"request_timeout"` // 0: none
	StreamTimeout  time.Duration `msgpack:"stream_timeout"`  // silence in the middle of an answer; 0: none
	QueueTimeout   time.Duration `msgpack:"queue_timeout"`
	QueueLimit     int           `msgpack:"queue_limit"` // requests waiting for a worker
	OnCrash        OnCrash       `msgpack:"on_crash"`
	Sendfile       []string      `msgpack:"sendfile"`        // folders of files its handlers may have sent; absolute
	SendfileHeader bool          `msgpack:"sendfile_header"` // the header X-Sendfile counts too
}

// OnCrash is what becomes of the messages a dying worker had not finished.
type OnCrash string

const (
	Redeliver       OnCrash = "redeliver"
	CloseConnection OnCrash = "close"
	Drop            OnCrash = "drop"
)

// Listener is one listening socket.
type Listener struct {
	ID      int     `msgpack:"id"` // counts from 1, kept over reloads for the same Address
	Name    string  `msgpack:"name"`
	Scheme  string  `msgpack:"scheme"`  // http, websocket, text, frame, tcp, udp
	Address string  `msgpack:"address"` // host:port, or unix:/path
	Fresh   bool    `msgpack:"fresh"`   // a descriptor for it comes with this message
	HTTP2   bool    `msgpack:"http2"`   // spoken beside HTTP/1, over TLS and with prior knowledge
	Routes  []Route `msgpack:"routes"`  // most specific first; the first match wins
	Limits  Limits  `msgpack:"limits"`

	Answers        Answers   `msgpack:"answers"`
	TrustedProxies []string  `msgpack:"trusted_proxies"` // as address.ParseSet reads them
	ProxyProtocol  bool      `msgpack:"proxy_protocol"`
	TLS            *TLS      `msgpack:"tls,omitempty"`    // nil: plain
	Static         []Static  `msgpack:"static,omitempty"` // most specific first; the first match decides
	Framing        Framing   `msgpack:"framing"`          // text, frame
	HalfClose      bool      `msgpack:"half_close"`       // text, frame, tcp: who has ended its side is still written to
	Queue          Queue     `msgpack:"queue"`            // udp
	WebSocket      WebSocket `msgpack:"websocket"`

	AccessLog  int      `msgpack:"access_log"` // 0: none
	LogJSON    bool     `msgpack:"log_json"`
	LogExclude []string `msgpack:"log_exclude"` // path prefixes
}

// Framing is how messages stand on the byte stream.
type Framing struct {
	Delimiter   string `msgpack:"delimiter,omitempty"`    // text: bytes that end a message
	LengthBytes int    `msgpack:"length_bytes,omitempty"` // frame: 1, 2, 4 or 8
	Little      bool   `msgpack:"little,omitempty"`
	Payload     bool   `msgpack:"payload,omitempty"` // the length counts the payload alone
	Offset      int    `msgpack:"offset,omitempty"`  // bytes before the length
}

// Queue bounds the datagrams that wait for a worker.
type Queue struct {
	Limit      int  `msgpack:"limit"`
	DropNewest bool `msgpack:"drop_newest"` // when it is full; else the oldest goes
}

// Static is a folder that the gateway serves by itself.
type Static struct {
	Host          string   `msgpack:"host"`   // as in Route
	Prefix        string   `msgpack:"prefix"` // as in Route
	Root          string   `msgpack:"root"`   // absolute
	Index         string   `msgpack:"index"`
	Missing       string   `msgpack:"missing"` // pool, 404, or the path of a page
	CacheControl  string   `msgpack:"cache_control"`
	Never         []string `msgpack:"never"`    // endings, lower-case
	Symlinks      string   `msgpack:"symlinks"` // inside, follow, never
	Precompressed bool     `msgpack:"precompressed"`
	Hidden        bool     `msgpack:"hidden"`
	Browse        bool     `msgpack:"browse"`
}

// WebSocket is what a listener allows WebSockets.
type WebSocket struct {
	Origins           []string `msgpack:"origins"`      // patterns; none: any origin
	Subprotocols      []string `msgpack:"subprotocols"` // in order of preference; none: the client's first
	Compress          bool     `msgpack:"compress"`     // permessage-deflate
	Takeover          bool     `msgpack:"takeover"`     // messages may refer to earlier ones
	WindowBits        uint8    `msgpack:"window_bits"`  // with Takeover: how far, 8 to 15
	CompressFromBytes int      `msgpack:"compress_from_bytes"`
}

// Route sends a request or WebSocket to a pool.
type Route struct {
	Host   string `msgpack:"host"`   // lower-case without port; empty: any
	Prefix string `msgpack:"prefix"` // "/" or "/api": matches "/api" and "/api/..."
	Pool   string `msgpack:"pool"`
	CORS   *CORS  `msgpack:"cors,omitempty"` // nil: that of the listener
}

// Limits of a listener. Sizes in bytes; a zero duration means no limit.
type Limits struct {
	HeaderTimeout   time.Duration `msgpack:"header_timeout"`
	BodyTimeout     time.Duration `msgpack:"body_timeout"`    // between two reads of a request body
	IdleTimeout     time.Duration `msgpack:"idle_timeout"`    // keep-alive connection without a request
	WriteTimeout    time.Duration `msgpack:"write_timeout"`   // client takes nothing of what waits for it
	PingInterval    time.Duration `msgpack:"ping_interval"`   // WebSocket silence before a ping; twice that: closed
	MessageTimeout  time.Duration `msgpack:"message_timeout"` // WebSocket, text, frame or tcp connection without a message of its client
	MaxHeaderBytes  int           `msgpack:"max_header_bytes"`
	MaxBodyBytes    int64         `msgpack:"max_body_bytes"`
	MaxMessageBytes int           `msgpack:"max_message_bytes"`
	SendBufferBytes int           `msgpack:"send_buffer_bytes"`
	MaxConnections  int           `msgpack:"max_connections"`
	// MaxConnectionRequests: behind the answer to so many a connection is closed.
	MaxConnectionRequests int `msgpack:"max_connection_requests"`

	MaxConnectionsPerAddress int           `msgpack:"max_connections_per_address"`
	RequestEvery             time.Duration `msgpack:"request_every"` // time between two requests of an address; 0: no limit
	BurstPerAddress          int           `msgpack:"burst_per_address"`
	ExemptAddresses          []string      `msgpack:"exempt_addresses"` // as address.ParseSet reads them
	MaxStreams               int           `msgpack:"max_streams"`      // of one HTTP/2 connection
}

// Status is what the gateway knows at one moment.
type Status struct {
	PID         int              `msgpack:"pid"`
	Connections int              `msgpack:"connections"`
	Requests    uint64           `msgpack:"requests"` // HTTP requests answered by workers or the gateway
	Messages    uint64           `msgpack:"messages"` // WebSocket, text, ... messages received
	Workers     []WorkerStatus   `msgpack:"workers"`
	Listeners   []ListenerStatus `msgpack:"listeners"`
	Pools       []PoolStatus     `msgpack:"pools"`

	AccessLogs []AccessLogStatus `msgpack:"access_logs"`
}

// AccessLogStatus counts an access log's lines.
type AccessLogStatus struct {
	Path    string `msgpack:"path"`
	Lines   uint64 `msgpack:"lines"`   // dropped ones included
	Dropped uint64 `msgpack:"dropped"` // the disk was too slow, or full
}

// WorkerStatus is a worker as dispatch sees it.
type WorkerStatus struct {
	ID          uint64 `msgpack:"id"`
	Connections int    `msgpack:"connections"` // pinned to it
	InFlight    int    `msgpack:"in_flight"`
	Requests    uint64 `msgpack:"requests"` // requests and messages finished
	Window      int    `msgpack:"window"`
}

// ListenerStatus counts a listener's connections.
type ListenerStatus struct {
	ID          int    `msgpack:"id"`
	Connections int    `msgpack:"connections"`
	Accepted    uint64 `msgpack:"accepted"`
	Refused     uint64 `msgpack:"refused"` // over max_connections
	SlowClosed  uint64 `msgpack:"slow_closed"`
	Calmed      uint64 `msgpack:"calmed"` // clients of HTTP/2 closed with ENHANCE_YOUR_CALM

	ProxyRefused    uint64 `msgpack:"proxy_refused"`    // connections without a good PROXY header, or from none of trusted_proxies
	ForwardedFaults uint64 `msgpack:"forwarded_faults"` // requests of trusted proxies whose Forwarded fields made no sense
	AddressRefused  uint64 `msgpack:"address_refused"`  // connections over max_connections_per_address
	RateRefused     uint64 `msgpack:"rate_refused"`     // requests over max_requests_per_address
	BadHandshakes   uint64 `msgpack:"bad_handshakes"`   // TLS handshakes that failed

	Datagrams *DatagramStatus `msgpack:"datagrams,omitempty"` // udp
}

// DatagramStatus counts what a udp listener received and sent.
type DatagramStatus struct {
	Received  uint64 `msgpack:"received"`
	Sent      uint64 `msgpack:"sent"`
	Queued    int    `msgpack:"queued"`     // wait for a worker now
	Dropped   uint64 `msgpack:"dropped"`    // no worker took them, or the one that had them died
	Truncated uint64 `msgpack:"truncated"`  // longer than max_message: dropped
	SendDrops uint64 `msgpack:"send_drops"` // answers that the kernel did not take
}

// PoolStatus counts a pool's queue.
type PoolStatus struct {
	Name        string `msgpack:"name"`
	Queued      int    `msgpack:"queued"`
	Retried     uint64 `msgpack:"retried"`
	Redelivered uint64 `msgpack:"redelivered"`
	Dropped     uint64 `msgpack:"dropped"`
	TimedOut    uint64 `msgpack:"timed_out"`
	SetAside    uint64 `msgpack:"set_aside"` // messages that killed two workers, kept in files
}

// Connection is one row of `gw connections`. Durations count up to the report.
type Connection struct {
	ID       uint64        `msgpack:"id"`
	Protocol string        `msgpack:"protocol"`
	State    string        `msgpack:"state"`
	Listener string        `msgpack:"listener"`
	Local    string        `msgpack:"local"`
	Peer     string        `msgpack:"peer"`
	Proxy    string        `msgpack:"proxy,omitempty"` // the socket's address, where Peer is what a proxy said
	Age      time.Duration `msgpack:"age"`
	Idle     time.Duration `msgpack:"idle"`
	BytesIn  uint64        `msgpack:"bytes_in"`
	BytesOut uint64        `msgpack:"bytes_out"`
	TLS      string        `msgpack:"tls,omitempty"` // version, such as 1.3; empty: plain
	QueueIn  int           `msgpack:"queue_in"`      // messages waiting for the worker
	QueueOut int           `msgpack:"queue_out"`     // bytes waiting for the client
	Worker   uint64        `msgpack:"worker"`        // 0: none
	UID      string        `msgpack:"uid"`
	Groups   []string      `msgpack:"groups"`
}

// Encode returns the packet of m, at most MaxPacket bytes.
func Encode(m *Message) ([]byte, error) {
	b, err := msgpack.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("control message %s: %w", m.Kind, err)
	}
	if len(b) > MaxPacket {
		return nil, fmt.Errorf("control message %s: %d bytes, limit %d", m.Kind, len(b), MaxPacket)
	}
	return b, nil
}

// Decode reads one packet.
func Decode(b []byte) (*Message, error) {
	m := new(Message)
	if err := msgpack.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("control message: %w", err)
	}
	return m, nil
}

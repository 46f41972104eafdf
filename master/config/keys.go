package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The tables in this file are the file format: reading, suggestions, the
// effective output and the JSON schema all go by them.

// kind is what a key's value looks like; the JSON schema has a definition of
// the same name for each.
type kind string

const (
	kindText     kind = "text"
	kindFlag     kind = "flag"
	kindNumber   kind = "number"
	kindSize     kind = "size"
	kindDuration kind = "duration"
	kindChoice   kind = "choice"
	kindWorkers  kind = "workers"
	kindWords    kind = "words"
	kindTexts    kind = "texts"
	kindListen   kind = "listen"
	kindNetworks kind = "networks"
	kindPaths    kind = "paths"
	kindRate     kind = "rate"
	kindEndings  kind = "endings"
	kindFolders  kind = "folders"
	// These hold tables themselves.
	kindAccessLog   kind = "access_log"
	kindCompression kind = "compression"
	kindHeaders     kind = "headers"
	kindCORS        kind = "cors"
	kindLimits      kind = "limits"
	kindPools       kind = "pools"
	kindListeners   kind = "listeners"
	kindRoutes      kind = "routes"
	kindFraming     kind = "framing"
	kindKeepAlive   kind = "keepalive"
	kindTLS         kind = "tls"
	// The certificates of a listener, and their authority.
	kindCertificates kind = "certificates"
	kindACME         kind = "acme"
	kindStatic       kind = "static"
	kindWebSocket    kind = "websocket"
	kindOrigins      kind = "origins"
	kindNames        kind = "names"
)

// key is one word of the file: how it is read into a T, and shown again. A
// nil from show leaves the key out.
type key[T any] struct {
	name    string
	kind    kind
	doc     string
	choices []string
	must    bool // has no default
	read    func(r *reader, n *yaml.Node, t *T)
	show    func(t *T) any
}

// laterKeys are documented for gw as a whole and come with a later version.
var laterKeys = map[string]bool{
	"metrics": true, "dashboard": true, "cluster": true,
}

const (
	maxCount   = math.MaxInt32
	maxWorkers = 4096
	maxLoops   = 16
	// A message travels in one frame, and a frame stays below 64 MiB.
	maxMessage = 60 * mib
)

var topKeys = []key[Config]{
	textKey("user", "Account of gateway and handlers when gw runs as root.", func(c *Config) *string { return &c.User }).user(),
	pathKey("log_file", "gw's own log. Empty: standard error in the foreground, gw.log in the state folder for a daemon.", func(c *Config) *string { return &c.LogFile }),
	choiceKey("log_level", "Least severe level that is logged.", func(c *Config) *string { return &c.LogLevel }, "debug", "info", "warning", "error"),
	pathKey("stdout_file", "Where a daemon's handlers print to.", func(c *Config) *string { return &c.StdoutFile }),
	pathKey("pid_file", "File with the process id of the master.", func(c *Config) *string { return &c.PIDFile }).filled(),
	pathKey("control", "Path of the unix socket that gw's own commands talk to.", func(c *Config) *string { return &c.Control }).filled(),
	pathKey("temp_dir", "Folder for large request bodies.", func(c *Config) *string { return &c.TempDir }).filled(),
	pathKey("set_aside_dir", "Folder for messages that killed two workers.", func(c *Config) *string { return &c.SetAsideDir }).filled(),
	numberKey("loops", "Event loops of the gateway. 0: one for every four processors.", 0, maxLoops, func(c *Config) *int { return &c.Loops }),
	flagKey("debug", "Error pages show tracebacks.", func(c *Config) *bool { return &c.Debug }),
	limitsKey("Limits of every listener that says nothing else.", func(c *Config) *Limits { return &c.Limits }),
	accessLogKey("A line for each request, of every listener that says nothing else.", func(c *Config) *AccessLog { return &c.AccessLog }),
	networksKey("trusted_proxies", "Proxies whose word on the client's address counts, of every listener that says nothing else.", func(c *Config) *[]string { return &c.TrustedProxies }),
	{name: "pools", kind: kindPools, doc: "Sets of handlers by name. May be left out when every listener has static.", read: readPools, show: showPools},
	{name: "listeners", kind: kindListeners, doc: "Sockets that clients connect to.", read: readListeners, show: showListeners},
}

var poolKeys = []key[Pool]{
	{name: "command", kind: kindWords, doc: "Program and arguments of a handler, as a list or as one text cut at blanks.", must: true,
		read: readCommand, show: func(p *Pool) any { return p.Command }},
	pathKey("dir", "Folder the handler starts in. Default: the folder of the configuration.", func(p *Pool) *string { return &p.Dir }),
	{name: "workers", kind: kindWorkers, doc: "How many handlers run: a number, or auto for one per processor.",
		read: readWorkers, show: func(p *Pool) any { return p.Workers }},
	textKey("user", "Account of the handlers when gw runs as root. Default: user at the top level.", func(p *Pool) *string { return &p.User }).user(),
	{name: "env", kind: kindTexts, doc: "Environment variables for the handlers, added to gw's own.",
		read: readEnv, show: func(p *Pool) any { return p.Env }},
	pathKey("stdout_file", "Where a daemon's handlers of this pool print to. Default: stdout_file at the top level.", func(p *Pool) *string { return &p.StdoutFile }),
	numberKey("max_requests", "Replace a worker after so many requests. 0: never.", 0, maxCount, func(p *Pool) *int { return &p.MaxRequests }),
	sizeKey("max_memory", "Replace a worker that grows beyond this. 0: never.", 0, math.MaxInt64, func(p *Pool) *int64 { return &p.MaxMemoryBytes }),
	durationKey("max_age", "Replace a worker after this time. 0: never.", 0, func(p *Pool) *time.Duration { return &p.MaxAge }),
	durationKey("request_timeout", "Longest time a handler may work on one request or message. 0: no limit.", 0, func(p *Pool) *time.Duration { return &p.RequestTimeout }),
	durationKey("stream_timeout", "Longest silence of a handler in the middle of a streamed answer that could go on. 0: no limit.", 0, func(p *Pool) *time.Duration { return &p.StreamTimeout }),
	durationKey("queue_timeout", "Longest time a request waits for a worker. 0: no limit.", 0, func(p *Pool) *time.Duration { return &p.QueueTimeout }),
	numberKey("queue_limit", "How many requests may wait for a worker.", 1, maxCount, func(p *Pool) *int { return &p.QueueLimit }),
	durationKey("start_timeout", "Longest time until a new worker must be ready.", time.Millisecond, func(p *Pool) *time.Duration { return &p.StartTimeout }),
	durationKey("stop_timeout", "Longest time a worker has to finish what it holds.", time.Millisecond, func(p *Pool) *time.Duration { return &p.StopTimeout }),
	choiceKey("on_crash", "What becomes of messages a dying worker had not finished.", func(p *Pool) *string { return &p.OnCrash }, "redeliver", "close", "drop"),
	flagKey("reload", "Whether gw reload replaces the workers.", func(p *Pool) *bool { return &p.Reload }),
	numberKey("reload_parallel", "How many workers a reload replaces at a time, after the first.", 1, maxWorkers, func(p *Pool) *int { return &p.ReloadParallel }),
	{name: "sendfile", kind: kindFolders, doc: "Folders whose files a handler may let the gateway send, by the header X-Sendfile as well. Default: dir, and no X-Sendfile.",
		read: readFolders("sendfile", func(p *Pool) *[]string { return &p.Sendfile }), show: showSendfile},
}

var listenerKeys = []key[Listener]{
	{name: "listen", kind: kindListen, doc: "Protocol and address: scheme://host:port or scheme://unix:/path.sock.", must: true,
		read: readListen, show: showListen},
	textKey("name", "How the listener is called in status and log. Default: the listen text.", func(l *Listener) *string { return &l.Name }),
	{name: "pool", kind: kindText, doc: "Pool that serves what no route takes; none for a listener that only has files. May be left out when there is only one.",
		read: readListenerPool, show: showListenerPool},
	{name: "routes", kind: kindRoutes, doc: "Other pools by host and path; the most specific one wins.",
		read: readRoutes, show: showRoutes},
	{name: "static", kind: kindStatic, doc: "Folders whose files the gateway serves by itself.", read: readStatic, show: showStatic},
	onStreams(key[Listener]{name: "tls", kind: kindTLS, doc: "Encrypt: with certificates from files, or from an ACME authority.", read: readTLS, show: showTLS}),
	onFramed(key[Listener]{name: "framing", kind: kindFraming, doc: "How messages of text and frame are told apart.", read: readFraming, show: showFraming}),
	onStreams(numberKey("backlog", "Connections the kernel holds until they are accepted.", 1, 65535, func(l *Listener) *int { return &l.Socket.Backlog })),
	onUnix(key[Listener]{name: "mode", kind: kindText, doc: "Mode of a unix socket's file.", read: readMode, show: showMode}),
	onUnix(textKey("owner", "Account that a unix socket's file belongs to.", func(l *Listener) *string { return &l.Socket.Owner }).user()),
	onUnix(textKey("group", "Group that a unix socket's file belongs to.", func(l *Listener) *string { return &l.Socket.Group }).group()),
	onTCP(flagKey("nodelay", "Whether small messages go out at once (TCP_NODELAY).", func(l *Listener) *bool { return &l.Socket.NoDelay })),
	onTCP(key[Listener]{name: "keepalive", kind: kindKeepAlive, doc: "Whether and how silent clients are asked if they are still there.", read: readKeepAlive, show: showKeepAlive}),
	onRaw(flagKey("half_close", "Whether a client that has ended its side is sent messages until a handler closes it.", func(l *Listener) *bool { return &l.HalfClose })),
	onInternet(flagKey("reuse_port", "Whether other programs may listen on the same port (SO_REUSEPORT).", func(l *Listener) *bool { return &l.Socket.ReusePort })),
	onInternet(key[Listener]{name: "ipv6_only", kind: kindFlag, doc: ipv6Only.doc, read: readIPv6Only, show: ipv6Only.show}),
	sizeKey("receive_buffer", "Bytes the kernel holds until gw reads them (SO_RCVBUF). 0: what it has for all.", 0, math.MaxInt32/2, func(l *Listener) *int { return &l.Socket.ReceiveBytes }),
	onUDP(numberKey("queue", "Datagrams that may wait for a worker.", 1, maxCount, func(l *Listener) *int { return &l.Queue.Limit })),
	onUDP(choiceKey("queue_drop", "Which datagram goes when the queue is full.", func(l *Listener) *string { return &l.Queue.Drop }, "oldest", "newest")),
	onHTTP(flagKey("http2", "Speak HTTP/2 beside HTTP/1: over TLS, and without for clients that begin with it.", func(l *Listener) *bool { return &l.HTTP2 })),
	limitsKey("Limits of this listener.", func(l *Listener) *Limits { return &l.Limits }),
	accessLogKey("A line for each request of this listener.", func(l *Listener) *AccessLog { return &l.AccessLog }),
	networksKey("trusted_proxies", "Proxies whose word on the client's address counts.", func(l *Listener) *[]string { return &l.TrustedProxies }),
	compressionKey,
	headersKey,
	onHTTP(corsKey("Which scripts of other origins may read answers.", func(l *Listener) *CORS { return &l.CORS })),
	onStreams(flagKey("proxy_protocol", "Connections begin with a PROXY protocol header, version 1 or 2.", func(l *Listener) *bool { return &l.ProxyProtocol })),
	{name: "websocket", kind: kindWebSocket, doc: "What WebSockets may do here: origins, subprotocols, compression.", read: readWebSocket, show: showWebSocket},
}

var routeKeys = []key[Route]{
	{name: "host", kind: kindText, doc: "Host name without port. Default: any.", read: readHost, show: func(t *Route) any { return t.Host }},
	{name: "path", kind: kindText, doc: "Path prefix: /api takes /api and /api/... Default: /.", read: readPath, show: func(t *Route) any { return t.Prefix }},
	corsKey("Which scripts of other origins may read answers; false: none. Default: as the listener says.", func(t *Route) *CORS { return &t.CORS }),
	{name: "pool", kind: kindText, doc: "Pool that serves it.", must: true, read: readRoutePool, show: func(t *Route) any { return t.Pool }},
}

var limitKeys = []key[Limits]{
	durationKey("header_timeout", "Longest time for a request's head. 0: no limit.", 0, func(l *Limits) *time.Duration { return &l.HeaderTimeout }),
	durationKey("body_timeout", "Longest time between two parts of a request's body. 0: no limit.", 0, func(l *Limits) *time.Duration { return &l.BodyTimeout }),
	durationKey("idle_timeout", "Longest time a connection stays open without a request. 0: no limit.", 0, func(l *Limits) *time.Duration { return &l.IdleTimeout }),
	durationKey("write_timeout", "Longest time a client takes nothing of what waits for it. 0: no limit.", 0, func(l *Limits) *time.Duration { return &l.WriteTimeout }),
	durationKey("ping_interval", "Silence of a WebSocket before a ping; twice that closes it. 0: no pings.", 0, func(l *Limits) *time.Duration { return &l.PingInterval }),
	durationKey("message_timeout", "Longest time a WebSocket, text, frame or tcp connection stays open without a message of its client. 0: no limit.", 0, func(l *Limits) *time.Duration { return &l.MessageTimeout }),
	sizeKey("max_header", "Largest head of a request.", kib, mib, func(l *Limits) *int { return &l.MaxHeaderBytes }),
	sizeKey("max_body", "Largest body of a request.", 1, math.MaxInt64, func(l *Limits) *int64 { return &l.MaxBodyBytes }),
	sizeKey("max_message", "Largest WebSocket, text, frame, tcp or udp message.", 1, maxMessage, func(l *Limits) *int { return &l.MaxMessageBytes }),
	sizeKey("send_buffer", "Bytes that may wait for a slow client.", 4*kib, math.MaxInt32, func(l *Limits) *int { return &l.SendBufferBytes }),
	numberKey("max_connections", "Connections at once. 0: no limit.", 0, maxCount, func(l *Limits) *int { return &l.MaxConnections }),
	numberKey("max_requests_per_connection", "HTTP requests on one connection, then it is closed. 0: no limit.", 0, maxCount, func(l *Limits) *int { return &l.MaxConnectionRequests }),
	numberKey("max_connections_per_address", "Connections at once of one address. 0: no limit.", 0, maxCount, func(l *Limits) *int { return &l.MaxConnectionsPerAddress }),
	rateKey("max_requests_per_address", "Requests of one address in a time, such as 20/s. 0: no limit.", func(l *Limits) *time.Duration { return &l.RequestEvery }),
	numberKey("burst_per_address", "Requests of one address at once before its rate counts. 0: those of one second.", 0, maxCount, func(l *Limits) *int { return &l.BurstPerAddress }),
	networksKey("exempt_addresses", "Addresses without these limits, such as a monitor's.", func(l *Limits) *[]string { return &l.ExemptAddresses }),
	numberKey("max_streams", "Requests at once on one HTTP/2 connection.", 1, maxCount, func(l *Limits) *int { return &l.MaxStreams }),
}

func textKey[T any](name, doc string, field func(*T) *string) key[T] {
	return key[T]{name: name, kind: kindText, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			if text, ok := r.text(n, name, "text"); ok {
				*field(t) = text
			}
		},
		show: func(t *T) any { return *field(t) },
	}
}

// pathKey holds an absolute path; "" stays "".
func pathKey[T any](name, doc string, field func(*T) *string) key[T] {
	k := textKey(name, doc, field)
	k.read = func(r *reader, n *yaml.Node, t *T) {
		if text, ok := r.text(n, name, "a path"); ok && text != "" {
			*field(t) = within(r.dir, text)
		}
	}
	return k
}

// filled refuses a path that is empty.
func (k key[T]) filled() key[T] {
	read := k.read
	k.read = func(r *reader, n *yaml.Node, t *T) {
		if v := resolve(n); v.Kind == yaml.ScalarNode && v.Tag == "!!str" && v.Value == "" {
			r.fault(n, "give it a value, or delete the key", "%s %s is empty", k.name, r.where)
			return
		}
		read(r, n, t)
	}
	return k
}

// user checks that the account exists when it will be needed.
func (k key[T]) user() key[T] {
	read := k.read
	k.read = func(r *reader, n *yaml.Node, t *T) {
		read(r, n, t)
		name, _ := k.show(t).(string)
		if name != "" && r.uid == 0 && !r.userExists(name) {
			r.fault(n, "create it with useradd, or choose another", "%s %s: there is no account %q", k.name, r.where, name)
		}
	}
	return k
}

func flagKey[T any](name, doc string, field func(*T) *bool) key[T] {
	return key[T]{name: name, kind: kindFlag, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			text, ok := r.text(n, name, "true or false")
			if ok && text != "true" && text != "false" {
				r.fault(n, "", "%s %s must be true or false, not %q", name, r.where, text)
			} else if ok {
				*field(t) = text == "true"
			}
		},
		show: func(t *T) any { return *field(t) },
	}
}

func numberKey[T any](name, doc string, least, most int, field func(*T) *int) key[T] {
	return key[T]{name: name, kind: kindNumber, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			if value, ok := r.number(n, name, least, most); ok {
				*field(t) = value
			}
		},
		show: func(t *T) any { return *field(t) },
	}
}

func sizeKey[T any, N int | int64](name, doc string, least, most int64, field func(*T) *N) key[T] {
	return key[T]{name: name, kind: kindSize, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			text, ok := r.text(n, name, "a size")
			if !ok {
				return
			}
			bytes, err := parseSize(text)
			switch {
			case err != nil:
				r.fault(n, "write 64KiB, 10MiB or a number of bytes", "%s %s is not a size: %q", name, r.where, text)
			case bytes < least:
				r.fault(n, "", "%s %s must be at least %s, not %s", name, r.where, showSize(least), text)
			case bytes > most:
				r.fault(n, "", "%s %s must be at most %s, not %s", name, r.where, showSize(most), text)
			default:
				*field(t) = N(bytes)
			}
		},
		show: func(t *T) any {
			if text := showSize(int64(*field(t))); strings.HasSuffix(text, "B") {
				return text
			}
			return int(*field(t))
		},
	}
}

func durationKey[T any](name, doc string, least time.Duration, field func(*T) *time.Duration) key[T] {
	return key[T]{name: name, kind: kindDuration, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			text, ok := r.text(n, name, "a duration")
			if !ok {
				return
			}
			d, err := parseDuration(text)
			switch {
			case err == errNoUnit:
				r.fault(n, fmt.Sprintf("write %ss", text), "%s %s has no unit", name, r.where)
			case err != nil:
				r.fault(n, "write 30s, 5m or 1h30m", "%s %s %s: %q", name, r.where, err, text)
			case d < least:
				r.fault(n, "", "%s %s must be %s", name, r.where, leastDuration(least))
			default:
				*field(t) = d
			}
		},
		show: func(t *T) any { return showDuration(*field(t)) },
	}
}

func leastDuration(least time.Duration) string {
	if least == time.Millisecond {
		return "more than 0"
	}
	return "at least " + showDuration(least)
}

func choiceKey[T any](name, doc string, field func(*T) *string, choices ...string) key[T] {
	wanted := strings.Join(choices[:len(choices)-1], ", ") + " or " + choices[len(choices)-1]
	return key[T]{name: name, kind: kindChoice, doc: doc, choices: choices,
		read: func(r *reader, n *yaml.Node, t *T) {
			text, ok := r.text(n, name, wanted)
			if ok && !slices.Contains(choices, text) {
				r.fault(n, didYouMean(text, choices), "%s %s must be %s, not %q", name, r.where, wanted, text)
			} else if ok {
				*field(t) = text
			}
		},
		show: func(t *T) any { return *field(t) },
	}
}

func limitsKey[T any](doc string, field func(*T) *Limits) key[T] {
	return key[T]{name: "limits", kind: kindLimits, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			if n = resolve(n); n.Kind != yaml.MappingNode {
				r.misfit(n, "limits", "a mapping", "write limits: {max_body: 10MiB}")
				return
			}
			mapping(r.in(limitsOf(r.where)), n, limitKeys, field(t))
		},
		show: func(t *T) any { return shown(limitKeys, field(t)) },
	}
}

func limitsOf(where string) string {
	if where == atTop {
		return "in limits"
	}
	return strings.Replace(where, "in ", "in limits of ", 1)
}

func names[T any](table []key[T]) []string {
	list := make([]string, len(table))
	for i, k := range table {
		list[i] = k.name
	}
	return list
}

// places says where each key belongs, for one that stands somewhere else.
var places map[string]string

// A variable's initializer would be a cycle: the tables read with functions
// that give this hint.
func init() {
	places = map[string]string{}
	note := func(place string, list []string) {
		for _, name := range list {
			if places[name] == "" {
				places[name] = place
			}
		}
	}
	note("in limits of a listener", names(limitKeys))
	note("in a pool", names(poolKeys))
	note("at the top level", names(topKeys))
	note("in a listener", names(listenerKeys))
	note("in websocket of a listener", names(webSocketKeys))
}

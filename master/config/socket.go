package config

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Socket is how the kernel treats a listener's socket and its connections.
type Socket struct {
	Backlog      int
	Mode         fs.FileMode // of a unix socket's file
	Owner, Group string      // of a unix socket's file; empty: the master's
	NoDelay      bool
	KeepAlive    KeepAlive
	ReusePort    bool
	IPv6Only     bool
	ReceiveBytes int // 0: what the kernel has for all
}

// KeepAlive is when the kernel asks a silent TCP peer whether it is still
// there, and how often, until it gives it up. Idle 0: never.
type KeepAlive struct {
	Idle, Interval time.Duration
	Count          int
}

// Queue is what waits for a worker on a udp listener.
type Queue struct {
	Limit int
	Drop  string // oldest, newest: what goes when it is full
}

func defaultSocket() Socket {
	return Socket{
		Backlog: defaultBacklog,
		// Like a port on the loopback, everybody on the machine may connect. The
		// mode of its folder narrows that down.
		Mode:      0o666,
		NoDelay:   true,
		KeepAlive: defaultKeepAlive,
	}
}

// defaultKeepAlive finds a dead peer within two minutes; the kernel's own would
// take more than two hours.
var defaultKeepAlive = KeepAlive{Idle: time.Minute, Interval: 15 * time.Second, Count: 4}

// Which listeners an option is for.
var (
	onUnix     = fitting("unix sockets", (*Listener).unix)
	onTCP      = fitting("TCP", func(l *Listener) bool { return !l.unix() && l.Scheme != "udp" })
	onInternet = fitting("internet addresses", func(l *Listener) bool { return !l.unix() })
	onUDP      = fitting("udp", func(l *Listener) bool { return l.Scheme == "udp" })
	onStreams  = fitting("everything but udp", func(l *Listener) bool { return l.Scheme != "udp" })
	onHTTP     = fitting("http and websocket", func(l *Listener) bool { return l.Scheme == "http" || l.Scheme == "websocket" })
	onFramed   = fitting("text and frame", func(l *Listener) bool { return framingKeys(l.Scheme) != nil })
	onRaw      = fitting("text, frame and tcp", func(l *Listener) bool { return l.Scheme == "tcp" || framingKeys(l.Scheme) != nil })
)

// fitting restricts keys to some listeners: for others they are a fault, and not
// shown.
func fitting(what string, fits func(*Listener) bool) func(key[Listener]) key[Listener] {
	return func(k key[Listener]) key[Listener] {
		read, show := k.read, k.show
		k.read = func(r *reader, n *yaml.Node, l *Listener) {
			if l.Scheme != "" && !fits(l) {
				r.fault(n, "delete it", "%s %s has no meaning: it is for %s", k.name, r.where, what)
				return
			}
			read(r, n, l)
		}
		k.show = func(l *Listener) any {
			if l.Scheme != "" && !fits(l) {
				return nil
			}
			return show(l)
		}
		return k
	}
}

func (l *Listener) unix() bool { return strings.HasPrefix(l.Address, "unix:") }

func readMode(r *reader, n *yaml.Node, l *Listener) {
	text, ok := r.text(n, "mode", "three octal digits")
	if !ok {
		return
	}
	mode, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || mode > 0o777 {
		r.fault(n, "write 0660", "mode %s must be octal digits up to 0777, not %q", r.where, text)
		return
	}
	l.Socket.Mode = fs.FileMode(mode)
}

func showMode(l *Listener) any { return fmt.Sprintf("%04o", uint32(l.Socket.Mode)) }

// group checks that the group exists.
func (k key[T]) group() key[T] {
	read := k.read
	k.read = func(r *reader, n *yaml.Node, t *T) {
		read(r, n, t)
		if name, _ := k.show(t).(string); name != "" && !r.groupExists(name) {
			r.fault(n, "create it with groupadd, or choose another", "%s %s: there is no group %q", k.name, r.where, name)
		}
	}
	return k
}

var keepAliveKeys = []key[KeepAlive]{
	durationKey("idle", "Silence before the first question.", time.Second, func(k *KeepAlive) *time.Duration { return &k.Idle }),
	durationKey("interval", "Time between two questions.", time.Second, func(k *KeepAlive) *time.Duration { return &k.Interval }),
	numberKey("count", "Unanswered questions until the connection is given up.", 1, math.MaxInt8, func(k *KeepAlive) *int { return &k.Count }),
}

func readKeepAlive(r *reader, n *yaml.Node, l *Listener) {
	k := &l.Socket.KeepAlive
	if n = resolve(n); n.Kind == yaml.MappingNode {
		mapping(r.in(strings.Replace(r.where, "in ", "in keepalive of ", 1)), n, keepAliveKeys, k)
		return
	}
	text, ok := r.text(n, "keepalive", "true, false or a mapping")
	switch {
	case !ok:
	case text == "true":
		*k = defaultKeepAlive
	case text == "false":
		*k = KeepAlive{}
	default:
		r.fault(n, "write keepalive: {idle: 1m, interval: 15s, count: 4}", "keepalive %s must be true, false or a mapping, not %q", r.where, text)
	}
}

func showKeepAlive(l *Listener) any {
	if l.Socket.KeepAlive.Idle == 0 {
		return false
	}
	return shown(keepAliveKeys, &l.Socket.KeepAlive)
}

func readIPv6Only(r *reader, n *yaml.Node, l *Listener) {
	ipv6Only.read(r, n, l)
	if l.Socket.IPv6Only && l.Address != "" && !covers(l.host(), "::") {
		r.fault(n, "delete it", "ipv6_only %s has no meaning: it is for [::] and *", r.where)
	}
}

var ipv6Only = flagKey("ipv6_only", "Whether [::] leaves IPv4 to others.", func(l *Listener) *bool { return &l.Socket.IPv6Only })

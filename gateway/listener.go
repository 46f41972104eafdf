package gateway

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/address"
	"gw/protocol/control"
	"gw/protocol/framing"
	"gw/protocol/http1"
	"gw/protocol/http2"
)

// listener is one listening socket. The master bound it; closing it here does
// not give the port away.
type listener struct {
	id      int
	index   int32 // in loop.listeners
	fd      int
	name    string
	scheme  string
	address string
	routes  []route
	limits  control.Limits

	tls         *tlsSettings    // nil: plain
	framing     framing.Framing // text, frame, tcp
	framingSpec control.Framing
	halfClose   bool
	datagrams   *datagrams // udp
	webSocket   webSocketRules

	headLimits  http1.Limits
	compression *compression  // nil: none
	dress       *dress        // nil: nothing is changed
	cors        *cors         // nil: handlers judge origins
	routedCORS  bool          // its routes differ in it
	http2       *http2.Config // nil: not spoken here
	share       *listenerShare
	spread      int  // loops that its connections are dealt to: the first ones
	home        bool // this loop accepts for all of them, or receives
	paused      bool // out of epoll: no descriptors, or max_connections
	closed      bool
	listening   bool // listen was called: it accepts, if this is its home
	static      []*static
	connections int
	accepted    uint64
	refused     uint64
	slowClosed  uint64

	proxies       address.Set // whose word on a client's address counts
	proxyProtocol bool
	exempted      address.Set // from limits by address

	accessLog  *accessLog // nil: none
	logJSON    bool
	logExclude []string

	proxyRefused    uint64 // no PROXY header, or from somebody else
	forwardedFaults uint64 // requests whose Forwarded fields made no sense
	addressRefused  uint64 // over max_connections_per_address
	rateRefused     uint64 // over max_requests_per_address
	badHandshakes   uint64 // those the client gave up are among them
	calmed          uint64 // clients of HTTP/2 closed with ENHANCE_YOUR_CALM
}

// gone: nothing is left of it.
func (ln *listener) gone() bool {
	return ln.closed && ln.connections == 0 && (ln.datagrams == nil || ln.fd < 0)
}

type route struct {
	host, prefix string
	pool         *pool
	cors         *cors
}

// configureListener sets what may change at a reload.
func (l *loop) configureListener(ln *listener, m *control.Listener) {
	l.setFraming(ln, m.Scheme, m.Framing)
	ln.name, ln.scheme, ln.address = m.Name, m.Scheme, m.Address
	before := ln.limits
	if ln.limits = m.Limits; ln.limits.PingInterval != before.PingInterval || ln.limits.MessageTimeout != before.MessageTimeout {
		l.rearmDialogues(ln)
	}
	ln.halfClose = m.HalfClose
	ln.webSocket = newWebSocketRules(&m.WebSocket)
	ln.compression, ln.dress, ln.cors = configureCompression(m.Answers.Compression), configureDress(m.Answers.Headers), l.configureCORS(m.Answers.CORS)
	ln.headLimits = http1.Limits{MaxBytes: m.Limits.MaxHeaderBytes}
	ln.proxyProtocol = m.ProxyProtocol
	ln.accessLog, ln.logJSON, ln.logExclude = l.accessLogByID(m.AccessLog), m.LogJSON, m.LogExclude
	ln.proxies, ln.exempted = l.addresses(ln, m.TrustedProxies), l.addresses(ln, m.Limits.ExemptAddresses)
	ln.configureHTTP2(m)
	l.configureTLS(ln, m.TLS)
	ln.configureStatic(m.Static)
	ln.routes, ln.routedCORS = ln.routes[:0], false
	for _, r := range m.Routes {
		own := ln.cors
		if r.CORS != nil {
			own = l.configureCORS(r.CORS)
		}
		ln.routedCORS = ln.routedCORS || r.CORS != nil
		ln.routes = append(ln.routes, route{host: strings.ToLower(r.Host), prefix: r.Prefix, pool: l.pools[r.Pool], cors: own})
	}
	if m.Scheme == "udp" {
		l.configureDatagrams(ln, m.Queue)
	}
	l.settleHome(ln)
}

// addresses reads a set that the master has checked.
func (l *loop) addresses(ln *listener, texts []string) address.Set {
	s, err := address.ParseSet(texts)
	if err != nil {
		l.log.Error("The master sent a set of addresses that cannot be read", "listener", ln.name, "addresses", texts, "err", err)
	}
	return s
}

// listen starts accepting.
func (l *loop) listen(ln *listener) error {
	_ = unix.SetNonblock(ln.fd, true)
	ln.listening = true
	if ln.datagrams != nil {
		return l.listenDatagrams(ln)
	}
	if !ln.home {
		return nil
	}
	return l.poller.add(ln.fd, unix.EPOLLIN, aboutListener, ln.index, 0)
}

// closeListener stops accepting for good; its connections stay, and datagrams
// that came are still answered.
func (l *loop) closeListener(ln *listener) {
	if !ln.closed {
		ln.closed = true
		if ln.datagrams != nil {
			l.stopReceiving(ln)
			return
		}
		l.stopAccepting(ln)
		closeFD(ln.fd) // the master holds another copy
		l.leaveListener(ln)
	}
}

// acceptBatch bounds how many connections one event takes, so that a flood of
// new ones does not stall those that are there.
const acceptBatch = 128

func (l *loop) accept(ln *listener) {
	for range acceptBatch {
		if ln.closed || ln.paused {
			return
		}
		if ln.crowded() {
			l.pauseAccepting(ln, "max_connections is reached")
			return
		}
		fd, sa, err := unix.Accept4(ln.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			l.deal(ln, fd, peerName(sa))
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED:
		default: // EMFILE and its kin; what lasts must not spin
			l.pauseAccepting(ln, err.Error())
			return
		}
	}
}

// welcome takes a new client in.
func (l *loop) welcome(ln *listener, fd int, peer string) {
	l.births++
	c := &conn{fd: int32(fd), birth: l.births & pairMask, listener: ln, peer: peer, opened: l.now, active: l.now, interest: readEvents}
	if !l.conns.add(c) {
		ln.refused++
		ln.share.connections[l.index].Add(-1)
		closeFD(fd)
		return
	}
	if err := l.poller.add(fd, readEvents, aboutConn, c.slot(), c.birth); err != nil {
		l.log.Error("Cannot watch a new connection", "listener", ln.name, "err", err)
		l.conns.remove(c)
		ln.share.connections[l.index].Add(-1)
		closeFD(fd)
		return
	}
	ln.connections++
	ln.accepted++
	if ln.proxyProtocol {
		l.awaitHeader(c)
		return
	}
	l.greet(c)
}

// greet begins the listener's protocol, once it is known whose connection it is.
func (l *loop) greet(c *conn) {
	switch {
	case !l.admit(c):
	case c.listener.tls != nil:
		l.encrypt(c)
	default:
		l.speak(c)
		if c.kind == kindHTTP {
			// Most clients send at once: this read saves a turn of the loop.
			l.readable(c)
		}
	}
}

// speak begins what a connection speaks, inside TLS or without.
func (l *loop) speak(c *conn) {
	if k, ok := streamKinds[c.listener.scheme]; ok {
		d := l.startDialogue(c, k, c.listener.routes[0].pool)
		if block := c.identityBlock(); len(block) > 0 {
			d.keep().handshake = block
		}
		l.rearm(c)
		l.announce(c)
		return
	}
	if t := c.tls(); t != nil && t.protocol == "h2" && c.listener.http2 != nil {
		l.startHTTP2(c)
		return
	}
	l.deadlines.arm(c, l.now, c.listener.limits.HeaderTimeout)
}

var streamKinds = map[string]kind{"text": kindText, "frame": kindFrame, "tcp": kindTCP}

// stopAccepting takes the listener out of epoll for good.
func (l *loop) stopAccepting(ln *listener) {
	switch {
	case ln.paused:
		ln.paused = false
		l.paused--
	case ln.home:
		l.poller.remove(ln.fd)
	}
}

// pauseAccepting takes the listener out of epoll: a level-triggered socket that
// cannot be accepted from would spin. Waiting clients stay in the backlog.
func (l *loop) pauseAccepting(ln *listener, why string) {
	ln.paused = true
	ln.refused++
	l.paused++
	l.poller.remove(ln.fd)
	if l.now-l.pauseLogged > time.Minute || l.pauseLogged == 0 {
		l.pauseLogged = max(l.now, 1)
		l.log.Warn("Stopped accepting until connections close: raise the limit of open files or max_connections if this is too early", "listener", ln.name, "connections", ln.share.total(), "err", why)
	}
}

// resumeAccepting runs when a descriptor has become free.
func (l *loop) resumeAccepting() {
	if l.paused == 0 {
		return
	}
	for _, ln := range l.listeners {
		if !ln.paused || ln.closed || ln.crowded() {
			continue
		}
		ln.paused = false
		l.paused--
		if err := l.poller.add(ln.fd, unix.EPOLLIN, aboutListener, ln.index, 0); err != nil {
			l.log.Error("Cannot accept again", "listener", ln.name, "err", err)
		}
	}
}

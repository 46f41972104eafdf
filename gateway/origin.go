package gateway

import (
	"errors"
	"net/netip"

	"gw/protocol/forwarded"
	"gw/protocol/http1"
	"gw/protocol/proxyproto"
	"gw/protocol/wire"
)

var (
	errHeaderCut  = errors.New("the connection ended within it")
	errHeaderLate = errors.New("it did not come within header_timeout")
)

// origin is where a connection comes from, as far as that matters: it is made
// only where a listener has proxies or limits by address.
type origin struct {
	// address of the client, or of what sends its requests on; zero for a unix
	// socket.
	address netip.Addr
	socket  string // address of the socket, if a PROXY header told another one
	peer    string // conn.peer before a WebSocket handshake told whose connection it is
	scheme  string // http or https, if that handshake told it
	local   string // what the client connected to, if its proxy told; else empty
	secure  bool   // the PROXY header says that the client speaks TLS
	header  []byte // PROXY header so far; nil: none is awaited
	entry   *caller
}

// originOf returns c's origin. The address is read off its text: what asks for
// it may have come with a reload.
func (l *loop) originOf(c *conn) *origin {
	if c.origin == nil {
		c.origin = new(origin)
		if at, err := netip.ParseAddrPort(c.peer); err == nil {
			c.origin.address = at.Addr()
		}
	}
	return c.origin
}

// sharedOrigin is the origin that the streams of a connection share: made once,
// if any of their requests will ask for it.
func (l *loop) sharedOrigin(c *conn) *origin {
	if ln := c.listener; !ln.proxies.Empty() || ln.limits.RequestEvery > 0 {
		return l.originOf(c)
	}
	return c.origin
}

// secure says whether the client of a connection speaks TLS, with us or with
// the proxy that told so.
func (c *conn) secure() bool {
	if o := c.origin; o != nil && o.scheme != "" {
		return o.scheme == "https"
	}
	return c.tls() != nil || c.origin != nil && c.origin.secure
}

// awaitHeader lets a connection begin with a PROXY header.
func (l *loop) awaitHeader(c *conn) {
	o := l.originOf(c)
	if ln := c.listener; !ln.proxies.Empty() && !ln.proxies.Has(o.address) {
		ln.proxyRefused++
		l.log.Debug("Closed a connection for its PROXY header: the peer is none of trusted_proxies", "listener", ln.name, "remote", c.peer)
		l.lost(c)
		return
	}
	o.header = l.buffers.get()
	l.deadlines.arm(c, l.now, c.listener.limits.HeaderTimeout)
	l.readHeader(c)
}

// awaitsHeader says that a connection has not told yet whose it is.
func (c *conn) awaitsHeader() bool { return c.origin != nil && c.origin.header != nil }

// readHeader takes the PROXY header off the socket, and not a byte more: what
// follows may be TLS's.
func (l *loop) readHeader(c *conn) {
	o := c.origin
	n, err := peek(int(c.fd), l.inbuf[:proxyproto.MaxBytes])
	if err == errAgain {
		return
	}
	if err != nil || n == 0 {
		l.refuseHeader(c, errHeaderCut)
		return
	}
	before := len(o.header)
	o.header = append(o.header, l.inbuf[:n]...)
	h, used, err := proxyproto.Parse(o.header)
	if err != nil {
		l.refuseHeader(c, err)
		return
	}
	if used > 0 {
		n = used - before
	}
	if got, err := readSocket(int(c.fd), l.inbuf[:n]); got != n { // they were there a moment ago
		l.refuseHeader(c, err)
		return
	}
	c.active = l.now
	c.bytesIn += uint64(n)
	if used == 0 {
		return
	}
	l.takeHeader(c, &h)
}

// takeHeader believes a PROXY header, and begins the listener's own protocol.
func (l *loop) takeHeader(c *conn, h *proxyproto.Header) {
	o := c.origin
	if h.Known {
		o.socket, o.secure, o.address = c.peer, h.TLS, h.Source.Addr()
		c.peer, o.local = unixName(h.Path), ""
		if h.Source.IsValid() {
			c.peer, o.local = h.Source.String(), h.Destination.String()
		}
	}
	l.buffers.put(o.header)
	o.header = nil
	l.deadlines.disarm(c)
	l.greet(c)
}

// unixName spells a path that somebody else chose.
func unixName(path []byte) string {
	for _, b := range path {
		if b <= ' ' || b > '~' {
			return "unix:"
		}
	}
	return "unix:" + string(path)
}

// refuseHeader closes a connection that does not begin as it must. Nobody can
// be answered: who is there, and in which protocol, is not known.
func (l *loop) refuseHeader(c *conn, why error) {
	c.listener.proxyRefused++
	l.log.Debug("Closed a connection that did not begin with a good PROXY header", "listener", c.listener.name, "remote", c.peer, "err", why)
	l.buffers.put(c.origin.header)
	c.origin.header = nil
	l.lost(c)
}

// identify finds out whose request it is: the first stage. Fields in which
// anybody but a trusted proxy speaks of the client are taken out, since what
// runs behind gw may believe them.
func (l *loop) identify(c *conn, r *http1.Request) bool {
	e := c.exchange
	c.forgetHandshake()
	e.secure = c.secure()
	if c.listener.proxies.Empty() || !c.listener.proxies.Has(l.originOf(c).address) {
		r.Fields = without(r.Fields, forwarded.Speaks)
		return false
	}
	e.proxied = true
	client, err := forwarded.Read(r.Fields, &c.listener.proxies)
	if err != nil {
		c.listener.forwardedFaults++
		l.log.Debug("Passed over what a proxy says of its client", "listener", c.listener.name, "remote", c.peer, "err", err)
		r.Fields = without(r.Fields, forwarded.Speaks)
		return false
	}
	l.adopt(c, r, &client)
	return false
}

// forgetHandshake undoes what a handshake told of the connection, if it was
// refused and a request follows.
func (c *conn) forgetHandshake() {
	o := c.origin
	if o == nil {
		return
	}
	o.scheme = ""
	if o.peer != "" {
		c.peer, o.peer = o.peer, ""
	}
}

// without takes the fields out whose name fits.
func without(fields []http1.Field, fits func([]byte) bool) []http1.Field {
	kept := 0
	for i := range fields {
		if fits(fields[i].Name) {
			continue
		}
		if kept != i {
			fields[kept] = fields[i]
		}
		kept++
	}
	return fields[:kept]
}

// adopt makes the request that of the client behind the proxies.
func (l *loop) adopt(c *conn, r *http1.Request, client *forwarded.Client) {
	e := c.exchange
	e.client = client.Address
	if client.Scheme != "" {
		e.secure = client.Scheme == "https"
	}
	l.adoptHost(e, r, client)
	if !r.Upgrade {
		return
	}
	if c.fd < 0 { // a stream shares the origin of its connection
		own := *c.origin
		own.entry = nil
		c.origin = &own
	}
	c.origin.scheme = client.Scheme // the connection will be the client's alone
	if e.client.IsValid() {
		c.origin.peer, c.peer = c.peer, e.client.String()
	}
}

// appendPeer writes the client's address into a REQ.
func (e *exchange) appendPeer(d []byte) []byte {
	if !e.client.IsValid() {
		return wire.AppendStr(d, e.conn.peer)
	}
	var text [64]byte // [8 groups of 4 digits]:port
	return wire.AppendStr(d, e.client.AppendTo(text[:0]))
}

// adoptHost writes the host the client asked for into the Host field, where
// handlers look for it.
func (l *loop) adoptHost(e *exchange, r *http1.Request, client *forwarded.Client) {
	host := client.Host
	if host == nil && client.Port == nil {
		return
	}
	if host == nil {
		host = r.Host
	}
	if port := string(client.Port); port != "" && !namesPort(host) && !(port == "443" && e.secure || port == "80" && !e.secure) {
		l.host = append(append(append(l.host[:0], host...), ':'), port...)
		host = l.host
	}
	r.Host = host
	for i := range r.Fields {
		if string(r.Fields[i].Name) == "host" {
			r.Fields[i].Value = host
			return
		}
	}
}

// namesPort says whether a host is followed by a port.
func namesPort(host []byte) bool {
	for i := len(host) - 1; i >= 0 && host[i] != ']'; i-- {
		if host[i] == ':' {
			return true
		}
	}
	return false
}

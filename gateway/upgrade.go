package gateway

import (
	"gw/protocol/control"
	"gw/protocol/http1"
	"gw/protocol/websocket"
	"gw/protocol/wire"
)

// webSocketOffer is a request for a WebSocket that was checked and not answered
// yet. While a handler thinks about it, what the client sends already waits in
// the connection's input.
type webSocketOffer struct {
	accept    string // Sec-WebSocket-Accept; empty where there is none to give (RFC 8441 section 5)
	protocols []byte // subprotocols the client offers
	deflate   websocket.Deflate
	// Path, query and header block in one piece, as the dialogue keeps them.
	head               []byte
	pathLen, headersAt uint32
}

// webSocketRules is what a listener's configuration says about WebSockets.
type webSocketRules struct {
	origins      websocket.Origins
	subprotocols []string
	compress     bool
	policy       websocket.DeflatePolicy
	compressFrom int // bytes of the shortest message that is compressed
}

func newWebSocketRules(m *control.WebSocket) webSocketRules {
	origins, err := websocket.ParseOrigins(m.Origins)
	if err != nil { // the master has checked them
		origins, _ = websocket.ParseOrigins([]string{"self"})
	}
	return webSocketRules{
		origins: origins, subprotocols: m.Subprotocols,
		compress: m.Compress, compressFrom: m.CompressFromBytes,
		policy: websocket.DeflatePolicy{Takeover: m.Takeover, WindowBits: m.WindowBits},
	}
}

// upgrade checks a handshake of HTTP/1.1 (RFC 6455 section 4.2.1), the head in
// l.request.
func (l *loop) upgrade(c *conn) {
	r := &l.request
	if c.stream() != nil {
		l.upgradeExtended(c, r)
		return
	}
	if e := websocket.CheckHandshake(r.Method, r.Minor, r.Combined); e != nil {
		l.refuse(c, e.Status, e.Reason)
		return
	}
	l.offerWebSocket(c, r, string(websocket.AppendAccept(nil, r.Header("sec-websocket-key"))))
}

// upgradeExtended checks one of HTTP/2, an extended CONNECT whose :protocol is
// websocket (RFC 8441 section 4): without key and without upgrade.
func (l *loop) upgradeExtended(c *conn, r *http1.Request) {
	if e := websocket.CheckExtended(r.Combined); e != nil {
		l.refuse(c, e.Status, e.Reason)
		return
	}
	l.offerWebSocket(c, r, "")
}

// offerWebSocket gives a correct handshake to a handler that wants to see it, or accepts it.
func (l *loop) offerWebSocket(c *conn, r *http1.Request, accept string) {
	rules := &c.listener.webSocket
	switch {
	case r.Chunked || r.ContentLength > 0: // it would be taken for frames
		l.refuse(c, 400, "a WebSocket handshake has no body")
		return
	case !rules.origins.Allow(r.Combined("origin"), r.Host):
		l.refuse(c, 403, "pages of this origin may not connect here")
		return
	}
	e := c.exchange
	h := &webSocketOffer{accept: accept, protocols: append([]byte(nil), r.Combined("sec-websocket-protocol")...)}
	if rules.compress {
		h.deflate, _ = websocket.NegotiateDeflate(r.Combined("sec-websocket-extensions"), rules.policy)
	}
	l.block = append(append(l.block[:0], r.Path...), r.Query...)
	h.pathLen, h.headersAt = uint32(len(r.Path)), uint32(len(l.block))
	l.block = http1.AppendFields(l.block, r.Fields)
	h.head = append(make([]byte, 0, len(l.block)), l.block...)
	e.offer = h
	// Whoever is refused may have sent frames already: they must not be read as
	// the next request.
	e.keepAlive, c.linger = false, true
	if !e.pool.interest().events.Handshake {
		l.acceptUnasked(c)
		return
	}
	e.item = l.items.get(wire.OpReq, c.id, c, e.pool)
	l.encodeHead(e, r)
	e.item.data = wire.AppendBin(e.item.data, "")
	l.dispatchRequest(c)
}

// acceptUnasked opens the WebSocket where no handler wants to decide.
func (l *loop) acceptUnasked(c *conn) {
	l.openWebSocket(c, l.newReply(101), c.chosenProtocol())
	l.announce(c)
	l.resume(c)
}

// chosenProtocol is the subprotocol when no handler names one.
func (c *conn) chosenProtocol() string {
	return websocket.ChooseProtocol(c.exchange.offer.protocols, c.listener.webSocket.subprotocols)
}

// acceptHandshake acts on a handler's ACCEPT.
func (l *loop) acceptHandshake(w *worker, m *wire.Message) {
	c := l.answered(w, m.ID)
	if c == nil {
		return
	}
	e := c.exchange
	switch {
	case e.offer == nil || e.state != exchangeWaiting:
		l.failWorker(w, "accepted a request that is no handshake, or is answered already")
		return
	case len(m.Data) > wire.SessionLimit:
		l.failWorker(w, "sent a session of more than 16 KiB")
		return
	}
	m.Status = 200
	r, ok := l.handlerReply(c, m)
	protocol := string(m.Text)
	if ok && m.Choose {
		protocol = c.chosenProtocol()
	} else if ok && protocol != "" && !websocket.OffersProtocol(e.offer.protocols, protocol) {
		l.log.Error("Refused a handler's acceptance, sent 500 instead: clients give up a connection whose subprotocol they did not offer",
			"pool", w.pool.name, "worker", w.id, "pid", w.pid, "subprotocol", protocol, "offered", string(e.offer.protocols))
		ok = false
	}
	switch {
	case !ok:
		l.fail(c, 500, "the handler's answer was not valid")
		return
	case l.stopping:
		l.fail(c, 503, "the server is stopping")
		return
	}
	l.openWebSocket(c, r, protocol)
	own := c.dialogue.keep()
	own.session = append(own.session, m.Data...)
	l.hub.bind(c, string(m.UID))
	wire.Names(m.Value).Each(func(name []byte) { l.joinGroup(c, w.author(), name) })
	if w.state == workerActive && !w.deaf {
		// What it remembers of the handshake, it has when messages come. It is
		// introduced by OPEN, or else with the first message.
		l.moveTo(c, w)
		c.dialogue.known = w.ready.Events.Connect && w.pool.interest().events.Connect
	}
	l.announce(c)
	l.resume(c)
}

// openWebSocket answers the handshake of c's exchange with the fields in r, and
// makes c a WebSocket. Its cid is the sid of the exchange.
func (l *loop) openWebSocket(c *conn, r *reply, protocol string) {
	e := c.exchange
	h, p := e.offer, e.pool
	for _, name := range [...]string{"sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions", "sec-websocket-version"} {
		r.remove(name)
	}
	if protocol != "" {
		r.add("sec-websocket-protocol", protocol)
	}
	if h.deflate.Negotiated() {
		r.add("sec-websocket-extensions", string(websocket.AppendDeflate(nil, h.deflate)))
	}
	l.switchProtocols(c, r)
	c.linger = false
	v := e.keepVisit()
	l.releaseExchange(c)
	own := l.startDialogue(c, kindWebSocket, p).keep()
	own.visit, own.heard = v, l.now
	own.handshake, own.pathLen, own.headersAt = h.head, h.pathLen, h.headersAt
	if h.deflate.Negotiated() {
		own.deflate = &deflate{Deflate: h.deflate}
		own.reader.Deflate = true
	}
	l.rearm(c)
}

// switchProtocols writes the head that ends HTTP on c: 101 (RFC 6455 section
// 4.2.2), or 200 where a stream of HTTP/2 goes on (RFC 8441 section 5).
func (l *loop) switchProtocols(c *conn, r *reply) {
	e := c.exchange
	e.status = 101
	if m, ok := c.transport.(messenger); ok {
		e.status, e.framing = 200, framingOwn
		r.status, r.length = 200, -1
		m.sendHead(l, c, r)
		return
	}
	out := append(l.output(c), "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: "...)
	out = append(append(out, e.offer.accept...), "\r\n"...)
	for i := range r.fields {
		f := &r.fields[i]
		out = append(append(out, f.Name...), ": "...)
		out = append(append(out, f.Value...), "\r\n"...)
	}
	c.out = append(out, "\r\n"...)
	l.touched(c)
}

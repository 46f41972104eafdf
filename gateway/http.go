package gateway

import (
	"bytes"
	"errors"
	"net/netip"
	"time"

	"gw/protocol/http1"
	"gw/protocol/http2"
	"gw/protocol/wire"
)

// exchangeState is where one HTTP request stands.
//
//	exchangeBody      its body is being received
//	exchangeStoring   its body is complete and being written to a file
//	exchangeOpening   a job of the disk opens the file to be answered with
//	exchangeWaiting   in the queue or at a worker, nothing answered yet
//	exchangeStreaming the head of a streamed answer was written
//	exchangeServing   the gateway makes the body itself, from a source
//	exchangeDiscard   answered; the rest of its body is thrown away
type exchangeState uint8

const (
	exchangeBody exchangeState = iota
	exchangeStoring
	exchangeOpening
	exchangeWaiting
	exchangeStreaming
	exchangeServing
	exchangeDiscard
)

func (s exchangeState) String() string {
	return [...]string{"receiving", "storing", "opening", "waiting", "streaming", "serving", "discarding"}[s]
}

// exchange is one HTTP request and its answer. A connection has at most one;
// pipelined requests wait in its input.
type exchange struct {
	item   *item   // nil once it was acknowledged
	worker *worker // where it is, nil while queued
	pool   *pool
	conn   *conn

	offer      *webSocketOffer // nil: not one of a WebSocket
	state      exchangeState
	head       bool // HEAD: no body goes out
	get        bool
	keepAlive  bool
	idempotent bool // may be sent to a second worker when the first died (RFC 9110 section 9.2.2)
	oldClient  bool // HTTP/1.0: no chunked answer
	chunkedIn  bool
	undecided  bool // whether its chunked body is streamed

	visit       *visit         // for the access log; nil: it gets no line
	encoding    http1.Encoding // that the client likes best of those we have
	credentials bool           // it sent a cookie or Authorization
	cors        *cors          // nil: a handler judges the origin
	origin      string         // that may read the answer; "": none

	secure  bool           // the client speaks TLS, with us or with a proxy before us
	proxied bool           // a trusted proxy sent it
	client  netip.AddrPort // as trusted proxies say; zero: conn.peer holds

	incoming              int64 // body bytes announced and still to come in
	received              int64 // body bytes so far, of a chunked one
	chunked               http1.Chunked
	body                  []byte // chunked body so far
	flagsAt               int    // where the REQ's flags stand in item.data
	headersAt, headersLen int    // and its header block
	spool                 *spool
	upload                *upload // nil: the handler gets the body as a whole

	status   int // of the answer, 0 before it
	framing  bodyFraming
	outgoing int64         // when the length was announced: body bytes still to go out
	packer   *packer       // compresses the body; nil: nobody
	source   source        // with exchangeServing
	unpaid   int           // streamed bytes the worker was not given credit for
	moved    time.Duration // when a streamed answer last went on

	next, prev *exchange // in worker.exchanges
}

// processHTTP takes requests off buf until one is under way.
func (l *loop) processHTTP(c *conn, buf []byte) (used int) {
	for c.kind == kindHTTP && c.state <= stateHalf {
		if c.exchange == nil {
			if l.blocked(c) {
				return used
			}
			if c.scanned > 0 && http1.Incomplete(buf, int(c.scanned), c.listener.headLimits) {
				c.scanned = int32(len(buf)) // byte by byte, a head must not be parsed again for each
				return used
			}
			if l.speaksHTTP2(c, buf[used:]) {
				if len(buf)-used < len(http2.Preface) {
					return used
				}
				l.startHTTP2(c)
				return used + l.processHTTP2(c, buf[used:])
			}
			n, err := l.request.Parse(buf[used:], c.listener.headLimits)
			if err != nil {
				if err == http1.ErrRequestLine && neitherHTTP(c, buf[used:]) {
					c.linger = true
					l.closeAfterFlush(c)
					return len(buf)
				}
				l.refuseParse(c, err)
				return len(buf)
			}
			if n == 0 {
				c.scanned = int32(len(buf) - used)
				return used
			}
			c.scanned = 0
			used += n
			l.beginExchange(c)
			l.inviteBody(c, buf[used:])
			continue
		}
		if !c.exchange.incomplete() {
			return used
		}
		n, done := l.takeBody(c, buf[used:])
		used += n
		if !done {
			return used
		}
	}
	if c.kind == kindWebSocket {
		return used + l.processWebSocket(c, buf[used:])
	}
	return len(buf)
}

func (l *loop) refuseParse(c *conn, err error) {
	if c.exchange == nil {
		l.openExchange(c, nil)
		c.exchange.visit.noteLine(&l.request)
		c.exchange.head = string(l.request.Method) == "HEAD"
	}
	status, reason := blame(err)
	l.refuse(c, status, reason)
}

// blame is the status and the reason that tell a client what it did wrong.
func blame(err error) (status int, reason string) {
	var e *http1.Error
	if errors.As(err, &e) {
		return e.Status, e.Reason
	}
	return 400, err.Error()
}

// beginExchange acts on the head in l.request: one of the stages answers it, or
// it goes to a pool.
func (l *loop) beginExchange(c *conn) {
	r := &l.request
	l.openExchange(c, r)
	for _, stage := range [...]func(*loop, *conn, *http1.Request) bool{
		(*loop).notePreferences, (*loop).identify, (*loop).certify, (*loop).openVisit, (*loop).judgeOrigin,
		(*loop).answerChallenge, (*loop).checkRate, (*loop).checkMethod, (*loop).serveStatic,
	} {
		if stage(l, c, r) {
			return
		}
	}
	l.seekHandler(c, r)
}

// seekHandler is what becomes of a request that no stage before has answered.
func (l *loop) seekHandler(c *conn, r *http1.Request) {
	for _, stage := range [...]func(*loop, *conn, *http1.Request) bool{
		(*loop).choosePool, (*loop).checkUpgrade, (*loop).checkBody,
	} {
		if stage(l, c, r) {
			return
		}
	}
	e := c.exchange
	e.item = l.items.get(wire.OpReq, c.id, c, e.pool)
	l.encodeHead(e, r)
	l.beginBody(c, r.ContentLength)
}

// inviteBody tells a client that waits for it to send its body. Who has begun
// to send does not wait (RFC 9110 section 10.1.1).
func (l *loop) inviteBody(c *conn, rest []byte) {
	if l.request.Expect100 && len(rest) == 0 && c.exchange != nil && c.exchange.state == exchangeBody {
		l.sendContinue(c)
	}
}

// openExchange begins a request; r is nil when its head was not valid.
func (l *loop) openExchange(c *conn, r *http1.Request) {
	l.requests++
	l.conns.renew(c)
	e := l.exchanges.get()
	e.conn = c
	if r != nil {
		e.head, e.get, e.oldClient = string(r.Method) == "HEAD", string(r.Method) == "GET", r.Minor == 0
		e.keepAlive = r.KeepAlive && !l.stopping && c.mayAskAgain()
		e.idempotent = idempotent(r.Method)
		e.chunkedIn = r.Chunked
	}
	c.exchange, c.begun = e, true
	if r == nil {
		l.openVisit(c, nil)
	}
}

// mayAskAgain counts a request against max_requests_per_connection.
func (c *conn) mayAskAgain() bool {
	c.requests++
	limit := c.listener.limits.MaxConnectionRequests
	return limit == 0 || c.requests < uint32(limit)
}

// The stages of a request. Each reports whether it has answered it.

func (l *loop) checkMethod(c *conn, r *http1.Request) bool {
	if string(r.Method) == "TRACE" {
		l.refuse(c, 405, "TRACE is not served")
		return true
	}
	return false
}

func (l *loop) choosePool(c *conn, r *http1.Request) bool {
	pool := c.listener.route(r.Host, r.Path)
	if pool == nil {
		l.refuse(c, 404, "no route for this host and path")
		return true
	}
	c.exchange.pool = pool
	return false
}

func (l *loop) checkUpgrade(c *conn, r *http1.Request) bool {
	switch {
	case r.Upgrade:
		l.upgrade(c)
		return true
	case c.listener.scheme == "websocket":
		l.refuse(c, 426, "this port speaks WebSocket only")
		return true
	}
	return false
}

func (l *loop) checkBody(c *conn, r *http1.Request) bool {
	if r.ContentLength > c.listener.limits.MaxBodyBytes {
		l.refuse(c, 413, "body longer than max_body")
		return true
	}
	return false
}

// unread closes the connection behind the answer when a body is on its way
// that nobody reads.
func (e *exchange) unread(r *http1.Request) {
	if r.Chunked || r.ContentLength > 0 {
		e.keepAlive, e.conn.linger = false, true
	}
}

// encodeHead writes all of the REQ but its body.
func (l *loop) encodeHead(e *exchange, r *http1.Request) {
	l.block = http1.AppendFields(l.block[:0], r.Fields)
	d := append(wire.AppendArray(e.item.data[:0], 10), byte(wire.OpReq))
	d = wire.AppendUint(d, e.conn.id)
	e.flagsAt = len(d)
	var flags byte
	if e.oldClient {
		flags |= wire.FlagHTTP10
	}
	if e.secure {
		flags |= wire.FlagTLS
	}
	if e.conn.stream() != nil {
		flags |= wire.FlagHTTP2
	}
	if e.offer != nil {
		flags |= wire.FlagWebSocket
	}
	d = wire.AppendUint(append(d, flags), uint64(e.conn.listener.id))
	d = wire.AppendStr(e.appendPeer(d), r.Method)
	d = wire.AppendBin(wire.AppendBin(d, r.Path), r.Query)
	d = wire.AppendBin(d, l.block)
	e.headersAt, e.headersLen = len(d)-len(l.block), len(l.block)
	e.item.data = d
}

// field returns the value of the first field of that name in the request, nil
// without one, for as long as the exchange has its item. The name is
// lower-case.
func (e *exchange) field(name string) []byte {
	if e.item == nil {
		return nil
	}
	return fieldOf(e.item.data[e.headersAt:e.headersAt+e.headersLen], name)
}

func idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// route finds the pool for a request, or nil.
func (ln *listener) route(host, path []byte) *pool {
	for i := range ln.routes {
		if r := &ln.routes[i]; r.takes(host, path) {
			return r.pool
		}
	}
	return nil
}

func (r *route) takes(host, path []byte) bool {
	return (r.host == "" || matchHost(host, r.host)) && matchPrefix(path, r.prefix)
}

func matchHost(host []byte, want string) bool {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return len(host) == len(want) && bytes.EqualFold(host, []byte(want))
}

// matchPrefix: "/api" covers "/api" and "/api/...", not "/apis".
func matchPrefix(path []byte, prefix string) bool {
	if prefix == "/" {
		return true
	}
	if len(path) < len(prefix) || string(path[:len(prefix)]) != prefix {
		return false
	}
	return len(path) == len(prefix) || path[len(prefix)] == '/' || prefix[len(prefix)-1] == '/'
}

// expireHTTP ends a connection that sent too slowly or stayed idle too long.
func (l *loop) expireHTTP(c *conn) {
	switch {
	case c.handshaking(), c.silent():
		l.lost(c)
	case c.exchange != nil && c.exchange.state == exchangeDiscard:
		l.drop(c)
	case c.exchange != nil && c.exchange.upload != nil:
		l.breakUpload(c, 408, "the body came too slowly")
	case c.exchange != nil:
		l.refuse(c, 408, "the body came too slowly")
	case len(c.in) > 0:
		l.refuse(c, 408, "the request head came too slowly")
	default:
		l.closeAfterFlush(c)
	}
}

// refuse answers a request in the gateway's own name and closes the connection:
// what else the client sends is not looked at.
func (l *loop) refuse(c *conn, status int, reason string) {
	var w *worker
	if c.exchange == nil {
		l.openExchange(c, nil)
	} else {
		w = c.exchange.worker
		l.withdraw(c)
	}
	c.exchange.keepAlive, c.linger = false, true
	l.answer(c, status, reason)
	if w != nil {
		l.checkDrained(w)
	}
}

// fail answers an exchange whose worker could not, and keeps the connection
// where that is possible.
func (l *loop) fail(c *conn, status int, reason string) {
	if c.exchange.state >= exchangeStreaming { // too late for a status: let the client see that it was cut
		l.lost(c)
		return
	}
	l.answer(c, status, reason)
}

// finishExchange is the end of an answered request.
func (l *loop) finishExchange(c *conn) {
	if l.discardRest(c) {
		return
	}
	keep := c.exchange.keepAlive
	l.releaseExchange(c)
	switch {
	case !keep:
		l.closeAfterFlush(c)
	case c.state == stateHalf && len(c.in) == 0:
		l.closeAfterFlush(c)
	default:
		l.rearm(c)
		l.resume(c)
	}
}

// releaseExchange forgets c's exchange.
func (l *loop) releaseExchange(c *conn) {
	e := c.exchange
	l.leaveWorker(e)
	l.closeVisit(c, e)
	l.discardSpool(e.spool)
	if e.source != nil {
		e.source.close()
	}
	if e.packer != nil {
		l.packers.put(e.packer)
	}
	c.exchange = nil
	l.exchanges.put(e)
}

// leaveWorker parts e from its worker. The item stays there until it is
// acknowledged.
func (l *loop) leaveWorker(e *exchange) {
	if e.item != nil {
		e.item.conn = nil
		e.item.sentAt = l.now // a worker that streamed for long gets time to hear of it
	}
	if w := e.worker; w != nil {
		e.visit.leave(l.now)
		w.exchanges.remove(e)
		if w.async() && e.item != nil {
			l.finishItem(e.item)
		}
	}
	e.item, e.worker = nil, nil
}

// abandonExchange is the end of a request nobody waits for any more.
func (l *loop) abandonExchange(c *conn) {
	w := c.exchange.worker
	l.withdraw(c)
	l.releaseExchange(c)
	if w != nil {
		l.checkDrained(w)
	}
}

// withdraw takes a request back from where it is.
func (l *loop) withdraw(c *conn) {
	e := c.exchange
	switch {
	case e.worker != nil:
		l.abort(e.worker, c.id, wire.AbortClientGone)
		l.conns.renew(c) // what the handler still says of it must find nobody
		return
	case e.item == nil:
		return
	case e.state == exchangeWaiting:
		e.pool.unqueue(e.item)
	}
	l.items.put(e.item)
	e.item = nil
}

// exchangeList is a worker's open exchanges.
type exchangeList struct {
	first *exchange
	len   int
}

func (x *exchangeList) add(e *exchange) {
	e.prev, e.next = nil, x.first
	if x.first != nil {
		x.first.prev = e
	}
	x.first = e
	x.len++
}

func (x *exchangeList) remove(e *exchange) {
	if e.prev == nil {
		x.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	e.next, e.prev = nil, nil
	x.len--
}

// exchangeStore is a bounded free list.
type exchangeStore struct {
	free  *exchange
	count int
	taken int // not put back yet
}

const spareExchanges = 1024

func (s *exchangeStore) get() *exchange {
	s.taken++
	if e := s.free; e != nil {
		s.free, e.next = e.next, nil
		s.count--
		return e
	}
	return new(exchange)
}

func (s *exchangeStore) put(e *exchange) {
	s.taken--
	if s.count >= spareExchanges {
		return
	}
	*e = exchange{next: s.free}
	s.free = e
	s.count++
}

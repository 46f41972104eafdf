package gateway

import (
	"bytes"
	"errors"
	"strconv"

	"gw/protocol/http1"
	"gw/protocol/wire"
)

// exchangeState is where one HTTP request stands.
//
//	exchangeBody      its body is being received
//	exchangeWaiting   in the queue or at a worker, nothing answered yet
//	exchangeStreaming the head of a streamed answer was written
type exchangeState uint8

const (
	exchangeBody exchangeState = iota
	exchangeWaiting
	exchangeStreaming
)

// exchange is one HTTP request and its answer. A connection has at most one;
// pipelined requests wait in its input.
type exchange struct {
	item   *item   // nil once it was acknowledged
	worker *worker // where it is, nil while queued
	pool   *pool
	conn   *conn

	state      exchangeState
	head       bool // HEAD: no body goes out
	keepAlive  bool
	idempotent bool // may be sent to a second worker when the first died (RFC 9110 section 9.2.2)
	oldClient  bool // HTTP/1.0: no chunked answer
	chunkedIn  bool
	chunkedOut bool
	sized      bool  // streamed answer with content-length
	owed       int64 // body bytes still to come in, or with sized still to go out
	received   int64 // body bytes so far

	chunked http1.Chunked
	body    []byte // chunked body so far
	flagsAt int    // where the REQ's flags stand in item.data
	spool   *spool

	unpaid int // streamed bytes the worker was not given credit for

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
			n, err := l.request.Parse(buf[used:], c.listener.headLimits)
			if err != nil {
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
			continue
		}
		if c.exchange.state != exchangeBody {
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
	status, reason := 400, err.Error()
	var e *http1.Error
	if errors.As(err, &e) {
		status, reason = e.Status, e.Reason
	}
	l.refuse(c, status, reason)
}

// beginExchange acts on the head in l.request.
func (l *loop) beginExchange(c *conn) {
	r := &l.request
	l.requests++
	pool := c.listener.route(r.Host, r.Path)
	switch {
	case pool == nil:
		l.refuse(c, 404, "no route for this host and path")
		return
	case r.Upgrade:
		l.upgrade(c, pool)
		return
	case c.listener.scheme == "websocket":
		l.refuse(c, 426, "this port speaks WebSocket only")
		return
	case r.ContentLength > c.listener.limits.MaxBodyBytes:
		l.refuse(c, 413, "body longer than max_body")
		return
	case string(r.Method) == "TRACE":
		l.refuse(c, 405, "TRACE is not served")
		return
	}
	l.conns.renew(c)
	e := l.exchanges.get()
	e.pool, e.conn = pool, c
	e.head, e.oldClient = string(r.Method) == "HEAD", r.Minor == 0
	e.keepAlive = r.KeepAlive && !l.stopping
	e.idempotent = idempotent(r.Method)
	e.chunkedIn = r.Chunked
	e.item = l.items.get(wire.OpReq, c.id, c, pool)
	l.encodeHead(e, r)
	c.exchange = e
	l.beginBody(c, r.ContentLength)
	if r.Expect100 && c.exchange == e && e.state == exchangeBody {
		c.out = append(l.output(c), "HTTP/1.1 100 Continue\r\n\r\n"...)
		l.touched(c)
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
	d = wire.AppendUint(append(d, flags), uint64(e.conn.listener.id))
	d = wire.AppendStr(wire.AppendStr(d, e.conn.peer), r.Method)
	d = wire.AppendBin(wire.AppendBin(d, r.Path), r.Query)
	e.item.data = wire.AppendBin(d, l.block)
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
		r := &ln.routes[i]
		if (r.host == "" || matchHost(host, r.host)) && matchPrefix(path, r.prefix) {
			return r.pool
		}
	}
	return nil
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
	case c.exchange != nil:
		l.refuse(c, 408, "the body came too slowly")
	case len(c.in) > 0:
		l.refuse(c, 408, "the request head came too slowly")
	default:
		l.drop(c)
	}
}

// refuse answers in the gateway's own name and closes the connection.
func (l *loop) refuse(c *conn, status int, reason string) {
	if e := c.exchange; e != nil {
		l.abandonExchange(c)
	}
	c.linger = true
	l.answer(c, status, reason, false)
	l.closeAfterFlush(c)
}

// answer writes a short text answer of the gateway.
func (l *loop) answer(c *conn, status int, reason string, keepAlive bool) {
	out := http1.AppendStatus(l.output(c), 1, status)
	out = append(out, "content-type: text/plain; charset=utf-8\r\n"...)
	if status == 503 {
		out = append(out, "retry-after: 1\r\n"...)
	}
	if status == 405 {
		out = append(out, "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"...)
	}
	if status == 426 {
		out = append(out, "upgrade: websocket\r\nsec-websocket-version: 13\r\n"...) // RFC 6455 section 4.4
	}
	if !keepAlive {
		out = append(out, "connection: close\r\n"...)
	}
	out = append(out, l.dateField()...)
	text := strconv.Itoa(status) + " " + http1.ReasonPhrase(status) + ": " + reason + "\n"
	out = append(out, "content-length: "...)
	out = strconv.AppendInt(out, int64(len(text)), 10)
	out = append(out, "\r\n\r\n"...)
	if c.exchange == nil || !c.exchange.head {
		out = append(out, text...)
	}
	c.out = out
	l.touched(c)
}

// fail answers an exchange whose worker could not, and keeps the connection
// where that is possible.
func (l *loop) fail(c *conn, status int, reason string) {
	e := c.exchange
	if e.state == exchangeStreaming { // too late for a status: let the client see that it was cut
		l.lost(c)
		return
	}
	l.answer(c, status, reason, e.keepAlive)
	l.finishExchange(c)
}

// finishExchange is the end of an answered request.
func (l *loop) finishExchange(c *conn) {
	e := c.exchange
	keep := e.keepAlive
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

// releaseExchange forgets c's exchange. Its item stays with the worker until
// it is acknowledged there.
func (l *loop) releaseExchange(c *conn) {
	e := c.exchange
	if e.item != nil {
		e.item.conn = nil
		e.item.sentAt = l.now // a worker that streamed for long gets time to hear of it
	}
	if w := e.worker; w != nil {
		w.exchanges.remove(e)
		if w.async() && e.item != nil {
			l.finishItem(e.item)
		}
	}
	e.spool.discard()
	c.exchange = nil
	l.exchanges.put(e)
}

// abandonExchange is the end of a request nobody waits for any more.
func (l *loop) abandonExchange(c *conn) {
	e := c.exchange
	w := e.worker
	switch {
	case w != nil:
		l.abort(w, c.id, wire.AbortClientGone)
	case e.item != nil && e.state == exchangeWaiting:
		e.pool.unqueue(e.item)
		l.items.put(e.item)
		e.item = nil
	case e.item != nil:
		l.items.put(e.item)
		e.item = nil
	}
	l.releaseExchange(c)
	if w != nil {
		l.checkDrained(w)
	}
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

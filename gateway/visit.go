package gateway

import (
	"bytes"
	"time"

	"gw/protocol/accesslog"
	"gw/protocol/http1"
)

// visit is what the access log will tell of a request, copied when it came: at
// the end its head is gone. A WebSocket keeps only what its handshake lacks.
type visit struct {
	text      []byte // what follows, in one piece
	method    span
	target    span
	host      span
	referer   span
	agent     span
	requestID span
	minor     int
	announced int64 // bytes of the body
	sent      int64 // bytes of the answer's body

	id      uint64
	secure  bool
	proxied bool

	// Of a WebSocket or an event stream: what the exchange knew at its end.
	status   int
	bytesIn  uint64
	bytesOut uint64

	arrived   time.Duration
	ready     time.Duration // could go to a worker
	delivered time.Duration
	left      time.Duration // the worker was done with it
	slot      int
	worker    uint64 // 0: none had it

	next *visit // in visits.free
}

// span is a part of visit.text.
type span struct{ from, to uint32 }

func (v *visit) keep(b []byte) span {
	from := uint32(len(v.text))
	v.text = append(v.text, b...)
	return span{from, uint32(len(v.text))}
}

// of is nil for what was not there.
func (v *visit) of(s span) []byte {
	if s.from == s.to {
		return nil
	}
	return v.text[s.from:s.to]
}

// visits is a bounded free list.
type visits struct {
	free  *visit
	count int
}

const (
	spareVisits     = 1024
	spareVisitBytes = 4 << 10
)

func (s *visits) get() *visit {
	v := s.free
	if v == nil {
		return new(visit)
	}
	s.free, v.next = v.next, nil
	s.count--
	return v
}

func (s *visits) put(v *visit) {
	if s.count >= spareVisits || cap(v.text) > spareVisitBytes {
		return
	}
	*v = visit{text: v.text[:0], next: s.free}
	s.free = v
	s.count++
}

// openVisit begins the line of a request, the second of its stages. What gw
// could not read has r == nil.
func (l *loop) openVisit(c *conn, r *http1.Request) bool {
	ln := c.listener
	if ln.accessLog == nil || r != nil && ln.unlogged(r.Path) {
		return false
	}
	v := l.visits.get()
	c.exchange.visit = v
	v.id, v.arrived, v.ready = c.id, l.now, l.now
	v.secure, v.proxied = c.exchange.secure, c.exchange.proxied
	if r == nil {
		v.secure = c.secure()
		return false
	}
	v.minor = r.Minor
	v.method, v.target, v.host = v.keep(r.Method), v.keep(r.Target), v.keep(r.Host)
	for i := range r.Fields {
		f := &r.Fields[i]
		switch {
		case len(f.Name) == len("referer") && string(f.Name) == "referer":
			v.referer = v.keep(f.Value)
		case len(f.Name) == len("user-agent") && string(f.Name) == "user-agent":
			v.agent = v.keep(f.Value)
		case len(f.Name) == len("x-request-id") && string(f.Name) == "x-request-id" && v.proxied:
			v.requestID = v.keep(f.Value)
		}
	}
	return false
}

// unlogged says that requests for this path get no line.
func (ln *listener) unlogged(path []byte) bool {
	for _, prefix := range ln.logExclude {
		if matchPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// noteLine keeps what could be read of a request line whose head is faulty.
func (v *visit) noteLine(r *http1.Request) {
	if v != nil && len(r.Method) > 0 && len(r.Target) > 0 {
		v.method, v.target, v.minor = v.keep(r.Method), v.keep(r.Target), r.Minor
	}
}

// deliver notes which worker has the request.
func (v *visit) deliver(now time.Duration, w *worker) {
	if v != nil {
		v.delivered, v.left, v.slot, v.worker = now, 0, w.slot, w.id
	}
}

// leave notes that the worker is done with it.
func (v *visit) leave(now time.Duration) {
	if v != nil && v.left == 0 {
		v.left = now
	}
}

// statusGone is what nginx logs when the client left before there was an answer.
const statusGone = 499

// closeVisit writes the line of an exchange that ends.
func (l *loop) closeVisit(c *conn, e *exchange) {
	v := e.visit
	if v == nil {
		return
	}
	e.visit = nil
	r := l.newRecord(c, v)
	r.Method, r.Target, r.Host = v.of(v.method), v.of(v.target), v.of(v.host)
	r.Referer, r.Agent, r.RequestID = v.of(v.referer), v.of(v.agent), v.of(v.requestID)
	r.Protocol = protocolName(c, v)
	if r.Status = e.status; r.Status == 0 {
		r.Status = statusGone
	}
	r.Sent, r.Received = v.sent, e.received
	if !e.chunkedIn {
		r.Received = max(0, v.announced-max(0, e.incoming))
	}
	if e.pool != nil {
		r.Pool = e.pool.name
	}
	if e.client.IsValid() {
		l.remote = e.client.Addr().AppendTo(l.remote[:0])
		r.Remote, r.Proxy = l.remote, hostOf(c.peer)
	}
	l.writeRecord(c, r)
	l.visits.put(v)
}

func protocolName(c *conn, v *visit) string {
	if _, two := c.transport.(messenger); two {
		return "HTTP/2.0"
	}
	if v.minor == 0 && v.method.to > 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// newRecord is the loop's record with what every line has.
func (l *loop) newRecord(c *conn, v *visit) *accesslog.Record {
	l.record = accesslog.Record{Moment: *l.logMoment(), ID: v.id, Listener: c.listener.name, Remote: hostOf(c.peer), Scheme: "http",
		Took: (l.now - v.arrived).Microseconds(), Slot: v.slot, Worker: v.worker}
	r := &l.record
	if v.secure {
		r.Scheme = "https"
	}
	if v.worker > 0 {
		if v.left == 0 {
			v.left = l.now
		}
		r.Queued, r.Handled = (v.delivered - v.ready).Microseconds(), (v.left - v.delivered).Microseconds()
	}
	if o := c.origin; o != nil {
		switch {
		case o.peer != "":
			r.Proxy = hostOf(o.peer)
		case o.socket != "":
			r.Proxy = hostOf(o.socket)
		}
	}
	return r
}

// hostOf is an address without its port, as bytes that nobody may write to.
func hostOf(peer string) []byte {
	b := view(peer)
	if colon := bytes.LastIndexByte(b, ':'); colon > 0 && b[0] != 'u' { // unix:
		b = b[:colon]
	}
	return bytes.Trim(b, "[]")
}

func (l *loop) writeRecord(c *conn, r *accesslog.Record) {
	ln := c.listener
	if ln.accessLog == nil { // since the last reload
		return
	}
	if ln.logJSON {
		l.line = accesslog.AppendJSON(l.line[:0], r)
	} else {
		l.line = accesslog.AppendCombined(l.line[:0], r)
	}
	ln.accessLog.add(l.line)
}

// keepVisit takes the visit out of an exchange that goes on as a WebSocket or an
// event stream, for the line at its end. The other texts are in its handshake.
func (e *exchange) keepVisit() *visit {
	v := e.visit
	if v == nil {
		return nil
	}
	kept := &visit{id: v.id, arrived: v.arrived, secure: v.secure, proxied: v.proxied, minor: v.minor,
		status: e.status, bytesIn: e.conn.bytesIn, bytesOut: e.conn.bytesOut}
	kept.method = kept.keep(v.of(v.method))
	e.visit = nil
	return kept
}

// closeDialogueVisit writes the line of a WebSocket or an event stream.
func (l *loop) closeDialogueVisit(c *conn) {
	d, own := c.dialogue, c.dialogue.own
	v := own.visit
	if v == nil {
		return
	}
	own.visit = nil
	headers := own.handshake[own.headersAt:]
	r := l.newRecord(c, v)
	l.target = append(l.target[:0], own.handshake[:own.pathLen]...)
	if query := own.handshake[own.pathLen:own.headersAt]; len(query) > 0 {
		l.target = append(append(l.target, '?'), query...)
	}
	r.Method, r.Target, r.Host = v.of(v.method), l.target, fieldOf(headers, "host")
	r.Referer, r.Agent = fieldOf(headers, "referer"), fieldOf(headers, "user-agent")
	if v.proxied {
		r.RequestID = fieldOf(headers, "x-request-id")
	}
	r.Protocol = protocolName(c, v)
	if c.kind == kindWebSocket {
		r.Upgrade, r.CloseCode = "websocket", int(d.closeCode)
	}
	r.Status = v.status
	r.Sent, r.Received = int64(c.bytesOut-v.bytesOut), int64(c.bytesIn-v.bytesIn)
	r.Pool = d.pool.name
	l.writeRecord(c, r)
}

// fieldOf returns the value of the first field of that name in a block as
// handlers get it, nil without one. The name is lower-case.
func fieldOf(block []byte, name string) []byte {
	for len(block) > 0 {
		line := block
		if end := bytes.IndexByte(block, '\n'); end >= 0 {
			line, block = block[:end], block[end+1:]
		} else {
			block = nil
		}
		if len(line) > len(name)+1 && line[len(name)] == ':' && string(line[:len(name)]) == name {
			return line[len(name)+2:]
		}
	}
	return nil
}

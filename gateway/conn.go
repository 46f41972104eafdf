package gateway

import (
	"cmp"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// kind is what a connection speaks.
type kind uint8

const (
	kindHTTP kind = iota
	kindWebSocket
	kindText
	kindFrame
	kindTCP
	kindEvents // an event stream, see events.go
	kindHTTP2  // carries streams, which are connections of the kinds above
)

func (k kind) String() string {
	return [...]string{"http", "websocket", "text", "frame", "tcp", "events", "h2"}[k]
}

// connState is where a connection stands in its life.
//
//	stateOpen      reads and writes
//	stateHalf      the client ended its side; what it is owed is still written
//	stateLeaving   the client closed its WebSocket or broke the protocol: events from
//	               before that are finished, input is thrown away
//	stateClosing   no more input wanted; closes when the output is written
//	stateLingering output written and our side shut; input is thrown away until
//	               the client ends, so that no RST overtakes the last answer
//	stateGone      descriptor closed; the struct lives on for its last events
type connState uint8

const (
	stateOpen connState = iota
	stateHalf
	stateLeaving
	stateClosing
	stateLingering
	stateGone
)

func (s connState) String() string {
	return [...]string{"open", "half-closed", "leaving", "closing", "lingering", "gone"}[s]
}

// conn is one client. It is a plain struct of its loop, complete at any moment
// between two iterations.
type conn struct {
	id       uint64 // slot | generation; HTTP: a new generation each exchange
	listener *listener
	peer     string
	in       []byte // input that is not yet a message
	out      []byte // output not yet written, from outOff on
	outOff   int
	deadline deadline

	exchange  *exchange // HTTP: the request under way
	dialogue  *dialogue // everything but HTTP
	transport transport // nil: the socket itself
	origin    *origin   // nil: peer says all
	http2     *http2Conn

	opened    time.Duration // loop time
	active    time.Duration // last byte in or out
	bytesIn   uint64
	bytesOut  uint64
	fd        int32
	birth     uint32 // tells its events from those of an earlier connection in its slot
	scanned   int32  // bytes of in already searched for the end of a line or head
	interest  uint32 // epoll events asked for
	requests  uint32 // HTTP requests so far
	kind      kind
	state     connState
	dirty     bool // in loop.dirtyConns
	bulk      bool // in loop.bulk
	shared    bool // out belongs to several connections: copy before appending
	paused    bool // not read on: too much of its input waits
	queuedRun bool // in loop.again
	slow      bool // BUF full was sent
	stalled   bool // the client does not take its output: deadline is write_timeout
	linger    bool // the client may still be sending: do not close with RST
	full      bool // the socket takes no more of a file that is sent past out
	begun     bool // has sent a request
	cut       bool // the client must notice that its answer is not whole
}

func (c *conn) slot() int32 { return int32(c.id & slotMask) }

// Ids are slot, loop and generation, below 2^53.
const (
	slotBits = 20
	slotMask = 1<<slotBits - 1
	loopBits = 4
	maxLoops = 1 << loopBits
	genShift = slotBits + loopBits
	genMask  = 1<<(53-genShift) - 1
	// datagramSlot is that of datagrams, so that their ids are nobody else's.
	datagramSlot = slotMask
)

// loopOf says whose connection an id names.
func loopOf(id uint64) int { return int(id >> slotBits & (maxLoops - 1)) }

// connTable finds connections by id.
type connTable struct {
	loop  uint64 // its number
	conns []*conn
	gens  []uint64
	free  []int32
	live  int
}

// add gives c a slot and its first id. false: the table is full.
func (t *connTable) add(c *conn) bool {
	var slot int32
	if n := len(t.free); n > 0 {
		slot = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		if len(t.conns) >= datagramSlot {
			return false
		}
		slot = int32(len(t.conns))
		t.conns = append(t.conns, nil)
		t.gens = append(t.gens, 0)
	}
	t.conns[slot] = c
	c.id = uint64(slot)
	t.renew(c)
	t.live++
	return true
}

// renew gives c the next id of its slot.
func (t *connTable) renew(c *conn) {
	slot := c.slot()
	t.gens[slot] = max(1, (t.gens[slot]+1)&genMask)
	c.id = t.gens[slot]<<genShift | t.loop<<slotBits | uint64(slot)
}

// find returns the connection that has this id now, or nil.
func (t *connTable) find(id uint64) *conn {
	slot := id & slotMask
	if slot < uint64(len(t.conns)) {
		if c := t.conns[slot]; c != nil && c.id == id {
			return c
		}
	}
	return nil
}

func (t *connTable) remove(c *conn) {
	slot := c.slot()
	t.conns[slot] = nil
	t.free = append(t.free, slot)
	t.live--
}

const readEvents = unix.EPOLLIN

// readable takes what the client sent.
func (l *loop) readable(c *conn) {
	if c.awaitsHeader() {
		l.readHeader(c)
		return
	}
	buf, err := l.receive(c)
	switch {
	case err == errAgain:
		return
	case err != nil:
		l.lost(c)
		return
	case len(buf) == 0:
		l.ended(c)
		return
	}
	c.bytesIn += uint64(len(buf))
	if c.state == stateLingering {
		l.lingerOn(c)
		return
	}
	if c.state >= stateLeaving {
		return
	}
	c.active = l.now
	if len(c.in) > 0 {
		c.in = append(l.buffers.room(c.in, len(buf)), buf...)
		buf = c.in
	}
	l.consume(c, buf)
}

// consume parses buf, which is either the loop's buffer or c.in, and keeps the rest.
func (l *loop) consume(c *conn, buf []byte) {
	used := l.process(c, buf)
	if c.state == stateGone {
		return
	}
	rest := buf[used:]
	switch {
	case len(rest) == 0:
		l.releaseInput(c)
	case used == 0 && len(c.in) == len(buf):
		// c.in already is what waits.
	case c.in == nil:
		c.in = append(l.buffers.room(nil, len(rest)), rest...)
		l.rearm(c) // header_timeout runs from here
	default:
		c.in = append(c.in[:0], rest...)
	}
	l.updateReading(c)
	if st := c.stream(); st != nil {
		st.taken(l)
	}
	if c.state == stateHalf {
		l.finishHalf(c)
	}
}

func (l *loop) releaseInput(c *conn) {
	if c.in != nil {
		l.buffers.put(c.in)
		c.in = nil
	}
}

// process hands buf to the protocol of c.
func (l *loop) process(c *conn, buf []byte) (used int) {
	switch c.kind {
	case kindHTTP:
		return l.processHTTP(c, buf)
	case kindWebSocket:
		return l.processWebSocket(c, buf)
	case kindEvents:
		return len(buf)
	case kindHTTP2:
		return l.processHTTP2(c, buf)
	}
	return l.processStream(c, buf)
}

// resume parses on after something that held c up is done. It runs at the end
// of the iteration, so answers never recurse into parsing.
func (l *loop) resume(c *conn) {
	if !c.queuedRun && c.state < stateClosing && (len(c.in) > 0 || c.state == stateHalf || c.inputDone()) {
		c.queuedRun = true
		l.again = append(l.again, c)
	}
}

// updateReading stops or starts reading c.
func (l *loop) updateReading(c *conn) {
	c.paused = c.state == stateHalf || c.state == stateClosing || l.blocked(c) && len(c.in) > 0
	l.updateInterest(c)
}

// blocked reports that c's input cannot be worked on at the moment.
func (l *loop) blocked(c *conn) bool {
	switch c.kind {
	case kindHTTP:
	case kindHTTP2:
		return c.pending() > http2Answers
	default:
		return c.dialogue.full()
	}
	if c.exchange == nil {
		return c.pending() > pipelineBytes
	}
	return !c.exchange.takes()
}

// pipelineBytes is how much of earlier answers may wait when the next request
// begins: who sends requests and reads no answers must not fill our memory.
const pipelineBytes = 64 << 10

// updateInterest tells epoll what c waits for.
func (l *loop) updateInterest(c *conn) {
	if c.state == stateGone {
		return
	}
	var want uint32
	if !c.paused {
		want |= readEvents
	}
	if (c.pending() > 0 || c.full) && !c.dirty && !c.bulk {
		want |= unix.EPOLLOUT
	}
	if want != c.interest {
		l.watch(c, want)
	}
}

// output returns the buffer that answers to c are appended to; the caller
// stores the result in c.out and calls touched.
func (l *loop) output(c *conn) []byte {
	if c.out == nil {
		return l.buffers.get()
	}
	if c.shared {
		own := append(l.buffers.room(nil, c.pending()), c.out[c.outOff:]...)
		c.outOff, c.shared = 0, false
		return own
	}
	return c.out
}

// outputFor is output with room for n bytes.
func (l *loop) outputFor(c *conn, n int) []byte {
	out := l.output(c)
	if cap(out)-len(out) < n && c.outOff > len(out)/2 {
		out = append(out[:0], out[c.outOff:]...)
		c.outOff = 0
	}
	return l.buffers.room(out, n)
}

// touched schedules c for one write at the end of the iteration.
func (l *loop) touched(c *conn) {
	if c.dirty || c.state == stateGone {
		return
	}
	c.dirty = true
	if c.http2 != nil {
		l.dirtyHTTP2 = append(l.dirtyHTTP2, c)
		return
	}
	l.dirtyConns = append(l.dirtyConns, c)
}

// share queues bytes that go to many connections. An idle one only points to
// them; they must never change.
func (l *loop) share(c *conn, b []byte) {
	if c.out == nil {
		c.out, c.outOff, c.shared = b, 0, true
	} else {
		c.out = append(l.outputFor(c, len(b)), b...)
	}
	if !c.dirty && !c.bulk && c.state != stateGone {
		c.bulk = true
		l.bulk.push(c)
	}
}

// flush writes what waits for c, once.
func (l *loop) flush(c *conn) {
	c.dirty = false
	if c.http2 != nil {
		l.moveHTTP2(c)
	}
	if c.state == stateGone || c.pending() == 0 {
		l.flushed(c)
		return
	}
	before := c.pending()
	n, err := l.transmit(c, c.out[c.outOff:])
	if err != nil && err != errAgain {
		l.lost(c)
		return
	}
	c.outOff += n
	c.bytesOut += uint64(n)
	if n > 0 {
		c.active = l.now
	}
	if c.pending() == 0 {
		l.releaseOutput(c)
	} else {
		l.compactOutput(c)
		if n > 0 || c.pending() < before || !c.stalled { // what handlers add does not count as progress
			c.stalled = true
			l.deadlines.arm(c, l.now, c.listener.limits.WriteTimeout)
		}
	}
	l.flushed(c)
}

func (l *loop) releaseOutput(c *conn) {
	if c.out != nil && !c.shared {
		l.buffers.put(c.out)
	}
	c.out, c.outOff, c.shared = nil, 0, false
	if c.stalled {
		c.stalled = false
		l.rearm(c)
	}
}

// compactOutput keeps a slow client's buffer from growing by what was written,
// and from being much longer than what is left.
func (l *loop) compactOutput(c *conn) {
	if c.outOff > 64<<10 && c.outOff > len(c.out)/2 && !c.shared {
		rest := c.out[c.outOff:]
		short := append(l.buffers.room(nil, len(rest)), rest...)
		l.buffers.put(c.out)
		c.out, c.outOff = short, 0
	}
}

// flushed runs what waited for the output.
func (l *loop) flushed(c *conn) {
	if c.state == stateGone {
		return
	}
	switch {
	case c.http2 != nil:
		l.flushedHTTP2(c)
	case c.exchange != nil:
		l.bodyFlushed(c)
	case c.kind == kindHTTP && c.paused && !l.blocked(c):
		l.resume(c)
	}
	if c.slow && c.pending() <= c.listener.limits.SendBufferBytes/8 {
		l.drainedOutput(c)
	}
	if c.pending() == 0 && c.state == stateClosing {
		l.shut(c)
		return
	}
	l.updateInterest(c)
}

// pending is how many bytes wait for the client.
func (c *conn) pending() int {
	n := len(c.out) - c.outOff
	if c.transport != nil {
		n += c.transport.waiting()
	}
	return n
}

// rearm sets the time-out that fits c's state.
func (l *loop) rearm(c *conn) {
	limits := &c.listener.limits
	switch {
	case c.stalled: // write_timeout holds until the client takes everything
	case c.handshaking():
		l.deadlines.arm(c, l.now, limits.HeaderTimeout)
	case c.kind == kindEvents:
		l.deadlines.arm(c, l.now, cmp.Or(limits.PingInterval, heartbeatInterval))
	case c.state == stateLeaving:
		l.deadlines.arm(c, l.now, cmp.Or(c.dialogue.pool.requestTimeout, leavePatience))
	case c.dialogue != nil:
		l.deadlines.arm(c, l.now, c.dialogueTimeout())
	case c.kind == kindHTTP2:
		l.deadlines.arm(c, l.now, c.http2Timeout())
	case c.exchange == nil && len(c.in) > 0:
		l.deadlines.arm(c, l.now, limits.HeaderTimeout)
	case c.exchange == nil:
		l.deadlines.arm(c, l.now, limits.IdleTimeout)
	case c.silent():
		l.deadlines.arm(c, l.now, halfPatience)
	case c.exchange.takes():
		l.deadlines.arm(c, l.now, limits.BodyTimeout)
	default:
		l.deadlines.disarm(c)
	}
}

// expire acts on a time-out.
func (l *loop) expire(c *conn) {
	switch {
	case c.stalled:
		c.listener.slowClosed++
		l.log.Debug("Closed a connection that took no data within write_timeout", "connection", c.id, "remote", c.peer)
		l.lost(c)
	case c.awaitsHeader():
		l.refuseHeader(c, errHeaderLate)
	case c.state == stateLeaving:
		l.leave(c)
	case c.state >= stateClosing:
		l.lost(c)
	case c.kind == kindHTTP:
		l.expireHTTP(c)
	case c.kind == kindHTTP2:
		l.expireHTTP2(c)
	case c.kind == kindWebSocket:
		l.expireWebSocket(c)
	case c.kind == kindEvents:
		l.expireEvents(c)
	default:
		l.expireStream(c)
	}
}

// ended: the client sent end of file.
func (l *loop) ended(c *conn) {
	switch c.state {
	case stateOpen:
		c.state = stateHalf
		l.finishHalf(c)
	case stateLeaving:
		if c.stream() == nil { // a stream whose client ended its side may still be read
			l.lost(c)
		}
	case stateLingering:
		l.lost(c)
	}
	// Half-closed or closing: what it is owed goes out, there is nothing to read.
	if c.state != stateGone {
		l.updateReading(c)
	}
}

// finishHalf closes a half-closed connection once nothing is owed to it.
func (l *loop) finishHalf(c *conn) {
	if c.state != stateHalf {
		return
	}
	if c.kind == kindHTTP {
		if e := c.exchange; e != nil && e.offer != nil { // a WebSocket has no half-closed state
			l.lost(c)
			return
		}
		if e := c.exchange; e != nil && e.state == exchangeDiscard && len(c.in) == 0 {
			l.closeAfterFlush(c) // it has its answer
			return
		}
		if e := c.exchange; e != nil && e.incomplete() && len(c.in) == 0 { // the rest of its body will never come
			l.lost(c)
			return
		}
		l.rearm(c)
		if !l.blocked(c) || c.exchange == nil && len(c.in) == 0 {
			l.closeAfterFlush(c)
		}
		return
	}
	if c.kind == kindEvents {
		l.endEvents(c)
		return
	}
	if c.kind == kindHTTP2 {
		l.finishHalfStreams(c)
		l.settleHTTP2(c)
		return
	}
	if c.kind == kindWebSocket { // no close frame came before
		l.lost(c)
		return
	}
	if !c.dialogue.busy() && !c.listener.halfClose {
		c.dialogue.ends(closeNormal, "")
		l.closeAfterFlush(c)
	}
}

// closeAfterFlush takes no more input and closes once the output is written.
func (l *loop) closeAfterFlush(c *conn) {
	if c.state >= stateClosing {
		return
	}
	half := c.state == stateHalf
	c.state = stateClosing
	if half {
		l.releaseInput(c)
	}
	if c.pending() == 0 && !c.dirty {
		l.shut(c)
		return
	}
	l.deadlines.arm(c, l.now, c.listener.limits.WriteTimeout)
	l.touched(c)
}

// How long what a client still sends is read and thrown away: until it is
// silent for lingerTimeout, for lingerLimit at most. An upload that was refused
// goes on for as long as the client likes, and many look at the answer only
// behind its end.
const (
	lingerTimeout = 2 * time.Second
	lingerLimit   = 30 * time.Second
)

// shut ends our side after the last byte was written. Unread input would make
// the kernel send RST, which can destroy the answer on its way (RFC 9112
// section 9.6), so what still comes is read and thrown away for a while.
func (l *loop) shut(c *conn) {
	switch {
	case c.cut:
		l.lost(c)
		return
	case len(c.in) == 0 && !c.linger, c.kind == kindHTTP && c.stream() != nil: // the end of a stream hurts no other
		if c.transport != nil {
			l.endOutput(c)
		}
		l.drop(c)
		return
	}
	c.state = stateLingering
	c.paused = false
	l.releaseInput(c)
	l.endOutput(c)
	l.deadlines.arm(c, l.now, lingerTimeout)
	l.updateInterest(c)
}

// lingerOn waits on for the end of a client that is still sending. c.active is
// when the last byte of the answer was written.
func (l *loop) lingerOn(c *conn) {
	if l.now-c.active < lingerLimit {
		l.deadlines.arm(c, l.now, lingerTimeout)
	}
}

// lost closes a connection that broke or must end at once.
func (l *loop) lost(c *conn) {
	if d := c.dialogue; d != nil && d.closeCode == 0 {
		d.closeCode = closeAbnormal
	}
	l.drop(c)
}

// drop closes the descriptor and settles what c had under way.
func (l *loop) drop(c *conn) {
	if c.state == stateGone {
		return
	}
	c.state = stateGone
	l.deadlines.disarm(c)
	if c.cut && c.transport == nil {
		resetOnClose(int(c.fd))
	}
	l.release(c)
	l.dismiss(c)
	if c.stream() == nil {
		c.listener.connections--
		c.listener.share.connections[l.index].Add(-1)
	}
	if c.http2 != nil {
		l.closeStreams(c)
	}
	l.releaseInput(c)
	if c.out != nil && !c.shared {
		l.buffers.put(c.out)
	}
	c.out = nil
	if c.exchange != nil {
		l.abandonExchange(c)
	}
	if c.dialogue != nil {
		l.endDialogue(c)
	} else {
		l.conns.remove(c)
	}
	l.resumeAccepting()
	l.checkStopped()
}

// peerName spells an address as docs and logs do.
func peerName(sa unix.Sockaddr) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(zoned(netip.AddrFrom16(sa.Addr).Unmap(), sa.ZoneId), uint16(sa.Port)).String()
	}
	return "unix:"
}

package gateway

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// handshakes bounds what TLS handshakes cost. Each has a goroutine, from the
// moment its first record is whole.
//
// At most maxHandshakes are under way. Beyond that, the one that has waited
// longest for its client is closed to make room: a client that is there answers
// within a round trip, so this hits those who open connections and say no more.
// When none waits for its client, the processor is what they wait for; then new
// ones queue, and header_timeout bounds how long.
//
// Few compute at a time, so that the loop never stands behind more than one
// signature on its processor.
type handshakes struct {
	running []*handshake // oldest first
	queue   []*conn      // oldest first; a conn is in it while its stage is tlsQueued
	limit   int
	compute chan struct{}
	group   sync.WaitGroup

	evicted    uint64
	evictedLog time.Duration
}

const (
	maxHandshakes = 1024
	// evictionReach bounds the search for one that waits for its client.
	evictionReach = 64
	// helloBytes bounds a first record (RFC 8446 section 5.1).
	helloBytes = 5 + 16<<10
	// feedBytes is how much input may wait for the goroutine of a handshake.
	feedBytes = 64 << 10
)

func newHandshakes() handshakes {
	return handshakes{limit: maxHandshakes, compute: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
}

// handshake is one that a goroutine has.
type handshake struct {
	loop    *loop
	conn    *conn
	compute chan struct{}

	mu      sync.Mutex
	changed sync.Cond
	waiting bool // for its client
	gone    bool
	full    bool // the loop stopped reading, see feedBytes
	flushes bool // the loop will write what is there
}

// encrypt puts TLS between a new connection and its socket.
func (l *loop) encrypt(c *conn) {
	c.transport = &tlsTransport{}
	l.deadlines.arm(c, l.now, c.listener.limits.HeaderTimeout)
	l.readable(c)
}

// receiveHello collects the first record, without a goroutine: who opens
// connections and sends little must not cost one.
func (t *tlsTransport) receiveHello(l *loop, c *conn) error {
	n, err := readSocket(int(c.fd), l.inbuf)
	switch {
	case err != nil:
		return err
	case n == 0:
		return io.EOF
	}
	c.active = l.now
	t.raw.in = append(t.raw.in, l.inbuf[:n]...)
	l.judgeHello(c, t)
	return errAgain
}

// judgeHello decides on the bytes that have come.
func (l *loop) judgeHello(c *conn, t *tlsTransport) {
	switch length, ok := helloLength(t.raw.in); {
	case !ok:
		l.refusePlain(c, t.raw.in)
	case length > 0 && len(t.raw.in) >= length:
		l.enterHandshake(c, t)
	}
}

// helloLength is how long the first record is, 0 as long as its beginning does
// not tell. It must hold a handshake and be of version 3.x (RFC 8446 section
// 5.1); ok is false for everything else.
func helloLength(in []byte) (length int, ok bool) {
	if len(in) > 0 && in[0] != 0x16 || len(in) > 1 && in[1] != 3 {
		return 0, false
	}
	if len(in) < 5 {
		return 0, true
	}
	length = 5 + int(in[3])<<8 + int(in[4])
	return length, length <= helloBytes
}

// refusePlain closes a client that does not speak TLS. One that speaks HTTP is
// told so, in its own language.
func (l *loop) refusePlain(c *conn, in []byte) {
	c.transport = nil
	word, _, _ := bytes.Cut(in, []byte(" "))
	http := c.listener.scheme == "http" || c.listener.scheme == "websocket"
	if http && len(word) > 0 && len(word) < 16 && bytes.Equal(word, bytes.ToUpper(word)) && word[0] >= 'A' && word[0] <= 'Z' {
		l.refuse(c, 400, "this port speaks HTTPS: use https:// in the address")
		return
	}
	l.log.Debug("Closed a client that does not speak TLS", "connection", c.id, "remote", c.peer)
	l.lost(c)
}

// enterHandshake starts the handshake of c, or queues it.
func (l *loop) enterHandshake(c *conn, t *tlsTransport) {
	hs := &l.handshakes
	if len(hs.running) >= hs.limit && !l.evictHandshake() {
		t.stage = tlsQueued
		hs.queue = append(hs.queue, c)
		c.paused = true
		l.updateInterest(c)
		return
	}
	l.shakeHands(c, t)
}

// evictHandshake closes the one that has waited longest for its client.
func (l *loop) evictHandshake() bool {
	hs := &l.handshakes
	for _, h := range hs.running[:min(len(hs.running), evictionReach)] {
		h.mu.Lock()
		idle := h.waiting && !h.gone
		h.mu.Unlock()
		if !idle {
			continue
		}
		hs.evicted++
		if l.now-hs.evictedLog > time.Minute || hs.evictedLog == 0 {
			hs.evictedLog = max(l.now, 1)
			l.log.Warn("Too many TLS handshakes at once: closing those that wait longest for their clients", "listener", h.conn.listener.name, "handshakes", len(hs.running), "closed", hs.evicted)
		}
		hs.running = slices.DeleteFunc(hs.running, func(o *handshake) bool { return o == h }) // its goroutine ends now
		l.lost(h.conn)
		return true
	}
	return false
}

// shakeHands gives c to a goroutine.
func (l *loop) shakeHands(c *conn, t *tlsTransport) {
	if c.listener.tls == nil { // a reload took it away
		l.lost(c)
		return
	}
	hs := &l.handshakes
	h := &handshake{conn: c, compute: hs.compute, loop: l}
	h.changed.L = &h.mu
	hs.running = append(hs.running, h)
	t.stage, t.raw.handshake = tlsHandshake, h
	t.conn = tls.Server(&t.raw, c.listener.tls.config)
	conn := t.conn
	hs.group.Go(func() {
		err := h.run(conn)
		l.mailbox.post(func() { l.shookHands(c, t, h, err) })
	})
}

// run is the life of the goroutine.
func (h *handshake) run(conn *tls.Conn) (err error) {
	h.compute <- struct{}{}
	defer func() {
		if r := recover(); r != nil { // a client's bytes must not end the gateway
			err = fmt.Errorf("panic in a TLS handshake: %v", r)
		}
		<-h.compute
	}()
	return conn.Handshake()
}

// await waits for input, letting others compute. It is called with mu.
func (h *handshake) await(w *rawConn) error {
	if len(w.in) > 0 || w.ended || h.gone {
		return h.verdict()
	}
	h.waiting = true
	<-h.compute
	for len(w.in) == 0 && !w.ended && !h.gone {
		h.changed.Wait()
	}
	h.waiting = false
	h.mu.Unlock() // others hold compute only as long as they compute, but they may want mu
	h.compute <- struct{}{}
	h.mu.Lock()
	return h.verdict()
}

func (h *handshake) verdict() error {
	if h.gone {
		return errAbandoned
	}
	if h.full {
		h.full = false
		h.loop.mailbox.post(func() { h.loop.feedOn(h.conn) })
	}
	return nil
}

// wrote has the loop write. It is called with mu.
func (h *handshake) wrote() {
	if h.flushes || h.gone {
		return
	}
	h.flushes = true
	h.loop.mailbox.post(func() {
		h.mu.Lock()
		h.flushes = false
		h.mu.Unlock()
		h.loop.touched(h.conn)
	})
}

// abandon ends it: the connection is closed.
func (h *handshake) abandon() {
	h.mu.Lock()
	h.gone = true
	h.mu.Unlock()
	h.changed.Broadcast()
}

// feed gives the goroutine what the client sent.
func (t *tlsTransport) feed(l *loop, c *conn) error {
	if t.stage == tlsQueued {
		return errAgain
	}
	n, err := readSocket(int(c.fd), l.inbuf)
	if err != nil {
		return err
	}
	c.active = l.now
	h := t.raw.handshake
	h.mu.Lock()
	t.raw.in = append(t.raw.in, l.inbuf[:n]...)
	t.raw.ended = n == 0
	h.full = len(t.raw.in) > feedBytes
	stop := h.full || n == 0
	h.mu.Unlock()
	h.changed.Broadcast()
	if stop {
		c.paused = true
		l.updateInterest(c)
	}
	return errAgain
}

// feedOn reads again after the goroutine took what it had.
func (l *loop) feedOn(c *conn) {
	if t, ok := c.transport.(*tlsTransport); ok && t.stage == tlsHandshake && !t.raw.ended && c.state != stateGone {
		c.paused = false
		l.updateInterest(c)
	}
}

// shookHands takes c back from its goroutine.
func (l *loop) shookHands(c *conn, t *tlsTransport, h *handshake, err error) {
	hs := &l.handshakes
	hs.running = slices.DeleteFunc(hs.running, func(o *handshake) bool { return o == h })
	l.enterQueued()
	t.raw.handshake = nil
	if c.state == stateGone {
		t.raw.in, t.raw.out = nil, nil
		return
	}
	if err != nil {
		l.failHandshake(c, t, err)
		return
	}
	t.stage, t.fresh, c.paused = tlsOpen, true, false
	state := t.conn.ConnectionState()
	t.version, t.protocol = state.Version, state.NegotiatedProtocol
	if len(state.PeerCertificates) > 0 {
		t.identity = newClientIdentity(state.PeerCertificates[0])
	}
	if t.waiting() > 0 {
		l.touched(c)
	}
	l.updateInterest(c)
	if c.state >= stateClosing {
		return
	}
	if t.protocol == acme.ALPNProto {
		l.closeAfterFlush(c)
		return
	}
	l.speak(c)
	if c.state < stateClosing {
		l.readable(c) // what came with the end of the handshake
	}
}

func (l *loop) failHandshake(c *conn, t *tlsTransport, err error) {
	c.listener.badHandshakes++
	l.log.Debug("TLS handshake failed", "connection", c.id, "listener", c.listener.name, "remote", c.peer, "err", err)
	ended := t.raw.ended
	t.stage, t.raw.in = tlsFailed, nil
	if ended || c.state >= stateClosing {
		l.lost(c)
		return
	}
	c.paused, c.linger = false, true // so that its alert is not overtaken by an RST
	l.closeAfterFlush(c)
}

// enterQueued gives free places to those that wait.
func (l *loop) enterQueued() {
	hs := &l.handshakes
	for len(hs.queue) > 0 && len(hs.running) < hs.limit {
		c := hs.queue[0]
		hs.queue = hs.queue[1:]
		c.paused = false
		l.shakeHands(c, c.transport.(*tlsTransport))
		l.updateInterest(c)
	}
}

// forget takes c out of the queue.
func (hs *handshakes) forget(c *conn) {
	hs.queue = slices.DeleteFunc(hs.queue, func(o *conn) bool { return o == c })
}

// close ends every handshake and waits for its goroutine.
func (hs *handshakes) close() {
	for _, h := range hs.running {
		h.abandon()
	}
	hs.group.Wait()
}

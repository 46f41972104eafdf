package gateway

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tlsTransport is crypto/tls between a connection and its socket.
//
// crypto/tls wants a net.Conn that waits. It gets a rawConn, which hands over what
// the loop has read, and otherwise returns an error that calls itself temporary:
// crypto/tls then keeps the part of a record it has and can be asked again. So
// an idle connection costs no goroutine. An error in a handshake is for good,
// therefore handshakes run on goroutines of their own, which it lets wait
// (handshake.go).
type tlsTransport struct {
	conn  *tls.Conn // nil before the handshake
	raw   rawConn
	stage tlsStage
	fresh bool  // the handshake may have left input in conn
	ended error // io.EOF: the client ended its side; else what broke the connection

	version  uint16
	protocol string // negotiated by ALPN; empty: none
	// identity is the client's certificate, as fields for handlers.
	identity *clientIdentity
}

// tlsStage is where a TLS connection stands.
//
//	tlsHello      its first record is coming in; there is no goroutine for it
//	tlsQueued     that is whole, and waits for one of the handshakes to end
//	tlsHandshake  a goroutine has it
//	tlsOpen       the loop has it
//	tlsFailed     its alert is still to go out
type tlsStage uint8

const (
	tlsHello tlsStage = iota
	tlsQueued
	tlsHandshake
	tlsOpen
	tlsFailed
)

// tls returns what encrypts c, or nil.
func (c *conn) tls() *tlsTransport {
	if s, ok := c.transport.(interface{ security() *tlsTransport }); ok {
		return s.security()
	}
	return nil
}

func (t *tlsTransport) security() *tlsTransport { return t }

// handshaking reports that c has not got through its TLS handshake yet.
func (c *conn) handshaking() bool {
	t, ok := c.transport.(*tlsTransport)
	return ok && t.stage < tlsOpen
}

// plainBytes holds everything that one read of the socket can decrypt to,
// together with a record of which a part came before.
const plainBytes = 64<<10 + 32<<10

// receive reads once and decrypts what came.
func (t *tlsTransport) receive(l *loop, c *conn) ([]byte, error) {
	switch t.stage {
	case tlsHello:
		return nil, t.receiveHello(l, c)
	case tlsQueued, tlsHandshake:
		return nil, t.feed(l, c)
	case tlsFailed:
		n, err := readSocket(int(c.fd), l.inbuf)
		return l.inbuf[:max(n, 0)], err
	}
	if t.ended != nil {
		return nil, endOf(t.ended)
	}
	if t.fresh {
		t.fresh = false
		return t.decrypt(l, c)
	}
	n, err := readSocket(int(c.fd), l.inbuf)
	if err != nil {
		return nil, err
	}
	t.raw.in, t.raw.ended = l.inbuf[:n], n == 0
	return t.decrypt(l, c)
}

// endOf is how receive says why there is nothing more.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// decrypt takes all that was read.
func (t *tlsTransport) decrypt(l *loop, c *conn) ([]byte, error) {
	if l.plain == nil {
		l.plain = make([]byte, plainBytes)
	}
	out := l.plain[:0]
	var err error
	for err == nil && len(out) < cap(out) {
		var n int
		n, err = t.conn.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
	}
	if t.waiting() > 0 { // an alert, or the answer to a KeyUpdate
		l.touched(c)
	}
	if err == error(errNoneYet) {
		if len(out) == 0 {
			return nil, errAgain
		}
		return out, nil
	}
	t.ended = err
	if err == io.EOF && t.raw.ended && c.dialogue != nil && c.dialogue.closeCode == 0 {
		// No close_notify: somebody may have cut it off (RFC 8446 section 6.1).
		c.dialogue.ends(closeAbnormal, "the client did not end TLS")
	}
	if err != io.EOF {
		l.log.Debug("TLS connection broke", "connection", c.id, "remote", c.peer, "err", err)
		_, _ = t.send(l, c, nil) // the alert, as far as it goes
	}
	if len(out) == 0 {
		return nil, endOf(err)
	}
	// No event will tell of the end: it is in what was read already.
	l.mailbox.post(func() {
		if c.state != stateGone {
			l.readable(c)
		}
	})
	return out, nil
}

// Encryption runs a little ahead of the socket, and no further: what waits as
// plain text need not be kept twice.
const (
	encryptBytes  = 64 << 10
	encryptRounds = 4 // in one turn, so that one fast client does not hold up others
	cipherBytes   = encryptBytes + 16<<10
	encryptMargin = 1 << 10 // what TLS adds to that: 22 bytes a record
)

// send encrypts from b as long as the socket takes it.
func (t *tlsTransport) send(l *loop, c *conn, b []byte) (taken int, err error) {
	if err := t.drain(l, c); err != nil || t.stage != tlsOpen {
		return 0, err
	}
	if l.cipher == nil && len(b) > 0 {
		l.cipher = make([]byte, 0, cipherBytes)
	}
	w := &t.raw
	for round := 0; round < encryptRounds && len(b) > 0; round++ {
		n := len(b)
		if n > cipherBytes-encryptMargin {
			n = encryptBytes
		}
		w.out = l.cipher[:0]
		if _, err := t.conn.Write(b[:n]); err != nil {
			w.out = nil
			return taken, err
		}
		taken += n
		b = b[n:]
		if err := t.drain(l, c); err != nil {
			rest := w.out[w.outOff:] // l.cipher is used by others next
			w.out, w.outOff = append(l.buffers.room(nil, len(rest)), rest...), 0
			return taken, err
		}
	}
	return taken, nil
}

// drain writes what is encrypted. errAgain: not all of it.
func (t *tlsTransport) drain(l *loop, c *conn) error {
	w := &t.raw
	w.lock()
	defer w.unlock()
	if w.outOff < len(w.out) {
		n, err := writeSocket(int(c.fd), w.out[w.outOff:])
		if err != nil {
			return err
		}
		if w.outOff += n; w.outOff < len(w.out) {
			return errAgain
		}
	}
	if unsafe.SliceData(w.out) != unsafe.SliceData(l.cipher) {
		l.buffers.put(w.out)
	}
	w.out, w.outOff = nil, 0
	if w.shut {
		_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
	}
	return nil
}

func (t *tlsTransport) waiting() int {
	t.raw.lock()
	defer t.raw.unlock()
	return len(t.raw.out) - t.raw.outOff
}

func (t *tlsTransport) watch(l *loop, c *conn, events uint32) {
	_ = l.poller.modify(int(c.fd), events, aboutConn, c.slot(), c.birth)
}

// shutdown sends close_notify.
func (t *tlsTransport) shutdown(l *loop, c *conn) {
	if t.stage == tlsOpen {
		_ = t.conn.CloseWrite()
	}
	t.raw.shut = true
	if t.drain(l, c) != nil {
		l.touched(c)
	}
}

func (t *tlsTransport) close(l *loop, c *conn) {
	switch t.stage {
	case tlsHandshake:
		c.listener.badHandshakes++
		t.raw.handshake.abandon()
	case tlsQueued:
		c.listener.badHandshakes++
		l.handshakes.forget(c)
	}
	closeFD(int(c.fd))
	if t.stage != tlsHandshake {
		t.raw.in, t.raw.out = nil, nil
	}
}

// versionName is a version as people call it.
func (t *tlsTransport) versionName() string {
	switch t.version {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return "handshake"
}

// rawConn is the net.Conn below crypto/tls. With a handshake it waits, and both
// sides lock; without one it belongs to the loop.
type rawConn struct {
	in        []byte // read from the socket, not yet taken
	out       []byte // encrypted, from outOff on not yet written
	outOff    int
	ended     bool // the socket is at its end
	shut      bool // our side ends behind out
	handshake *handshake
}

var errNoneYet net.Error = noneYet{}

// noneYet says to crypto/tls that there is nothing to read now, but may be later.
// A test holds the standard library to it: Temporary is deprecated.
type noneYet struct{}

func (noneYet) Error() string   { return "nothing to read yet" }
func (noneYet) Timeout() bool   { return true }
func (noneYet) Temporary() bool { return true }

func (w *rawConn) lock() {
	if w.handshake != nil {
		w.handshake.mu.Lock()
	}
}

func (w *rawConn) unlock() {
	if w.handshake != nil {
		w.handshake.mu.Unlock()
	}
}

func (w *rawConn) Read(b []byte) (int, error) {
	w.lock()
	defer w.unlock()
	if w.handshake != nil {
		if err := w.handshake.await(w); err != nil {
			return 0, err
		}
	}
	if len(w.in) == 0 {
		if w.ended {
			return 0, io.EOF
		}
		return 0, errNoneYet
	}
	n := copy(b, w.in)
	w.in = w.in[n:]
	if len(w.in) == 0 {
		w.in = nil
	}
	return n, nil
}

// Write never fails and never waits: crypto/tls remembers a failed write for good.
func (w *rawConn) Write(b []byte) (int, error) {
	w.lock()
	defer w.unlock()
	w.out = append(w.out, b...)
	if w.handshake != nil {
		w.handshake.wrote()
	}
	return len(b), nil
}

func (w *rawConn) Close() error                     { return nil }
func (w *rawConn) LocalAddr() net.Addr              { return nowhere }
func (w *rawConn) RemoteAddr() net.Addr             { return nowhere }
func (w *rawConn) SetDeadline(time.Time) error      { return nil }
func (w *rawConn) SetReadDeadline(time.Time) error  { return nil }
func (w *rawConn) SetWriteDeadline(time.Time) error { return nil }

// nowhere: crypto/tls asks servers for no address.
var nowhere net.Addr = &net.UnixAddr{}

var errAbandoned = errors.New("the connection was closed during its handshake")

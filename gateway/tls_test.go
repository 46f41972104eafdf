package gateway

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// authority signs certificates for a test.
type authority struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	serial int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, serial: 1}
	a.key = a.newKey()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue signs a certificate with an id for the gateway; the first name is its
// subject too.
func (a *authority) issue(id int, names ...string) *control.Certificate {
	a.t.Helper()
	a.serial++
	key := a.newKey()
	template := &x509.Certificate{SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &control.Certificate{ID: id, File: names[0] + ".pem", Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})}
}

func keyPair(t *testing.T, c *control.Certificate) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(c.Chain, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// secured is a running loop whose listeners all have TLS.
type secured struct {
	*harness
	authority     *authority
	configuration *control.Configuration
}

// startTLS has certificate 1 for example.org in every listener.
func startTLS(t *testing.T, change func(*secured, *control.Configuration)) *secured {
	t.Helper()
	s := &secured{authority: newAuthority(t)}
	s.harness = startLoop(t, func(c *control.Configuration) { s.configuration = c })
	for i := range s.configuration.Listeners {
		ln := &s.configuration.Listeners[i]
		ln.Fresh, ln.TLS = false, &control.TLS{Certificates: []int{1}, MinVersion: "1.2", ClientCertificates: "none"}
	}
	s.give(s.authority.issue(1, "example.org"))
	if change != nil {
		change(s, s.configuration)
	}
	s.configure()
	return s
}

func (s *secured) give(c *control.Certificate) {
	s.tell(&control.Message{Kind: control.GiveCertificate, Certificate: c})
}

// configure sends a copy, as the control channel does: the test goes on changing
// its own.
func (s *secured) configure() {
	s.t.Helper()
	packet, err := control.Encode(&control.Message{Kind: control.Configure, Configuration: s.configuration})
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := control.Decode(packet)
	if err != nil {
		s.t.Fatal(err)
	}
	s.tell(m)
	s.expect(control.Configured)
}

func (s *secured) trust() *tls.Config {
	return &tls.Config{ServerName: "example.org", RootCAs: s.authority.pool(), ClientSessionCache: tls.NewLRUClientSessionCache(10)}
}

// over speaks TLS to a listener; the handshake is done when it returns.
func (s *secured) over(scheme string, config *tls.Config) (*client, error) {
	s.t.Helper()
	raw := s.dial(scheme)
	c := tls.Client(raw.Conn, config)
	return &client{t: s.t, Conn: c, r: bufio.NewReader(c)}, c.Handshake()
}

func (s *secured) mustOver(scheme string, config *tls.Config) *client {
	s.t.Helper()
	c, err := s.over(scheme, config)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (c *client) state() tls.ConnectionState { return c.Conn.(*tls.Conn).ConnectionState() }

// get sends a request, plays the handler, and reads the answer.
func (c *client) get(w *handler, path string) received {
	c.t.Helper()
	c.write("GET " + path + " HTTP/1.1\r\nHost: example.org\r\n\r\n")
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "answer to "+path), ack(1))
	c.body("answer to " + path)
	return m
}

func (c *client) body(body string) {
	c.t.Helper()
	length := -1
	for line := c.line(); line != ""; line = c.line() {
		_, _ = fmt.Sscanf(line, "content-length: %d", &length)
	}
	got := make([]byte, max(length, 0))
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != body {
		c.t.Fatalf("body %q, %v, want %q", got, err, body)
	}
}

// openConn is a pipe during the handshake, and then a rawConn.
type openConn struct {
	net.Conn
	raw  rawConn
	open bool
}

func (c *openConn) Read(b []byte) (int, error) {
	if c.open {
		return c.raw.Read(b)
	}
	return c.Conn.Read(b)
}

// crypto/tls must take up again after an error whose Temporary is true. If this
// fails with a new version of Go, idle connections need another way.
func TestStandardLibraryTakesUpAgainAfterATemporaryError(t *testing.T) {
	a := newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		near, far := net.Pipe()
		conn := &openConn{Conn: near}
		server := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{keyPair(t, a.issue(1, "example.org"))}, SessionTicketsDisabled: true})
		client := tls.Client(far, &tls.Config{ServerName: "example.org", RootCAs: a.pool(), MaxVersion: version})
		done := make(chan error, 1)
		go func() { done <- client.Handshake() }()
		if err := errors.Join(server.Handshake(), <-done); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := io.WriteString(client, strings.Repeat("x", 40_000))
			done <- errors.Join(err, client.CloseWrite(), far.Close())
		}()
		ciphertext, _ := io.ReadAll(near)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		conn.open = true
		got, b := 0, make([]byte, 64<<10)
		var err error
		for ; len(ciphertext) > 0; ciphertext = ciphertext[min(7, len(ciphertext)):] {
			conn.raw.in = ciphertext[:min(7, len(ciphertext))]
			for err = nil; err == nil; {
				var n int
				n, err = server.Read(b)
				got += n
			}
			if err != error(errNoneYet) && err != io.EOF {
				t.Fatalf("after %d bytes: %v", got, err)
			}
		}
		if got != 40_000 || err != io.EOF {
			t.Errorf("%d bytes came through, then %v", got, err)
		}
	}
}

func TestEverySchemeOverTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := startTLS(t, nil)
		w := s.worker(1, "request", "message", "connect", "close")
		config := s.trust()
		config.MaxVersion = version
		m := s.mustOver("http", config).get(w, "/one")
		if m.n&wire.FlagTLS == 0 {
			t.Errorf("REQ flags %d", m.n)
		}
		for scheme, text := range map[string][2]string{"text": {"hello\n", "hello"}, "frame": {"\x00\x00\x00\x09hello", "hello"}, "tcp": {"hello", "hello"}} {
			c := s.mustOver(scheme, config)
			open := w.expect(wire.OpOpen)
			if open.n&wire.FlagTLS == 0 {
				t.Errorf("%s: OPEN flags %d", scheme, open.n)
			}
			w.say(ack(1))
			c.write(text[0])
			if m := w.expect(wire.OpMsg); string(m.data) != text[1] {
				t.Errorf("%s: %q", scheme, m.data)
			}
			w.say(send(open.id, "back"), ack(1))
			if got := make([]byte, 4); scheme == "tcp" {
				if _, err := io.ReadFull(c.r, got); err != nil || string(got) != "back" {
					t.Errorf("%s: %q %v", scheme, got, err)
				}
			}
			c.Conn.(*tls.Conn).CloseWrite()
			if m := w.expect(wire.OpClose); m.n != closeNormal {
				t.Errorf("%s: close code %d", scheme, m.n)
			}
			w.say(ack(1))
			_, _ = io.Copy(io.Discard, c.r)
		}
	}
}

func TestWebSocketOverTLS(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1, "message")
	c := s.mustOver("http", s.trust())
	c.write("GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	for line := c.line(); line != ""; line = c.line() {
	}
	c.write(frame(0x81, "hello"))
	if m := w.expect(wire.OpAttach); m.n&wire.FlagTLS == 0 {
		t.Errorf("ATTACH flags %d", m.n)
	}
	m := w.expect(wire.OpMsg)
	w.say(send(m.id, "back"), ack(1))
	if b, err := c.r.Peek(6); err != nil || string(b) != "\x81\x04back" {
		t.Errorf("%q %v", b, err)
	}
}

// What comes with the end of the handshake, and one byte at a time.
func TestRequestInPieces(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	raw := s.dial("http")
	c := tls.Client(&trickle{raw.Conn}, s.trust())
	full := &client{t: t, Conn: c, r: bufio.NewReader(c)}
	full.get(w, "/slow")
}

// trickle writes one byte at a time.
type trickle struct{ net.Conn }

func (c *trickle) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func TestCertificateIsChosenByName(t *testing.T) {
	s := startTLS(t, func(s *secured, c *control.Configuration) {
		s.give(s.authority.issue(2, "*.example.net", "other.example"))
		c.Listeners[0].TLS.Certificates = []int{1, 2}
	})
	for name, want := range map[string]string{"example.org": "example.org", "a.example.net": "*.example.net", "OTHER.example": "*.example.net",
		"a.b.example.net": "example.org", "nobody.example": "example.org", "": "example.org"} {
		config := &tls.Config{ServerName: name, InsecureSkipVerify: true}
		if got := s.mustOver("http", config).state().PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("%q got the certificate of %s", name, got)
		}
	}
}

func TestMinimumVersion(t *testing.T) {
	s := startTLS(t, func(_ *secured, c *control.Configuration) { c.Listeners[0].TLS.MinVersion = "1.3" })
	config := s.trust()
	config.MaxVersion = tls.VersionTLS12
	if _, err := s.over("http", config); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.2: %v", err)
	}
	if _, err := s.over("text", config); err != nil {
		t.Errorf("TLS 1.2 where it may be: %v", err)
	}
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := s.over("text", config); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestSessionsAreResumedAlsoAfterAReload(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := startTLS(t, nil)
		w := s.worker(1)
		config := s.trust()
		config.MaxVersion = version
		resumed := func() bool {
			c := s.mustOver("http", config)
			defer c.Close()
			c.get(w, "/") // the ticket comes with what is read
			return c.state().DidResume
		}
		if resumed() {
			t.Error("the first session was resumed")
		}
		if !resumed() {
			t.Errorf("version %x: not resumed", version)
		}
		s.give(s.authority.issue(1, "example.org"))
		s.configure()
		if !resumed() {
			t.Errorf("version %x: not resumed after a reload", version)
		}
		s.configuration.Listeners[0].TLS.ClientCA = s.authority.pem()
		s.configuration.Listeners[0].TLS.ClientCertificates = "request"
		s.configure()
		if resumed() {
			t.Errorf("version %x: resumed a session made under other rules", version)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	s := startTLS(t, func(s *secured, c *control.Configuration) {
		for i, rule := range []string{"require", "request", "require"} {
			c.Listeners[i].TLS.ClientCertificates, c.Listeners[i].TLS.ClientCA = rule, s.authority.pem()
		}
	})
	w := s.worker(1, "request", "connect")
	c, err := s.over("http", s.trust())
	if err == nil { // TLS 1.3: the client learns it later
		_, err = c.r.ReadByte()
	}
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %v", err)
	}
	with := s.trust()
	with.Certificates = []tls.Certificate{keyPair(t, newAuthority(t).issue(9, "mallory"))}
	with.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &with.Certificates[0], nil }
	if c, err = s.over("http", with); err == nil {
		_, err = c.r.ReadByte()
	}
	if err == nil {
		t.Error("a certificate of another authority was accepted")
	}
	with.Certificates = []tls.Certificate{keyPair(t, s.authority.issue(9, "alice\n, \"admin\""))}
	m := s.mustOver("http", with).get(w, "/")
	if !strings.Contains(m.head, "x-client-cert-subject: CN=alice\\0A\\, \\\"admin\\\"\n") || !strings.Contains(m.head, "x-client-cert-fingerprint: ") {
		t.Errorf("header block %q", m.head)
	}
	s.mustOver("frame", with)
	if open := w.expect(wire.OpOpen); !strings.Contains(open.head, "x-client-cert-subject: CN=alice") {
		t.Errorf("OPEN with %q", open.head)
	}
	w.say(ack(1))
	s.mustOver("text", s.trust()) // asked, and has none
	if open := w.expect(wire.OpOpen); open.head != "" {
		t.Errorf("OPEN with %q", open.head)
	}
	w.say(ack(1))
}

func TestClientsCannotForgeACertificate(t *testing.T) {
	for _, h := range []*harness{startLoop(t, nil), startTLS(t, nil).harness} {
		w := h.worker(1)
		c := h.dial("http")
		if h.loop.listeners[0].tls != nil {
			raw := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
			c = &client{t: t, Conn: raw, r: bufio.NewReader(raw)}
		}
		c.write("GET / HTTP/1.1\r\nHost: x\r\nX-Client-Cert-Subject: CN=admin\r\nx_client_cert_subject: CN=admin\r\nX-Client_Cert-Fingerprint: 00\r\nX-Client-Certain: kept\r\n\r\n")
		m := w.expect(wire.OpReq)
		if strings.Contains(m.head, "admin") || strings.Contains(m.head, "fingerprint") || !strings.Contains(m.head, "x-client-certain: kept") {
			t.Errorf("header block %q", m.head)
		}
		w.say(res(m.id, 200, ""), ack(1))
	}
}

func TestPlainHTTPToATLSPortIsTold(t *testing.T) {
	s := startTLS(t, nil)
	c := s.dial("http")
	c.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if line := c.line(); line != "HTTP/1.1 400 Bad Request" {
		t.Error(line)
	}
	rest, err := io.ReadAll(c.r)
	if err != nil || !strings.Contains(string(rest), "https://") {
		t.Errorf("%q %v", rest, err)
	}
}

func TestGarbageClosesOnlyItsConnection(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	good := s.mustOver("http", s.trust())
	good.get(w, "/before")
	hello := []byte{0x16, 3, 1, 0, 4, 1, 0, 0, 0}
	for name, bytes := range map[string][]byte{"zeros": make([]byte, 100), "ssl2": {0x80, 0x2e, 1, 0, 2}, "long record": {0x16, 3, 1, 0xff, 0xff, 0},
		"empty hello": hello, "alert": {0x15, 3, 1, 0, 2, 2, 0}, "newline": []byte("\n"), "no handshake": {0x16, 3, 1, 0, 1, 0xff}, "empty record": {0x16, 3, 1, 0, 0}} {
		c := s.dial("http")
		_, _ = c.Write(bytes)
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		if b, err := io.ReadAll(c.r); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	good.get(w, "/after")
	good.Conn.(*tls.Conn).NetConn().Write([]byte{0x17, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	if _, err := good.r.ReadByte(); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("a forged record: %v", err)
	}
}

func TestHandshakeRecordAfterTheHandshakeCloses(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	config := s.trust()
	config.MaxVersion = tls.VersionTLS12
	c := s.mustOver("http", config)
	c.get(w, "/")
	raw := c.Conn.(*tls.Conn).NetConn()
	raw.Write(append([]byte{0x16, 3, 3, 0, 40}, make([]byte, 40)...))
	if _, err := c.r.ReadByte(); err == nil {
		t.Error("goes on")
	}
}

// Half-open handshakes cost no more than the limit, and others get through.
func TestHalfOpenHandshakesAreBounded(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	s.do(func() { s.loop.handshakes.limit = 8 })
	hello := recordedHello(t)
	var stuck []*client
	for range 40 {
		c := s.dial("http")
		c.write(string(hello))
		if _, err := c.r.ReadByte(); err != nil { // the server's flight: now it waits for the client
			t.Fatal(err)
		}
		stuck = append(stuck, c)
	}
	s.do(func() {
		if n := len(s.loop.handshakes.running); n > 8 {
			t.Errorf("%d handshakes under way", n)
		}
		if bad := s.loop.listeners[0].badHandshakes; s.loop.handshakes.evicted != 32 || bad != 32 {
			t.Errorf("%d made room, %d failed", s.loop.handshakes.evicted, bad)
		}
	})
	s.mustOver("http", s.trust()).get(w, "/")
	_, _ = io.Copy(io.Discard, stuck[0].r)
}

// recordedHello is what a client says first.
func recordedHello(t *testing.T) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer far.Close()
	go func() { _ = tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
	b := make([]byte, 16<<10)
	n, err := far.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	near.Close()
	return b[:n]
}

func TestHandshakesQueueForTheProcessor(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	compute := s.loop.handshakes.compute
	for range cap(compute) {
		compute <- struct{}{} // as busy as can be
	}
	s.do(func() { s.loop.handshakes.limit = 2 })
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			c, err := s.over("http", s.trust())
			if err != nil {
				t.Error(i, err)
				return
			}
			c.Close()
		})
	}
	for queued := 0; queued < 4; {
		s.do(func() { queued = len(s.loop.handshakes.queue) })
		runtime.Gosched()
	}
	gone := s.dial("http")
	gone.write(string(recordedHello(t)))
	for queued := 0; queued < 5; {
		s.do(func() { queued = len(s.loop.handshakes.queue) })
		runtime.Gosched()
	}
	gone.Close()
	for range cap(compute) {
		<-compute
	}
	group.Wait()
	s.mustOver("http", s.trust()).get(w, "/")
}

func TestSlowHandshakeEndsWithHeaderTimeout(t *testing.T) {
	s := newStill(t)
	a := newAuthority(t)
	s.ln.tls = s.newTLSSettings(tlsRules{scheme: "http"})
	s.takeCertificate(a.issue(1, "example.org"))
	s.ln.tls.table.Store(newCertificateTable([]int{1}))
	silent, _ := s.meet("http")
	slow, p := s.meet("http")
	p.write([]byte{0x16, 3, 1})
	s.settle()
	s.later(s.ln.limits.HeaderTimeout + time.Second)
	if silent.state != stateGone || slow.state != stateGone {
		t.Errorf("%s, %s", silent.state, slow.state)
	}
}

func TestBigAnswerToASlowTLSReaderIsHeldBack(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	c := s.mustOver("http", s.trust())
	c.write("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
	m := w.expect(wire.OpReq)
	w.say(resStart(m.id, 200))
	chunk := strings.Repeat("0123456789abcdef", 2048)
	sent, credit := 0, wire.StreamCredit
	more := func() {
		w.say(withText(wire.OpResChunk, m.id, chunk))
		sent, credit = sent+len(chunk), credit-len(chunk)
	}
	got := make(chan int, 1)
	for sent < 32<<20 {
		for credit >= len(chunk) {
			more()
		}
		if sent == wire.StreamCredit {
			go func() { got <- c.chunks() }() // slow, but not for ever
		}
		s.do(func() {
			for _, c := range s.loop.conns.conns {
				if c != nil && c.pending() > wire.StreamCredit+cipherBytes {
					t.Errorf("%d bytes wait", c.pending())
				}
			}
		})
		credit += int(w.expect(wire.OpCredit).n)
	}
	w.say(withText(wire.OpResEnd, m.id, ""), ack(1))
	if n := <-got; n != sent {
		t.Errorf("%d bytes of %d", n, sent)
	}
}

// chunks reads a chunked answer and returns how long its body was.
func (c *client) chunks() (n int) {
	for line := c.line(); line != ""; line = c.line() {
	}
	for {
		var size int
		if _, err := fmt.Sscanf(c.line(), "%x", &size); err != nil || size == 0 {
			return n
		}
		k, err := io.CopyN(io.Discard, c.r, int64(size))
		n += int(k)
		if err != nil {
			return n
		}
		c.line()
	}
}

func TestCloseNotifyComesWithAnOrderlyClose(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1, "request", "message", "connect")
	c := s.mustOver("http", s.trust())
	c.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "bye"), ack(1))
	c.body("bye")
	c.eof() // crypto/tls: unexpected EOF without it... at a record's border it cannot tell
	raw := s.dial("tcp")
	watch := &watchedConn{Conn: raw.Conn}
	tc := tls.Client(watch, s.trust())
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	open := w.expect(wire.OpOpen)
	watch.bytes = nil
	w.say(closeConn(open.id, 1000, ""), ack(1))
	if _, err := tc.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	// The last record before the end of file is the alert: 2 bytes, sealed.
	if b := watch.bytes; len(b) < 24 || !bytes.Equal(b[len(b)-24:len(b)-19], []byte{0x17, 3, 3, 0, 19}) {
		t.Errorf("no close_notify in %x", b)
	}
}

// watchedConn keeps what was read.
type watchedConn struct {
	net.Conn
	bytes []byte
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes = append(c.bytes, b[:n]...)
	return n, err
}

// A stream that ends without close_notify may have been cut by somebody else.
func TestStreamThatIsCutOffClosesAbnormally(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1, "message", "connect", "close")
	c := s.mustOver("tcp", s.trust())
	w.expect(wire.OpOpen)
	w.say(ack(1))
	c.write("half of it")
	w.expect(wire.OpMsg)
	w.say(ack(1))
	_ = c.Conn.(*tls.Conn).NetConn().(*net.TCPConn).CloseWrite()
	if m := w.expect(wire.OpClose); m.n != closeAbnormal {
		t.Errorf("close code %d", m.n)
	}
	w.say(ack(1))
}

// The client ends its side together with its last bytes, and is answered.
func TestHalfCloseOverTLS(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	c := s.mustOver("http", s.trust())
	c.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = c.Conn.(*tls.Conn).CloseWrite()
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "still here"), ack(1))
	c.body("still here")
	c.eof()
}

func TestCertificateIsReplacedUnderLoad(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	old := s.mustOver("http", s.trust())
	old.get(w, "/old")
	serial := func() *big.Int {
		config := s.trust()
		c := s.mustOver("http", config)
		defer c.Close()
		return c.state().PeerCertificates[0].SerialNumber
	}
	before := serial()
	s.give(s.authority.issue(1, "example.org"))
	if after := serial(); after.Cmp(before) == 0 {
		t.Error("the old certificate is still served")
	}
	broken := s.authority.issue(1, "example.org")
	broken.Key = s.authority.issue(3, "x").Key
	s.give(broken)
	serial()
	if !strings.Contains(s.log.String(), "the one before stays") || !strings.Contains(s.log.String(), "example.org.pem") {
		t.Error("nothing in the log")
	}
	if strings.Contains(s.log.String(), "PRIVATE") {
		t.Error("a key is in the log")
	}
	old.get(w, "/new")
}

func TestStapleIsSent(t *testing.T) {
	s := startTLS(t, nil)
	c := s.authority.issue(1, "example.org")
	c.Staple = []byte("an answer")
	s.give(c)
	if got := s.mustOver("http", s.trust()).state().OCSPResponse; string(got) != "an answer" {
		t.Errorf("%q", got)
	}
}

func TestConnectionsShowTheirVersion(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	s.mustOver("http", s.trust()).get(w, "/")
	half := s.dial("http")
	half.write("\x16\x03")
	for n := 0; n < 2; {
		s.do(func() { n = s.loop.conns.live })
	}
	s.tell(&control.Message{Kind: control.Query, Topic: control.TopicConnections})
	rows := s.expect(control.Report).Connections
	if len(rows) != 2 || rows[0].TLS != "1.3" || rows[1].TLS != "handshake" && rows[1].State != "handshake" {
		t.Errorf("%+v", rows)
	}
}

// A PROXY header comes in front of TLS, in the same packet.
func TestProxyHeaderBeforeTLS(t *testing.T) {
	s := startTLS(t, func(_ *secured, c *control.Configuration) {
		c.Listeners[0].ProxyProtocol, c.Listeners[0].TrustedProxies = true, []string{"loopback"}
	})
	w := s.worker(1)
	raw := s.dial("http")
	c := tls.Client(&prefixed{Conn: raw.Conn, prefix: "PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n"}, s.trust())
	full := &client{t: t, Conn: c, r: bufio.NewReader(c)}
	if m := full.get(w, "/"); m.peer != "192.0.2.1:1000" || m.n&wire.FlagTLS == 0 {
		t.Errorf("peer %q, flags %d", m.peer, m.n)
	}
}

// prefixed puts a text in front of what is written first.
type prefixed struct {
	net.Conn
	prefix string
}

func (c *prefixed) Write(b []byte) (int, error) {
	n := len(b)
	b, c.prefix = append([]byte(c.prefix), b...), ""
	_, err := c.Conn.Write(b)
	return n, err
}

// A client whose handshake has not begun when a reload takes TLS away is closed,
// and nobody else.
func TestReloadTakesTLSAwayBeforeAHandshake(t *testing.T) {
	s := startTLS(t, nil)
	w := s.worker(1)
	c := s.dial("http")
	c.write("\x16\x03\x01\x00\x05") // a first record of five bytes
	placeOf(t, s.harness, c)
	s.configuration.Listeners[0].TLS = nil
	s.configure()
	c.write("hello")
	c.eof()
	next := s.dial("http")
	next.write(get)
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"), ack(1))
	next.response("GET")
}

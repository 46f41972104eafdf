package gateway

import (
	"bufio"
	"crypto/tls"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// behindProxy is a loop whose listeners trust proxies on the loopback.
func behindProxy(t *testing.T, change func(*control.Listener)) *harness {
	t.Helper()
	return startLoop(t, func(c *control.Configuration) {
		for i := range c.Listeners {
			c.Listeners[i].TrustedProxies = []string{"loopback", "10.0.0.0/8"}
			if change != nil {
				change(&c.Listeners[i])
			}
		}
	})
}

// asked sends a request with these fields and returns it as the handler gets it.
func asked(c *client, w *handler, fields string) received {
	c.t.Helper()
	c.write("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n")
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"), ack(1))
	c.response("GET")
	return m
}

func TestTrustedProxySpeaksForItsClient(t *testing.T) {
	h := behindProxy(t, nil)
	w, c := h.worker(1), h.dial("http")
	for fields, want := range map[string]struct{ peer, host, scheme string }{
		"": {c.LocalAddr().String(), "x", "http"},
		"X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.1\r\n":                                      {"192.0.2.1:0", "x", "http"},
		"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test\r\n": {"192.0.2.1:0", "a.test", "https"},
		"X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Port: 8443\r\n":     {c.LocalAddr().String(), "a.test:8443", "https"},
		"X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n":                                  {c.LocalAddr().String(), "x", "https"},
		"X-Forwarded-Host: a.test:99\r\nX-Forwarded-Port: 98\r\n":                                {c.LocalAddr().String(), "a.test:99", "http"},
		"Forwarded: for=\"[2001:db8::1]:443\";proto=https;host=a.test\r\n":                       {"[2001:db8::1]:443", "a.test", "https"},
	} {
		m := asked(c, w, fields)
		scheme := map[bool]string{true: "https", false: "http"}[m.n&wire.FlagTLS != 0]
		if m.peer != want.peer || scheme != want.scheme || !strings.HasPrefix(m.head, "host: "+want.host+"\n") {
			t.Errorf("%q: peer %s, %s, head %q", fields, m.peer, scheme, m.head)
		}
		if fields != "" && !strings.Contains(m.head, "orwarded") {
			t.Errorf("%q: a trusted proxy's fields are gone: %q", fields, m.head)
		}
	}
}

func TestWhatAnybodySaysOfClientsIsTakenOut(t *testing.T) {
	h := startLoop(t, nil)
	w, c := h.worker(1), h.dial("http")
	m := asked(c, w, "X-Forwarded-For: 6.6.6.6\r\nAccept: */*\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX_Forwarded_Proto: https\r\nX-Request-Id: 7\r\n")
	if m.head != "host: x\naccept: */*\nx-request-id: 7\n" || m.peer != c.LocalAddr().String() || m.n&wire.FlagTLS != 0 {
		t.Errorf("%+v", m)
	}
}

func TestMalformedForwardedFieldsAreVoid(t *testing.T) {
	h := behindProxy(t, nil)
	w, c := h.worker(1), h.dial("http")
	m := asked(c, w, "X-Forwarded-For: 192.0.2.1, garbage\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n")
	if m.head != "host: x\n" || m.peer != c.LocalAddr().String() || m.n&wire.FlagTLS != 0 {
		t.Errorf("%+v", m)
	}
	h.do(func() {
		if n := h.loop.listeners[0].forwardedFaults; n != 1 {
			t.Errorf("%d faults counted", n)
		}
	})
}

func TestRoutesGoByTheForwardedHost(t *testing.T) {
	h := behindProxy(t, func(l *control.Listener) { l.Routes = []control.Route{{Host: "a.test", Prefix: "/", Pool: "web"}} })
	w, c := h.worker(1), h.dial("http")
	asked(c, w, "X-Forwarded-Host: a.test\r\n")
	c.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if r, _ := c.response("GET"); r.StatusCode != 404 {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestWebSocketBehindProxyIsTheClients(t *testing.T) {
	h := behindProxy(t, nil)
	w, c := h.worker(1, "request", "connect", "message"), h.dial("http")
	asked(c, w, "X-Forwarded-For: 192.0.2.9\r\n")
	c.write("GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
	if m := w.expect(wire.OpOpen); m.peer != "192.0.2.1:0" {
		t.Errorf("peer %s", m.peer)
	}
	h.tell(&control.Message{Kind: control.Query, Seq: 9, Topic: control.TopicConnections})
	row := h.expect(control.Report).Connections[0]
	if row.Peer != "192.0.2.1:0" || row.Proxy != c.LocalAddr().String() {
		t.Errorf("peer %s, proxy %s", row.Peer, row.Proxy)
	}
}

const (
	headerLine    = "PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n"
	headerBinary  = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\xc7\x38\x01\xbb"
	headerTLS     = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x14\xc0\x00\x02\x01\xc6\x33\x64\x02\xc7\x38\x01\xbb\x20\x00\x05\x01\x00\x00\x00\x00"
	headerLocal   = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	headerUnknown = "PROXY UNKNOWN\r\n"
)

func withProxyProtocol(l *control.Listener) { l.ProxyProtocol = true }

func TestProxyHeaderNamesTheClient(t *testing.T) {
	h := behindProxy(t, withProxyProtocol)
	w := h.worker(1)
	for name, header := range map[string]string{"line": headerLine, "binary": headerBinary, "TLS": headerTLS, "local": headerLocal, "unknown": headerUnknown} {
		for _, cut := range []int{0, 1, len(header) / 2, len(header) - 1, len(header)} {
			c := h.dial("http")
			c.write(header[:cut])
			h.do(func() {}) // the loop has seen the first part, or sees both: each is right
			c.write(header[cut:])
			m := asked(c, w, "X-Forwarded-For: 6.6.6.6\r\n") // 192.0.2.1 is no proxy
			want := "192.0.2.1:51000"
			if name == "local" || name == "unknown" {
				want = "6.6.6.6:0" // it is the proxy's own connection, and the proxy is trusted
			}
			if m.peer != want || m.n&wire.FlagTLS != 0 != (name == "TLS") {
				t.Errorf("%s, cut at %d: %+v", name, cut, m)
			}
			c.Close()
		}
	}
}

func TestBytesBehindTheProxyHeaderAreTheProtocols(t *testing.T) {
	h := behindProxy(t, withProxyProtocol)
	w := h.worker(1, "connect", "message")
	c := h.dial("text")
	c.write(headerLine + "Tom\nAnn\n")
	if m := w.expect(wire.OpOpen); m.peer != "192.0.2.1:51000" {
		t.Errorf("peer %s", m.peer)
	}
	w.say(ack(1))
	for _, want := range []string{"Tom", "Ann"} {
		if m := w.expect(wire.OpMsg); string(m.data) != want {
			t.Errorf("message %q", m.data)
		}
		w.say(ack(1))
	}
	h.tell(&control.Message{Kind: control.Query, Seq: 9, Topic: control.TopicConnections})
	row := h.expect(control.Report).Connections[0]
	if row.Peer != "192.0.2.1:51000" || row.Proxy != c.LocalAddr().String() || row.Local != "198.51.100.2:443" {
		t.Errorf("%+v", row)
	}
}

func TestConnectionsWithoutGoodProxyHeaderAreClosed(t *testing.T) {
	h := behindProxy(t, func(l *control.Listener) {
		l.ProxyProtocol = true
		l.Limits.HeaderTimeout = 200 * time.Millisecond
	})
	bad := []string{get, "PROXY TCP4 a b c d\r\n", "PROX", "", headerLine[:len(headerLine)-1], headerBinary[:20]} // the last four come too slowly
	for _, text := range bad {
		c := h.dial("http")
		c.write(text)
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: %q, %v", text, b, err)
		}
	}
	c := h.dial("http")
	c.write(headerLine[:10])
	c.Close() // and one that leaves
	h.do(func() {})
	h.tell(&control.Message{Kind: control.Query, Seq: 9, Topic: control.TopicConnections})
	for h.expect(control.Report).Connections != nil {
		h.tell(&control.Message{Kind: control.Query, Seq: 9, Topic: control.TopicConnections})
	}
	h.do(func() {
		if n := h.loop.listeners[0].proxyRefused; n != uint64(len(bad)+1) {
			t.Errorf("%d counted", n)
		}
	})
}

func TestProxyHeaderOfStrangersIsNotRead(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].ProxyProtocol = true
		c.Listeners[0].TrustedProxies = []string{"10.0.0.0/8"}
		c.Listeners[1].ProxyProtocol = true // no list: everybody may
	})
	c := h.dial("http")
	if b, err := io.ReadAll(c); len(b) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("%q, %v", b, err)
	}
	w := h.worker(1, "connect", "message")
	h.dial("text").write(headerLine)
	if m := w.expect(wire.OpOpen); m.peer != "192.0.2.1:51000" {
		t.Errorf("peer %s", m.peer)
	}
}

func TestRequestBehindProxyAllocatesNothing(t *testing.T) {
	s := newStill(t)
	s.ln.proxies = s.addresses(s.ln, []string{"unix"})
	s.ln.limits.RequestEvery, s.ln.limits.BurstPerAddress = time.Microsecond, 1<<30
	_, handler := s.hire(1, "request")
	_, client := s.meet("http")
	request := []byte("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6, 2001:db8::1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Port: 8443\r\n\r\n")
	answer := make([]byte, 0, 4096)
	once := func() {
		client.write(request)
		s.settle()
		sid := lastID(t, handler.read(), wire.OpReq)
		b := append(answer[:0], make([]byte, wire.BatchHeaderLen)...)
		b = wire.AppendUint(wire.AppendUint(append(wire.AppendArray(b, 5), byte(wire.OpRes)), sid), 200)
		b = wire.AppendStr(wire.AppendArray(b, 0), "Hello")
		b = wire.AppendUint(append(wire.AppendArray(b, 2), byte(wire.OpAck)), 1)
		wire.PutBatchHeader(b, 2)
		handler.write(b)
		s.settle()
		if !strings.HasSuffix(string(client.read()), "\r\n\r\nHello") {
			t.Fatal("no answer")
		}
	}
	if n := testing.AllocsPerRun(2000, once); n > 1 { // the string of the comparison above
		t.Errorf("%v allocations a request", n)
	}
}

func TestProxyHeaderStandsInFrontOfTLS(t *testing.T) {
	s := startTLS(t, func(_ *secured, c *control.Configuration) {
		for i := range c.Listeners {
			c.Listeners[i].ProxyProtocol = true
		}
	})
	w := s.worker(1)
	raw := s.dial("http")
	raw.write(headerBinary)
	c := tls.Client(raw.Conn, s.trust())
	m := (&client{t: t, Conn: c, r: bufio.NewReader(c)}).get(w, "/")
	if m.peer != "192.0.2.1:51000" || m.n&wire.FlagTLS == 0 {
		t.Errorf("%+v", m)
	}
}

func TestStreamsOfHTTP2AreTheirClients(t *testing.T) {
	var path string
	h := startLoop(t, func(c *control.Configuration) {
		path = filepath.Join(t.TempDir(), "access.log")
		c.AccessLogs = []control.AccessLog{{ID: 1, Path: path, Fresh: true}}
		ln := &c.Listeners[0]
		ln.HTTP2, ln.Limits.MaxStreams, ln.AccessLog, ln.LogJSON = true, 100, 1, true
		ln.TrustedProxies = []string{"loopback"}
		ln.Limits.RequestEvery, ln.Limits.BurstPerAddress, ln.Limits.MaxConnectionsPerAddress = time.Hour, 2, 1
	})
	w, r := h.worker(10, "request", "connect", "message"), h.raw()
	ask := func(id uint32, client string) {
		r.head(id, true, ":method", "GET", ":scheme", "http", ":authority", "example.org", ":path", "/", "x-forwarded-for", client, "x-forwarded-proto", "https")
	}
	for id := uint32(1); id < 6; id += 2 {
		ask(id, "192.0.2."+string('0'+rune(id)))
		m := w.expect(wire.OpReq)
		if m.peer != "192.0.2."+string('0'+rune(id))+":0" || m.n&wire.FlagTLS == 0 {
			t.Errorf("%+v", m)
		}
		w.say(res(m.id, 200, "ok"))
		until[*http2.DataFrame](r)
	}
	ask(7, "192.0.2.1")
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"))
	until[*http2.DataFrame](r)
	ask(9, "192.0.2.1") // the third of that address
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "429" {
		t.Errorf("%+v", f)
	}
	r.head(11, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "example.org", ":path", "/chat", "sec-websocket-version", "13",
		"x-forwarded-for", "192.0.2.7", "x-forwarded-proto", "https")
	if m := w.expect(wire.OpOpen); m.peer != "192.0.2.7:0" {
		t.Errorf("%+v", m)
	}
	ask(13, "192.0.2.3") // the WebSocket's client is not that of the connection
	if m = w.expect(wire.OpReq); m.peer != "192.0.2.3:0" {
		t.Errorf("%+v", m)
	}
	w.say(res(m.id, 200, "ok"))
	until[*http2.DataFrame](r)
	lines := h.lines(path)
	if len(lines) != 6 || !strings.Contains(lines[0], `"remote":"192.0.2.1","proxy":"127.0.0.1","method":"GET","target":"/","protocol":"HTTP/2.0","scheme":"https","host":"example.org","status":200,"sent":2,`) ||
		!strings.Contains(lines[4], `"status":429`) {
		t.Errorf("%q", lines)
	}
}

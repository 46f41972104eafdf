package gateway

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// response reads one answer.
func (c *client) response(method string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r, string(b)
}

const get = "GET /a?q=1 HTTP/1.1\r\nHost: x\r\nX-Test: 1\r\n\r\n"

func TestRequestReachesHandlerAndAnswerReachesClient(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	for range 3 {
		c.write(get)
		m := w.expect(wire.OpReq)
		if m.meth != "GET" || m.path != "/a" || m.head != "host: x\nx-test: 1\n" {
			t.Fatalf("%+v", m)
		}
		w.say(res(m.id, 200, "Hello"), ack(1))
		r, body := c.response("GET")
		if r.StatusCode != 200 || body != "Hello" || r.Header.Get("Content-Type") != "text/plain" || r.Header.Get("Date") == "" {
			t.Fatalf("%+v %q", r, body)
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write(strings.Repeat(get, 20))
	for i := range 20 {
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, string(rune('a'+i))), ack(1))
	}
	for i := range 20 {
		if _, body := c.response("GET"); body != string(rune('a'+i)) {
			t.Fatalf("answer %d is %q", i, body)
		}
	}
}

func TestSegmentBoundariesDoNotMatter(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	request := "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" +
		"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
	for at := 1; at < len(request); at += 3 {
		c := h.dial("http")
		c.write(request[:at])
		h.do(func() {}) // the loop has seen the first part, or sees both: each is right
		c.write(request[at:])
		for _, want := range []string{"hello", "abcde"} {
			m := w.expect(wire.OpReq)
			if string(m.data) != want {
				t.Fatalf("split at %d: body %q", at, m.data)
			}
			w.say(res(m.id, 200, "ok"), ack(1))
			c.response("POST")
		}
		c.Close()
	}
}

func TestLongBodyComesAsFile(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	body := strings.Repeat("0123456789", 100_000)
	for _, head := range []string{"Content-Length: 1000000\r\n\r\n" + body, "Transfer-Encoding: chunked\r\n\r\nf4240\r\n" + body + "\r\n0\r\n\r\n"} {
		c.write("POST / HTTP/1.1\r\nHost: x\r\n" + head)
		m := w.expect(wire.OpReq)
		if m.n&wire.FlagBodyFile == 0 {
			t.Fatal("no file")
		}
		b, err := readFile(string(m.data))
		if err != nil || b != body {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		w.say(res(m.id, 200, "ok"), ack(1))
		c.response("POST")
		h.waitNoFiles()
	}
}

func TestFaultsGetTheirStatusAndCloseOnlyTheirConnection(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Limits.MaxBodyBytes = 100
		c.Listeners[0].Limits.HeaderTimeout = 200 * time.Millisecond
		c.Listeners[0].Routes = []control.Route{{Host: "x", Prefix: "/", Pool: "web"}}
	})
	w := h.worker(1)
	good := h.dial("http")
	exchange := func() {
		good.write(get)
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "ok"), ack(1))
		good.response("GET")
	}
	exchange()
	for request, status := range map[string]int{
		"GARBAGE\r\n\r\n": 400,
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n":                                400,
		"GET / HTTP/1.1\r\nHost: unknown\r\n\r\n":                                                                             404,
		"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n":                                                                                 405,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n":                                                           413,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n66\r\n" + strings.Repeat("x", 102) + "\r\n0\r\n\r\n": 413,
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 40_000) + "\r\n\r\n":                                         431,
		"GET / HTTP/1.1\r\nHost: x\r\n":                                                                                       408,
		"GET / HTTP/2.5\r\nHost: x\r\n\r\n":                                                                                   505,
	} {
		c := h.dial("http")
		c.write(request)
		if r, _ := c.response("GET"); r.StatusCode != status || !r.Close {
			t.Errorf("%.40q: %d, want %d", request, r.StatusCode, status)
		}
		c.eof()
	}
	exchange()
}

func TestTheLastRequestOfAConnectionIsAnsweredWithClose(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.MaxConnectionRequests = 3 })
	w := h.worker(1)
	c := h.dial("http")
	c.write(strings.Repeat(get, 5))
	for n := range 3 {
		w.say(res(w.expect(wire.OpReq).id, 200, "ok"), ack(1))
		if r, _ := c.response("GET"); r.Close != (n == 2) {
			t.Errorf("answer %d: close %v", n, r.Close)
		}
	}
	c.eof()
	c = h.dial("http") // the limit is the connection's, not the listener's
	c.write(get)
	w.say(res(w.expect(wire.OpReq).id, 200, "ok"), ack(1))
	if r, _ := c.response("GET"); r.Close {
		t.Error("the first request of another connection closes it")
	}
}

// While a client sends what was refused, its connection is not closed: RST
// would destroy the answer.
func TestARefusedUploadIsReadAsLongAsItGoesOn(t *testing.T) {
	h := startLoop(t, nil)
	c := h.dial("http")
	const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
	c.write(head)
	var until time.Duration
	var lingering *conn
	h.eventually("our side is shut", func() bool {
		for _, c := range h.loop.conns.conns {
			if c != nil && c.state == stateLingering {
				lingering, until = c, c.deadline.at
			}
		}
		return lingering != nil
	})
	c.write(strings.Repeat("x", 100_000))
	h.eventually("the deadline moved", func() bool { return lingering.bytesIn == uint64(len(head)+100_000) && lingering.deadline.at > until })
	h.do(func() {
		lingering.active -= lingerLimit
		until = lingering.deadline.at
	})
	c.write("x")
	h.eventually("the last byte is read", func() bool { return lingering.bytesIn == uint64(len(head)+100_001) })
	h.do(func() {
		if lingering.deadline.at != until {
			t.Error("a client may keep its connection for ever")
		}
	})
	if r, _ := c.response("POST"); r.StatusCode != 413 {
		t.Errorf("answer %d", r.StatusCode)
	}
}

func TestHeadAndOldClientsAndConnectionClose(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	for _, x := range []struct {
		request, method, body string
		close                 bool
	}{
		{"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD", "", false},
		{"GET / HTTP/1.0\r\n\r\n", "GET", "Hello", true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", "Hello", false},
		{"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET", "Hello", true},
	} {
		c := h.dial("http")
		c.write(x.request)
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "Hello"), ack(1))
		r, body := c.response(x.method)
		if body != x.body || r.ContentLength != 5 {
			t.Errorf("%q: %q %d", x.request, body, r.ContentLength)
		}
		if x.close {
			c.eof()
		}
	}
}

func TestHandlerCannotInjectHeaders(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	bad := wire.AppendUint(wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpRes)), m.id), 200)
	bad = wire.AppendStr(wire.AppendStr(wire.AppendMap(bad, 1), "x"), "1\r\nset-cookie: stolen=1")
	w.say(wire.AppendStr(bad, "body"), ack(1))
	if r, _ := c.response("GET"); r.StatusCode != 500 || r.Header.Get("Set-Cookie") != "" {
		t.Fatalf("%+v", r)
	}
	c.write(get) // the connection goes on
	m = w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"), ack(1))
	c.response("GET")
}

func TestStreamedAnswerWaitsForCredit(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	start := wire.AppendUint(wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpResStart)), m.id), 200)
	w.say(wire.AppendStr(wire.AppendArray(start, 0), ""))
	chunk := strings.Repeat("x", wire.ChunkLimit)
	const total = 4 << 20
	got := make(chan string, 1)
	go func() {
		r, err := http.ReadResponse(c.r, nil)
		if err != nil {
			got <- err.Error()
			return
		}
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}()
	credit := wire.StreamCredit
	for sent := 0; sent < total; sent += len(chunk) {
		for credit < len(chunk) {
			credit += int(w.expect(wire.OpCredit).n)
		}
		w.say(withText(wire.OpResChunk, m.id, chunk))
		credit -= len(chunk)
	}
	w.say(withText(wire.OpResEnd, m.id, ""), ack(1))
	if b := <-got; len(b) != total {
		t.Fatalf("%d bytes", len(b))
	}
}

func TestLeavingClientAbortsRequest(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	_ = c.Conn.(interface{ SetLinger(int) error }).SetLinger(0)
	c.Close()
	if a := w.expect(wire.OpAbort); a.id != m.id || a.n != wire.AbortClientGone {
		t.Fatalf("%+v", a)
	}
	w.say(res(m.id, 200, "too late"), ack(1))
	d := h.dial("http")
	d.write(get)
	m = w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"), ack(1))
	if _, body := d.response("GET"); body != "ok" {
		t.Fatal(body)
	}
}

func TestPipelinedRequestsWaitForTheClientToRead(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	const requests = 200
	c.write(strings.Repeat(get, requests))
	_ = c.Conn.(*net.TCPConn).CloseWrite() // who ends his side is owed no less
	body := strings.Repeat("x", wire.BodyLimit)
	var most atomic.Int64
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		for range requests {
			m := w.expect(wire.OpReq)
			w.say(res(m.id, 200, body), ack(1))
			h.do(func() {
				for _, c := range h.loop.conns.conns {
					if c != nil {
						most.Store(max(most.Load(), int64(c.pending())))
					}
				}
			})
		}
	}()
	for held := false; !held; { // the client does not read until nothing moves any more
		select {
		case <-answered:
			held = true
		default:
			h.do(func() {
				for _, c := range h.loop.conns.conns {
					held = c != nil && c.exchange == nil && c.pending() > pipelineBytes && c.stalled
				}
			})
		}
	}
	for range requests {
		if _, b := c.response("GET"); len(b) != len(body) {
			t.Fatalf("%d bytes", len(b))
		}
	}
	<-answered
	c.eof()
	if most.Load() > pipelineBytes+wire.BodyLimit+4096 {
		t.Fatalf("%d bytes waited", most.Load())
	}
}

func TestRefusedExpectationIsNotContinued(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].QueueLimit = 0 })
	c := h.dial("http")
	c.write("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
	c.response("POST")
	c.write(get)
	if s := c.line(); s != "HTTP/1.1 503 Service Unavailable" {
		t.Fatal(s)
	}
}

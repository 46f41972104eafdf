package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/http1"
	"gw/protocol/wire"
)

// line is what a JSON line says.
type line struct {
	Time, Listener, Remote, Proxy, Method, Target, Protocol, Scheme, Host, Upgrade, Pool, Referer string
	ID                                                                                            uint64
	RequestID                                                                                     string `json:"request_id"`
	Agent                                                                                         string `json:"user_agent"`
	Status, CloseCode                                                                             int
	Close                                                                                         int `json:"close_code"`
	Sent, Received                                                                                int64
	Took                                                                                          float64  `json:"took_ms"`
	Queue                                                                                         *float64 `json:"queue_ms"`
	Handler                                                                                       *float64 `json:"handler_ms"`
	Slot                                                                                          int
	Worker                                                                                        uint64
}

// logged is a loop with an access log.
func logged(t *testing.T, json bool, change func(*control.Configuration)) (h *harness, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "access.log")
	h = startLoop(t, func(c *control.Configuration) {
		c.AccessLogs = []control.AccessLog{{ID: 1, Path: path, Fresh: true}}
		for i := range c.Listeners {
			c.Listeners[i].AccessLog, c.Listeners[i].LogJSON = 1, json
			c.Listeners[i].TrustedProxies = []string{"10.0.0.0/8"}
		}
		if change != nil {
			change(c)
		}
	})
	return h, path
}

// lines returns the access log when the loop has written all of it.
func (h *harness) lines(path string) []string {
	h.t.Helper()
	h.do(func() { // the writer ends, and a new one begins
		for i, a := range h.loop.accessLogs {
			a.end()
			again := newAccessLog(a.id, a.path, appendFile(h.t, a.path), h.loop.log)
			h.loop.accessLogs[i] = again
			for _, ln := range h.loop.listeners {
				if ln.accessLog == a {
					ln.accessLog = again
				}
			}
		}
	})
	return strings.SplitAfter(strings.TrimSuffix(contents(h.t, path), "\n"), "\n")
}

// only wants one line more than there were, and reads it.
func (h *harness) only(path string, before int) (l line) {
	h.t.Helper()
	lines := h.lines(path)
	if len(lines) != before+1 {
		h.t.Fatalf("%d lines: %q", len(lines), lines)
	}
	if err := json.Unmarshal([]byte(lines[before]), &l); err != nil {
		h.t.Fatalf("%q: %v", lines[before], err)
	}
	return l
}

func TestRequestGetsOneLine(t *testing.T) {
	h, path := logged(t, true, nil)
	w, c := h.worker(1), h.dial("http")
	c.write("POST /a?b=1 HTTP/1.1\r\nHost: x.test\r\nUser-Agent: te\"st\r\nReferer: http://x.test/\r\nX-Request-Id: mine\r\nContent-Length: 5\r\n\r\nhello")
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 201, "Hello Client"), ack(1))
	c.response("POST")
	got := h.only(path, 0)
	if got.Queue == nil || got.Handler == nil || got.Took < *got.Handler {
		t.Errorf("%+v", got)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$`).MatchString(got.Time) {
		t.Errorf("time %q", got.Time)
	}
	got.Time, got.Took, got.Queue, got.Handler = "", 0, nil, nil
	want := line{Listener: "http", Remote: "127.0.0.1", Method: "POST", Target: "/a?b=1", Protocol: "HTTP/1.1", Scheme: "http", Host: "x.test",
		Pool: "web", Referer: "http://x.test/", ID: m.id, Agent: `te"st`, Status: 201, Sent: 12, Received: 5, Slot: 1, Worker: 1}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestCombinedLines(t *testing.T) {
	h, path := logged(t, false, nil)
	w, c := h.worker(1), h.dial("http")
	for range 3 {
		c.write(get)
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "Hello"), ack(1))
		c.response("GET")
	}
	for _, l := range h.lines(path) {
		if !regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a\?q=1 HTTP/1\.1" 200 5 "-" "-"\n?$`).MatchString(l) {
			t.Errorf("%q", l)
		}
	}
}

// What the gateway answers itself gets a line too, and exactly one.
func TestRefusalsGetOneLineEach(t *testing.T) {
	h, path := logged(t, true, func(c *control.Configuration) {
		c.Listeners[0].Limits.MaxBodyBytes = 100
		c.Listeners[0].Limits.HeaderTimeout = 200 * time.Millisecond
		c.Listeners[0].Routes = []control.Route{{Host: "x", Prefix: "/", Pool: "web"}}
	})
	h.worker(1)
	count := 0
	for _, refused := range []struct {
		request string
		status  int
		target  string
	}{
		{"GARBAGE\r\n\r\n", 400, ""},
		{"GET /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "/smuggled"},
		{"GET /nowhere HTTP/1.1\r\nHost: unknown\r\n\r\n", 404, "/nowhere"},
		{"TRACE /trace HTTP/1.1\r\nHost: x\r\n\r\n", 405, "/trace"},
		{"POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", 413, "/big"},
		{"POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n66\r\n" + strings.Repeat("x", 102) + "\r\n0\r\n\r\n", 413, "/chunks"},
		{"GET / HTTP/1.1\r\nHost: x\r\n", 408, ""},
		{"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 426, "/ws"},
	} {
		c := h.dial("http")
		c.write(refused.request)
		if r, _ := c.response("GET"); r.StatusCode != refused.status {
			t.Errorf("%q: %d", refused.request, r.StatusCode)
		}
		c.eof()
		if l := h.only(path, count); l.Status != refused.status || l.Target != refused.target || l.Worker != 0 {
			t.Errorf("%q: %+v", refused.request, l)
		}
		count++
	}
}

func TestClientThatLeavesIsLoggedAs499(t *testing.T) {
	h, path := logged(t, true, nil)
	w, c := h.worker(1), h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	c.Conn.(*net.TCPConn).SetLinger(0) // gone, not half-closed
	c.Close()
	w.expect(wire.OpAbort)
	w.say(res(m.id, 200, "too late"), ack(1))
	if l := h.only(path, 0); l.Status != 499 || l.Sent != 0 || l.Worker != 1 {
		t.Errorf("%+v", l)
	}
}

func TestStreamedAnswerIsLoggedAtItsEnd(t *testing.T) {
	h, path := logged(t, true, nil)
	w, c := h.worker(1), h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	w.say(resStart(m.id, 200), withText(wire.OpResChunk, m.id, "abc"))
	for c.line() != "" {
	}
	c.line()
	if lines := h.lines(path); lines[0] != "" {
		t.Errorf("logged before its end: %q", lines)
	}
	w.say(withText(wire.OpResEnd, m.id, "de"), ack(1))
	io.ReadFull(c.r, make([]byte, len("abc\r\n2\r\nde\r\n0\r\n\r\n")))
	if l := h.only(path, 0); l.Status != 200 || l.Sent != 5 {
		t.Errorf("%+v", l)
	}
}

func TestWebSocketIsLoggedAtItsEnd(t *testing.T) {
	h, path := logged(t, true, func(c *control.Configuration) { c.Listeners[0].TrustedProxies = []string{"loopback"} })
	w, c := h.worker(1, "message"), h.dial("http")
	c.write("GET /chat?room=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: ws\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc\r\n" +
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	for c.line() != "" {
	}
	c.write(frame(0x81, "hello"))
	w.expect(wire.OpAttach)
	w.expect(wire.OpMsg)
	w.say(ack(1))
	if lines := h.lines(path); lines[0] != "" {
		t.Errorf("logged before its end: %q", lines)
	}
	c.write(frame(0x88, "\x03\xe9bye"))
	w.expect(wire.OpClose)
	l := h.only(path, 0)
	if l.Status != 101 || l.Upgrade != "websocket" || l.Target != "/chat?room=1" || l.Host != "x" || l.Agent != "ws" || l.Close != 1001 || l.Remote != "192.0.2.1" ||
		l.Proxy != "127.0.0.1" || l.Scheme != "https" || l.RequestID != "abc" || l.Pool != "web" || l.Sent < 100 || l.Received != 22 {
		t.Errorf("%+v", l)
	}
}

func TestClientBehindProxyIsLogged(t *testing.T) {
	h, path := logged(t, true, func(c *control.Configuration) { c.Listeners[0].TrustedProxies = []string{"loopback"} })
	w, c := h.worker(1), h.dial("http")
	asked(c, w, "X-Forwarded-For: 6.6.6.6, 2001:db8::1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.test\r\nX-Request-Id: abc\r\n")
	if l := h.only(path, 0); l.Remote != "2001:db8::1" || l.Proxy != "127.0.0.1" || l.Scheme != "https" || l.Host != "a.test" || l.RequestID != "abc" {
		t.Errorf("%+v", l)
	}
}

func TestExcludedPathsGetNoLine(t *testing.T) {
	h, path := logged(t, true, func(c *control.Configuration) { c.Listeners[0].LogExclude = []string{"/health"} })
	w, c := h.worker(1), h.dial("http")
	for _, target := range []string{"/health", "/health/deep?x", "/healthy"} {
		c.write("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "ok"), ack(1))
		c.response("GET")
	}
	if l := h.only(path, 0); l.Target != "/healthy" {
		t.Errorf("%+v", l)
	}
}

// Whatever becomes of the log's configuration, requests go on and no writer is left.
func TestReloadsChangeTheAccessLog(t *testing.T) {
	var first *control.Configuration
	h, path := logged(t, true, func(c *control.Configuration) { first = c })
	w, c := h.worker(1), h.dial("http")
	configure := func(change func(*control.Configuration), files ...*os.File) {
		again := *first
		again.Listeners = append([]control.Listener{}, first.Listeners...)
		for i := range again.Listeners {
			again.Listeners[i].Fresh = false
		}
		again.AccessLogs = nil
		change(&again)
		h.tell(&control.Message{Kind: control.Configure, Configuration: &again}, files...)
		h.expect(control.Configured)
	}
	asked(c, w, "")
	moved, other := path+".1", path+".other"
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	configure(func(c *control.Configuration) {
		c.AccessLogs = []control.AccessLog{{ID: 1, Path: path, Fresh: true}}
	}, appendFile(t, path))
	asked(c, w, "") // into the file that was opened anew
	configure(func(c *control.Configuration) {
		c.AccessLogs = []control.AccessLog{{ID: 1, Path: path}, {ID: 2, Path: other, Fresh: true}}
		c.Listeners[0].AccessLog = 2
	}, appendFile(t, other))
	asked(c, w, "")
	c.write(get) // begun with a log, ended without
	m := w.expect(wire.OpReq)
	configure(func(c *control.Configuration) {
		for i := range c.Listeners {
			c.Listeners[i].AccessLog = 0
		}
	})
	w.say(res(m.id, 200, "ok"), ack(1))
	c.response("GET")
	asked(c, w, "")
	h.do(func() {
		if len(h.loop.accessLogs) != 0 || len(h.loop.retiredLogs) != 2 {
			t.Errorf("%d logs, %d retired", len(h.loop.accessLogs), len(h.loop.retiredLogs))
		}
		for _, a := range h.loop.retiredLogs {
			<-a.ended
		}
	})
	for _, file := range []string{moved, path, other} {
		if n := strings.Count(contents(t, file), "\n"); n != 1 {
			t.Errorf("%s has %d lines", file, n)
		}
	}
}

func TestLoggedRequestAllocatesNothing(t *testing.T) {
	s := newStill(t)
	path := filepath.Join(t.TempDir(), "access.log")
	s.ln.accessLog, s.ln.logJSON = newAccessLog(1, path, appendFile(t, path), slog.New(slog.DiscardHandler)), true
	s.accessLogs = append(s.accessLogs, s.ln.accessLog)
	for range logBuffers { // what a busy log has already
		s.ln.accessLog.made++
		s.ln.accessLog.spare <- make([]byte, 0, logBufferBytes)
	}
	_, handler := s.hire(1, "request")
	_, client := s.meet("http")
	request := []byte("GET /a?q=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
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
		if !bytes.HasSuffix(client.read(), []byte("\r\n\r\nHello")) {
			t.Fatal("no answer")
		}
	}
	if n := testing.AllocsPerRun(2000, once); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// BenchmarkVisit is what the access log adds to a request, the writing included.
func BenchmarkVisit(b *testing.B) {
	for _, format := range []string{"combined", "json"} {
		b.Run(format, func(b *testing.B) {
			l, err := newLoop(slog.New(slog.DiscardHandler), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer l.close()
			path := filepath.Join(b.TempDir(), "access.log")
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
			if err != nil {
				b.Fatal(err)
			}
			ln := &listener{name: "http://0.0.0.0:8080", logJSON: format == "json", accessLog: newAccessLog(1, path, f, l.log)}
			l.accessLogs = append(l.accessLogs, ln.accessLog)
			c := &conn{id: 1 << 30, listener: ln, peer: "192.0.2.1:51000"}
			head := []byte("GET /hello?x=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\nReferer: https://example.org/page\r\n\r\n")
			var r http1.Request
			if _, err := r.Parse(head, http1.Limits{}); err != nil {
				b.Fatal(err)
			}
			e := &exchange{conn: c, status: 200, pool: &pool{name: "web"}}
			c.exchange = e
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%64 == 0 {
					l.now += 100_000 // a turn of the loop
				}
				l.openVisit(c, &r)
				e.visit.deliver(l.now, &worker{})
				l.closeVisit(c, e)
			}
			b.ReportMetric(float64(ln.accessLog.dropped)/float64(ln.accessLog.total), "dropped/line")
		})
	}
}

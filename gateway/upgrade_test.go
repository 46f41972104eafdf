package gateway

import (
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// accept is ACCEPT with everything; a nil protocol leaves the choice to the gateway.
func accept(sid uint64, protocol []byte, fields map[string]string, session, uid string, groups ...string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 7), byte(wire.OpAccept)), sid)
	if protocol == nil {
		m = append(m, 0xc0)
	} else {
		m = wire.AppendStr(m, protocol)
	}
	m = wire.AppendMap(m, len(fields))
	for name, value := range fields {
		m = wire.AppendStr(wire.AppendStr(m, name), value)
	}
	m = wire.AppendArray(wire.AppendStr(wire.AppendBin(m, session), uid), len(groups))
	for _, g := range groups {
		m = wire.AppendStr(m, g)
	}
	return m
}

// askUpgrade sends a handshake with more fields, and does not wait.
func (h *harness) askUpgrade(path string, fields ...string) *client {
	h.t.Helper()
	c := h.dial("http")
	c.write("GET " + path + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	for _, f := range fields {
		c.write(f + "\r\n")
	}
	c.write("\r\n")
	return c
}

// statusAndFields reads an answer's head: its first line, and the fields by lower-case name.
func (c *client) statusAndFields() (status string, fields map[string]string) {
	c.t.Helper()
	status, fields = c.line(), map[string]string{}
	for s := c.line(); s != ""; s = c.line() {
		name, value, _ := strings.Cut(s, ": ")
		fields[strings.ToLower(name)] = value
	}
	return status, fields
}

func (c *client) wantStatus(status string) map[string]string {
	c.t.Helper()
	got, fields := c.statusAndFields()
	if !strings.HasPrefix(got, "HTTP/1.1 "+status) {
		c.t.Fatalf("%s, want %s", got, status)
	}
	return fields
}

func TestHandlerAcceptsAHandshake(t *testing.T) {
	for _, concurrency := range []int{1, 8} {
		h := startLoop(t, nil)
		w := h.worker(concurrency, "handshake", "connect", "message", "close")
		c := h.askUpgrade("/chat?room=1", "Sec-WebSocket-Protocol: a, b", "Cookie: id=7")
		c.write(frame(0x81, "early")) // waits for the answer
		m := w.expect(wire.OpReq)
		if m.n != wire.FlagWebSocket || m.path != "/chat" || !strings.Contains(m.head, "cookie: id=7\n") {
			t.Fatalf("%+v", m)
		}
		w.say(accept(m.id, []byte("b"), map[string]string{"Set-Cookie": "seen=1", "Sec-WebSocket-Extensions": "made-up", "Upgrade": "made-up"}, "\x81\xa1n\x01", "tom", "room", "lobby"))
		fields := c.wantStatus("101")
		if fields["sec-websocket-protocol"] != "b" || fields["set-cookie"] != "seen=1" || fields["sec-websocket-accept"] != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" ||
			fields["upgrade"] != "websocket" || fields["sec-websocket-extensions"] != "" {
			t.Fatal(fields)
		}
		if concurrency == 1 {
			w.say(ack(1))
		}
		open := w.expect(wire.OpOpen)
		if open.id != m.id || string(open.sess) != "\x81\xa1n\x01" || open.uid != "tom" {
			t.Fatalf("%+v, want the cid %d", open, m.id)
		}
		early := w.expectAfter(concurrency, open, wire.OpMsg)
		if string(early.data) != "early" {
			t.Fatalf("%+v", early)
		}
		h.do(func() {
			if h.loop.count([]byte("room")) != 1 || h.loop.count([]byte("lobby")) != 1 || h.loop.hub.uids["tom"] == nil {
				t.Error("not in its groups, or not bound")
			}
		})
	}
}

// expectAfter finishes a message and returns the next.
func (w *handler) expectAfter(concurrency int, m received, op wire.Op) received {
	w.h.t.Helper()
	if concurrency == 1 {
		w.say(ack(1))
	} else {
		w.say(done(m.id, 1))
	}
	return w.expect(op)
}

func TestHandlerRefusesAHandshake(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "handshake", "request", "message")
	c := h.askUpgrade("/")
	c.write("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n") // what a refused client sent is no request
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 401, "who are you"), ack(1))
	if fields := c.wantStatus("401"); fields["connection"] != "close" || fields["content-length"] != "11" {
		t.Fatal(fields)
	}
	c.r.Discard(11)
	c.eof()
	next := h.dial("http")
	next.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
	if m := w.expect(wire.OpReq); m.path != "/next" || m.n != 0 {
		t.Fatalf("%+v", m)
	}
}

func TestHandlersChoiceOfASubprotocolMustBeOffered(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "handshake", "message")
	for _, x := range []struct {
		offered string
		chosen  []byte
		status  string
		got     string
	}{
		{"a, b", []byte("b"), "101", "b"},
		{"a, b", []byte("c"), "500", ""},
		{"a, b", []byte(""), "101", ""},
		{"a, b", nil, "101", "a"},
		{"", []byte("a"), "500", ""},
		{"", nil, "101", ""},
	} {
		c := h.askUpgrade("/", "Sec-WebSocket-Protocol: "+x.offered)
		w.say(accept(w.expect(wire.OpReq).id, x.chosen, nil, "", ""), ack(1))
		if fields := c.wantStatus(x.status); fields["sec-websocket-protocol"] != x.got {
			t.Errorf("%q of %q: %v", x.chosen, x.offered, fields)
		}
	}
	if !strings.Contains(h.log.String(), "subprotocol=c offered=\"a, b\"") {
		t.Error("the log does not say why")
	}
}

func TestHandshakeTimesOutAndSurvivesACrashAsARequestDoes(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].RequestTimeout = 150 * time.Millisecond })
	w := h.worker(1, "handshake", "message")
	c := h.askUpgrade("/")
	w.expect(wire.OpReq)
	c.wantStatus("504")
	h.expect(control.WorkerFailed)

	first, second := h.worker(1, "handshake", "message"), h.attach()
	c = h.askUpgrade("/")
	first.expect(wire.OpReq)
	first.exit("killed by SIGKILL")
	second.ready(1, "handshake", "message")
	h.expect(control.WorkerReady)
	h.tell(&control.Message{Kind: control.Activate, Worker: &control.Worker{ID: second.id}})
	second.say(accept(second.expect(wire.OpReq).id, nil, nil, "", ""), ack(1))
	c.wantStatus("101")
}

// An older version of the program, which does not judge handshakes, must not
// get one as a request while a reload is under way.
func TestHandshakeOfAWorkerThatWantsNoneIsAccepted(t *testing.T) {
	h := startLoop(t, nil)
	old := h.worker(1, "request", "message")
	h.worker(1, "handshake", "message") // now the pool wants them
	c := h.askUpgrade("/")              // and the old worker is the first with room
	c.wantStatus("101")
	c.write(frame(0x81, "x"))
	old.expect(wire.OpAttach)
	if m := old.expect(wire.OpMsg); string(m.data) != "x" {
		t.Fatalf("%+v", m)
	}
}

// Before a first worker said what it wants, nobody may be let in unasked.
func TestHandshakeWaitsForTheFirstWorker(t *testing.T) {
	h := startLoop(t, nil)
	c := h.askUpgrade("/")
	c.write(frame(0x81, "early"))
	w := h.worker(1, "handshake", "message")
	w.say(accept(w.expect(wire.OpReq).id, nil, nil, "", ""), ack(1))
	c.wantStatus("101")
	w.expect(wire.OpAttach)
	w.expect(wire.OpMsg)
	w.say(ack(1))

	h = startLoop(t, nil)
	c = h.askUpgrade("/")
	c.write(frame(0x81, "early"))
	plain := h.worker(1, "message")
	c.wantStatus("101")
	plain.expect(wire.OpAttach)
	plain.expect(wire.OpMsg)
}

func TestClientThatLeavesDuringItsHandshakeIsForgotten(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "handshake", "message")
	c := h.askUpgrade("/")
	m := w.expect(wire.OpReq)
	c.Close()
	w.expect(wire.OpAbort)
	w.say(accept(m.id, nil, nil, "", ""), ack(1))
	h.askUpgrade("/")
	w.expect(wire.OpReq)
}

func TestAcceptOfARequestReplacesTheHandler(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "handshake", "request", "message")
	c := h.dial("http")
	c.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	w.say(accept(w.expect(wire.OpReq).id, nil, nil, "", ""))
	h.expect(control.WorkerFailed)
}

func TestPagesOfOtherOriginsAreRefused(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].WebSocket.Origins = []string{"https://example.com", "self"}
	})
	w := h.worker(1, "handshake", "message")
	for origin, status := range map[string]string{"https://evil.example": "403", "null": "403", "https://example.com.evil.example": "403"} {
		c := h.askUpgrade("/", "Origin: "+origin)
		c.wantStatus(status)
	}
	for _, field := range []string{"Origin: https://example.com", "Origin: http://x", "X-No-Origin: 1"} {
		c := h.askUpgrade("/", field)
		w.say(accept(w.expect(wire.OpReq).id, nil, nil, "", ""), ack(1))
		c.wantStatus("101")
	}
}

func TestHandshakeWithABodyIsRefused(t *testing.T) {
	h := startLoop(t, nil)
	h.worker(1)
	for _, field := range []string{"Content-Length: 3", "Transfer-Encoding: chunked"} {
		h.askUpgrade("/", field).wantStatus("400")
	}
}

func TestSubprotocolWithoutAHandler(t *testing.T) {
	for _, x := range []struct{ ours, offered, want string }{
		{"", "a, b", "a"}, {"b a", "a, b", "b"}, {"c", "a, b", ""}, {"", "", ""},
	} {
		h := startLoop(t, func(c *control.Configuration) {
			c.Listeners[0].WebSocket.Subprotocols = strings.Fields(x.ours)
		})
		h.worker(1)
		if fields := h.askUpgrade("/", "Sec-WebSocket-Protocol: "+x.offered).wantStatus("101"); fields["sec-websocket-protocol"] != x.want {
			t.Errorf("%+v: %v", x, fields)
		}
	}
}

func TestStoppingGatewayAcceptsNobody(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "handshake", "message")
	c := h.askUpgrade("/")
	m := w.expect(wire.OpReq)
	h.tell(&control.Message{Kind: control.Stop, Deadline: 5 * time.Second})
	h.do(func() {})
	w.say(accept(m.id, nil, nil, "", ""), ack(1))
	c.wantStatus("503")
	h.expect(control.Stopped)
}

// An ASGI application that has accepted a connection is the one that gets its
// messages, however busy its process is.
func TestConnectionStaysWithTheWorkerThatAcceptedIt(t *testing.T) {
	h := startLoop(t, nil)
	idle, busy := h.worker(8, "handshake", "request", "connect", "message"), h.worker(8, "handshake", "request", "connect", "message")
	ask := func() { h.dial("http").write("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }
	ask()
	first := idle.expect(wire.OpReq)
	c := h.askUpgrade("/")
	shake := busy.expect(wire.OpReq)
	ask()
	second := idle.expect(wire.OpReq)
	ask()
	busy.expect(wire.OpReq)
	idle.say(res(first.id, 200, ""), res(second.id, 200, ""))
	h.do(func() {})
	busy.say(accept(shake.id, nil, nil, "", ""))
	c.wantStatus("101")
	if open := busy.expect(wire.OpOpen); open.id != shake.id {
		t.Fatalf("%+v", open)
	}
	c.write(frame(0x81, "x"))
	busy.say(done(shake.id, 1))
	busy.expect(wire.OpMsg)
}

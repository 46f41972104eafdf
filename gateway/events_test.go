package gateway

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// eventsMessage is EVENTS; groups, if any, come with an empty session and no uid.
func eventsMessage(id uint64, first string, groups ...string) []byte {
	n := 5
	if len(groups) > 0 {
		n = 8
	}
	m := wire.AppendUint(append(wire.AppendArray(nil, n), byte(wire.OpEvents)), id)
	m = wire.AppendStr(wire.AppendMap(wire.AppendUint(m, 200), 0), first)
	if n == 5 {
		return m
	}
	m = wire.AppendArray(wire.AppendStr(wire.AppendStr(m, ""), "u1"), len(groups))
	for _, g := range groups {
		m = wire.AppendStr(m, g)
	}
	return m
}

func publishMessage(group string, flags uint64, text string) []byte {
	m := wire.AppendStr(append(wire.AppendArray(nil, 5), byte(wire.OpPublish)), group)
	return wire.AppendArray(wire.AppendStr(wire.AppendUint(m, flags), text), 0)
}

// head reads a response head and returns its fields, the status line under "".
func (c *client) head() map[string]string {
	c.t.Helper()
	fields := map[string]string{"": c.line()}
	for line := c.line(); line != ""; line = c.line() {
		name, value, _ := strings.Cut(line, ": ")
		fields[name] = value
	}
	return fields
}

// chunk reads one chunk.
func (c *client) chunk() string {
	c.t.Helper()
	var n int
	if _, err := fmt.Sscanf(c.line(), "%x", &n); err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatal(err)
	}
	return string(b[:n])
}

// subscribe opens an event stream that w lets join a group.
func (h *harness) subscribe(w *handler, path string, group string) (*client, uint64) {
	h.t.Helper()
	c := h.dial("http")
	c.write("GET " + path + " HTTP/1.1\r\nhost: x\r\nlast-event-id: 41\r\n\r\n")
	req := w.expect(wire.OpReq)
	w.say(eventsMessage(req.id, "", group), ack(1))
	c.head()
	return c, req.id
}

func TestAnswerBecomesAnEventStream(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write("GET /news HTTP/1.1\r\nhost: x\r\n\r\n")
	req := w.expect(wire.OpReq)
	w.say(eventsMessage(req.id, "retry: 1000\n\n", "news"), ack(1))
	head := c.head()
	for name, want := range map[string]string{"": "HTTP/1.1 200 OK", "content-type": "text/event-stream", "cache-control": "no-cache", "transfer-encoding": "chunked", "connection": "close"} {
		if head[name] != want {
			t.Errorf("%s: %q, want %q", name, head[name], want)
		}
	}
	// The worker is free: it takes the next request, and what it publishes there reaches the stream.
	other := h.dial("http")
	other.write("GET /other HTTP/1.1\r\nhost: x\r\n\r\n")
	next := w.expect(wire.OpReq)
	w.say(publishMessage("news", 0, "one\ntwo"), send(req.id, "three"), res(next.id, 200, "other"), ack(1))
	if _, body, _ := other.answer(); body != "other" {
		t.Fatal(body)
	}
	for _, want := range []string{"retry: 1000\n\n", "data: one\ndata: two\n\n", "data: three\n\n"} {
		if got := c.chunk(); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	w.say(closeConn(req.id, 1000, ""))
	if c.line() != "0" || c.line() != "" {
		t.Fatal("no last chunk")
	}
	c.eof()
}

func TestGroupMixesWebSocketsAndEventStreams(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "request", "connect", "message")
	events, _ := h.subscribe(w, "/", "news")
	ws := h.dial("http")
	ws.write("GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	ws.head()
	open := w.expect(wire.OpOpen)
	w.say(withText(wire.OpJoin, open.id, "news"), publishMessage("news", wire.FlagEvent, "id: 7\nevent: price\ndata: 42\ndata: 43\n\n"),
		publishMessage("news", wire.FlagEvent, "retry: 5\n\n"), publishMessage("news", 0, "last"), ack(1))
	for _, want := range []string{"id: 7\nevent: price\ndata: 42\ndata: 43\n\n", "retry: 5\n\n", "data: last\n\n"} {
		if got := events.chunk(); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	b := make([]byte, 7+6)
	if _, err := io.ReadFull(ws.r, b); err != nil || string(b) != "\x81\x0542\n43\x81\x04last" {
		t.Fatalf("%q %v", b, err)
	}
}

func TestEventStreamOfAnOldClientHasNoChunks(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write("GET / HTTP/1.0\r\n\r\n")
	req := w.expect(wire.OpReq)
	w.say(eventsMessage(req.id, "", "news"), publishMessage("news", 0, "x"), send(req.id, "y"), closeConn(req.id, 1000, ""), ack(1))
	if head := c.head(); head["transfer-encoding"] != "" {
		t.Fatal(head)
	}
	rest, err := io.ReadAll(c.r)
	if string(rest) != "data: x\n\ndata: y\n\n" || err != nil {
		t.Fatalf("%q %v", rest, err)
	}
}

func TestHeadOfAnEventStream(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
	w.say(eventsMessage(w.expect(wire.OpReq).id, "data: x\n\n"), ack(1))
	if head := c.head(); head["content-type"] != "text/event-stream" {
		t.Fatal(head)
	}
	c.eof()
}

func TestClientThatEndsAnEventStreamIsTold(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "request", "close")
	c, id := h.subscribe(w, "/news", "news")
	closeWrite(t, c)
	attach := w.expect(wire.OpAttach)
	if attach.id != id || attach.path != "/news" || !strings.Contains(attach.head, "last-event-id: 41\n") {
		t.Fatalf("%+v", attach)
	}
	if m := w.expect(wire.OpClose); m.id != id || m.n != closeNormal {
		t.Fatalf("%+v", m)
	}
	c.eof()
}

func TestEventStreamOutlivesItsWorker(t *testing.T) {
	h := startLoop(t, nil)
	first := h.worker(1)
	c, id := h.subscribe(first, "/", "news")
	first.exit("killed")
	second := h.worker(1)
	second.say(publishMessage("news", 0, "still here"), send(id, "really"))
	if a, b := c.chunk(), c.chunk(); a != "data: still here\n\n" || b != "data: really\n\n" {
		t.Fatal(a, b)
	}
}

func TestEventStreamIsKeptAlive(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.PingInterval = 100 * time.Millisecond })
	c, _ := h.subscribe(h.worker(1), "/", "news")
	for range 2 {
		if got := c.chunk(); got != ":\n\n" {
			t.Fatalf("%q", got)
		}
	}
}

func TestSlowReaderOfEventsIsClosed(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.SendBufferBytes = 64 << 10 })
	w := h.worker(1, "request", "close")
	_, id := h.subscribe(w, "/", "news")
	long := strings.Repeat("x", 16<<10)
	closed := make(chan received)
	go func() {
		w.expect(wire.OpAttach)
		closed <- w.expect(wire.OpClose)
	}()
	for {
		select {
		case m := <-closed:
			if m.id != id || m.n != closeAbnormal {
				t.Fatalf("%+v", m)
			}
			return
		default:
			w.say(publishMessage("news", 0, long))
			h.do(func() {})
		}
	}
}

func TestPayloadForManyIsFramedOnce(t *testing.T) {
	l := new(loop)
	f := fanout{data: []byte("x")}
	c := &conn{kind: kindEvents, listener: new(listener), dialogue: &dialogue{chunked: true, own: &nothing}}
	if a, b := f.formFor(l, c).bytes, f.formFor(l, c).bytes; &a[0] != &b[0] {
		t.Fatal("framed twice")
	}
	c.dialogue.chunked = false
	if a, b := f.formFor(l, c).bytes, f.formFor(l, c).bytes; &a[0] != &b[0] || string(a) != "data: x\n\n" {
		t.Fatal("framed twice")
	}
}

func TestSilentStreamEndsForAClientThatEndedItsSide(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(10)
	// expire lets the patience with half-closed clients run out.
	expire := func() {
		h.do(func() {
			for _, c := range h.loop.conns.conns {
				if c != nil && c.deadline.list != nil && c.deadline.list.wait == halfPatience {
					h.loop.deadlines.disarm(c)
					h.loop.expire(c)
				}
			}
		})
	}
	ask := func() (*client, uint64) {
		c := h.dial("http")
		c.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
		return c, w.expect(wire.OpReq).id
	}
	t.Run("that ended it in the middle", func(t *testing.T) {
		c, id := ask()
		w.say(resStart(id, 200))
		c.head()
		closeWrite(t, c)
		h.waitHalf()
		expire()
		if m := w.expect(wire.OpAbort); m.id != id {
			t.Fatalf("%+v", m)
		}
	})
	t.Run("that ended it before", func(t *testing.T) {
		c, id := ask()
		closeWrite(t, c)
		h.waitHalf()
		expire() // it waits for the beginning as long as it takes
		w.say(resStart(id, 200))
		c.head()
		expire()
		if m := w.expect(wire.OpAbort); m.id != id {
			t.Fatalf("%+v", m)
		}
	})
	t.Run("but not when the answer has a length", func(t *testing.T) {
		c, id := ask()
		w.say(resStart(id, 200, "content-length", "5"))
		c.head()
		closeWrite(t, c)
		h.waitHalf()
		expire()
		w.say(withText(wire.OpResChunk, id, "12345"), withText(wire.OpResEnd, id, ""))
		if b, err := io.ReadAll(c.r); string(b) != "12345" || err != nil {
			t.Fatalf("%q %v", b, err)
		}
	})
}

// waitHalf waits until the gateway has seen a client's end of file.
func (h *harness) waitHalf() {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		seen := false
		h.do(func() {
			for _, c := range h.loop.conns.conns {
				seen = seen || c != nil && c.state == stateHalf
			}
		})
		if seen {
			return
		}
	}
	h.t.Fatal("no connection is half-closed")
}

func TestEventStreamsOverHTTP2(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(1, "request", "close")
	r := h.raw()
	ids := map[uint64]bool{}
	for _, stream := range []uint32{1, 3} {
		r.get(stream, "/news")
		req := w.expect(wire.OpReq)
		w.say(eventsMessage(req.id, "", "news"), ack(1))
		if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "200" {
			t.Fatalf("%v", f.Fields)
		}
		ids[req.id] = true
	}
	w.say(publishMessage("news", 0, "x"))
	for range ids {
		if f := until[*http2.DataFrame](r); string(f.Data()) != "data: x\n\n" || f.StreamEnded() {
			t.Fatalf("%q", f.Data())
		}
	}
	closeWrite(t, r.client) // the end of a connection is that of its streams
	for range 2 {
		if m := w.expect(wire.OpAttach); !ids[m.id] {
			t.Fatalf("%+v", m)
		}
		if m := w.expect(wire.OpClose); !ids[m.id] || m.n != closeNormal {
			t.Fatalf("%+v", m)
		}
		w.say(ack(1))
	}
	r.eofFrame()
}

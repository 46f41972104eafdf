package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// resStart begins a streamed answer; fields are name, value, name, value.
func resStart(id uint64, status int, fields ...string) []byte {
	m := wire.AppendUint(wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpResStart)), id), uint64(status))
	m = wire.AppendMap(m, len(fields)/2)
	for _, f := range fields {
		m = wire.AppendStr(m, f)
	}
	return wire.AppendStr(m, "")
}

func TestStreamedAnswerToHeadIsPaidFor(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
	m := w.expect(wire.OpReq)
	w.say(resStart(m.id, 200))
	h.do(func() {}) // the head is out
	chunk := strings.Repeat("x", wire.ChunkLimit)
	for credit, sent := wire.StreamCredit, 0; sent < 1<<20; sent += len(chunk) {
		for credit < len(chunk) {
			credit += int(w.expect(wire.OpCredit).n)
		}
		w.say(withText(wire.OpResChunk, m.id, chunk))
		credit -= len(chunk)
	}
	w.say(withText(wire.OpResEnd, m.id, ""), ack(1))
	c.response("HEAD")
	c.write(get) // nothing of the body went out
	for m = w.next(); m.op == wire.OpCredit; m = w.next() {
	}
	w.say(res(m.id, 200, "next"), ack(1))
	if _, body := c.response("GET"); body != "next" {
		t.Fatal(body)
	}
}

func TestAnswerBeyondItsCreditIsNotCompleted(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	messages := [][]byte{resStart(m.id, 200)}
	for range 9 {
		messages = append(messages, withText(wire.OpResChunk, m.id, strings.Repeat("x", wire.ChunkLimit)))
	}
	// More than the pipe holds: it is written while the gateway gives w up.
	go w.out.Write(inFrame(append(messages, withText(wire.OpResEnd, m.id, "the end"), ack(1))...))
	if f := h.expect(control.WorkerFailed); !strings.Contains(f.Reason, "credit") {
		t.Fatalf("%+v", f)
	}
	w.exit("killed by SIGKILL")
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return // cut before its head was out
	}
	if b, err := io.ReadAll(r.Body); err == nil {
		t.Fatalf("%d bytes looked complete", len(b))
	}
}

func TestStreamWithInvalidHeadIs500AndItsRestIsIgnored(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	for range 2 {
		c.write(get)
		m := w.expect(wire.OpReq)
		w.say(resStart(m.id, 200, "x", "1\r\nset-cookie: stolen=1"), withText(wire.OpResChunk, m.id, "chunk"))
		if r, _ := c.response("GET"); r.StatusCode != 500 {
			t.Fatalf("%+v", r)
		}
		if a := w.expect(wire.OpAbort); a.id != m.id {
			t.Fatalf("%+v", a)
		}
		w.say(withText(wire.OpResChunk, m.id, "chunk"), withText(wire.OpResEnd, m.id, ""), ack(1))
	}
}

func TestStreamed204HasNoLength(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	w.say(resStart(m.id, 204, "content-length", "5"), withText(wire.OpResChunk, m.id, "12345"), withText(wire.OpResEnd, m.id, ""), ack(1))
	if r, body := c.response("GET"); r.StatusCode != 204 || r.Header.Get("Content-Length") != "" || body != "" {
		t.Fatalf("%+v", r)
	}
	c.write(get)
	m = w.expect(wire.OpReq)
	w.say(res(m.id, 200, "next"), ack(1))
	if _, body := c.response("GET"); body != "next" {
		t.Fatal(body)
	}
}

// A download of an hour whose client leaves must not look like a handler that hangs.
func TestLongStreamThatLosesItsClientIsNotATimeout(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].RequestTimeout = time.Second })
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	w.say(resStart(m.id, 200), withText(wire.OpResChunk, m.id, "x"))
	c.line()
	h.do(func() {
		k := h.loop.byID[w.id]
		k.sent.first.sentAt -= time.Hour
		k.lastAck -= time.Hour
		h.loop.sweepPools() // it goes on
		for _, c := range h.loop.conns.conns {
			if c != nil {
				h.loop.lost(c)
			}
		}
		h.loop.sweepPools()
	})
	w.expect(wire.OpAbort)
	w.say(ack(1))
	d := h.dial("http")
	d.write(get)
	m = w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"), ack(1))
	d.response("GET")
}

// What waits behind a stream has not begun.
func TestRequestBehindAStreamDoesNotTimeItsWorkerOut(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].RequestTimeout = time.Second })
	w := h.worker(1)
	h.do(func() { h.loop.byID[w.id].window = 2 })
	c, d := h.dial("http"), h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	d.write(get)
	n := w.expect(wire.OpReq)
	w.say(resStart(m.id, 200))
	c.line()
	h.do(func() {
		k := h.loop.byID[w.id]
		for it := k.sent.first; it != nil; it = it.next {
			it.sentAt -= time.Hour
		}
		k.lastAck -= time.Hour
		h.loop.sweepPools()
	})
	w.say(withText(wire.OpResEnd, m.id, "x"), ack(1), res(n.id, 200, "second"), ack(1))
	if _, body := d.response("GET"); body != "second" {
		t.Fatal(body)
	}
}

// A client may read a streamed answer as slowly as it likes. What others send
// meanwhile does not wait for it, as long as another worker has room.
func TestNothingWaitsBehindAStreamWhileAnotherWorkerIsFree(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "message")
	h.do(func() { h.loop.byID[w.id].window = 8 })
	chat, slow := h.dial("text"), h.dial("http")
	chat.write("one\n")
	w.expect(wire.OpAttach)
	m := w.expect(wire.OpMsg)
	w.say(send(m.id, "one"), ack(1))
	chat.line()
	slow.write(get)
	n := w.expect(wire.OpReq)
	w.say(resStart(n.id, 200))
	slow.line()
	other := h.worker(1, "message")
	chat.write("two\n") // although its worker is w
	other.expect(wire.OpAttach)
	m = other.expect(wire.OpMsg)
	other.say(send(m.id, "two"), ack(1))
	if line := chat.line(); line != "two" {
		t.Fatal(line)
	}
	w.expect(wire.OpDetach)
	late := h.dial("http")
	other.exit("killed by SIGKILL")
	h.do(func() {})
	late.write(get)
	h.do(func() {}) // it waits in the gateway, not at w
	w.say(withText(wire.OpResEnd, n.id, "x"), ack(1))
	k := w.expect(wire.OpReq)
	w.say(res(k.id, 200, "late"), ack(1))
	if _, body := late.response("GET"); body != "late" {
		t.Fatal(body)
	}
}

func TestSilentStreamOfOneAtATimeIsAHang(t *testing.T) {
	for name, concurrency := range map[string]int{"one at a time": 1, "many at once": 10} {
		t.Run(name, func(t *testing.T) {
			h := startLoop(t, func(c *control.Configuration) { c.Pools[0].StreamTimeout = time.Minute })
			w := h.worker(concurrency)
			c := h.dial("http")
			c.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
			req := w.expect(wire.OpReq)
			w.say(resStart(req.id, 200), withText(wire.OpResChunk, req.id, "x"))
			c.head()
			if c.chunk() != "x" {
				t.Fatal("no chunk")
			}
			var broken bool
			later := func(unpaid int) {
				h.do(func() {
					worker := h.loop.byID[w.id]
					e := worker.exchanges.first
					e.unpaid, e.moved = unpaid, h.loop.now-2*time.Minute
					h.loop.sweepWorkers(worker.pool)
					broken = worker.state == workerBroken
				})
			}
			if later(wire.StreamCredit); broken {
				t.Fatal("blamed although it waits for the client")
			}
			if later(1); broken != (concurrency == 1) {
				t.Fatalf("blamed: %v", broken)
			}
			if broken {
				if m := h.expect(control.WorkerFailed); !m.Hung || !strings.Contains(m.Reason, "stream_timeout") {
					t.Fatalf("%+v", m)
				}
				if _, err := io.ReadAll(c.r); err != nil && !strings.Contains(err.Error(), "reset") {
					t.Fatal(err)
				}
			}
		})
	}
}

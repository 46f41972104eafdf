package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// uploader is a worker that takes bodies as streams.
func (h *harness) uploader(concurrency int) *handler {
	h.t.Helper()
	w := h.attach()
	w.say(readyToStream(concurrency, "request"))
	h.expect(control.WorkerReady)
	h.tell(&control.Message{Kind: control.Activate, Worker: &control.Worker{ID: w.id}})
	return w
}

func bodyCredit(id uint64, n int) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 3), byte(wire.OpBodyCredit)), id)
	return wire.AppendUint(m, uint64(n))
}

// upload writes the head of a request with a body of n bytes.
func (c *client) upload(n int, fields string) {
	c.t.Helper()
	c.write(fmt.Sprintf("POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n%s\r\n", n, fields))
}

// body reads BODY messages until n bytes are there; last says whether they end it.
func (w *handler) body(id uint64, n int) (got []byte, last bool) {
	w.h.t.Helper()
	for len(got) < n && !last {
		m := w.expect(wire.OpBody)
		if m.id != id || len(m.data) > wire.ChunkLimit {
			w.h.t.Fatalf("BODY of %d with %d bytes, want %d", m.id, len(m.data), id)
		}
		got, last = append(got, m.data...), m.n == 1
	}
	return got, last
}

func closeWrite(t *testing.T, c *client) {
	t.Helper()
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// pattern is n bytes that tell their place.
func pattern(n int) []byte {
	b := make([]byte, 0, n+8)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%07d ", i)
	}
	return b[:n]
}

// answer reads an answer with a content-length and returns its status line.
func (c *client) answer() (status, body string, keep bool) {
	c.t.Helper()
	status, keep = c.line(), true
	length := 0
	for line := c.line(); line != ""; line = c.line() {
		fmt.Sscanf(line, "content-length: %d", &length)
		keep = keep && line != "connection: close"
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimPrefix(status, "HTTP/1.1 "), string(b), keep
}

func TestLongBodyFollowsItsRequestByCredit(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	sent := pattern(300_000)
	c.upload(len(sent), "")
	go c.Conn.Write(sent)
	req := w.expect(wire.OpReq)
	if req.n != wire.FlagBodyFollows || len(req.data) != 0 {
		t.Fatalf("%+v", req)
	}
	var got []byte
	last := false
	for _, n := range []int{1, 100, 70_000, 229_898, 1} {
		w.say(bodyCredit(req.id, n))
		var b []byte
		b, last = w.body(req.id, n)
		if len(b) != n {
			t.Fatalf("%d bytes for a credit of %d", len(b), n)
		}
		got = append(got, b...)
	}
	if !last || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes, last %v", len(got), last)
	}
	w.say(res(req.id, 200, "taken"), ack(1))
	if status, body, keep := c.answer(); status != "200 OK" || body != "taken" || !keep {
		t.Fatal(status, body, keep)
	}
}

func TestWithoutCreditTheClientIsNotRead(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	_ = c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	c.upload(8<<20, "")
	n, err := c.Conn.Write(make([]byte, 8<<20))
	if err == nil {
		t.Fatal("the gateway took 8 MiB that nobody asked for")
	}
	w.expect(wire.OpReq)
	h.do(func() {
		for _, conn := range h.loop.conns.conns {
			if conn != nil && len(conn.in) > 128<<10 {
				t.Errorf("%d bytes wait in the gateway, %d went out", len(conn.in), n)
			}
		}
	})
}

func TestShortBodiesStayInTheirRequest(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.upload(wire.InlineLimit, "")
	c.write(strings.Repeat("x", wire.InlineLimit))
	req := w.expect(wire.OpReq)
	if req.n != 0 || len(req.data) != wire.InlineLimit {
		t.Fatalf("flags %d, %d bytes", req.n, len(req.data))
	}
	w.say(res(req.id, 200, ""), ack(1))
	c.answer()
	c.write("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	if req = w.expect(wire.OpReq); req.n != 0 || string(req.data) != "abc" {
		t.Fatalf("%+v", req)
	}
}

func TestChunkedBodyArrivesPieceByPiece(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.write("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
	req := w.expect(wire.OpReq)
	if req.n != wire.FlagBodyFollows {
		t.Fatalf("%+v", req)
	}
	w.say(bodyCredit(req.id, 1000))
	if b, last := w.body(req.id, 3); string(b) != "abc" || last {
		t.Fatalf("%q %v", b, last)
	}
	c.write("2\r\nde\r\n")
	if b, last := w.body(req.id, 2); string(b) != "de" || last {
		t.Fatalf("%q %v", b, last)
	}
	c.write("0\r\nsome: trailer\r\n\r\nGET /next HTTP/1.1\r\nhost: x\r\n\r\n")
	if b, last := w.body(req.id, 1); len(b) != 0 || !last {
		t.Fatalf("%q %v", b, last)
	}
	w.say(res(req.id, 200, "one"), ack(1))
	next := w.expect(wire.OpReq)
	if next.path != "/next" {
		t.Fatalf("%+v", next)
	}
	w.say(res(next.id, 200, "two"), ack(1))
	for _, want := range []string{"one", "two"} {
		if _, body, _ := c.answer(); body != want {
			t.Fatal(body, want)
		}
	}
}

func TestHandlerAnswersWhileTheBodyComes(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.write("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
	req := w.expect(wire.OpReq)
	start := wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpResStart)), req.id)
	start = wire.AppendStr(wire.AppendMap(wire.AppendUint(start, 200), 0), "")
	w.say(bodyCredit(req.id, 1000), start, withText(wire.OpResChunk, req.id, "ready"))
	for c.line() != "5" {
	}
	c.line()
	for _, text := range []string{"first", "again"} {
		c.write("5\r\n" + text + "\r\n")
		b, _ := w.body(req.id, 5)
		w.say(withText(wire.OpResChunk, req.id, string(b)))
		if c.line(); c.line() != text {
			t.Fatal("not echoed:", text)
		}
	}
	c.write("0\r\n\r\n")
	if _, last := w.body(req.id, 1); !last {
		t.Fatal("no end")
	}
	w.say(withText(wire.OpResEnd, req.id, ""), ack(1))
	c.line()
	c.line()
	c.eof()
}

func TestContinueWaitsForTheHandler(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.upload(100_000, "expect: 100-continue\r\n")
	req := w.expect(wire.OpReq)
	w.say(bodyCredit(req.id, 200_000))
	if line := c.line(); line != "HTTP/1.1 100 Continue" {
		t.Fatal(line)
	}
	c.line()
	c.write(strings.Repeat("x", 100_000))
	w.body(req.id, 100_000)
	w.say(res(req.id, 200, ""), ack(1))
	if status, _, keep := c.answer(); status != "200 OK" || !keep {
		t.Fatal(status)
	}
	c.upload(100_000, "expect: 100-continue\r\n")
	req = w.expect(wire.OpReq)
	w.say(res(req.id, 403, "no"), ack(1))
	if status, _, keep := c.answer(); status != "403 Forbidden" || keep {
		t.Fatal(status, keep)
	}
	c.eof()
}

func TestAnswerBeforeTheEndOfTheBody(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	t.Run("the rest of a short one is thrown away", func(t *testing.T) {
		c := h.dial("http")
		c.upload(200_000, "")
		req := w.expect(wire.OpReq)
		w.say(res(req.id, 403, "no"), ack(1))
		if status, _, keep := c.answer(); status != "403 Forbidden" || !keep {
			t.Fatal(status, keep)
		}
		c.write(strings.Repeat("x", 200_000) + "GET /next HTTP/1.1\r\nhost: x\r\n\r\n")
		req = w.expect(wire.OpReq)
		w.say(res(req.id, 200, "next"), ack(1))
		if _, body, _ := c.answer(); body != "next" {
			t.Fatal(body)
		}
	})
	t.Run("behind a long one the connection is closed, and the answer arrives", func(t *testing.T) {
		c := h.dial("http")
		c.upload(8<<20, "")
		go c.Conn.Write(make([]byte, 8<<20))
		req := w.expect(wire.OpReq)
		w.say(bodyCredit(req.id, 70_000))
		w.body(req.id, 70_000)
		w.say(res(req.id, 403, "no"), ack(1))
		if status, body, keep := c.answer(); status != "403 Forbidden" || body != "no" || keep {
			t.Fatal(status, keep)
		}
	})
}

func TestAnswerReachesAClientThatBreaksOffItsBody(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.upload(200_000, "")
	c.write("the beginning")
	req := w.expect(wire.OpReq)
	h.do(func() { // in one turn: the answer, and the end of the client's side before it is written
		m := wire.Message{Op: wire.OpRes, ID: req.id, Status: 403, Data: []byte("no")}
		h.loop.respond(h.loop.byID[w.id], &m)
		h.loop.ended(h.loop.conns.find(req.id))
	})
	if status, body, _ := c.answer(); status != "403 Forbidden" || body != "no" {
		t.Fatal(status, body)
	}
}

func TestTooLongStreamedBodyIsRefused(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.MaxBodyBytes = 100_000 })
	w := h.uploader(1)
	c := h.dial("http")
	c.write("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
	req := w.expect(wire.OpReq)
	w.say(bodyCredit(req.id, 1<<20))
	c.write("c350\r\n" + strings.Repeat("x", 0xc350) + "\r\n")
	w.body(req.id, 0xc350)
	c.write("ffff\r\n")
	if m := w.expect(wire.OpAbort); m.id != req.id {
		t.Fatalf("%+v", m)
	}
	if status, _, keep := c.answer(); status != "413 Content Too Large" || keep {
		t.Fatal(status, keep)
	}
	w.say(res(req.id, 200, "late"), ack(1)) // reaches nobody, and is no fault
	c = h.dial("http")
	c.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
	w.expect(wire.OpReq)
}

func TestMalformedStreamedBodyIsRefused(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.write("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
	req := w.expect(wire.OpReq)
	w.say(bodyCredit(req.id, 1<<20))
	c.write("zz\r\n")
	w.expect(wire.OpAbort)
	if status, _, _ := c.answer(); !strings.HasPrefix(status, "400") {
		t.Fatal(status)
	}
}

func TestClientThatLeavesEndsTheUpload(t *testing.T) {
	for name, leave := range map[string]func(*client){
		"reset":       func(c *client) { c.Conn.Close() },
		"end of file": func(c *client) { closeWrite(t, c) },
	} {
		t.Run(name, func(t *testing.T) {
			h := startLoop(t, nil)
			w := h.uploader(1)
			c := h.dial("http")
			c.upload(1<<20, "")
			c.write(strings.Repeat("x", 1000))
			req := w.expect(wire.OpReq)
			w.say(bodyCredit(req.id, 1<<20))
			w.body(req.id, 1000)
			leave(c)
			if m := w.expect(wire.OpAbort); m.id != req.id || m.n != wire.AbortClientGone {
				t.Fatalf("%+v", m)
			}
		})
	}
}

func TestEndOfFileBehindACompleteStreamedBodyIsHonoured(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.upload(100_000, "")
	c.write(strings.Repeat("x", 100_000))
	closeWrite(t, c)
	req := w.expect(wire.OpReq)
	w.say(bodyCredit(req.id, 40_000))
	w.body(req.id, 40_000)
	w.say(bodyCredit(req.id, 60_000))
	if _, last := w.body(req.id, 60_000); !last {
		t.Fatal("the body has no end")
	}
	w.say(res(req.id, 200, "taken"), ack(1))
	if _, body, _ := c.answer(); body != "taken" {
		t.Fatal(body)
	}
	c.eof()
}

func TestWorkerDiesWithAnUpload(t *testing.T) {
	start := func(t *testing.T) (*harness, *client, *handler, *handler, received) {
		h := startLoop(t, nil)
		first := h.uploader(1)
		c := h.dial("http")
		c.write("PUT /up HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
		c.write(strings.Repeat("x", 100_000))
		req := first.expect(wire.OpReq)
		return h, c, first, h.uploader(1), req
	}
	t.Run("before it asked for the body: another one gets it", func(t *testing.T) {
		_, c, first, second, _ := start(t)
		first.exit("killed")
		req := second.expect(wire.OpReq)
		second.say(bodyCredit(req.id, 100_000))
		second.body(req.id, 100_000)
		second.say(res(req.id, 200, "second"), ack(1))
		if _, body, _ := c.answer(); body != "second" {
			t.Fatal(body)
		}
	})
	t.Run("and that one gets work again when it is done", func(t *testing.T) {
		for _, concurrency := range []int{1, 8} {
			h := startLoop(t, nil)
			first := h.uploader(1)
			c := h.dial("http")
			c.write("PUT /up HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n" + strings.Repeat("x", 100_000))
			first.expect(wire.OpReq)
			second := h.uploader(concurrency)
			first.exit("killed")
			for _, want := range []string{"upload", "next"} {
				req := second.expect(wire.OpReq)
				if req.n&wire.FlagBodyFollows != 0 {
					second.say(bodyCredit(req.id, 100_000))
					second.body(req.id, 100_000)
				}
				second.say(res(req.id, 200, want))
				if concurrency == 1 {
					second.say(ack(1))
				}
				if _, body, _ := c.answer(); body != want {
					t.Fatal(body)
				}
				c.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
			}
		}
	})
	t.Run("nor does anything wait behind it there", func(t *testing.T) {
		h, _, first, second, _ := start(t)
		first.exit("killed")
		second.expect(wire.OpReq)
		h.do(func() {
			if w := h.loop.byID[second.id]; w.streams != 1 || w.hasRoom() {
				t.Errorf("%d streams", w.streams)
			}
		})
	})
	t.Run("in the middle: 502", func(t *testing.T) {
		_, c, first, _, req := start(t)
		first.say(bodyCredit(req.id, 10))
		first.body(req.id, 10)
		first.exit("killed")
		if status, _, _ := c.answer(); status != "502 Bad Gateway" {
			t.Fatal(status)
		}
	})
}

func TestNothingWaitsBehindAnUploadInThePipe(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	up := h.dial("http")
	up.upload(100_000, "")
	req := w.expect(wire.OpReq)
	other := h.dial("http")
	other.write("GET /other HTTP/1.1\r\nhost: x\r\n\r\n")
	second := h.uploader(1)
	got := second.expect(wire.OpReq)
	second.say(res(got.id, 200, "other"), ack(1))
	if _, body, _ := other.answer(); body != "other" {
		t.Fatal(body)
	}
	up.write(strings.Repeat("x", 100_000))
	w.say(bodyCredit(req.id, 100_000))
	w.body(req.id, 100_000)
}

func TestUploadInTheQueueIsCollectedForAWorkerWithoutStreams(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	busy := h.dial("http")
	busy.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
	w.expect(wire.OpReq)
	up := h.dial("http")
	up.upload(100_000, "expect: 100-continue\r\n")
	h.do(func() {}) // it waits in the queue by now, or soon
	plain := h.worker(1)
	if line := up.line(); line != "HTTP/1.1 100 Continue" {
		t.Fatal(line)
	}
	up.line()
	up.write(strings.Repeat("x", 100_000))
	req := plain.expect(wire.OpReq)
	if req.n != 0 || len(req.data) != 100_000 {
		t.Fatalf("flags %d, %d bytes", req.n, len(req.data))
	}
}

func TestReloadLetsAnUploadFinish(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	c := h.dial("http")
	c.upload(100_000, "")
	req := w.expect(wire.OpReq)
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w.id}, Deadline: time.Minute})
	w.expect(wire.OpDrain)
	c.write(strings.Repeat("x", 100_000))
	w.say(bodyCredit(req.id, 100_000))
	w.body(req.id, 100_000)
	w.say(res(req.id, 200, "taken"), ack(1))
	if _, body, _ := c.answer(); body != "taken" {
		t.Fatal(body)
	}
	h.expect(control.Drained)
}

func TestTwoUploadsAtOnce(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(10)
	var clients [2]*client
	var ids [2]uint64
	for i := range clients {
		clients[i] = h.dial("http")
		clients[i].upload(100_000, "")
		ids[i] = w.expect(wire.OpReq).id
	}
	for i, c := range clients {
		c.write(strings.Repeat(string(rune('a'+i)), 100_000))
	}
	got := map[uint64]int{}
	w.say(bodyCredit(ids[0], 100_000), bodyCredit(ids[1], 100_000))
	for got[ids[0]]+got[ids[1]] < 200_000 {
		m := w.expect(wire.OpBody)
		got[m.id] += len(m.data)
		want := map[uint64]byte{ids[0]: 'a', ids[1]: 'b'}[m.id]
		if bytes.Count(m.data, []byte{want}) != len(m.data) {
			t.Fatal("bytes of one body in the other")
		}
	}
	w.say(res(ids[1], 200, "b"), res(ids[0], 200, "a"))
	for i, c := range clients {
		if _, body, _ := c.answer(); body != string(rune('a'+i)) {
			t.Fatal(i, body)
		}
	}
}

func TestUploadThatWaitsForThePipeIsNotForgottenForAnother(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(10)
	held := h.dial("http")
	held.upload(100_000, "")
	unasked := w.expect(wire.OpReq).id
	c := h.dial("http")
	c.upload(1<<20, "")
	id := w.expect(wire.OpReq).id
	w.say(bodyCredit(id, 1<<20))
	c.write(strings.Repeat("x", 1<<20))
	h.eventually("the pipe is full", func() bool { return h.loop.byID[w.id].choked })
	held.write("not asked for")
	h.eventually("the other body has come", func() bool { return len(h.loop.conns.find(unasked).in) > 0 })
	if got, last := w.body(id, 1<<20); len(got) != 1<<20 || !last {
		t.Fatalf("%d bytes, last %v", len(got), last)
	}
}

func TestRequestTimeoutOfAnUploadCountsTheHandlersTimeOnly(t *testing.T) {
	h := startLoop(t, nil)
	w := h.uploader(1)
	minuteLater := func() {
		h.do(func() {
			worker := h.loop.byID[w.id]
			worker.sent.first.sentAt -= time.Minute
			worker.lastAck -= time.Minute
			h.loop.sweepWorkers(worker.pool)
		})
	}
	c := h.dial("http")
	c.upload(100_000, "")
	req := w.expect(wire.OpReq)
	w.say(bodyCredit(req.id, 100_000))
	c.write(strings.Repeat("x", 1000))
	w.body(req.id, 1000)
	minuteLater() // it waits for the client
	c.write(strings.Repeat("x", 99_000))
	w.body(req.id, 99_000)
	minuteLater() // it has everything and does nothing
	if status, _, _ := c.answer(); status != "504 Gateway Timeout" {
		t.Fatal(status)
	}
	if m := h.expect(control.WorkerFailed); !m.Hung {
		t.Fatalf("%+v", m)
	}
}

func TestSilentUploadRunsIntoBodyTimeout(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.BodyTimeout = 200 * time.Millisecond })
	w := h.uploader(1)
	c := h.dial("http")
	c.upload(100_000, "")
	req := w.expect(wire.OpReq)
	w.say(bodyCredit(req.id, 100_000))
	if m := w.expect(wire.OpAbort); m.id != req.id {
		t.Fatalf("%+v", m)
	}
	if status, _, _ := c.answer(); status != "408 Request Timeout" {
		t.Fatal(status)
	}
}

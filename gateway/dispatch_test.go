package gateway

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

func TestIdleWorkerGetsTheNextRequest(t *testing.T) {
	h := startLoop(t, nil)
	a, b := h.worker(1), h.worker(1)
	first, second := h.dial("http"), h.dial("http")
	first.write(get)
	m := a.expect(wire.OpReq) // a is busy now
	second.write(get)
	n := b.expect(wire.OpReq)
	b.say(res(n.id, 200, "b"), ack(1))
	if _, body := second.response("GET"); body != "b" {
		t.Fatal(body)
	}
	a.say(res(m.id, 200, "a"), ack(1))
	if _, body := first.response("GET"); body != "a" {
		t.Fatal(body)
	}
}

func TestSlowWorkerHoldsNothingBack(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	a, b := h.dial("http"), h.dial("http")
	a.write(get)
	m := w.expect(wire.OpReq)
	b.write(get)
	h.do(func() {})
	// Window 1: the second request waits in the gateway and goes to a worker
	// that comes later.
	late := h.worker(1)
	n := late.expect(wire.OpReq)
	late.say(res(n.id, 200, "late"), ack(1))
	if _, body := b.response("GET"); body != "late" {
		t.Fatal(body)
	}
	w.say(res(m.id, 200, "first"), ack(1))
	a.response("GET")
}

func TestFastWorkerGetsBatches(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	h.do(func() { h.loop.byID[w.id].average, h.loop.byID[w.id].window = 10*time.Microsecond, 64 })
	var clients []*client
	for range 8 {
		c := h.dial("http")
		c.write(get)
		clients = append(clients, c)
	}
	for range clients { // all arrive although none is answered
		m := w.expect(wire.OpReq)
		defer w.say(res(m.id, 200, "x"), ack(1))
	}
}

func TestQueueIsBoundedAndTimesOut(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Pools[0].QueueLimit, c.Pools[0].QueueTimeout = 1, 200*time.Millisecond
	})
	a, b := h.dial("http"), h.dial("http")
	a.write(get)
	h.do(func() {})
	b.write(get)
	for _, c := range []*client{a, b} { // b at once, a after queue_timeout
		if r, _ := c.response("GET"); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || r.Close {
			t.Fatalf("%+v", r)
		}
	}
}

func TestDeathOfWorker(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	idempotent, post, queued := h.dial("http"), h.dial("http"), h.dial("http")
	h.do(func() { h.loop.byID[w.id].window = 2 })
	post.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	w.expect(wire.OpReq)
	idempotent.write(get)
	w.expect(wire.OpReq)
	queued.write(get)
	h.do(func() {})
	w.exit("killed by SIGKILL")
	if r, _ := post.response("POST"); r.StatusCode != 502 {
		t.Fatalf("%+v", r)
	}
	next := h.worker(1)
	for range 2 {
		m := next.expect(wire.OpReq)
		next.say(res(m.id, 200, "again"), ack(1))
	}
	for _, c := range []*client{idempotent, queued} {
		if _, body := c.response("GET"); body != "again" {
			t.Fatal(body)
		}
	}
}

// A request that kills two workers is not given to a third, and is kept for whoever looks into it.
func TestDeadlyRequestIsSetAside(t *testing.T) {
	var dir string
	h := startLoop(t, func(c *control.Configuration) { dir = c.SetAside })
	c := h.dial("http")
	c.write(get)
	for range 2 {
		w := h.worker(1)
		w.expect(wire.OpReq)
		w.exit("killed by SIGSEGV")
	}
	if r, _ := c.response("GET"); r.StatusCode != 502 {
		t.Fatalf("%+v", r)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.msg"))
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	b, _ := readFile(files[0])
	if !strings.Contains(b, `"what":"GET /a"`) || !strings.Contains(b, `"last_exit":"killed by SIGSEGV"`) || !strings.Contains(b, "x-test: 1\n") {
		t.Fatalf("%q", b)
	}
	h.tell(&control.Message{Kind: control.Query, Topic: control.TopicStatus})
	if p := h.expect(control.Report).Status.Pools[0]; p.SetAside != 1 {
		t.Fatalf("%+v", p)
	}
}

// What the dead worker never read was certainly not executed: even a POST may go elsewhere.
func TestUnreadPostIsSafeToRepeat(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
	h.do(func() {})
	h.do(func() {})
	w.exit("exit code 1")
	next := h.worker(1)
	m := next.expect(wire.OpReq)
	next.say(res(m.id, 200, "ok"), ack(1))
	c.response("POST")
}

func TestMessagesMoveToTheNextWorkerInOrder(t *testing.T) {
	for _, draining := range []bool{true, false} {
		t.Run(fmt.Sprintf("draining=%v", draining), func(t *testing.T) {
			h := startLoop(t, nil)
			old := h.worker(1)
			h.do(func() { h.loop.byID[old.id].average = time.Hour }) // one at a time
			c := h.dial("text")
			for i := range 10 {
				c.write(fmt.Sprintf("%d\n", i))
			}
			id := old.expect(wire.OpAttach).id
			old.expect(wire.OpMsg)
			old.say(withText(wire.OpSession, id, "state"), withText(wire.OpBind, id, "tom"), send(id, "0"), ack(1))
			if c.line() != "0" {
				t.Fatal("no answer")
			}
			old.expect(wire.OpMsg) // number 1 is being worked on
			h.do(func() {})
			next := h.worker(1)
			if draining {
				h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: old.id}, Deadline: time.Second, Reason: "reload"})
			}
			if draining {
				old.expect(wire.OpDrain)
				old.say(send(id, "1"), ack(1))
			}
			first := 1
			if draining {
				h.expect(control.Drained)
				first = 2
			} else {
				old.exit("killed by SIGKILL")
			}
			a := next.expect(wire.OpAttach)
			if a.id != id || string(a.sess) != "state" {
				t.Fatalf("%+v", a)
			}
			for i := first; i < 10; i++ {
				m := next.expect(wire.OpMsg)
				if string(m.data) != fmt.Sprint(i) {
					t.Fatalf("got %s, want %d", m.data, i)
				}
				next.say(send(id, string(m.data)), ack(1))
			}
			for i := 1; i < 10; i++ {
				if s := c.line(); s != fmt.Sprint(i) {
					t.Fatalf("answer %s, want %d", s, i)
				}
			}
		})
	}
}

func TestMessagesDoNotWaitBehindOtherConnectionsWork(t *testing.T) {
	h := startLoop(t, nil)
	slow := h.worker(1)
	a, b := h.dial("text"), h.dial("text")
	a.write("a1\n")
	slow.expect(wire.OpAttach)
	slow.expect(wire.OpMsg)
	slow.say(ack(1))
	b.write("b1\n")
	slow.expect(wire.OpAttach)
	slow.expect(wire.OpMsg)
	slow.say(ack(1))
	h.do(func() { w := h.loop.byID[slow.id]; w.average, w.window = time.Second, 1 })
	a.write("slow\n")
	slow.expect(wire.OpMsg) // and hangs on it
	idle := h.worker(1)
	b.write("b2\n")
	idle.expect(wire.OpAttach)
	m := idle.expect(wire.OpMsg)
	idle.say(send(m.id, "b2"), ack(1))
	if b.line() != "b2" {
		t.Fatal("b waits behind a")
	}
	if d := slow.expect(wire.OpDetach); d.id != m.id {
		t.Fatalf("%+v", d)
	}
}

func TestConcurrentWorkerFinishesInAnyOrder(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(16)
	a, b := h.dial("http"), h.dial("http")
	a.write(get)
	ra := w.expect(wire.OpReq)
	b.write(get)
	rb := w.expect(wire.OpReq)
	w.say(res(rb.id, 200, "b"))
	if _, body := b.response("GET"); body != "b" {
		t.Fatal(body)
	}
	w.say(res(ra.id, 200, "a"))
	a.response("GET")
	x, y := h.dial("text"), h.dial("text")
	x.write("x\n")
	cx := w.expect(wire.OpAttach).id
	w.expect(wire.OpMsg)
	y.write("y\n")
	cy := w.expect(wire.OpAttach).id
	w.expect(wire.OpMsg)
	w.say(done(cy, 1))
	w.say(done(cx, 1))
	h.do(func() {
		if n := h.loop.byID[w.id].sent.len; n != 0 {
			t.Errorf("%d unfinished", n)
		}
	})
}

func TestHangingWorkerIsReportedAndItsClientAnswered(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].RequestTimeout = 200 * time.Millisecond })
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	if r, _ := c.response("GET"); r.StatusCode != 504 {
		t.Fatalf("%+v", r)
	}
	if f := h.expect(control.WorkerFailed); f.Worker.ID != w.id || !f.Hung {
		t.Fatalf("%+v", f)
	}
	w.say(res(m.id, 200, "late"), ack(1)) // nobody hears it
	next := h.worker(1)
	c.write(get)
	m = next.expect(wire.OpReq)
	next.say(res(m.id, 200, "ok"), ack(1))
	if _, body := c.response("GET"); body != "ok" {
		t.Fatal(body)
	}
}

func TestHostileHandlerIsReplaced(t *testing.T) {
	for name, message := range map[string]func(w *handler, id uint64) []byte{
		"answers twice":                func(w *handler, id uint64) []byte { w.say(res(id, 200, "x")); return res(id, 200, "y") },
		"acknowledges too much":        func(w *handler, id uint64) []byte { return ack(2) },
		"chunk before start":           func(w *handler, id uint64) []byte { return withText(wire.OpResChunk, id, "x") },
		"unknown op":                   func(w *handler, id uint64) []byte { return []byte{0x91, 0x7f} },
		"finishes unknown connections": func(w *handler, id uint64) []byte { return done(id, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			h := startLoop(t, nil)
			w := h.worker(1)
			c := h.dial("http")
			c.write(get)
			m := w.expect(wire.OpReq)
			w.say(message(w, m.id))
			if f := h.expect(control.WorkerFailed); f.Worker.ID != w.id || f.Hung {
				t.Fatalf("%+v", f)
			}
		})
	}
}

func TestAnswerToAnotherWorkersRequestReachesNobody(t *testing.T) {
	h := startLoop(t, nil)
	w, evil := h.worker(1), h.worker(1)
	c := h.dial("http")
	c.write(get)
	m := w.expect(wire.OpReq)
	evil.say(res(m.id, 200, "forged"))
	if f := h.expect(control.WorkerFailed); f.Worker.ID != evil.id {
		t.Fatalf("%+v", f)
	}
	w.say(res(m.id, 200, "true"), ack(1))
	if _, body := c.response("GET"); body != "true" {
		t.Fatal(body)
	}
}

func TestTextOnThePipeReplacesTheHandler(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	w.out.WriteString("Warning: Undefined variable $x in app.php on line 3\n")
	if f := h.expect(control.WorkerFailed); f.Worker.ID != w.id {
		t.Fatalf("%+v", f)
	}
}

// Both pipes full: the handler writes and does not read, the gateway has much for it.
func TestFullPipesDoNotDeadlock(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	h.do(func() { h.loop.byID[w.id].window = 64 })
	c := h.dial("frame")
	payload := make([]byte, 400<<10)
	head := []byte{0, byte((len(payload) + 4) >> 16), byte((len(payload) + 4) >> 8), byte(len(payload) + 4)}
	go func() {
		for range 8 {
			c.Write(head)
			c.Write(payload)
		}
	}()
	other := h.dial("text") // something for a handler that only writes
	other.write("x\n")
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range 100 { // 6.4 MB, while it reads nothing
			w.say(send(1<<52, string(payload[:64<<10])))
		}
	}()
	got := 0
	for got < 8 {
		if m := w.next(); m.op == wire.OpMsg && len(m.data) == len(payload) {
			got++
			w.say(ack(1))
		} else if m.op == wire.OpMsg {
			w.say(ack(1))
		}
	}
	<-written
}

// A connection had to stay while something of it was unfinished; then its
// worker is slow, and another one has nothing to do.
func TestMessageThatBecomesFreeGoesToTheIdleWorker(t *testing.T) {
	h := startLoop(t, nil)
	slow, idle := h.worker(1), h.worker(1)
	h.do(func() { w := h.loop.byID[slow.id]; w.average, w.window = time.Second, 2 })
	a, b := h.dial("text"), h.dial("text")
	a.write("a1\n")
	slow.expect(wire.OpAttach)
	slow.expect(wire.OpMsg)
	h.do(func() { h.loop.byID[idle.id].window = 0 }) // b is to come to the slow one
	b.write("b1\n")
	slow.expect(wire.OpAttach)
	slow.expect(wire.OpMsg)
	a.write("a2\n")
	h.eventually("a2 waits", func() bool { return h.loop.byID[slow.id].waiting.len == 1 })
	h.do(func() { h.loop.byID[idle.id].window = 1 })
	slow.say(ack(1)) // a1 is done, b1 takes long
	idle.expect(wire.OpAttach)
	if m := idle.expect(wire.OpMsg); string(m.data) != "a2" {
		t.Fatalf("%+v", m)
	}
}

func TestDropGivesUpOnlyTheMessageThatKilled(t *testing.T) {
	for _, policy := range []control.OnCrash{control.Drop, control.CloseConnection} {
		t.Run(string(policy), func(t *testing.T) {
			h := startLoop(t, func(c *control.Configuration) { c.Pools[0].OnCrash = policy })
			w := h.worker(1)
			a, b := h.dial("text"), h.dial("text")
			a.write("warm up\n")
			w.expect(wire.OpAttach)
			m := w.expect(wire.OpMsg)
			w.say(send(m.id, "warm"), ack(1))
			a.line()
			a.write("deadly\n")
			w.expect(wire.OpMsg)
			b.write("innocent\n")
			a.write("next\n")
			h.do(func() {})
			h.do(func() {})
			w.exit("killed by SIGKILL")
			next := h.worker(1)
			got := map[string]bool{}
			for want := 1 + map[control.OnCrash]int{control.Drop: 1}[policy]; len(got) < want; {
				if m := next.next(); m.op == wire.OpMsg {
					got[string(m.data)] = true
					next.say(ack(1))
				} else if m.op == wire.OpClose {
					next.say(ack(1))
				}
			}
			if !got["innocent"] || got["deadly"] || got["next"] != (policy == control.Drop) {
				t.Fatalf("delivered %v", got)
			}
			if policy == control.CloseConnection {
				a.eof()
			}
		})
	}
}

package gateway

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// What waits behind slow work goes to a worker that is idle in another loop, and
// that worker stays where it went until it is wanted elsewhere.
func TestIdleWorkerGoesWhereWorkWaits(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	clients := []*client{inLoop(t, h, "http", 0), inLoop(t, h, "http", 0), inLoop(t, h, "http", 1)}
	clients[0].write(get)
	first := w[0].expect(wire.OpReq)
	clients[1].write(get)
	second := w[1].expect(wire.OpReq)
	w[1].say(res(second.id, 200, "moved"), ack(1))
	clients[1].response("GET")
	clients[2].write(get)
	third := w[1].expect(wire.OpReq)
	if [3]int{loopOf(first.id), loopOf(second.id), loopOf(third.id)} != [3]int{0, 0, 1} {
		t.Errorf("loops %d, %d and %d", loopOf(first.id), loopOf(second.id), loopOf(third.id))
	}
	w[1].say(res(third.id, 200, "back"), ack(1))
	clients[2].response("GET")
	w[0].say(res(first.id, 200, "slow"), ack(1))
	clients[0].response("GET")
}

// A loop without any worker is given one even though all others are busy, and
// two such loops take turns.
func TestLoopWithoutWorkersGetsItsTurn(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	w[1].exit("killed by SIGKILL")
	only := w[0]
	var clients []*client
	for range 6 {
		c := h.dial("http")
		c.write(get)
		clients = append(clients, c)
	}
	seen := [2]int{}
	for range clients {
		m := only.expect(wire.OpReq)
		seen[loopOf(m.id)]++
		only.say(res(m.id, 200, "ok"), ack(1))
	}
	for _, c := range clients {
		c.response("GET")
	}
	if seen != [2]int{3, 3} {
		t.Errorf("%v requests of the loops", seen)
	}
}

// oneByOne keeps windows at one message: what waits behind slow work shows at once.
func oneByOne(c *control.Configuration) { c.Pools[0].OnCrash = control.CloseConnection }

// A connection that a worker knew before it moved is told off to it wherever it
// is.
func TestWorkerThatMovesForgetsConnectionsThatDoNot(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	clients, ids := dealt(h, w)
	busy, later := inLoop(t, h, "http", 0), inLoop(t, h, "http", 0)
	busy.write(get)
	m := w[0].expect(wire.OpReq)
	later.write(get)
	n := w[1].expect(wire.OpReq) // the worker of loop 1 has moved
	clients[1].write("hello\n")
	w[0].say(res(m.id, 200, "a"), ack(1))
	if a := w[0].expect(wire.OpAttach); a.id != ids[1] {
		t.Fatalf("introduced %x, want %x", a.id, ids[1])
	}
	w[0].expect(wire.OpMsg)
	w[0].say(send(ids[1], "answer"), ack(1))
	clients[1].wantLines("answer")
	if d := w[1].expect(wire.OpDetach); d.id != ids[1] {
		t.Fatalf("told off %x, want %x", d.id, ids[1])
	}
	w[1].say(res(n.id, 200, "b"), ack(1))
	busy.response("GET")
	later.response("GET")
}

func TestWorkerThatComesBackKnowsItsConnections(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	clients, ids := dealt(h, w)
	busy, later := inLoop(t, h, "http", 0), inLoop(t, h, "http", 0)
	busy.write(get)
	m := w[0].expect(wire.OpReq)
	later.write(get)
	n := w[1].expect(wire.OpReq)
	w[1].say(res(n.id, 200, "b"), ack(1))
	later.response("GET")
	clients[1].write("hello\n")
	if back := w[1].expect(wire.OpMsg); back.id != ids[1] {
		t.Fatalf("message of %x, want %x", back.id, ids[1])
	}
	w[1].say(send(ids[1], "answer"), ack(1))
	clients[1].wantLines("answer")
	w[0].say(res(m.id, 200, "a"), ack(1))
	busy.response("GET")
}

// The master's word finds a worker that has moved.
func TestMovedWorkerIsDrainedAndEnds(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	w[1].exit("killed by SIGKILL")
	c := inLoop(t, h, "http", 1)
	c.write(get)
	m := w[0].expect(wire.OpReq) // it is in loop 1 now
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w[0].id}, Reason: "reload"})
	w[0].expect(wire.OpDrain)
	w[0].say(res(m.id, 200, "last"), ack(1))
	h.expect(control.Drained)
	c.response("GET")
	w[0].exit("exit code 0")
	next := h.worker(1)
	c.write(get)
	m = next.expect(wire.OpReq)
	next.say(res(m.id, 200, "next"), ack(1))
	c.response("GET")
	for _, l := range h.gateway.loops {
		h.gateway.do(l, func() {
			if len(l.away) > 1 || l.byID[w[0].id] != nil {
				t.Errorf("loop %d: away %v", l.index, l.away)
			}
		})
	}
}

// Fewer workers than loops: all loops are served, again and again.
func TestFewWorkersServeManyLoops(t *testing.T) {
	for _, concurrency := range []int{1, 100} {
		h := startLoops(t, 3, oneByOne)
		w := []*handler{h.worker(concurrency), h.worker(concurrency), h.worker(concurrency)}
		w[2].exit("killed by SIGKILL")
		for _, each := range w[:2] {
			go each.serve(concurrency)
		}
		answered := make(chan int)
		for range 9 {
			c := h.dial("http")
			go func() {
				n := 0
				for ; n < 100; n++ {
					c.write(get)
					if response, _ := c.response("GET"); response.StatusCode != 200 {
						break
					}
				}
				answered <- n
			}()
		}
		for range 9 {
			if n := <-answered; n < 100 {
				t.Errorf("%d answers", n)
			}
		}
		for _, each := range w[:2] {
			each.in.Close()
		}
	}
}

// serve answers requests until the pipe ends.
func (w *handler) serve(concurrency int) {
	for {
		_ = w.in.SetReadDeadline(time.Time{})
		var head [wire.HeaderLen]byte
		if _, err := io.ReadFull(w.r, head[:]); err != nil {
			return
		}
		n, _, _ := wire.FrameLength(head[:], wire.FrameCap)
		payload := make([]byte, n)
		if _, err := io.ReadFull(w.r, payload); err != nil {
			return
		}
		for _, m := range decodeForHandler(w.h.t, payload) {
			if m.op != wire.OpReq {
				continue
			}
			answer := [][]byte{res(m.id, 200, "ok")}
			if concurrency == 1 {
				answer = append(answer, ack(1))
			}
			if _, err := w.out.Write(inFrame(answer...)); err != nil {
				return
			}
		}
	}
}

// A worker that the master shall recycle moves like others: until its successor
// works there may be no other.
func TestWorkerThatIsDueServesOtherLoops(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	h.do(func() { h.loop.byID[w[0].id].maxRequests = 1 })
	here, there := inLoop(t, h, "http", 0), inLoop(t, h, "http", 1)
	serve := func(c *client) {
		t.Helper()
		c.write(get)
		m := w[0].expect(wire.OpReq)
		w[0].say(res(m.id, 200, "ok"), ack(1))
		c.response("GET")
	}
	serve(here)
	h.expect(control.WorkerDue)
	w[1].exit("killed by SIGKILL")
	serve(there)
	serve(here)
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w[0].id}, Reason: "max_requests"})
	w[0].expect(wire.OpDrain)
}

// A message that never ends keeps a worker where it is. It must not keep that
// worker from its work besides.
func TestWorkerWithAnEndlessMessageWorksOn(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 100)
	text, here, there := inLoop(t, h, "text", 0), inLoop(t, h, "http", 0), inLoop(t, h, "http", 1)
	text.write("for ever\n")
	w[0].expect(wire.OpAttach)
	w[0].expect(wire.OpMsg)
	w[1].exit("killed by SIGKILL")
	there.write(get)
	for leaving := false; !leaving; {
		h.do(func() { leaving = h.loop.byID[w[0].id].leaving })
	}
	here.write(get)
	m := w[0].expect(wire.OpReq)
	if loopOf(m.id) != 0 {
		t.Fatalf("request of loop %d", loopOf(m.id))
	}
	w[0].say(res(m.id, 200, "ok"))
	here.response("GET")
}

// again is c for a reload: a copy, as the control channel makes it, without new
// sockets.
func again(t *testing.T, c *control.Configuration) *control.Configuration {
	t.Helper()
	packet, err := control.Encode(&control.Message{Kind: control.Configure, Configuration: c})
	if err != nil {
		t.Fatal(err)
	}
	m, err := control.Decode(packet)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Configuration.Listeners {
		m.Configuration.Listeners[i].Fresh = false
	}
	for i := range m.Configuration.AccessLogs {
		m.Configuration.AccessLogs[i].Fresh = false
	}
	return m.Configuration
}

// A pool gets fewer workers, and more again, while clients keep their
// connections, in whichever loop they are.
func TestConnectionsStayServedWhenPoolsChange(t *testing.T) {
	path := t.TempDir() + "/access.log"
	var configuration *control.Configuration
	h := startLoops(t, 3, func(c *control.Configuration) {
		configuration = c
		c.AccessLogs = []control.AccessLog{{ID: 1, Path: path, Fresh: true}}
		c.Listeners[0].AccessLog = 1
		c.Listeners[0].Static = []control.Static{staticOf(folderOf(t, map[string]string{"b": "b"}))}
		c.Listeners[0].Answers = control.Answers{Compression: &control.Compression{Encodings: []string{"gzip"}, Types: []string{"text/*"}, MinBytes: 1, Level: "fast"},
			Headers: &control.Headers{Remove: []string{"server"}}, CORS: &control.CORS{Origins: []string{"*"}}}
	})
	w := crew(h, 1)
	for _, each := range w {
		go each.serve(1)
	}
	const clients, requests = 9, 100
	asked, answered := make(chan struct{}, clients*requests), make(chan int)
	for range clients {
		c := h.dial("http")
		go func() {
			n := 0
			for ; n < requests; n++ {
				c.write(get)
				if response, _ := c.response("GET"); response.StatusCode != 200 {
					break
				}
				asked <- struct{}{}
			}
			answered <- n
		}()
	}
	for i := range requests {
		<-asked
		next := again(t, configuration)
		next.Pools[0].Workers = []int{1, 3, 2}[i%3]
		var files []*os.File
		if i%10 == 0 {
			next.AccessLogs[0].Fresh = true
			files = append(files, appendFile(t, path))
		}
		h.tell(&control.Message{Kind: control.Configure, Configuration: next}, files...)
		h.expect(control.Configured)
	}
	for range clients {
		if n := <-answered; n < requests {
			t.Errorf("%d answers", n)
		}
	}
	for _, each := range w {
		each.in.Close()
	}
}

// A worker of before a reload that moves into a loop tells nobody there that
// handshakes need not be asked for.
func TestOldWorkersDoNotBringBackWhatTheyWanted(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := []*handler{h.worker(1, "request"), h.worker(1, "request", "handshake")}
	first, second := inLoop(t, h, "http", 1), inLoop(t, h, "http", 1)
	first.write(get)
	one := w[1].expect(wire.OpReq)
	second.write(get)
	two := w[0].expect(wire.OpReq) // it has moved
	w[0].say(res(two.id, 200, "ok"), ack(1))
	w[1].say(res(one.id, 200, "ok"), ack(1))
	first.response("GET")
	second.response("GET")
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w[0].id}, Reason: "reload"})
	w[0].expect(wire.OpDrain)
	h.expect(control.Drained)
	first.write("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	m := w[1].expect(wire.OpReq)
	w[1].say(res(m.id, 403, "no"), ack(1))
	first.wantStatus("403")
}

// Two loops that always have work share the only worker there is by turns that
// nobody notices.
func TestBusyLoopsTakeShortTurnsWithOneWorker(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	w[1].exit("killed by SIGKILL")
	var done atomic.Bool
	var clients sync.WaitGroup
	for i := range 40 {
		c := inLoop(t, h, "http", i%2)
		clients.Go(func() {
			for !done.Load() {
				c.write(get)
				c.response("GET")
			}
		})
	}
	turns, last, served := 0, 0, 0
	for ; turns < 10 && served < 50_000; served++ {
		m := w[0].expect(wire.OpReq)
		if at := loopOf(m.id); at != last {
			turns, last = turns+1, at
		}
		w[0].say(res(m.id, 200, "ok"), ack(1))
	}
	done.Store(true)
	if turns < 10 {
		t.Errorf("%d turns in %d requests", turns, served)
	}
	go w[0].serve(1)
	clients.Wait()
	w[0].in.Close()
}

package gateway

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

func TestConnectionsAreDealtOutEvenly(t *testing.T) {
	h := startLoops(t, 3, nil)
	for range 9 {
		placeOf(t, h, h.dial("http"))
	}
	for _, l := range h.gateway.loops {
		h.gateway.do(l, func() {
			if n := l.listeners[0].connections; n != 3 {
				t.Errorf("%d connections in loop %d", n, l.index)
			}
		})
	}
}

func TestListenerStaysWhereItsPoolsHaveWorkers(t *testing.T) {
	h := startLoops(t, 3, func(c *control.Configuration) { c.Pools[0].Workers = 1 })
	w := h.worker(100)
	for range 6 {
		c := h.dial("http")
		c.write(get)
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "ok"))
		c.response("GET")
	}
}

func TestLimitsHoldForAllLoopsTogether(t *testing.T) {
	h := startLoops(t, 3, func(c *control.Configuration) {
		c.Pools[0].QueueLimit = 2
		c.Listeners[0].Limits.MaxConnections = 4
		c.Listeners[1].Limits.MaxConnectionsPerAddress = 2
	})
	var clients []*client
	for range 4 {
		c := h.dial("http")
		c.write(get)
		clients = append(clients, c)
		placeOf(t, h, c)
		for _, l := range h.gateway.loops { // what waits elsewhere is told at the end of a turn
			h.gateway.do(l, func() {})
			h.gateway.do(l, func() {})
		}
	}
	if n := h.total(func(l *loop) int { return l.pools["web"].queue.len }); n != 2 {
		t.Errorf("%d requests wait, queue_limit is 2", n)
	}
	h.dial("http").write(get)
	for deadline := time.Now().Add(10 * time.Second); h.total(func(l *loop) int { return int(l.listeners[0].refused) }) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("one connection more than max_connections is not refused")
		}
	}
	if n := h.total(func(l *loop) int { return l.listeners[0].connections }); n != 4 {
		t.Errorf("%d connections, max_connections is 4", n)
	}
	refused := 0
	for _, c := range clients[2:] {
		if response, _ := c.response("GET"); response.StatusCode == 503 {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of the requests beyond queue_limit were refused", refused)
	}
	for range 2 {
		placeOf(t, h, h.dial("text"))
	}
	h.dial("text").eof()
}

// total adds up what each loop has.
func (h *harness) total(of func(*loop) int) (n int) {
	for _, l := range h.gateway.loops {
		h.gateway.do(l, func() { n += of(l) })
	}
	return n
}

// The loop that accepts goes on when a connection ends in another one.
func TestMaxConnectionsCountsWhatEndsInOtherLoops(t *testing.T) {
	h := startLoops(t, 2, func(c *control.Configuration) { c.Listeners[0].Limits.MaxConnections = 2 })
	w := h.worker(100)
	there, here := h.dial("http"), h.dial("http") // listener 1 accepts in loop 1
	if placeOf(t, h, there) == 1 {
		there, here = here, there
	}
	if i, j := placeOf(t, h, there), placeOf(t, h, here); i != 0 || j != 1 {
		t.Fatalf("in loops %d and %d", i, j)
	}
	late := h.dial("http")
	late.write(get)
	for paused := 0; paused == 0; {
		paused = h.total(func(l *loop) int { return l.paused })
	}
	there.Close()
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"))
	late.response("GET")
}

// Datagrams come in one loop, which a reload may choose anew; handlers send from
// all of them.
func TestDatagramsWithSeveralLoops(t *testing.T) {
	var configuration *control.Configuration
	h := startLoops(t, 3, func(c *control.Configuration) { configuration = c })
	w := []*handler{h.worker(1, "datagram"), h.worker(1, "datagram"), h.worker(1, "datagram")}
	c := h.datagrams()
	for _, turn := range []struct{ workers, home int }{{3, 2}, {1, 0}, {2, 1}} {
		next := again(t, configuration)
		next.Pools[0].Workers = turn.workers
		h.tell(&control.Message{Kind: control.Configure, Configuration: next})
		h.expect(control.Configured)
		c.say("question")
		m := w[turn.home].expect(wire.OpDgram)
		for _, each := range w {
			each.say(sendDatagram(m.n, m.peer, "answer", m.local))
			if got := c.hear(); got != "answer" {
				t.Fatalf("%q", got)
			}
		}
		w[turn.home].say(ack(1))
	}
	next := again(t, configuration)
	next.Listeners = next.Listeners[:4]
	h.tell(&control.Message{Kind: control.Configure, Configuration: next})
	h.expect(control.Configured)
	for open := 1; open > 0; { // the last of them is not finished before its ACK was read
		open = h.total(func(l *loop) int {
			for _, ln := range l.listeners {
				if ln.id == 5 && !ln.gone() {
					return 1
				}
			}
			return 0
		})
	}
}

// Without descriptors a loop cannot have listeners of its own, and nothing worse.
func TestDescriptorsThatCannotBeDuplicated(t *testing.T) {
	g := newGateway(slog.New(slog.DiscardHandler), nil)
	fds := take(g.duplicates([]*os.File{os.NewFile(1<<20, "no such file")}))
	if len(fds) != 1 || fds[0] != -1 {
		t.Errorf("%v", fds)
	}
}

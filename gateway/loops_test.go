package gateway

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// startLoops is startLoop with several loops, and a pool that has workers for
// all of them: the first worker is in the first loop, and so on.
func startLoops(t testing.TB, loops int, change func(*control.Configuration)) *harness {
	t.Helper()
	return startLoop(t, func(c *control.Configuration) {
		c.Loops, c.Pools[0].Workers = loops, loops
		if change != nil {
			change(c)
		}
	})
}

// crew is a worker in each loop.
func crew(h *harness, concurrency int, events ...string) (w []*handler) {
	for range h.gateway.loops {
		w = append(w, h.worker(concurrency, events...))
	}
	return w
}

// dealt connects a text client for each loop, and lets the worker there know it.
func dealt(h *harness, crew []*handler) (clients []*client, ids []uint64) {
	h.t.Helper()
	clients, ids = make([]*client, len(crew)), make([]uint64, len(crew))
	fresh := make([]*client, len(crew))
	for i := range crew {
		fresh[i] = h.dial("text")
		fresh[i].write(fmt.Sprintf("%d\n", i))
	}
	for at, w := range crew {
		id := w.expect(wire.OpAttach).id
		if loopOf(id) != at {
			h.t.Fatalf("a connection of loop %d came to the worker in loop %d", loopOf(id), at)
		}
		var n int
		fmt.Sscan(string(w.expect(wire.OpMsg).data), &n)
		w.say(ack(1))
		clients[at], ids[at] = fresh[n], id
	}
	return clients, ids
}

func (c *client) wantLines(want ...string) {
	c.t.Helper()
	for _, s := range want {
		if got := c.line(); got != s {
			c.t.Fatalf("got %q, want %q", got, s)
		}
	}
}

// placeOf says in which loop a client's connection is.
func placeOf(t *testing.T, h *harness, c *client) (index int) {
	t.Helper()
	index = -1
	for deadline := time.Now().Add(10 * time.Second); index < 0 && time.Now().Before(deadline); {
		for i, l := range h.gateway.loops {
			h.gateway.do(l, func() {
				for _, each := range l.conns.conns {
					if each != nil && each.peer == c.LocalAddr().String() {
						index = i
					}
				}
			})
		}
	}
	if index < 0 {
		t.Fatal("no such connection")
	}
	return index
}

// inLoop connects a client whose connection is in that loop.
func inLoop(t *testing.T, h *harness, scheme string, index int) *client {
	t.Helper()
	for {
		if c := h.dial(scheme); placeOf(t, h, c) == index {
			return c
		}
	}
}

func TestStatusIsThatOfAllLoops(t *testing.T) {
	h := startLoops(t, 3, nil)
	w := crew(h, 1)
	clients, _ := dealt(h, w)
	h.tell(&control.Message{Kind: control.Query, Seq: 7, Topic: control.TopicStatus})
	s := h.expect(control.Report)
	if s.Seq != 7 || s.Status.Connections != 3 || s.Status.Messages != 3 || len(s.Status.Workers) != 3 || len(s.Status.Listeners) != 5 || len(s.Status.Pools) != 1 {
		t.Errorf("%+v", s.Status)
	}
	for _, ln := range s.Status.Listeners {
		if ln.ID == 2 && (ln.Connections != 3 || ln.Accepted != 3) {
			t.Errorf("%+v", ln)
		}
	}
	h.tell(&control.Message{Kind: control.Query, Topic: control.TopicConnections, Filter: "text"})
	r := h.expect(control.Report)
	if len(r.Connections) != 3 || r.More {
		t.Fatalf("%+v", r)
	}
	for _, c := range clients {
		if !slices.ContainsFunc(r.Connections, func(row control.Connection) bool { return row.Peer == c.LocalAddr().String() }) {
			t.Errorf("no row for %s", c.LocalAddr())
		}
	}
}

func TestStopIsReportedOnceAllLoopsHaveStopped(t *testing.T) {
	h := startLoops(t, 3, nil)
	w := crew(h, 1)
	clients, _ := dealt(h, w)
	h.tell(&control.Message{Kind: control.Stop, Deadline: 10 * time.Second})
	for _, c := range clients {
		c.eof()
	}
	for _, each := range w {
		each.expect(wire.OpClose)
		each.say(ack(1))
	}
	h.expect(control.Stopped)
	if n := h.total(func(l *loop) int { return l.conns.live }); n != 0 {
		t.Errorf("%d connections", n)
	}
}

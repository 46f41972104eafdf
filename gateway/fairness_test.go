package gateway

import (
	"testing"
	"time"

	"gw/protocol/wire"
)

// Two connections that never stop talking must starve neither a request nor a
// connection that comes later.
func TestWhoTalksWithoutEndStarvesNobody(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	h.do(func() { h.loop.byID[w.id].average = time.Hour }) // so that its window stays 1
	for range 2 {
		c := h.dial("text")
		for range 20 {
			c.write("busy\n")
		}
	}
	w.nextWork()
	h.do(func() {})
	late := h.dial("text")
	late.write("late\n")
	asks := h.dial("http")
	asks.write(get)
	h.do(func() {})
	heard := map[string]bool{}
	for range 12 {
		w.say(ack(1))
		m := w.nextWork()
		heard[string(m.data)] = true
		if m.op == wire.OpReq {
			w.say(res(m.id, 200, "answer"))
		}
	}
	if _, ok := heard["late"]; !ok {
		t.Error("the late connection was not served")
	}
	if _, body := asks.response("GET"); body != "answer" {
		t.Errorf("answer %q", body)
	}
}

// A worker that works on without end takes what waits for a stuck one, too.
func TestBusyWorkerRelievesAStuckOne(t *testing.T) {
	h := startLoop(t, nil)
	stuck := h.worker(1)
	a, b, c := h.dial("text"), h.dial("text"), h.dial("text")
	for _, client := range []*client{a, b} {
		client.write("hello\n")
		stuck.nextWork()
		stuck.say(ack(1))
	}
	h.do(func() { h.loop.byID[stuck.id].average, h.loop.byID[stuck.id].window = time.Hour, 1 })
	a.write("slow\n")
	stuck.nextWork()
	busy := h.worker(1)
	h.do(func() { h.loop.byID[busy.id].average = time.Hour })
	for range 20 {
		c.write("busy\n")
	}
	busy.nextWork()
	b.write("waits\n")
	h.do(func() {
		h.loop.byID[stuck.id].lastAck -= stuckAfter
		h.loop.byID[stuck.id].sent.first.sentAt -= stuckAfter
	})
	for range 5 {
		busy.say(ack(1))
		if m := busy.nextWork(); string(m.data) == "waits" {
			return
		}
	}
	t.Error("the message behind the stuck worker waits on")
}

// nextWork returns the next message that counts for ACK.
func (w *handler) nextWork() received {
	w.h.t.Helper()
	for {
		if m := w.next(); m.op != wire.OpAttach && m.op != wire.OpDetach {
			return m
		}
	}
}

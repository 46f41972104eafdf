package gateway

import (
	"testing"

	"gw/protocol/control"
	"gw/protocol/wire"
)

func TestClientsBeyondMaxConnectionsWaitTheirTurn(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.MaxConnections = 1 })
	w := h.worker(1)
	first, second := h.dial("http"), h.dial("http")
	for _, c := range []*client{first, second} {
		c.write(get)
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "ok"), ack(1))
		c.response("GET")
		h.do(func() {
			if n := h.loop.listeners[0].connections; n != 1 {
				t.Errorf("%d connections", n)
			}
		})
		c.Close()
	}
	h.eventually("the last has left", func() bool { return h.loop.conns.live == 0 && h.loop.paused == 0 })
}

func TestPausedListenerMayBeClosed(t *testing.T) {
	h := startLoop(t, nil)
	h.do(func() {
		ln := h.loop.listeners[0]
		h.loop.pauseAccepting(ln, "test")
		h.loop.closeListener(ln)
		if h.loop.paused != 0 {
			t.Error("it is still waited for, ten times a second")
		}
	})
}

// Whatever accept says, it is tried again later and not at once.
func TestAcceptThatFailsDoesNotSpin(t *testing.T) {
	s := newStill(t)
	s.ln.fd = s.timer // not a socket
	s.accept(s.ln)
	if !s.ln.paused || s.paused != 1 {
		t.Error("it will be accepted from again at once")
	}
}

package gateway

import (
	"testing"

	"gw/protocol/wire"
)

// Twelve requests die with their worker. The next one gets a quarter of them,
// and only those are given up when it dies too.
func TestRequestsThatDiedTogetherGoOnInSmallerGroups(t *testing.T) {
	h := startLoop(t, nil)
	var clients []*client
	first := h.worker(64)
	for range 12 {
		c := h.dial("http")
		c.write(get)
		clients = append(clients, c)
		first.expect(wire.OpReq)
	}
	first.exit("died")
	second := h.worker(64)
	for range 3 {
		second.expect(wire.OpReq)
	}
	h.do(func() {
		if n := h.loop.byID[second.id].sent.len; n != 3 {
			t.Errorf("%d doubtful requests at once", n)
		}
	})
	second.exit("died")
	third := h.worker(64)
	for range 9 {
		third.say(res(third.expect(wire.OpReq).id, 200, "fine"))
	}
	count := map[int]int{}
	for _, c := range clients {
		r, _ := c.response("GET")
		count[r.StatusCode]++
	}
	if count[200] != 9 || count[502] != 3 {
		t.Errorf("answers %v", count)
	}
}

// The same for the messages of connections.
func TestMessagesThatDiedTogetherGoOnInSmallerGroups(t *testing.T) {
	h := startLoop(t, nil)
	var clients []*client
	first := h.worker(64)
	for range 8 {
		c := h.dial("text")
		c.write("hello\n")
		clients = append(clients, c)
		first.nextWork()
	}
	first.exit("died")
	second := h.worker(64)
	for range 8 {
		m := second.nextWork()
		h.do(func() {
			if n := h.loop.byID[second.id].sent.len; n > 2 {
				t.Errorf("%d doubtful messages at once", n)
			}
		})
		second.say(send(m.id, "fine"), done(m.id, 1))
	}
	for _, c := range clients {
		if got := c.line(); got != "fine" {
			t.Errorf("got %q", got)
		}
	}
}

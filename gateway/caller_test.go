package gateway

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

func TestRequestsOverTheRateOfAnAddressGet429(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].TrustedProxies = []string{"loopback"}
		c.Listeners[0].Limits.RequestEvery, c.Listeners[0].Limits.BurstPerAddress = time.Hour, 3
	})
	w, c := h.worker(1), h.dial("http")
	for range 3 {
		asked(c, w, "X-Forwarded-For: 192.0.2.1\r\n")
	}
	c.write("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
	r, _ := c.response("GET")
	seconds, _ := strconv.Atoi(r.Header.Get("Retry-After"))
	if r.StatusCode != 429 || seconds < 3500 || seconds > 3600 || r.Close {
		t.Errorf("%+v", r)
	}
	asked(c, w, "X-Forwarded-For: 192.0.2.2\r\n") // somebody else, on the same connection
	asked(c, w, "")                               // and the proxy itself, without limit
	asked(c, w, "X-Forwarded-For: 2001:db8::1\r\n")
	asked(c, w, "X-Forwarded-For: 2001:db8::2\r\n") // the same /64
	asked(c, w, "X-Forwarded-For: 2001:db8::3\r\n")
	c.write("POST / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 2001:db8::4\r\nContent-Length: 5\r\n\r\nhello")
	if r, _ := c.response("POST"); r.StatusCode != 429 || !r.Close {
		t.Errorf("%+v", r)
	}
	h.tell(&control.Message{Kind: control.Query, Seq: 9, Topic: control.TopicStatus})
	if s := h.expect(control.Report).Status.Listeners[0]; s.RateRefused != 2 {
		t.Errorf("%+v", s)
	}
}

func TestConnectionsOverTheLimitOfAnAddressAreClosed(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		for i := range c.Listeners {
			c.Listeners[i].Limits.MaxConnectionsPerAddress = 2
		}
		c.Listeners[1].Limits.ExemptAddresses = []string{"loopback"}
		c.Listeners[2].TrustedProxies = []string{"loopback"}
	})
	w := h.worker(1)
	first, second, third := h.dial("http"), h.dial("http"), h.dial("http")
	third.eof()
	asked(first, w, "")
	asked(second, w, "")
	first.Close()
	h.awaitConnections("http", 1)
	fourth := h.dial("http")
	asked(fourth, w, "")
	for range 4 { // those have no limit here
		h.dial("text")
		h.dial("frame")
	}
	h.awaitConnections("text", 4)
	h.awaitConnections("frame", 4)
	h.tell(&control.Message{Kind: control.Query, Seq: 9, Topic: control.TopicStatus})
	if s := h.expect(control.Report).Status.Listeners[0]; s.AddressRefused != 1 || s.Connections != 2 {
		t.Errorf("%+v", s)
	}
}

// awaitConnections waits until a listener has n connections.
func (h *harness) awaitConnections(scheme string, n int) {
	h.t.Helper()
	for range 1000 {
		have := 0
		h.do(func() {
			for _, ln := range h.loop.listeners {
				if ln.scheme == scheme {
					have = ln.connections
				}
			}
		})
		if have == n {
			return
		}
		c := h.dial("tcp") // a turn of the loop and of the network
		c.write("x")
		c.Close()
	}
	h.t.Fatalf("%s never had %d connections", scheme, n)
}

func TestConnectionsWithoutRequestsCountForTheRate(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[1].Limits.RequestEvery = time.Hour })
	w := h.worker(1)
	first := h.dial("text")
	first.write("Tom\n")
	w.expect(wire.OpAttach)
	m := w.expect(wire.OpMsg)
	w.say(send(m.id, "Hello Tom"), ack(1))
	first.line()
	h.dial("text").eof()
}

func TestRateIsABucketThatFillsUp(t *testing.T) {
	x := new(caller)
	now := time.Hour
	for i := range 5 {
		if wait := x.take(now, 100*time.Millisecond, 5); wait != 0 {
			t.Fatalf("request %d waits %s", i, wait)
		}
	}
	if wait := x.take(now, 100*time.Millisecond, 5); wait != 100*time.Millisecond {
		t.Errorf("the sixth waits %s", wait)
	}
	now += 250 * time.Millisecond
	for range 2 {
		if wait := x.take(now, 100*time.Millisecond, 5); wait != 0 {
			t.Errorf("waits %s", wait)
		}
	}
	if wait := x.take(now, 100*time.Millisecond, 5); wait != 50*time.Millisecond {
		t.Errorf("waits %s", wait)
	}
	now += time.Hour // no more than the burst is saved up
	for range 5 {
		x.take(now, 100*time.Millisecond, 5)
	}
	if wait := x.take(now, 100*time.Millisecond, 5); wait == 0 {
		t.Error("more than the burst")
	}
}

func TestAddressesAreForgotten(t *testing.T) {
	var table callers
	at := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(i))))
	}
	busy, _ := table.enter(at(1<<30), 0)
	for i := range maxCallers + 10 {
		table.find(at(i)).free = time.Hour
	}
	if table.idle != maxCallers || len(table.byAddress) != maxCallers+1 {
		t.Fatalf("%d idle of %d", table.idle, len(table.byAddress))
	}
	if table.byAddress[at(9)] != nil || table.byAddress[at(10)] == nil || table.find(at(1<<30)) != busy {
		t.Error("others than the oldest were forgotten")
	}
	table.find(at(10)) // it is the latest now
	table.find(at(-1))
	if table.byAddress[at(10)] == nil || table.byAddress[at(11)] != nil {
		t.Error("one that came back was forgotten")
	}
	table.leave(busy)
	table.trim(time.Hour)
	if len(table.byAddress) != 0 || table.idle != 0 || table.first != nil || table.last != nil {
		t.Errorf("%d left", len(table.byAddress))
	}
}

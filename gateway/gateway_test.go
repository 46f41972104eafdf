package gateway

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// eventually waits until f is true in the loop.
func (h *harness) eventually(what string, f func() bool) {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		var ok bool
		h.do(func() { ok = f() })
		if ok {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("never: %s\n%s", what, h.log.String())
		}
		time.Sleep(time.Millisecond) // leaves the processor to the loop
	}
}

func TestRemovedPoolEndsItsConnections(t *testing.T) {
	var configuration *control.Configuration
	h := startLoop(t, func(c *control.Configuration) { configuration = c })
	w := h.worker(1)
	text, busy, queued, ws := h.dial("text"), h.dial("http"), h.dial("http"), h.upgrade("/")
	text.write("1\n")
	w.expect(wire.OpAttach)
	w.expect(wire.OpMsg)
	w.say(ack(1))
	h.eventually("it has nothing to do", func() bool { return h.loop.byID[w.id].sent.len == 0 })
	h.do(func() { h.loop.byID[w.id].window = 1 })
	busy.write(get)
	m := w.expect(wire.OpReq)
	queued.write(get)
	text.write("2\n")
	h.eventually("all wait", func() bool { return h.loop.pools["web"].queue.len == 1 && h.loop.byID[w.id].waiting.len == 1 })

	next := *configuration
	next.Pools = []control.Pool{{Name: "other"}}
	next.Listeners = append([]control.Listener{}, next.Listeners...)
	for i := range next.Listeners {
		next.Listeners[i].Fresh, next.Listeners[i].Routes = false, []control.Route{{Prefix: "/", Pool: "other"}}
	}
	h.tell(&control.Message{Kind: control.Configure, Configuration: &next})
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w.id}, Deadline: time.Second})
	if r, _ := queued.response("GET"); r.StatusCode != 503 {
		t.Fatalf("%+v", r)
	}
	if first, payload := ws.frame(); first != 0x88 || payload[:2] != "\x03\xe9" {
		t.Fatalf("%#x %q", first, payload)
	}
	text.eof()
	w.expect(wire.OpDrain)
	w.say(res(m.id, 200, "finished"), ack(1))
	if _, body := busy.response("GET"); body != "finished" {
		t.Fatal(body)
	}
	h.expect(control.Drained)
	w.exit("exit code 0")
	for _, c := range []*client{text, busy, queued, ws} {
		c.Close()
	}
	h.eventually("nothing is left", func() bool { return h.loop.conns.live == 0 && len(h.loop.pools) == 1 })
}

// Clients come, send, leave, and no handler ever starts.
func TestMessagesOfClientsThatLeftDoNotPileUp(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].QueueTimeout = 200 * time.Millisecond })
	for range 10 {
		c := h.dial("text")
		c.write("x\n")
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
		h.eventually("the message came", func() bool { return h.loop.messages > 0 })
		c.Close()
	}
	h.eventually("they are forgotten", func() bool { return h.loop.conns.live == 0 && h.loop.pools["web"].waiting.len == 0 })
}

func TestConfigurationInPartsIsOne(t *testing.T) {
	var configuration *control.Configuration
	h := startLoop(t, func(c *control.Configuration) { configuration = c })
	first, second := *configuration, *configuration
	first.Listeners, second.Listeners = append([]control.Listener{}, first.Listeners[:2]...), append([]control.Listener{}, second.Listeners[2:]...)
	second.Pools = nil
	for _, c := range []*control.Configuration{&first, &second} {
		for i := range c.Listeners {
			c.Listeners[i].Fresh = false
		}
	}
	h.tell(&control.Message{Kind: control.Configure, Configuration: &first, More: true})
	h.tell(&control.Message{Kind: control.Configure, Configuration: &second, Seq: 7})
	if m := h.expect(control.Configured); m.Seq != 7 {
		t.Fatalf("%+v", m)
	}
	h.do(func() {
		for _, ln := range h.loop.listeners {
			if ln.closed {
				t.Errorf("%s was closed", ln.name)
			}
		}
		if h.loop.pools["web"] == nil {
			t.Error("the pool is gone")
		}
	})
}

func TestListenersThatComeAndGoAreForgotten(t *testing.T) {
	var configuration *control.Configuration
	h := startLoop(t, func(c *control.Configuration) {
		configuration, c.Pools[0].QueueTimeout = c, 100*time.Millisecond
	})
	for id := 6; id < 11; id++ {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, _ := ln.(*net.TCPListener).File()
		ln.Close()
		next := *configuration
		one := next.Listeners[1]
		one.ID, one.Address, one.Fresh = id, ln.Addr().String(), true
		next.Listeners = []control.Listener{one}
		h.tell(&control.Message{Kind: control.Configure, Configuration: &next}, []*os.File{f}...)
		h.expect(control.Configured)
		h.address["text"] = one.Address
		c := h.dial("text")
		h.eventually("it accepts", func() bool { return h.loop.conns.live == 1 })
		c.Close()
		h.eventually("it left", func() bool { return h.loop.conns.live == 0 })
	}
	h.do(func() {
		if n := len(h.loop.listeners); n > 6 {
			t.Errorf("%d listeners are kept", n)
		}
	})
}

func TestLogWritesDurationsWithTheirUnit(t *testing.T) {
	t.Setenv("GW_LOG_FORMAT", "json")
	var out bytes.Buffer
	logger(&out).Warn("Slow", "took", 1500*time.Millisecond)
	if !strings.Contains(out.String(), `"took":"1.5s"`) {
		t.Fatal(out.String())
	}
}

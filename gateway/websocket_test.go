package gateway

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// upgrade shakes hands and returns the connection.
func (h *harness) upgrade(path string) *client {
	h.t.Helper()
	c := h.dial("http")
	c.write("GET " + path + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if s := c.line(); s != "HTTP/1.1 101 Switching Protocols" {
		h.t.Fatal(s)
	}
	accept := ""
	for s := c.line(); s != ""; s = c.line() {
		if v, ok := strings.CutPrefix(strings.ToLower(s), "sec-websocket-accept: "); ok {
			accept = v
		}
	}
	if accept != strings.ToLower("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") { // RFC 6455 section 1.3
		h.t.Fatalf("accept %q", accept)
	}
	return c
}

// frame builds a client's frame.
func frame(first byte, payload string) string {
	key := [4]byte{1, 2, 3, 4}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return string(b)
}

// frame reads one frame of the server.
func (c *client) frame() (first byte, payload string) {
	c.t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		c.t.Fatal(err)
	}
	n := int(head[1])
	switch n {
	case 126:
		var l [2]byte
		io.ReadFull(c.r, l[:])
		n = int(binary.BigEndian.Uint16(l[:]))
	case 127:
		var l [8]byte
		io.ReadFull(c.r, l[:])
		n = int(binary.BigEndian.Uint64(l[:]))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatal(err)
	}
	return head[0], string(b)
}

func (c *client) wantFrame(first byte, payload string) {
	c.t.Helper()
	if f, p := c.frame(); f != first || p != payload {
		c.t.Fatalf("frame %#x %q, want %#x %q", f, p, first, payload)
	}
}

func TestWebSocketMessagesBothWays(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "request", "connect", "message", "close")
	c := h.upgrade("/chat?room=1")
	open := w.expect(wire.OpOpen)
	if open.path != "/chat" {
		t.Fatalf("%+v", open)
	}
	w.say(ack(1))
	c.write(frame(0x81, "Tom") + frame(0x82, "\x00\xff") + frame(0x01, "frag") + frame(0x89, "ping") + frame(0x80, "ment"))
	for _, want := range []struct {
		flags uint64
		data  string
	}{{0, "Tom"}, {1, "\x00\xff"}, {0, "fragment"}} {
		m := w.expect(wire.OpMsg)
		if m.id != open.id || m.n != want.flags || string(m.data) != want.data {
			t.Fatalf("%+v", m)
		}
		w.say(send(m.id, "Hello "+want.data), ack(1))
	}
	c.wantFrame(0x8a, "ping")
	c.wantFrame(0x81, "Hello Tom")
	c.wantFrame(0x81, "Hello \x00\xff")
	c.wantFrame(0x81, "Hello fragment")
	c.write(frame(0x88, "\x03\xe9bye"))
	c.wantFrame(0x88, "\x03\xe9")
	c.Close()
	if m := w.expect(wire.OpClose); m.n != 1001 || string(m.data) != "bye" {
		t.Fatalf("%+v", m)
	}
}

func TestHandlerClosesWebSocket(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "message", "connect", "close")
	c := h.upgrade("/")
	id := w.expect(wire.OpOpen).id
	w.say(send(id, "last"), closeConn(id, 4001, "enough"), ack(1))
	c.wantFrame(0x81, "last")
	c.wantFrame(0x88, "\x0f\xa1enough")
	c.write(frame(0x88, "\x0f\xa1"))
	c.eof()
	c.Close()
	if m := w.expect(wire.OpClose); m.n != 4001 || string(m.data) != "enough" {
		t.Fatalf("%+v", m)
	}
}

func TestFaultyFrameClosesOnlyItsConnection(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	good := h.upgrade("/")
	bad := h.upgrade("/")
	bad.write(frame(0x81, "before") + unmasked)
	m := w.expect(wire.OpAttach)
	if string(w.expect(wire.OpMsg).data) != "before" {
		t.Fatal("the message before the fault is lost")
	}
	w.say(send(m.id, "answer"), ack(1))
	bad.wantFrame(0x81, "answer")
	first, payload := bad.frame()
	if first != 0x88 || payload[:2] != "\x03\xea" {
		t.Fatalf("%#x %q", first, payload)
	}
	bad.Close()
	if c := w.expect(wire.OpClose); c.id != m.id || c.n != 1002 {
		t.Fatalf("%+v", c)
	}
	w.say(ack(1))
	good.write(frame(0x81, "x"))
	w.expect(wire.OpAttach)
	w.expect(wire.OpMsg)
}

func TestSilentWebSocketIsPingedThenClosed(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.PingInterval = 150 * time.Millisecond })
	w := h.worker(1, "message", "close")
	c := h.upgrade("/")
	c.wantFrame(0x89, "")
	c.write(frame(0x8a, ""))
	c.wantFrame(0x89, "") // it answered, so it lives on; now it stays silent
	c.eof()
	w.expect(wire.OpAttach)
	if m := w.expect(wire.OpClose); m.n != closeAbnormal {
		t.Fatalf("%+v", m)
	}
}

func TestLongMessagesBothWays(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.upgrade("/")
	long := strings.Repeat("0123456789abcdef", 32<<10-1) // nearly 512 KiB
	go c.Write([]byte(frame(0x81, long)))
	w.expect(wire.OpAttach)
	m := w.expect(wire.OpMsg)
	if string(m.data) != long {
		t.Fatalf("%d bytes", len(m.data))
	}
	w.say(send(m.id, long), ack(1))
	c.wantFrame(0x81, long)
}

func TestTextFrameAndTCP(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	for _, x := range []struct{ scheme, in, out string }{
		{"text", "Tom\r\nAnn\n", "Hello Tom\nHello Ann\n"},
		{"frame", "\x00\x00\x00\x07Tom\x00\x00\x00\x07Ann", "\x00\x00\x00\x0dHello Tom\x00\x00\x00\x0dHello Ann"},
	} {
		c := h.dial(x.scheme)
		for i := range len(x.in) { // a byte at a time
			c.write(x.in[i : i+1])
		}
		w.expect(wire.OpAttach)
		for range 2 {
			m := w.expect(wire.OpMsg)
			w.say(send(m.id, "Hello "+string(m.data)), ack(1))
		}
		got := make([]byte, len(x.out))
		if _, err := io.ReadFull(c.r, got); err != nil || string(got) != x.out {
			t.Fatalf("%q %v", got, err)
		}
		c.Close()
		w.expect(wire.OpClose)
		w.say(ack(1))
	}
	c := h.dial("tcp")
	c.write("raw")
	w.expect(wire.OpAttach)
	m := w.expect(wire.OpMsg)
	w.say(send(m.id, "raw too"), closeConn(m.id, 1000, ""), ack(1))
	b, _ := io.ReadAll(c.r)
	if !bytes.Equal(b, []byte("raw too")) {
		t.Fatalf("%q", b)
	}
}

func TestHalfClosedClientStillGetsItsAnswers(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("text")
	c.write("one\ntwo\n")
	_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	w.expect(wire.OpAttach)
	for range 2 {
		m := w.expect(wire.OpMsg)
		w.say(send(m.id, string(m.data)), ack(1))
	}
	b, err := io.ReadAll(c.r)
	if err != nil || string(b) != "one\ntwo\n" {
		t.Fatalf("%q %v", b, err)
	}
	if m := w.expect(wire.OpClose); m.n != 1000 {
		t.Fatalf("%+v", m)
	}
}

func TestTooLongLineClosesTheConnection(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[1].Limits.MaxMessageBytes = 10 })
	h.worker(1)
	c := h.dial("text")
	c.write("12345678901234567890")
	c.eof()
}

func TestSlowReaderIsToldThenClosedAndCounted(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[1].Limits.SendBufferBytes = 256 << 10
	})
	w := h.worker(1, "message", "close", "buffer")
	c := h.dial("text")
	c.write("x\n")
	w.expect(wire.OpAttach)
	m := w.expect(wire.OpMsg)
	big := strings.Repeat("y", 64<<10)
	full := false
	for {
		w.say(send(m.id, big))
		var gone bool
		h.do(func() { gone = h.loop.conns.find(m.id) == nil || h.loop.conns.find(m.id).state == stateGone })
		if gone {
			break
		}
	}
	w.say(ack(1))
	for {
		e := w.next()
		if e.op == wire.OpBuf && e.n == 1 {
			full = true
			w.say(ack(1))
			continue
		}
		if e.op != wire.OpClose || e.n != closeAbnormal {
			t.Fatalf("%+v", e)
		}
		break
	}
	if !full {
		t.Fatal("the handler was not told")
	}
	h.tell(&control.Message{Kind: control.Query, Topic: control.TopicStatus})
	if s := h.expect(control.Report).Status.Listeners[1]; s.SlowClosed != 1 {
		t.Fatalf("%+v", s)
	}
}

// What a client sent before its fault was accepted, so it is answered too.
func TestMessagesBeforeAFaultAreAnswered(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.upgrade("/")
	c.write(frame(0x81, "1") + frame(0x81, "2") + frame(0x81, "3") + unmasked)
	cid := w.expect(wire.OpAttach).id
	for _, want := range []string{"1", "2", "3"} {
		if m := w.expect(wire.OpMsg); string(m.data) != want {
			t.Fatalf("%+v", m)
		}
		w.say(send(cid, want), ack(1))
		c.wantFrame(0x81, want)
	}
	c.wantFrame(0x88, notMasked)
	c.Close()
	if m := w.expect(wire.OpClose); m.n != 1002 {
		t.Fatalf("%+v", m)
	}
}

// A frame that breaks the protocol, and the payload of the close frame for it.
const (
	unmasked  = "\x81\x03abc"
	notMasked = "\x03\xeaframe of a client not masked"
)

// leaving lets a client send a message, which w works on, and then what ends
// its connection.
func (h *harness) leaving(w *handler, end string) (c *client, cid uint64) {
	h.t.Helper()
	c = h.upgrade("/")
	c.write(frame(0x81, "before") + end)
	w.expect(wire.OpAttach)
	cid = w.expect(wire.OpMsg).id
	h.eventually("it leaves", func() bool { return h.state(cid) == stateLeaving })
	return c, cid
}

// state is that of a connection; in the loop only.
func (h *harness) state(cid uint64) connState {
	if c := h.loop.conns.find(cid); c != nil {
		return c.state
	}
	return stateGone
}

func TestCloseWaitsForTheAnswersBefore(t *testing.T) {
	for name, x := range map[string]struct {
		end, closing, reason string
		code                 uint64
	}{
		"fault":       {unmasked, notMasked, "frame of a client not masked", 1002},
		"close frame": {frame(0x88, "\x03\xe9bye"), "\x03\xe9", "bye", 1001},
		"no code":     {frame(0x88, ""), "", "", 1005},
	} {
		t.Run(name, func(t *testing.T) {
			h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Limits.PingInterval = time.Minute })
			w := h.worker(1)
			c, cid := h.leaving(w, x.end)
			read := uint64(0)
			h.do(func() {
				leaving := h.loop.conns.find(cid)
				read = leaving.bytesIn
				if wait := leaving.deadline.list.wait; wait != h.loop.pools["web"].requestTimeout {
					t.Errorf("it waits for %v", wait)
				}
			})
			c.write(frame(0x81, "too late") + frame(0x89, "ping")) // nobody sees that any more
			h.eventually("it is read", func() bool { return h.loop.conns.find(cid).bytesIn > read })
			h.tell(&control.Message{Kind: control.Query, Topic: control.TopicConnections})
			if rows := h.expect(control.Report).Connections; len(rows) != 1 || rows[0].State != "leaving" {
				t.Errorf("%+v", rows)
			}
			w.say(send(cid, "answer"))
			c.wantFrame(0x81, "answer")
			w.say(send(cid, "end of it"), ack(1))
			c.wantFrame(0x81, "end of it")
			c.wantFrame(0x88, x.closing)
			c.Close()
			if m := w.expect(wire.OpClose); m.n != x.code || string(m.data) != x.reason {
				t.Fatalf("%+v", m)
			}
		})
	}
}

func TestFaultWithNothingUnderWayClosesAtOnce(t *testing.T) {
	h := startLoop(t, nil)
	h.worker(1)
	c := h.upgrade("/")
	c.write(unmasked)
	c.wantFrame(0x88, notMasked)
	c = h.upgrade("/")
	c.write(frame(0x88, "\x03\xe8"))
	c.wantFrame(0x88, "\x03\xe8")
	c.eof()
}

func TestHandlerClosesAClientThatLeaves(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c, cid := h.leaving(w, unmasked)
	w.say(send(cid, "answer"), closeConn(cid, 4001, "enough"), ack(1))
	c.wantFrame(0x81, "answer")
	c.wantFrame(0x88, "\x0f\xa1enough")
	c.Close()
	if m := w.expect(wire.OpClose); m.n != 1002 {
		t.Fatalf("%+v", m)
	}
}

func TestWorkerDiesWhileItsClientLeaves(t *testing.T) {
	for rule, closing := range map[control.OnCrash]string{
		control.Redeliver:       notMasked,
		control.Drop:            notMasked,
		control.CloseConnection: "\x03\xf3the handler died",
	} {
		t.Run(string(rule), func(t *testing.T) {
			h := startLoop(t, func(c *control.Configuration) { c.Pools[0].OnCrash = rule })
			w := h.worker(1)
			c, cid := h.leaving(w, unmasked)
			w.exit("killed by SIGKILL")
			if rule == control.Redeliver {
				w = h.worker(1)
				w.expect(wire.OpAttach)
				if m := w.expect(wire.OpMsg); string(m.data) != "before" {
					t.Fatalf("%+v", m)
				}
				w.say(send(cid, "answer"), ack(1))
				c.wantFrame(0x81, "answer")
			}
			c.wantFrame(0x88, closing)
		})
	}
}

func TestClientThatLeavesIsGone(t *testing.T) {
	for name, end := range map[string]string{"fault": unmasked, "close frame": frame(0x88, "\x03\xea")} {
		t.Run(name, func(t *testing.T) {
			h := startLoop(t, nil)
			w := h.worker(1)
			c, cid := h.leaving(w, end)
			c.Close()
			h.eventually("it is gone", func() bool { return h.state(cid) == stateGone })
			w.say(send(cid, "answer"), ack(1))
			if m := w.expect(wire.OpClose); m.n != 1002 {
				t.Fatalf("%+v", m)
			}
		})
	}
}

func TestPatienceWithAnswersToALeavingClientEnds(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].RequestTimeout = 0 })
	expire := func(cid uint64) {
		h.do(func() {
			c := h.loop.conns.find(cid)
			if c.deadline.list.wait != leavePatience {
				t.Errorf("it waits for %v", c.deadline.list.wait)
			}
			h.loop.deadlines.disarm(c)
			h.loop.expire(c)
		})
	}
	w := h.worker(1)
	c, cid := h.leaving(w, unmasked)
	expire(cid)
	c.wantFrame(0x88, notMasked)
	c.Close()
	w.say(ack(1))
	w.expect(wire.OpClose)
	w.say(ack(1))
	w.exit("exit code 0")

	c = h.upgrade("/") // and nobody is there to take its message
	c.write(frame(0x81, "before") + unmasked)
	h.eventually("it leaves", func() bool {
		for _, each := range h.loop.conns.conns {
			if each != nil && each.state == stateLeaving {
				cid = each.id
				return true
			}
		}
		return false
	})
	expire(cid)
	c.wantFrame(0x88, notMasked)
	c.Close()
	w = h.worker(1)
	w.expect(wire.OpAttach)
	if m := w.expect(wire.OpMsg); string(m.data) != "before" {
		t.Fatalf("%+v", m)
	}
	w.say(ack(1))
	if m := w.expect(wire.OpClose); m.n != 1002 {
		t.Fatalf("%+v", m)
	}
}

func TestDamagedMessageWaitsForTheAnswersBefore(t *testing.T) {
	h := startLoop(t, compressing(control.WebSocket{CompressFromBytes: 100}))
	w := h.worker(1)
	c := h.askUpgrade("/", offer)
	c.wantStatus("101")
	c.write(frame(0xc1, deflated(t, long)) + frame(0xc1, "\xff\xff"))
	cid := w.expect(wire.OpAttach).id
	w.expect(wire.OpMsg)
	h.eventually("it leaves", func() bool { return h.state(cid) == stateLeaving })
	w.say(send(cid, long), ack(1))
	if first, got := c.frame(); first != 0xc1 || expanded(t, got, "") != long {
		t.Fatalf("%#x %q", first, got)
	}
	c.wantFrame(0x88, "\x03\xefcompressed message is damaged")
}

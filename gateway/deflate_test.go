package gateway

import (
	"bytes"
	"compress/flate"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"gw/protocol/control"
	"gw/protocol/websocket"
	"gw/protocol/wire"
)

const tail = "\x00\x00\xff\xff"

// deflated is a compressed message of a client.
func deflated(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	io.WriteString(w, text)
	w.Flush()
	return strings.TrimSuffix(b.String(), tail)
}

// expanded reads a compressed message of the gateway behind earlier ones.
func expanded(t *testing.T, payload, earlier string) string {
	t.Helper()
	r := flate.NewReaderDict(strings.NewReader(payload+tail+"\x01\x00\x00\xff\xff"), []byte(earlier))
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func compressing(rules control.WebSocket) func(*control.Configuration) {
	return func(c *control.Configuration) {
		rules.Compress = true
		rules.WindowBits = max(rules.WindowBits, 8)
		c.Listeners[0].WebSocket = rules
	}
}

const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

var long = strings.Repeat("a message that is worth it, ", 20)

func TestCompressedMessagesBothWays(t *testing.T) {
	h := startLoop(t, compressing(control.WebSocket{CompressFromBytes: 100}))
	w := h.worker(1)
	c := h.askUpgrade("/", offer)
	if got := c.wantStatus("101")["sec-websocket-extensions"]; got != "permessage-deflate; server_no_context_takeover; client_no_context_takeover" {
		t.Fatal(got)
	}
	payload := deflated(t, long)
	c.write(frame(0xc1, payload) + frame(0x41, payload[:5]) + frame(0x89, "ping") + frame(0x80, payload[5:]) + frame(0x81, "plain"))
	cid := w.expect(wire.OpAttach).id
	for _, want := range []string{long, long, "plain"} {
		if m := w.expect(wire.OpMsg); string(m.data) != want || m.n != 0 {
			t.Fatalf("%+v", m)
		}
		w.say(ack(1))
	}
	c.wantFrame(0x8a, "ping")
	for range 2 {
		w.say(send(cid, long))
		first, got := c.frame()
		if first != 0xc1 || expanded(t, got, "") != long {
			t.Fatalf("%#x %q", first, got)
		}
	}
	w.say(send(cid, "short"))
	c.wantFrame(0x81, "short")
}

func TestConnectionWithoutCompressionPaysNothing(t *testing.T) {
	h := startLoop(t, compressing(control.WebSocket{}))
	w := h.worker(1)
	c := h.upgrade("/")
	c.write(frame(0x81, "x"))
	m := w.expect(wire.OpAttach)
	w.say(send(m.id, long), ack(1))
	c.wantFrame(0x81, long)
	h.do(func() {
		if d := h.loop.conns.find(m.id).dialogue.own; d.deflate != nil {
			t.Error("it has state for compression")
		}
	})
	c.write(frame(0xc1, "x")) // RSV1 was not negotiated
	if first, payload := c.frame(); first != 0x88 || payload[:2] != "\x03\xea" {
		t.Fatalf("%#x %q", first, payload)
	}
}

func TestContextIsTakenOverWhereTheConfigurationSaysSo(t *testing.T) {
	h := startLoop(t, compressing(control.WebSocket{Takeover: true, WindowBits: 10, CompressFromBytes: 100}))
	w := h.worker(1)
	c := h.askUpgrade("/", offer)
	if got := c.wantStatus("101")["sec-websocket-extensions"]; got != "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10" {
		t.Fatal(got)
	}
	// The client refers to its first message in the second.
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, 9)
	text := long[:500]
	for range 2 {
		b.Reset()
		io.WriteString(z, text)
		z.Flush()
		c.write(frame(0xc1, strings.TrimSuffix(b.String(), tail)))
	}
	cid := w.expect(wire.OpAttach).id
	for range 2 {
		if m := w.expect(wire.OpMsg); string(m.data) != text {
			t.Fatalf("%+v", m)
		}
		w.say(ack(1))
	}
	// So does the gateway. What goes to many refers to nothing, and is remembered.
	sums := sha512.Sum512([]byte(text))
	unlike := hex.EncodeToString(append(sums[:], sums[:10]...))
	w.say(toAll(unlike))
	_, first := c.frame()
	w.say(send(cid, unlike+"?"+unlike))
	_, second := c.frame()
	if got := expanded(t, first, ""); got != unlike {
		t.Fatalf("%q", got)
	}
	if got := expanded(t, second, unlike); got != unlike+"?"+unlike || len(second) > 40 {
		t.Fatalf("%d bytes: %q", len(second), got)
	}
	h.do(func() {
		d := h.loop.conns.find(cid).dialogue.own.deflate
		if n, m := len(d.sent.Bytes()), len(d.received.Bytes()); n > 1024 || m > 1024 || m < 1000 {
			t.Errorf("windows of %d and %d bytes", n, m)
		}
	})
}

// toAll is BROADCAST to everybody.
func toAll(data string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpBroadcast)), 0)
	m = wire.AppendStr(wire.AppendUint(m, 0), data)
	return wire.AppendArray(m, 0)
}

func TestBroadcastIsCompressedOnceForAllWithThatWindow(t *testing.T) {
	h := startLoop(t, compressing(control.WebSocket{}))
	w := h.worker(1)
	c1, c2 := h.askUpgrade("/", offer), h.askUpgrade("/", offer)
	small := h.askUpgrade("/", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8")
	plain := h.upgrade("/")
	for _, c := range []*client{c1, c2, small} {
		c.wantStatus("101")
	}
	w.say(toAll(long))
	_, one := c1.frame()
	_, two := c2.frame()
	_, three := small.frame()
	plain.wantFrame(0x81, long)
	if one != two || expanded(t, one, "") != long || expanded(t, three, "") != long {
		t.Fatalf("%q %q %q", one, two, three)
	}
	f := fanout{data: []byte(long)}
	h.do(func() {
		var frames []*byte
		for _, c := range h.loop.conns.conns {
			if c != nil && c.dialogue != nil && c.dialogue.own.deflate != nil && c.dialogue.own.deflate.ServerBits == 15 {
				frames = append(frames, &f.formFor(h.loop, c).bytes[0])
			}
		}
		if len(frames) != 2 || frames[0] != frames[1] {
			t.Error("compressed anew for each connection")
		}
	})
}

func TestCompressedMessagesAreCheckedBehindTheInflater(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		compressing(control.WebSocket{})(c)
		c.Listeners[0].Limits.MaxMessageBytes = 10000
	})
	w := h.worker(1, "message", "close")
	for name, x := range map[string]struct {
		first   byte
		payload string
		code    string
	}{
		"bomb":                {0xc2, deflated(t, strings.Repeat("x", 1<<20)), "\x03\xf1"},
		"one byte too long":   {0xc2, deflated(t, strings.Repeat("x", 10001)), "\x03\xf1"},
		"text that is not":    {0xc1, deflated(t, "abc\xff"), "\x03\xef"},
		"damaged":             {0xc1, "\xff\xff\xff", "\x03\xef"},
		"too long to expand":  {0xc2, strings.Repeat("x", 12000), "\x03\xf1"},
		"compressed and long": {0xc2, deflated(t, strings.Repeat("x", 10000)), ""},
	} {
		c := h.askUpgrade("/", offer)
		c.wantStatus("101")
		c.write(frame(x.first, x.payload))
		if x.code == "" {
			w.expect(wire.OpAttach)
			if m := w.expect(wire.OpMsg); len(m.data) != 10000 || m.n != wire.FlagBinary {
				t.Errorf("%s: %d bytes", name, len(m.data))
			}
			w.say(ack(1))
			c.write(frame(0x88, ""))
			c.frame()
		} else if first, payload := c.frame(); first != 0x88 || payload[:2] != x.code {
			t.Errorf("%s: %#x %q", name, first, payload)
		} else {
			w.expect(wire.OpAttach)
		}
		c.Close()
		w.expect(wire.OpClose)
		w.say(ack(1))
	}
}

func TestCompressedMessageAllocatesNothing(t *testing.T) {
	s := newStill(t)
	s.ln.webSocket = webSocketRules{compress: true, policy: websocket.DeflatePolicy{WindowBits: 15}}
	_, handler := s.hire(1, "message")
	_, client := s.meet("http")
	client.write([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + offer + "\r\n\r\n"))
	s.settle()
	client.read()
	message := []byte(frame(0xc1, deflated(t, long)))
	answer := make([]byte, 0, 4096)
	once := func() {
		client.write(message)
		s.settle()
		cid := lastID(t, handler.read(), wire.OpMsg)
		b := append(answer[:0], make([]byte, wire.BatchHeaderLen)...)
		b = wire.AppendUint(wire.AppendUint(append(wire.AppendArray(b, 4), byte(wire.OpSend)), cid), 0)
		b = wire.AppendStr(b, long)
		b = wire.AppendUint(append(wire.AppendArray(b, 2), byte(wire.OpAck)), 1)
		wire.PutBatchHeader(b, 2)
		handler.write(b)
		s.settle()
		if got := client.read(); len(got) == 0 || got[0] != 0xc1 {
			t.Fatalf("%x", got)
		}
	}
	if n := testing.AllocsPerRun(500, once); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}

package gateway

import (
	"testing"
	"time"

	"gw/protocol/wire"
)

// The ids that the fuzzed handler may guess: slot and generation.
func sid(slot, generation uint64) uint64 { return generation<<slotBits | slot }

// Whatever a handler writes, the loop goes on and another worker's request
// gets that worker's answer.
func FuzzHandlerBytes(f *testing.F) {
	for _, messages := range [][][]byte{
		{res(sid(0, 2), 200, "x"), ack(1)},
		{res(sid(2, 2), 200, "forged")},
		{send(sid(1, 1), "x"), ack(2)},
		{resStart(sid(0, 2), 200, "content-length", "3"), withText(wire.OpResChunk, sid(0, 2), "abc"), withText(wire.OpResEnd, sid(0, 2), ""), ack(1)},
		{withText(wire.OpJoin, sid(1, 1), "g"), publish("g", "x", 1), withText(wire.OpLeave, sid(1, 1), "g")},
		{withText(wire.OpBind, sid(1, 1), "tom"), withText(wire.OpSession, sid(1, 1), "\x80"), closeConn(sid(1, 1), 1000, "bye")},
		{done(sid(1, 1), 1)},
		{readyMessage(4, "request")},
	} {
		for _, concurrency := range []byte{1, 4} {
			f.Add(concurrency, true, frameOf(messages...)[wire.HeaderLen:])
			f.Add(concurrency, false, frameOf(messages...))
		}
	}
	f.Fuzz(func(t *testing.T, concurrency byte, framed bool, b []byte) {
		if len(b) > 60<<10 {
			return
		}
		s := newStill(t)
		_, fuzzed := s.hire(1+int(concurrency%8), "request", "message", "close", "buffer")
		s.byID[1].window = 8
		_, a := s.meet("http")
		a.write([]byte(get))
		s.settle()
		_, b1 := s.meet("text")
		b1.write([]byte("x\ny\n"))
		s.settle()
		s.byID[1].window = 1 // what comes next goes to the other
		_, honest := s.hire(1, "request")
		_, c := s.meet("http")
		c.write([]byte(get))
		s.settle()
		id := lastID(t, honest.read(), wire.OpReq)

		if framed {
			head := []byte{0, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}
			fuzzed.write(head)
		}
		fuzzed.write(b)
		s.settle()
		if n := len(c.read()); n > 0 {
			t.Fatalf("%d bytes reached another worker's client", n)
		}
		s.exited(s.byID[1], "killed by SIGKILL")
		s.settle()
		honest.write(frameOf(res(id, 200, "honest"), ack(1)))
		s.settle()
		if got := string(c.read()); len(got) < 6 || got[len(got)-6:] != "honest" {
			t.Fatalf("answer %q", got)
		}
		s.finish(honest)
	})
}

// finish lets a handler answer everything, all clients leave, and wants nothing left.
func (s *still) finish(handler *peer) {
	s.t.Helper()
	s.oblige(handler)
	for _, c := range s.conns.conns {
		if c != nil {
			s.lost(c)
		}
	}
	s.settle()
	s.oblige(handler)
	s.nothingLeft()
}

// oblige answers what handler gets until nothing comes any more.
func (s *still) oblige(handler *peer) {
	s.t.Helper()
	var rest []byte
	for range 10_000 {
		rest = append(rest, handler.read()...)
		n, ok, err := wire.FrameLength(rest, wire.FrameCap)
		if err != nil {
			s.t.Fatal(err)
		}
		if !ok || len(rest) < wire.HeaderLen+n {
			s.settle()
			if more := handler.read(); len(more) > 0 {
				rest = append(rest, more...)
				continue
			}
			return
		}
		for _, m := range decodeForHandler(s.t, rest[wire.HeaderLen:wire.HeaderLen+n]) {
			switch m.op {
			case wire.OpReq:
				handler.write(frameOf(res(m.id, 200, "ok"), ack(1)))
			case wire.OpMsg:
				handler.write(frameOf(send(m.id, "ok"), ack(1)))
			case wire.OpOpen, wire.OpClose, wire.OpBuf:
				handler.write(frameOf(ack(1)))
			}
			s.settle()
		}
		rest = rest[wire.HeaderLen+n:]
	}
	s.t.Fatal("the handler is never done")
}

// Whatever a client sends, in two pieces, the loop neither panics nor spins,
// and keeps nothing when the client has left.
func FuzzClientBytes(f *testing.F) {
	for _, text := range []string{
		get, get + get, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET",
		"POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n" + get,
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + get, "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
		"one\r\ntwo\nthree", "\x00\x00\x00\x07Tom\x00\x00\x00\x04\x00\x00\x00\x01",
		frame(0x81, "hello") + frame(0x01, "frag") + frame(0x89, "ping") + frame(0x80, "ment") + frame(0x88, "\x03\xe8bye"), frame(0x8a, "") + "\x81\x03abc",
	} {
		for scheme := range byte(len(fuzzSchemes)) {
			f.Add(scheme, uint16(len(text)/2), false, []byte(text))
			f.Add(scheme, uint16(1), true, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, scheme byte, cut uint16, half bool, b []byte) {
		if len(b) > 60<<10 {
			return
		}
		s := newStill(t)
		s.loop.tempDir = t.TempDir()
		s.ln.limits.MaxMessageBytes = 1 << 10
		_, handler := s.hire(1, "request", "connect", "message", "close", "buffer")
		name := fuzzSchemes[int(scheme)%len(fuzzSchemes)]
		_, client := s.meet(map[bool]string{true: "http", false: name}[name == "websocket"])
		if name == "websocket" {
			client.write([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
			s.settle()
		}
		at := min(int(cut), len(b))
		client.write(b[:at])
		s.settle()
		client.write(b[at:])
		s.settle()
		if half {
			client.endSide()
		}
		s.settle()
		s.oblige(handler)
		s.later(time.Second)
		s.oblige(handler)
		s.finish(handler)
	})
}

var fuzzSchemes = []string{"http", "text", "frame", "tcp", "websocket"}

// Whatever comes first, in whatever pieces, is judged once and for all.
func FuzzTLSHello(f *testing.F) {
	f.Add([]byte{0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0})
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Add([]byte{0x16, 3, 3, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		known := 0
		for n := range len(in) + 1 {
			length, ok := helloLength(in[:n])
			switch {
			case !ok && n < len(in):
				if _, later := helloLength(in); later {
					t.Fatalf("refused after %d bytes, and taken later", n)
				}
				return
			case !ok:
				return
			case length > helloBytes, known > 0 && length != known, n >= 5 && length == 0:
				t.Fatalf("length %d after %d bytes, before it was %d", length, n, known)
			}
			known = length
		}
	})
}

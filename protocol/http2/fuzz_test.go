package http2

import (
	"bytes"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func newDecoder() *hpack.Decoder { return hpack.NewDecoder(maxTable, nil) }

// FuzzConn: whatever a client sends, in whatever pieces, the events are the same, bounds hold, and what we send in answer
// are frames that x/net's reader takes.
func FuzzConn(f *testing.F) {
	for _, test := range conversations {
		c := newClient()
		test.send(c)
		f.Add(c.buf.Bytes()[len(Preface):], uint8(3))
	}
	for _, flood := range floods {
		c := newClient()
		for round := range uint32(3) {
			flood(c, round)
		}
		f.Add(c.buf.Bytes()[len(Preface):], uint8(50))
	}
	f.Fuzz(func(t *testing.T, frames []byte, size uint8) {
		input := append([]byte(Preface), frames...)
		whole, pieces := newServer(testConfig()), newServer(testConfig())
		restWhole, restPieces := whole.take(input, 0), pieces.take(input, int(size)+1)
		if whole.logged() != pieces.logged() || whole.err == nil && !bytes.Equal(restWhole, restPieces) {
			t.Fatalf("whole:\n%s\npieces of %d:\n%s", whole.logged(), int(size)+1, pieces.logged())
		}
		for id, body := range whole.body {
			if pieces.body[id] != body {
				t.Fatalf("stream %d: %q, in pieces %q", id, body, pieces.body[id])
			}
		}
		checkState(t, whole)
		for _, s := range whole.streams {
			whole.out = whole.AppendHeaders(whole.out, s, AppendStatus(nil, 200), false)
			whole.out, _ = whole.AppendData(whole.out, s, []byte("hello"), true)
			whole.Release(s)
		}
		if whole.Open() != 0 || whole.unreturned != 0 {
			t.Fatalf("%d streams open, %d bytes of window lost", whole.Open(), whole.unreturned)
		}
		out := whole.Output(nil)
		framer := xhttp2.NewFramer(nil, bytes.NewReader(out))
		framer.ReadMetaHeaders = newDecoder()
		for {
			if _, err := framer.ReadFrame(); err != nil {
				if err.Error() != "EOF" {
					t.Fatalf("we sent a wrong frame: %v", err)
				}
				break
			}
		}
	})
}

func checkState(t *testing.T, s *server) {
	if s.err != nil {
		return
	}
	held := int64(0)
	for i, st := range s.Conn.streams {
		held += st.unreturned
		if i > 0 && s.Conn.streams[i-1].id >= st.id {
			t.Fatal("streams out of order")
		}
		if !st.live || st.recvWindow < 0 || st.localEnded && st.remoteEnded {
			t.Fatalf("stream %+v", st)
		}
	}
	if held != s.unreturned || s.recvWindow < 0 || len(s.Conn.streams) > s.config.MaxStreams || s.dataLeft > maxFrame {
		t.Fatalf("connection %+v", s.Conn)
	}
}

// FuzzField: what we encode the other side decodes to the same.
func FuzzField(f *testing.F) {
	f.Add("content-type", "text/plain", 200)
	f.Add("X-Own", "\x00\xff", 418)
	f.Add("set-cookie", "a=b", 999)
	f.Fuzz(func(t *testing.T, name, value string, status int) {
		block := AppendField(AppendStatus(nil, status), []byte(name), []byte(value))
		fields, err := newDecoder().DecodeFull(block)
		if err != nil || len(fields) != 2 || fields[0].Name != ":status" || len(fields[0].Value) != 3 {
			t.Fatalf("%x: %v %v", block, fields, err)
		}
		lower := string(lowered(nil, []byte(name)))
		if fields[1].Name != lower || fields[1].Value != value || fields[1].Sensitive != secret([]byte(lower)) {
			t.Fatalf("%q: %q", name, fields[1])
		}
	})
}

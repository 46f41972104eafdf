package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"gw/protocol/wire"
)

// letters is a source of n bytes; it breaks after breakAt, if that is set.
type letters struct {
	left, breakAt int
	most          int // of the client's output it ever saw
	closed        int
}

var errBroken = errors.New("broken on purpose")

func (s *letters) fill(l *loop, c *conn) (bool, error) {
	s.most = max(s.most, c.pending())
	piece := min(s.left, sourceBytes)
	l.writeBody(c, bytes.Repeat([]byte("x"), piece))
	s.left -= piece
	if s.breakAt > 0 && s.left <= s.breakAt {
		return false, errBroken
	}
	return s.left == 0, nil
}

func (s *letters) close() { s.closed++ }

// serveLetters lets the gateway answer the request that waits at w from s.
func (h *harness) serveLetters(w *handler, s *letters, length int64) {
	m := w.expect(wire.OpReq)
	h.do(func() {
		c := h.loop.conns.find(m.id)
		if got := c.exchange.field("x-tag"); string(got) != "a b" {
			h.t.Errorf("field x-tag: %q", got)
		}
		if got := c.exchange.field("x-ta"); got != nil {
			h.t.Errorf("field x-ta: %q", got)
		}
		r := h.loop.newReply(200)
		r.length = length
		h.loop.replyFrom(c, r, s)
	})
	w.say(ack(1))
}

const taggedGet = "GET / HTTP/1.1\r\nHost: x\r\nX-Tag: a b\r\n\r\n"

func TestSourceIsReadAsTheClientTakesIt(t *testing.T) {
	for name, length := range map[string]int64{"sized": 8 << 20, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			h := startLoop(t, nil)
			w := h.worker(1)
			c := h.dial("http")
			s := &letters{left: 8 << 20}
			c.write(taggedGet)
			h.serveLetters(w, s, length)
			if _, body := c.response("GET"); len(body) != 8<<20 {
				t.Fatalf("%d bytes", len(body))
			}
			c.write(get) // the connection goes on, the worker too
			w.say(res(w.expect(wire.OpReq).id, 200, "next"), ack(1))
			if _, body := c.response("GET"); body != "next" {
				t.Fatal(body)
			}
			h.do(func() {
				if s.closed != 1 || s.most >= sourceBytes {
					t.Errorf("closed %d times, filled with %d bytes waiting", s.closed, s.most)
				}
			})
		})
	}
}

func TestSourceThatBreaksCutsTheAnswer(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	s := &letters{left: 1 << 20, breakAt: 1 << 19}
	c.write(taggedGet)
	h.serveLetters(w, s, 1<<20)
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client did not notice: %v", err)
	}
	h.do(func() {
		if s.closed != 1 {
			t.Errorf("closed %d times", s.closed)
		}
	})
	if !strings.Contains(h.log.String(), errBroken.Error()) {
		t.Error("nothing in the log")
	}
}

func TestSourceIsClosedWhenTheClientLeaves(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	s := &letters{left: 1 << 30}
	c.write(taggedGet)
	h.serveLetters(w, s, 1<<30)
	c.Close()
	h.eventually("the source is closed", func() bool { return s.closed == 1 })
}

package gateway

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/wire"
)

func TestWriteTimeoutEndsWithTheStall(t *testing.T) {
	s := newStill(t)
	c, client := s.meet("http")
	c.out = make([]byte, 1<<20)
	s.flush(c)
	if !c.stalled || c.deadline.list.wait != s.ln.limits.WriteTimeout {
		t.Fatalf("%+v", c.deadline)
	}
	for c.pending() > 0 {
		client.read()
		s.touched(c)
		s.updateInterest(c) // no event is asked for: the flush is due in this turn
		s.flush(c)
	}
	if c.deadline.list == nil || c.deadline.list.wait != s.ln.limits.IdleTimeout {
		t.Fatalf("the write time-out is still armed: %+v", c.deadline)
	}
}

func TestWhatHandlersAddDoesNotRestartWriteTimeout(t *testing.T) {
	s := newStill(t)
	c, _ := s.meet("http")
	c.out = make([]byte, 1<<20)
	s.flush(c)
	at := c.deadline.at
	s.now += time.Second
	c.out = append(c.out, "more"...)
	s.flush(c)
	s.rearm(c) // as a new request does
	if c.deadline.at != at {
		t.Fatalf("deadline %v, then %v", at, c.deadline.at)
	}
}

func TestPushDoesNotEndSilentWebSocket(t *testing.T) {
	s := newStill(t)
	c, _ := s.meet("http")
	s.startDialogue(c, kindWebSocket, s.pool)
	s.sendTo(c, 0, []byte("push"))
	s.expire(c) // in the turn in which something was pushed
	if c.state != stateOpen || !c.dialogue.pinged {
		t.Fatalf("%s", c.state)
	}
}

// Its pong is behind messages that no worker takes.
func TestWebSocketThatIsNotReadIsNotPinged(t *testing.T) {
	s := newStill(t)
	c, _ := s.meet("http")
	s.startDialogue(c, kindWebSocket, s.pool)
	c.paused = true
	for range 3 {
		s.expire(c)
	}
	if c.state != stateOpen || c.deadline.list == nil {
		t.Fatalf("%s", c.state)
	}
}

// The answer is longer than what the kernel takes when the client ends its side.
func TestClientThatEndsItsSideGetsTheWholeAnswer(t *testing.T) {
	s := newStill(t)
	c, client := s.meet("http")
	const answer = 1 << 20
	c.out = make([]byte, answer)
	s.touched(c)
	s.closeAfterFlush(c)
	s.flush(c)
	if err := unix.Shutdown(client.out, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	got := 0
	for range 100 {
		s.settle()
		got += len(client.read())
	}
	if got != answer || c.state != stateGone {
		t.Fatalf("%d of %d bytes, %s", got, answer, c.state)
	}
}

// Closing while input is unread makes the kernel send RST, which may destroy the last answer.
func TestClosedByHandlerDoesNotReset(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	for _, scheme := range []string{"text", "tcp", "frame"} {
		c := h.dial(scheme)
		c.write(map[string]string{"text": "x\n", "tcp": "x", "frame": "\x00\x00\x00\x05x"}[scheme])
		id := w.expect(wire.OpAttach).id
		w.expect(wire.OpMsg)
		h.do(func() { // what the client sends meanwhile is not read before the close
			c.write("y\n")
			w.say(send(id, "bye"), closeConn(id, 1000, ""), ack(1))
			for len(h.loop.dirtyConns) == 0 {
				h.loop.workerReadable(h.loop.byID[w.id])
			}
			h.loop.turnEnd()
		})
		b, err := io.ReadAll(c.r)
		if err != nil || !strings.Contains(string(b), "bye") {
			t.Fatalf("%s: %q %v", scheme, b, err)
		}
		c.Close()
		w.expect(wire.OpClose)
		w.say(ack(1))
	}
}

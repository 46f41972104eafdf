package gateway

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// stillLoop is a loop that does not run: the test calls what it wants to see.
func stillLoop(t *testing.T) (*loop, *listener) {
	t.Helper()
	l, err := newLoop(slog.New(slog.DiscardHandler), func(*control.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	ln := &listener{id: 1, index: 0, fd: -1, name: "still", scheme: "http", limits: testLimits()}
	ln.limits.PingInterval = 25 * time.Second
	p := &pool{name: "web", queueLimit: 10}
	l.pools["web"] = p
	ln.routes = []route{{prefix: "/", pool: p}}
	l.listeners = append(l.listeners, ln)
	return l, ln
}

// meet gives the loop a client; peer is its end.
func meet(t *testing.T, l *loop, ln *listener) (c *conn, peer *os.File) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	peer = os.NewFile(uintptr(pair[1]), "client")
	l.welcome(ln, pair[0], "client")
	for _, each := range l.conns.conns {
		if each != nil && int(each.fd) == pair[0] {
			c = each
		}
	}
	t.Cleanup(func() {
		peer.Close()
		if c != nil && c.state != stateGone {
			closeFD(int(c.fd))
		}
	})
	return c, peer
}

// takeAll reads what is there.
func takeAll(peer *os.File) (n int) {
	b := make([]byte, 64<<10)
	for {
		got, err := read(int(peer.Fd()), b)
		if got == 0 || err != nil {
			return n
		}
		n += got
	}
}

func TestWriteTimeoutEndsWithTheStall(t *testing.T) {
	l, ln := stillLoop(t)
	c, peer := meet(t, l, ln)
	c.out = make([]byte, 1<<20)
	l.flush(c)
	if !c.stalled || c.deadline.list.wait != ln.limits.WriteTimeout {
		t.Fatalf("%+v", c.deadline)
	}
	for c.pending() > 0 {
		takeAll(peer)
		l.touched(c)
		l.updateInterest(c) // no event is asked for: the flush is due in this turn
		l.flush(c)
	}
	if c.deadline.list == nil || c.deadline.list.wait != ln.limits.IdleTimeout {
		t.Fatalf("the write time-out is still armed: %+v", c.deadline)
	}
}

func TestWhatHandlersAddDoesNotRestartWriteTimeout(t *testing.T) {
	l, ln := stillLoop(t)
	c, _ := meet(t, l, ln)
	c.out = make([]byte, 1<<20)
	l.flush(c)
	at := c.deadline.at
	l.now += time.Second
	c.out = append(c.out, "more"...)
	l.flush(c)
	l.rearm(c) // as a new request does
	if c.deadline.at != at {
		t.Fatalf("deadline %v, then %v", at, c.deadline.at)
	}
}

func TestPushDoesNotEndSilentWebSocket(t *testing.T) {
	l, ln := stillLoop(t)
	c, _ := meet(t, l, ln)
	l.startDialogue(c, kindWebSocket, ln.routes[0].pool)
	l.sendTo(c, 0, []byte("push"))
	l.expire(c) // in the turn in which something was pushed
	if c.state != stateOpen || !c.dialogue.pinged {
		t.Fatalf("%s", c.state)
	}
}

// Its pong is behind messages that no worker takes.
func TestWebSocketThatIsNotReadIsNotPinged(t *testing.T) {
	l, ln := stillLoop(t)
	c, _ := meet(t, l, ln)
	l.startDialogue(c, kindWebSocket, ln.routes[0].pool)
	c.paused = true
	for range 3 {
		l.expire(c)
	}
	if c.state != stateOpen || c.deadline.list == nil {
		t.Fatalf("%s", c.state)
	}
}

// The answer is longer than what the kernel takes when the client ends its side.
func TestClientThatEndsItsSideGetsTheWholeAnswer(t *testing.T) {
	l, ln := stillLoop(t)
	c, peer := meet(t, l, ln)
	const answer = 1 << 20
	c.out = make([]byte, answer)
	l.touched(c)
	l.closeAfterFlush(c)
	l.flush(c)
	if err := unix.Shutdown(int(peer.Fd()), unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	got := 0
	for range 100 {
		l.turnNow(t)
		got += takeAll(peer)
	}
	if got != answer || c.state != stateGone {
		t.Fatalf("%d of %d bytes, %s", got, answer, c.state)
	}
}

// turnNow runs one turn.
func (l *loop) turnNow(t *testing.T) {
	t.Helper()
	if err := l.turn(false); err != nil {
		t.Fatal(err)
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

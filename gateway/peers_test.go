package gateway

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// All of what a handler can say to connections that are in other loops arrives,
// and in its order.
func TestHandlersReachConnectionsOfOtherLoops(t *testing.T) {
	h := startLoops(t, 3, nil)
	w := crew(h, 1)
	clients, ids := dealt(h, w)
	one := w[0]
	ten := []string{}
	for i := range 10 {
		ten = append(ten, fmt.Sprint("line ", i))
		one.say(send(ids[2], ten[i]))
	}
	clients[2].wantLines(ten...)

	for _, id := range ids {
		one.say(withText(wire.OpJoin, id, "room"), withText(wire.OpBind, id, "tom"))
	}
	toUID := wire.AppendStr(append(wire.AppendArray(nil, 4), byte(wire.OpSendUID)), "tom")
	toUID = wire.AppendStr(wire.AppendUint(toUID, 0), "to tom")
	many := wire.AppendArray(append(wire.AppendArray(nil, 4), byte(wire.OpSendMany)), 2)
	many = wire.AppendStr(wire.AppendUint(wire.AppendUint(wire.AppendUint(many, ids[1]), ids[2]), 0), "to two")
	one.say(publish("room", "room"), toUID, many, broadcast("all"), publish("room", "not the second", ids[1]),
		withText(wire.OpLeave, ids[2], "room"), publish("room", "left"))
	for i, want := range [][]string{
		{"room", "to tom", "all", "not the second", "left"},
		{"room", "to tom", "to two", "all", "left"},
		{"room", "to tom", "to two", "all", "not the second"},
	} {
		clients[i].wantLines(want...)
	}

	one.say(withText(wire.OpSession, ids[1], "kept"), send(ids[1], "bye"), closeConn(ids[1], 1000, "enough"))
	clients[1].wantLines("bye")
	clients[1].eof()
	one.say(send(ids[0], "still"), send(ids[1], "nobody"), send(ids[2]|9<<slotBits, "no such loop"))
	clients[0].wantLines("still")
	w[1].expect(wire.OpClose)
}

// Nobody's memory fills because a loop is behind: those who bring it work stop
// listening to their handlers.
func TestLoopThatIsBehindIsWaitedFor(t *testing.T) {
	h := startLoops(t, 2, func(c *control.Configuration) { c.Listeners[1].Limits.SendBufferBytes = 256 << 20 })
	w := crew(h, 1)
	clients, ids := dealt(h, w)
	block, blocked := make(chan struct{}), make(chan struct{})
	behind := h.gateway.loops[1]
	behind.mailbox.post(func() { close(blocked); <-block })
	<-blocked
	text := strings.Repeat("x", 400<<10)
	const messages = 60 // 24 MiB
	said := make(chan struct{})
	go func() {
		defer close(said)
		for i := range messages {
			if _, err := w[0].out.Write(inFrame(send(ids[1], fmt.Sprintf("%08d", i)+text))); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for unheard := false; !unheard; {
		h.gateway.do(h.gateway.loops[0], func() { unheard = h.gateway.loops[0].unheard })
	}
	if n := behind.inflow.bytes.Load(); n > crowdBytes+2<<20 {
		t.Errorf("%d bytes wait", n)
	}
	close(block)
	_ = clients[1].SetDeadline(time.Now().Add(time.Minute))
	for i := range messages {
		number, err := clients[1].r.Peek(8)
		if err != nil || string(number) != fmt.Sprintf("%08d", i) {
			t.Fatalf("message %q, want %d: %v", number, i, err)
		}
		if _, err := clients[1].r.Discard(8 + len(text) + 1); err != nil {
			t.Fatal(err)
		}
	}
	<-said
	w[0].say(send(ids[0], "heard"))
	clients[0].wantLines("heard")
}

// A worker that moves must not overtake what it has said to connections of a
// third loop.
func TestWorkerMovesBehindWhatItSaid(t *testing.T) {
	var loops []*loop
	for range 3 {
		l, err := newLoop(slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		loops = append(loops, l)
	}
	for i, l := range loops {
		l.join(i, loops)
	}
	l, pipe := loops[0], [2]int{}
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer closeFD(pipe[0])
	defer closeFD(pipe[1])
	w := &worker{id: 1, pool: &pool{name: "web", share: new(poolShare)}, state: workerActive, toHandler: pipe[1], fromHandler: pipe[0]}
	l.workers, l.byID[1] = []*worker{w}, w
	l.tell(2, func(*loop) {})
	l.give(w, 1)
	loops[1].mailbox.mu.Lock() // nobody can move there now
	handed := make(chan struct{})
	go func() { l.handOverErrands(); close(handed) }()
	defer func() { loops[1].mailbox.mu.Unlock(); <-handed }()
	for deadline := time.Now().Add(10 * time.Second); len(loops[2].mailbox.take()) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the worker goes first")
		}
		runtime.Gosched()
	}
}

// Messages without much in them take memory, too.
func TestShortMessagesDoNotFillALoopThatIsBehind(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	clients, ids := dealt(h, w)
	block, blocked := make(chan struct{}), make(chan struct{})
	behind := h.gateway.loops[1]
	behind.mailbox.post(func() { close(blocked); <-block })
	<-blocked
	frame := inFrame(slices.Repeat([][]byte{withText(wire.OpJoin, ids[1], "room")}, 500)...)
	said := make(chan struct{})
	go func() {
		defer close(said)
		for range 200 {
			if _, err := w[0].out.Write(frame); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for deadline, unheard := time.Now().Add(10*time.Second), false; !unheard; {
		h.gateway.do(h.gateway.loops[0], func() { unheard = h.gateway.loops[0].unheard })
		if time.Now().After(deadline) {
			t.Error("a hundred thousand messages wait")
			break
		}
	}
	close(block)
	<-said
	w[0].say(send(ids[1], "heard"))
	clients[1].wantLines("heard")
}

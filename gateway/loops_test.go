package gateway

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// startLoops is startLoop with several loops, and a pool that has workers for
// all of them: the first worker is in the first loop, and so on.
func startLoops(t testing.TB, loops int, change func(*control.Configuration)) *harness {
	t.Helper()
	return startLoop(t, func(c *control.Configuration) {
		c.Loops, c.Pools[0].Workers = loops, loops
		if change != nil {
			change(c)
		}
	})
}

// crew is a worker in each loop.
func crew(h *harness, concurrency int, events ...string) (w []*handler) {
	for range h.gateway.loops {
		w = append(w, h.worker(concurrency, events...))
	}
	return w
}

// dealt connects a text client for each loop, and lets the worker there know it.
func dealt(h *harness, crew []*handler) (clients []*client, ids []uint64) {
	h.t.Helper()
	clients, ids = make([]*client, len(crew)), make([]uint64, len(crew))
	fresh := make([]*client, len(crew))
	for i := range crew {
		fresh[i] = h.dial("text")
		fresh[i].write(fmt.Sprintf("%d\n", i))
	}
	for at, w := range crew {
		id := w.expect(wire.OpAttach).id
		if loopOf(id) != at {
			h.t.Fatalf("a connection of loop %d came to the worker in loop %d", loopOf(id), at)
		}
		var n int
		fmt.Sscan(string(w.expect(wire.OpMsg).data), &n)
		w.say(ack(1))
		clients[at], ids[at] = fresh[n], id
	}
	return clients, ids
}

func (c *client) wantLines(want ...string) {
	c.t.Helper()
	for _, s := range want {
		if got := c.line(); got != s {
			c.t.Fatalf("got %q, want %q", got, s)
		}
	}
}

func TestConnectionsAreDealtOutEvenly(t *testing.T) {
	h := startLoops(t, 3, nil)
	for range 9 {
		placeOf(t, h, h.dial("http"))
	}
	for _, l := range h.gateway.loops {
		h.gateway.do(l, func() {
			if n := l.listeners[0].connections; n != 3 {
				t.Errorf("%d connections in loop %d", n, l.index)
			}
		})
	}
}

func TestListenerStaysWhereItsPoolsHaveWorkers(t *testing.T) {
	h := startLoops(t, 3, func(c *control.Configuration) { c.Pools[0].Workers = 1 })
	w := h.worker(100)
	for range 6 {
		c := h.dial("http")
		c.write(get)
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "ok"))
		c.response("GET")
	}
}

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

func TestQuestionsAreAnsweredForAllLoops(t *testing.T) {
	h := startLoops(t, 3, nil)
	w := crew(h, 1)
	_, ids := dealt(h, w)
	w[0].say(withText(wire.OpJoin, ids[1], "room"), withText(wire.OpJoin, ids[2], "room"), withText(wire.OpBind, ids[2], "tom"))
	for i, q := range []struct {
		ask  []byte
		want any
	}{
		{call(0, "count", nil), uint64(3)},
		{call(1, "count", "room"), uint64(2)},
		{call(2, "is_online", "tom"), true},
		{call(3, "is_online", "eve"), false},
		{call(4, "list", nil), 3},
		{call(5, "list", "room", 1), 1},
	} {
		w[0].say(q.ask)
		if got := w[0].reply(uint64(i), q.want); got != q.want {
			t.Errorf("question %d: %v, want %v", i, got, q.want)
		}
	}
}

// call is a handler's question.
func call(id uint64, what string, args ...any) []byte {
	m := wire.AppendStr(wire.AppendUint(append(wire.AppendArray(nil, 4), byte(wire.OpCall)), id), what)
	m = wire.AppendArray(m, len(args))
	for _, a := range args {
		switch a := a.(type) {
		case string:
			m = wire.AppendStr(m, a)
		case int:
			m = wire.AppendUint(m, uint64(a))
		case nil:
			m = append(m, 0xc0)
		}
	}
	return m
}

// reply reads a REPLY whose value is of the kind of like; of a list it gives the
// number of rows.
func (w *handler) reply(id uint64, like any) any {
	w.h.t.Helper()
	frame := w.frame()
	r := wire.NewReader(frame)
	r.Array()
	r.Array()
	if op, rid := wire.Op(r.Uint()), r.Uint(); op != wire.OpReply || rid != id {
		w.h.t.Fatalf("op %#x id %d", op, rid)
	}
	r.Raw() // whether it worked
	switch like.(type) {
	case uint64:
		return r.Uint()
	case bool:
		return bytes.Equal(r.Raw(), []byte{0xc3})
	}
	return r.Array()
}

// Other loops look into a few questions of a handler at a time: their answers must
// not fill our memory while it asks.
func TestQuestionsAreAskedAFewAtATime(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	dealt(h, w)
	block, blocked := make(chan struct{}), make(chan struct{})
	h.gateway.loops[1].mailbox.post(func() { close(blocked); <-block })
	<-blocked
	const questions = 1000
	var batch [][]byte
	for i := range questions {
		batch = append(batch, call(uint64(i), "count", nil))
	}
	w[0].say(batch...)
	for came := 0; came < questions; {
		h.do(func() {
			one := h.loop.byID[w[0].id]
			if came = one.asking; came-len(one.unasked) > maxAsked {
				t.Errorf("%d are under way", came-len(one.unasked))
			}
		})
	}
	close(block)
	for next := uint64(0); next < questions; {
		r := wire.NewReader(w[0].frame())
		for replies := r.Array(); replies > 0; replies-- {
			r.Array()
			op, id := wire.Op(r.Uint()), r.Uint()
			r.Raw() // whether it worked
			if count := r.Uint(); op != wire.OpReply || id != next || count != 2 {
				t.Fatalf("op %#x, id %d, count %d, want the answer to question %d", op, id, count, next)
			}
			next++
		}
	}
}

// What waits behind slow work goes to a worker that is idle in another loop, and
// that worker stays where it went until it is wanted elsewhere.
func TestIdleWorkerGoesWhereWorkWaits(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	clients := []*client{inLoop(t, h, "http", 0), inLoop(t, h, "http", 0), inLoop(t, h, "http", 1)}
	clients[0].write(get)
	first := w[0].expect(wire.OpReq)
	clients[1].write(get)
	second := w[1].expect(wire.OpReq)
	w[1].say(res(second.id, 200, "moved"), ack(1))
	clients[1].response("GET")
	clients[2].write(get)
	third := w[1].expect(wire.OpReq)
	if [3]int{loopOf(first.id), loopOf(second.id), loopOf(third.id)} != [3]int{0, 0, 1} {
		t.Errorf("loops %d, %d and %d", loopOf(first.id), loopOf(second.id), loopOf(third.id))
	}
	w[1].say(res(third.id, 200, "back"), ack(1))
	clients[2].response("GET")
	w[0].say(res(first.id, 200, "slow"), ack(1))
	clients[0].response("GET")
}

// placeOf says in which loop a client's connection is.
func placeOf(t *testing.T, h *harness, c *client) (index int) {
	t.Helper()
	index = -1
	for deadline := time.Now().Add(10 * time.Second); index < 0 && time.Now().Before(deadline); {
		for i, l := range h.gateway.loops {
			h.gateway.do(l, func() {
				for _, each := range l.conns.conns {
					if each != nil && each.peer == c.LocalAddr().String() {
						index = i
					}
				}
			})
		}
	}
	if index < 0 {
		t.Fatal("no such connection")
	}
	return index
}

// A loop without any worker is given one even though all others are busy, and
// two such loops take turns.
func TestLoopWithoutWorkersGetsItsTurn(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	w[1].exit("killed by SIGKILL")
	only := w[0]
	var clients []*client
	for range 6 {
		c := h.dial("http")
		c.write(get)
		clients = append(clients, c)
	}
	seen := [2]int{}
	for range clients {
		m := only.expect(wire.OpReq)
		seen[loopOf(m.id)]++
		only.say(res(m.id, 200, "ok"), ack(1))
	}
	for _, c := range clients {
		c.response("GET")
	}
	if seen != [2]int{3, 3} {
		t.Errorf("%v requests of the loops", seen)
	}
}

// oneByOne keeps windows at one message: what waits behind slow work shows at once.
func oneByOne(c *control.Configuration) { c.Pools[0].OnCrash = control.CloseConnection }

// inLoop connects a client whose connection is in that loop.
func inLoop(t *testing.T, h *harness, scheme string, index int) *client {
	t.Helper()
	for {
		if c := h.dial(scheme); placeOf(t, h, c) == index {
			return c
		}
	}
}

// A connection that a worker knew before it moved is told off to it wherever it
// is.
func TestWorkerThatMovesForgetsConnectionsThatDoNot(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	clients, ids := dealt(h, w)
	busy, later := inLoop(t, h, "http", 0), inLoop(t, h, "http", 0)
	busy.write(get)
	m := w[0].expect(wire.OpReq)
	later.write(get)
	n := w[1].expect(wire.OpReq) // the worker of loop 1 has moved
	clients[1].write("hello\n")
	w[0].say(res(m.id, 200, "a"), ack(1))
	if a := w[0].expect(wire.OpAttach); a.id != ids[1] {
		t.Fatalf("introduced %x, want %x", a.id, ids[1])
	}
	w[0].expect(wire.OpMsg)
	w[0].say(send(ids[1], "answer"), ack(1))
	clients[1].wantLines("answer")
	if d := w[1].expect(wire.OpDetach); d.id != ids[1] {
		t.Fatalf("told off %x, want %x", d.id, ids[1])
	}
	w[1].say(res(n.id, 200, "b"), ack(1))
	busy.response("GET")
	later.response("GET")
}

func TestWorkerThatComesBackKnowsItsConnections(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	clients, ids := dealt(h, w)
	busy, later := inLoop(t, h, "http", 0), inLoop(t, h, "http", 0)
	busy.write(get)
	m := w[0].expect(wire.OpReq)
	later.write(get)
	n := w[1].expect(wire.OpReq)
	w[1].say(res(n.id, 200, "b"), ack(1))
	later.response("GET")
	clients[1].write("hello\n")
	if back := w[1].expect(wire.OpMsg); back.id != ids[1] {
		t.Fatalf("message of %x, want %x", back.id, ids[1])
	}
	w[1].say(send(ids[1], "answer"), ack(1))
	clients[1].wantLines("answer")
	w[0].say(res(m.id, 200, "a"), ack(1))
	busy.response("GET")
}

// The master's word finds a worker that has moved.
func TestMovedWorkerIsDrainedAndEnds(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	w[1].exit("killed by SIGKILL")
	c := inLoop(t, h, "http", 1)
	c.write(get)
	m := w[0].expect(wire.OpReq) // it is in loop 1 now
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w[0].id}, Reason: "reload"})
	w[0].expect(wire.OpDrain)
	w[0].say(res(m.id, 200, "last"), ack(1))
	h.expect(control.Drained)
	c.response("GET")
	w[0].exit("exit code 0")
	next := h.worker(1)
	c.write(get)
	m = next.expect(wire.OpReq)
	next.say(res(m.id, 200, "next"), ack(1))
	c.response("GET")
	for _, l := range h.gateway.loops {
		h.gateway.do(l, func() {
			if len(l.away) > 1 || l.byID[w[0].id] != nil {
				t.Errorf("loop %d: away %v", l.index, l.away)
			}
		})
	}
}

func TestLimitsHoldForAllLoopsTogether(t *testing.T) {
	h := startLoops(t, 3, func(c *control.Configuration) {
		c.Pools[0].QueueLimit = 2
		c.Listeners[0].Limits.MaxConnections = 4
		c.Listeners[1].Limits.MaxConnectionsPerAddress = 2
	})
	var clients []*client
	for range 4 {
		c := h.dial("http")
		c.write(get)
		clients = append(clients, c)
		placeOf(t, h, c)
		for _, l := range h.gateway.loops { // what waits elsewhere is told at the end of a turn
			h.gateway.do(l, func() {})
			h.gateway.do(l, func() {})
		}
	}
	refused := 0
	for range 4 {
		if h.total(func(l *loop) int { return l.pools["web"].queue.len }) > 2 {
			t.Error("more than queue_limit waits")
		}
	}
	late := h.dial("http")
	late.write(get)
	if n := h.total(func(l *loop) int { return l.listeners[0].connections }); n > 4 {
		t.Errorf("%d connections", n)
	}
	for _, c := range clients[2:] {
		if response, _ := c.response("GET"); response.StatusCode == 503 {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of the requests beyond queue_limit were refused", refused)
	}
	for range 2 {
		placeOf(t, h, h.dial("text"))
	}
	h.dial("text").eof()
}

// total adds up what each loop has.
func (h *harness) total(of func(*loop) int) (n int) {
	for _, l := range h.gateway.loops {
		h.gateway.do(l, func() { n += of(l) })
	}
	return n
}

func TestStatusIsThatOfAllLoops(t *testing.T) {
	h := startLoops(t, 3, nil)
	w := crew(h, 1)
	clients, _ := dealt(h, w)
	h.tell(&control.Message{Kind: control.Query, Seq: 7, Topic: control.TopicStatus})
	s := h.expect(control.Report)
	if s.Seq != 7 || s.Status.Connections != 3 || s.Status.Messages != 3 || len(s.Status.Workers) != 3 || len(s.Status.Listeners) != 5 || len(s.Status.Pools) != 1 {
		t.Errorf("%+v", s.Status)
	}
	for _, ln := range s.Status.Listeners {
		if ln.ID == 2 && (ln.Connections != 3 || ln.Accepted != 3) {
			t.Errorf("%+v", ln)
		}
	}
	h.tell(&control.Message{Kind: control.Query, Topic: control.TopicConnections, Filter: "text"})
	r := h.expect(control.Report)
	if len(r.Connections) != 3 || r.More {
		t.Fatalf("%+v", r)
	}
	for _, c := range clients {
		if !slices.ContainsFunc(r.Connections, func(row control.Connection) bool { return row.Peer == c.LocalAddr().String() }) {
			t.Errorf("no row for %s", c.LocalAddr())
		}
	}
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

func TestStopIsReportedOnceAllLoopsHaveStopped(t *testing.T) {
	h := startLoops(t, 3, nil)
	w := crew(h, 1)
	clients, _ := dealt(h, w)
	h.tell(&control.Message{Kind: control.Stop, Deadline: 10 * time.Second})
	for _, c := range clients {
		c.eof()
	}
	for _, each := range w {
		each.expect(wire.OpClose)
		each.say(ack(1))
	}
	h.expect(control.Stopped)
	if n := h.total(func(l *loop) int { return l.conns.live }); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// Fewer workers than loops: all loops are served, again and again.
func TestFewWorkersServeManyLoops(t *testing.T) {
	for _, concurrency := range []int{1, 100} {
		h := startLoops(t, 3, oneByOne)
		w := []*handler{h.worker(concurrency), h.worker(concurrency), h.worker(concurrency)}
		w[2].exit("killed by SIGKILL")
		for _, each := range w[:2] {
			go each.serve(concurrency)
		}
		answered := make(chan int)
		for range 9 {
			c := h.dial("http")
			go func() {
				n := 0
				for ; n < 100; n++ {
					c.write(get)
					if response, _ := c.response("GET"); response.StatusCode != 200 {
						break
					}
				}
				answered <- n
			}()
		}
		for range 9 {
			if n := <-answered; n < 100 {
				t.Errorf("%d answers", n)
			}
		}
		for _, each := range w[:2] {
			each.in.Close()
		}
	}
}

// serve answers requests until the pipe ends.
func (w *handler) serve(concurrency int) {
	for {
		_ = w.in.SetReadDeadline(time.Time{})
		var head [wire.HeaderLen]byte
		if _, err := io.ReadFull(w.r, head[:]); err != nil {
			return
		}
		n, _, _ := wire.FrameLength(head[:], wire.FrameCap)
		payload := make([]byte, n)
		if _, err := io.ReadFull(w.r, payload); err != nil {
			return
		}
		for _, m := range decodeForHandler(w.h.t, payload) {
			if m.op != wire.OpReq {
				continue
			}
			answer := [][]byte{res(m.id, 200, "ok")}
			if concurrency == 1 {
				answer = append(answer, ack(1))
			}
			if _, err := w.out.Write(inFrame(answer...)); err != nil {
				return
			}
		}
	}
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

// A worker that the master shall recycle moves like others: until its successor
// works there may be no other.
func TestWorkerThatIsDueServesOtherLoops(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	h.do(func() { h.loop.byID[w[0].id].maxRequests = 1 })
	here, there := inLoop(t, h, "http", 0), inLoop(t, h, "http", 1)
	serve := func(c *client) {
		t.Helper()
		c.write(get)
		m := w[0].expect(wire.OpReq)
		w[0].say(res(m.id, 200, "ok"), ack(1))
		c.response("GET")
	}
	serve(here)
	h.expect(control.WorkerDue)
	w[1].exit("killed by SIGKILL")
	serve(there)
	serve(here)
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w[0].id}, Reason: "max_requests"})
	w[0].expect(wire.OpDrain)
}

// A message that never ends keeps a worker where it is. It must not keep that
// worker from its work besides.
func TestWorkerWithAnEndlessMessageWorksOn(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 100)
	text, here, there := inLoop(t, h, "text", 0), inLoop(t, h, "http", 0), inLoop(t, h, "http", 1)
	text.write("for ever\n")
	w[0].expect(wire.OpAttach)
	w[0].expect(wire.OpMsg)
	w[1].exit("killed by SIGKILL")
	there.write(get)
	for leaving := false; !leaving; {
		h.do(func() { leaving = h.loop.byID[w[0].id].leaving })
	}
	here.write(get)
	m := w[0].expect(wire.OpReq)
	if loopOf(m.id) != 0 {
		t.Fatalf("request of loop %d", loopOf(m.id))
	}
	w[0].say(res(m.id, 200, "ok"))
	here.response("GET")
}

// The loop that accepts goes on when a connection ends in another one.
func TestMaxConnectionsCountsWhatEndsInOtherLoops(t *testing.T) {
	h := startLoops(t, 2, func(c *control.Configuration) { c.Listeners[0].Limits.MaxConnections = 2 })
	w := h.worker(100)
	there, here := h.dial("http"), h.dial("http") // listener 1 accepts in loop 1
	if placeOf(t, h, there) == 1 {
		there, here = here, there
	}
	if i, j := placeOf(t, h, there), placeOf(t, h, here); i != 0 || j != 1 {
		t.Fatalf("in loops %d and %d", i, j)
	}
	late := h.dial("http")
	late.write(get)
	for paused := 0; paused == 0; {
		paused = h.total(func(l *loop) int { return l.paused })
	}
	there.Close()
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, "ok"))
	late.response("GET")
}

// again is c for a reload: a copy, as the control channel makes it, without new
// sockets.
func again(t *testing.T, c *control.Configuration) *control.Configuration {
	t.Helper()
	packet, err := control.Encode(&control.Message{Kind: control.Configure, Configuration: c})
	if err != nil {
		t.Fatal(err)
	}
	m, err := control.Decode(packet)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Configuration.Listeners {
		m.Configuration.Listeners[i].Fresh = false
	}
	for i := range m.Configuration.AccessLogs {
		m.Configuration.AccessLogs[i].Fresh = false
	}
	return m.Configuration
}

// A pool gets fewer workers, and more again, while clients keep their
// connections, in whichever loop they are.
func TestConnectionsStayServedWhenPoolsChange(t *testing.T) {
	path := t.TempDir() + "/access.log"
	var configuration *control.Configuration
	h := startLoops(t, 3, func(c *control.Configuration) {
		configuration = c
		c.AccessLogs = []control.AccessLog{{ID: 1, Path: path, Fresh: true}}
		c.Listeners[0].AccessLog = 1
		c.Listeners[0].Static = []control.Static{staticOf(folderOf(t, map[string]string{"b": "b"}))}
		c.Listeners[0].Answers = control.Answers{Compression: &control.Compression{Encodings: []string{"gzip"}, Types: []string{"text/*"}, MinBytes: 1, Level: "fast"},
			Headers: &control.Headers{Remove: []string{"server"}}, CORS: &control.CORS{Origins: []string{"*"}}}
	})
	w := crew(h, 1)
	for _, each := range w {
		go each.serve(1)
	}
	const clients, requests = 9, 100
	asked, answered := make(chan struct{}, clients*requests), make(chan int)
	for range clients {
		c := h.dial("http")
		go func() {
			n := 0
			for ; n < requests; n++ {
				c.write(get)
				if response, _ := c.response("GET"); response.StatusCode != 200 {
					break
				}
				asked <- struct{}{}
			}
			answered <- n
		}()
	}
	for i := range requests {
		<-asked
		next := again(t, configuration)
		next.Pools[0].Workers = []int{1, 3, 2}[i%3]
		var files []*os.File
		if i%10 == 0 {
			next.AccessLogs[0].Fresh = true
			files = append(files, appendFile(t, path))
		}
		h.tell(&control.Message{Kind: control.Configure, Configuration: next}, files...)
		h.expect(control.Configured)
	}
	for range clients {
		if n := <-answered; n < requests {
			t.Errorf("%d answers", n)
		}
	}
	for _, each := range w {
		each.in.Close()
	}
}

// Datagrams come in one loop, which a reload may choose anew; handlers send from
// all of them.
func TestDatagramsWithSeveralLoops(t *testing.T) {
	var configuration *control.Configuration
	h := startLoops(t, 3, func(c *control.Configuration) { configuration = c })
	w := []*handler{h.worker(1, "datagram"), h.worker(1, "datagram"), h.worker(1, "datagram")}
	c := h.datagrams()
	for _, turn := range []struct{ workers, home int }{{3, 2}, {1, 0}, {2, 1}} {
		next := again(t, configuration)
		next.Pools[0].Workers = turn.workers
		h.tell(&control.Message{Kind: control.Configure, Configuration: next})
		h.expect(control.Configured)
		c.say("question")
		m := w[turn.home].expect(wire.OpDgram)
		for _, each := range w {
			each.say(sendDatagram(m.n, m.peer, "answer", m.local))
			if got := c.hear(); got != "answer" {
				t.Fatalf("%q", got)
			}
		}
		w[turn.home].say(ack(1))
	}
	next := again(t, configuration)
	next.Listeners = next.Listeners[:4]
	h.tell(&control.Message{Kind: control.Configure, Configuration: next})
	h.expect(control.Configured)
	for open := 1; open > 0; { // the last of them is not finished before its ACK was read
		open = h.total(func(l *loop) int {
			for _, ln := range l.listeners {
				if ln.id == 5 && !ln.gone() {
					return 1
				}
			}
			return 0
		})
	}
}

// Without descriptors a loop cannot have listeners of its own, and nothing worse.
func TestDescriptorsThatCannotBeDuplicated(t *testing.T) {
	g := newGateway(slog.New(slog.DiscardHandler), nil)
	fds := take(g.duplicates([]*os.File{os.NewFile(1<<20, "no such file")}))
	if len(fds) != 1 || fds[0] != -1 {
		t.Errorf("%v", fds)
	}
}

// A worker of before a reload that moves into a loop tells nobody there that
// handshakes need not be asked for.
func TestOldWorkersDoNotBringBackWhatTheyWanted(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := []*handler{h.worker(1, "request"), h.worker(1, "request", "handshake")}
	first, second := inLoop(t, h, "http", 1), inLoop(t, h, "http", 1)
	first.write(get)
	one := w[1].expect(wire.OpReq)
	second.write(get)
	two := w[0].expect(wire.OpReq) // it has moved
	w[0].say(res(two.id, 200, "ok"), ack(1))
	w[1].say(res(one.id, 200, "ok"), ack(1))
	first.response("GET")
	second.response("GET")
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w[0].id}, Reason: "reload"})
	w[0].expect(wire.OpDrain)
	h.expect(control.Drained)
	first.write("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	m := w[1].expect(wire.OpReq)
	w[1].say(res(m.id, 403, "no"), ack(1))
	first.wantStatus("403")
}

// Two loops that always have work share the only worker there is by turns that
// nobody notices.
func TestBusyLoopsTakeShortTurnsWithOneWorker(t *testing.T) {
	h := startLoops(t, 2, oneByOne)
	w := crew(h, 1)
	w[1].exit("killed by SIGKILL")
	var done atomic.Bool
	var clients sync.WaitGroup
	for i := range 40 {
		c := inLoop(t, h, "http", i%2)
		clients.Go(func() {
			for !done.Load() {
				c.write(get)
				c.response("GET")
			}
		})
	}
	turns, last, served := 0, 0, 0
	for ; turns < 10 && served < 50_000; served++ {
		m := w[0].expect(wire.OpReq)
		if at := loopOf(m.id); at != last {
			turns, last = turns+1, at
		}
		w[0].say(res(m.id, 200, "ok"), ack(1))
	}
	done.Store(true)
	if turns < 10 {
		t.Errorf("%d turns in %d requests", turns, served)
	}
	go w[0].serve(1)
	clients.Wait()
	w[0].in.Close()
}

package gateway

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

var (
	stressSeed = flag.Uint64("seed", 0, "seed of the stress test, 0: a new one")
	stressTime = flag.Duration("stress", 3*time.Second, "how long the stress test runs")
)

// stress is clients and handlers that do everything at random, and what must
// hold all the same:
//
//   - a request gets its own answer, or 502, 503 or a cut where handlers died;
//   - a POST begins at most once;
//   - the messages of a connection are answered once each, in order;
//   - in the end nothing is left: no connection, exchange, item, descriptor.
type stress struct {
	*harness
	seed    uint64
	until   time.Time
	calm    bool // no handler dies
	deaths  atomic.Int64
	begun   sync.Map // token of a POST: it was begun
	tokens  atomic.Uint64
	answers atomic.Int64
	players map[uint64]*player
	ended   chan *player
}

func TestStress(t *testing.T) {
	seed := *stressSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	before := descriptors(t)
	t.Run(fmt.Sprint(seed), func(t *testing.T) {
		calm := seed%4 == 0
		h := startLoop(t, func(c *control.Configuration) {
			c.Pools[0].QueueLimit = 1000
			for i := range c.Listeners {
				c.Listeners[i].Limits.MaxConnections = 40
				c.Listeners[i].Limits.PingInterval = 5 * time.Second
			}
		})
		s := &stress{harness: h, seed: seed, until: time.Now().Add(*stressTime), calm: calm, players: map[uint64]*player{}, ended: make(chan *player, 100)}
		s.run()
	})
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if t.Failed() {
		t.Logf("again: go test -run TestStress -seed %d", seed)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	_, _ = net.Listen("unix", "/nowhere/at/all") // starts what the runtime opens once
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(list)
}

func (s *stress) random(id int) *rand.Rand { return rand.New(rand.NewPCG(s.seed, uint64(id))) }

// Nothing else ends the waits of a request that nobody waits for: a handler that
// misses its ABORT looks like one that hangs.
func TestHandlerUnderStressLeavesAbortedRequests(t *testing.T) {
	p := &player{rng: rand.New(rand.NewPCG(1, 1)), concurrency: 8}
	for _, m := range []received{{op: wire.OpReq, id: 1}, {op: wire.OpReq, id: 2}, {op: wire.OpAbort, id: 1}} {
		if err := p.begin(m); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.work) != 1 || p.work[0].m.id != 2 {
		t.Fatalf("%+v", p.work)
	}
}

// run plays the master until all clients have ended, then looks for leaks.
func (s *stress) run() {
	rng := s.random(0)
	for range 3 {
		s.spawn(rng)
	}
	var clients sync.WaitGroup
	for i := range 24 {
		clients.Go(func() { s.client(s.random(i + 1)) })
	}
	finished := make(chan struct{})
	go func() { clients.Wait(); close(finished) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	stuck := time.After(*stressTime + 60*time.Second)
	for {
		select {
		case m := <-s.reports:
			s.reported(m)
		case p := <-s.ended:
			s.buried(p, rng)
		case <-tick.C:
			s.disturb(rng)
		case <-stuck:
			s.t.Error("clients are stuck")
			s.dump()
			return
		case <-finished:
			s.settle()
			return
		}
	}
}

// settle waits until the loop has nothing left, then ends the handlers.
func (s *stress) settle() {
	s.t.Logf("%d answers, %d deaths", s.answers.Load(), s.deaths.Load())
	for end := time.Now().Add(10 * time.Second); ; {
		left := ""
		s.do(func() { left = s.left() })
		if left == "" {
			break
		}
		select {
		case m := <-s.reports:
			s.reported(m)
		case p := <-s.ended:
			s.buried(p, s.random(1<<20))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(end) {
			s.t.Errorf("leaked: %s", left)
			s.dump()
			break
		}
	}
	for _, p := range s.players {
		p.kill()
	}
	for len(s.players) > 0 {
		p := <-s.ended
		delete(s.players, p.id)
		p.in.Close()
		p.out.Close()
		s.tell(&control.Message{Kind: control.Exited, Worker: &control.Worker{ID: p.id}, Reason: "end"})
	}
	s.do(func() {
		if n := len(s.loop.byID); n > 0 {
			s.t.Errorf("%d workers are left", n)
		}
	})
}

// left says what the loop still holds; it runs in the loop.
func (s *stress) left() string {
	l := s.loop
	p := l.pools["web"]
	var b strings.Builder
	note := func(what string, n int) {
		if n != 0 {
			fmt.Fprintf(&b, "%s %d, ", what, n)
		}
	}
	note("connections", l.conns.live)
	note("exchanges", l.exchanges.taken)
	note("items", l.items.taken)
	note("queue", p.queue.len)
	note("waiting", p.waiting.len)
	note("groups", len(l.hub.groups))
	note("uids", len(l.hub.uids))
	note("again", len(l.again))
	note("dirty", len(l.dirtyConns))
	for _, w := range l.workers {
		if w != nil {
			note(fmt.Sprintf("worker %d sent", w.id), w.sent.len)
			note("its exchanges", w.exchanges.len)
			note("its waiting", w.waiting.len)
			note("its connections", w.conns)
		}
	}
	for wait, list := range l.deadlines.lists {
		if list.first != nil {
			note("deadline "+wait.String(), 1)
		}
	}
	for _, ln := range l.listeners {
		note("of listener "+ln.name, ln.connections)
	}
	return b.String()
}

func (s *stress) dump() {
	s.do(func() {
		for _, c := range s.loop.conns.conns {
			if c != nil {
				s.t.Logf("connection %d %s %s in %d out %d paused %v interest %#x exchange %+v dialogue %+v", c.id, c.kind, c.state, len(c.in), c.pending(), c.paused, c.interest, c.exchange, c.dialogue)
			}
		}
		for _, w := range s.loop.workers {
			if w != nil {
				s.t.Logf("worker %d state %d deaf %v sent %d window %d blocked %v waiting %d exchanges %d", w.id, w.state, w.deaf, w.sent.len, w.window, w.blocked, w.waiting.len, w.exchanges.len)
			}
		}
	})
}

// The master's part.

func (s *stress) reported(m *control.Message) {
	switch m.Kind {
	case control.WorkerReady:
		s.tell(&control.Message{Kind: control.Activate, Worker: &control.Worker{ID: m.Worker.ID}})
	case control.WorkerFailed:
		p := s.players[m.Worker.ID]
		if p != nil && !p.hostile {
			s.t.Errorf("worker %d was blamed: %s", m.Worker.ID, m.Reason)
		}
		if p != nil {
			s.deaths.Add(1)
			p.kill()
		}
	}
}

func (s *stress) buried(p *player, rng *rand.Rand) {
	delete(s.players, p.id)
	p.in.Close()
	p.out.Close()
	s.tell(&control.Message{Kind: control.Exited, Worker: &control.Worker{ID: p.id}, Reason: "end"})
	if len(s.players) < 3 {
		s.spawn(rng)
	}
}

// disturb kills, reloads, or lets be.
func (s *stress) disturb(rng *rand.Rand) {
	if time.Now().After(s.until) {
		return
	}
	for id, p := range s.players {
		switch n := rng.IntN(100); {
		case n < 10 && !s.calm && !p.leaving:
			s.deaths.Add(1)
			p.kill()
		case n < 18 && !p.leaving:
			p.leaving = true
			s.spawn(rng)
			s.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: id}, Deadline: 5 * time.Second, Reason: "reload"})
		}
		return // one of them, map order is random enough
	}
}

func (s *stress) spawn(rng *rand.Rand) {
	s.next++
	var a, b [2]int
	if err := errors.Join(syscall.Pipe2(a[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK), syscall.Pipe2(b[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK)); err != nil {
		s.t.Error(err)
		return
	}
	p := &player{s: s, id: s.next, in: os.NewFile(uintptr(a[0]), "in"), out: os.NewFile(uintptr(b[1]), "out"), rng: s.random(int(1000 + s.next)), concurrency: 1,
		credit: map[uint64]int{}, turn: map[uint64]time.Time{}, finished: map[uint64]uint64{}}
	if rng.IntN(2) == 0 {
		p.concurrency = 8
	}
	p.hostile = !s.calm && rng.IntN(12) == 0
	s.players[p.id] = p
	s.tell(&control.Message{Kind: control.Attach, Worker: &control.Worker{ID: p.id, Pool: "web", Slot: int(p.id), PID: 1 << 30}},
		os.NewFile(uintptr(a[1]), "to"), os.NewFile(uintptr(b[0]), "from"))
	go func() {
		p.run()
		s.ended <- p
	}()
}

// player is a handler.
type player struct {
	s           *stress
	id          uint64
	in, out     *os.File
	rng         *rand.Rand
	concurrency int
	hostile     bool
	leaving     bool // of the master's part
	dead        atomic.Bool

	r        *bufio.Reader
	todo     []received
	work     []job                // concurrent: taken in, in the order they are due
	turn     map[uint64]time.Time // when the last message of a connection is due
	credit   map[uint64]int       // streams under way
	messages [][]byte             // to write with the next flush
	acks     uint64
	finished map[uint64]uint64 // DONE by connection
	draining bool
}

type job struct {
	due time.Time
	m   received
}

// kill ends it in the middle of whatever it does.
func (p *player) kill() {
	p.dead.Store(true)
	_ = p.in.SetDeadline(time.Unix(1, 0))
	_ = p.out.SetDeadline(time.Unix(1, 0))
}

var errDead = errors.New("dead")

func (p *player) run() {
	p.r = bufio.NewReaderSize(p.in, 64<<10)
	if err := p.live(); err != nil && !p.dead.Load() && !p.hostile {
		p.s.t.Errorf("handler %d: %v", p.id, err)
	}
}

func (p *player) live() error {
	if _, err := p.fetch(time.Second); err != nil {
		return err
	}
	p.todo = nil // HELLO
	events := []string{"request", "message"}
	for _, e := range []string{"connect", "close", "buffer"} {
		if p.rng.IntN(2) == 0 {
			events = append(events, e)
		}
	}
	p.messages = [][]byte{readyMessage(p.concurrency, events...)}
	if p.rng.IntN(2) == 0 {
		p.messages[0] = readyToStream(p.concurrency, events...)
	}
	if err := p.flush(); err != nil {
		return err
	}
	for {
		if err := p.step(); err != nil {
			return err
		}
		if p.draining && len(p.todo) == 0 && len(p.work) == 0 {
			bye := wire.AppendUint(wire.AppendStr(append(wire.AppendArray(nil, 3), byte(wire.OpBye)), "drain"), 0)
			p.messages = append(p.messages, bye)
			return p.flush()
		}
	}
}

// step does one message, or waits for some.
func (p *player) step() error {
	if p.dead.Load() {
		return errDead
	}
	if p.hostile && p.rng.IntN(40) == 0 {
		return p.misbehave()
	}
	if len(p.todo) > 0 {
		m := p.todo[0]
		p.todo = p.todo[1:]
		return p.begin(m)
	}
	if err := p.finishDue(); err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	wait := 20 * time.Millisecond
	if len(p.work) > 0 {
		wait = max(0, min(wait, time.Until(p.work[0].due)))
	}
	if p.r.Buffered() == 0 {
		_, err := p.fetch(wait + 50*time.Microsecond)
		return err
	}
	_, err := p.fetch(time.Second)
	return err
}

// fetch reads one frame; none within wait is no error.
func (p *player) fetch(wait time.Duration) (bool, error) {
	_ = p.in.SetReadDeadline(time.Now().Add(wait))
	if p.dead.Load() {
		return false, errDead
	}
	head, err := p.r.Peek(wire.HeaderLen)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n, _, err := wire.FrameLength(head, wire.FrameCap)
	if err != nil {
		return false, err
	}
	_, _ = p.r.Discard(wire.HeaderLen)
	_ = p.in.SetReadDeadline(time.Now().Add(10 * time.Second))
	if p.dead.Load() {
		return false, errDead
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(p.r, payload); err != nil {
		return false, err
	}
	p.todo = append(p.todo, decodeForHandler(p.s.t, payload)...)
	return true, nil
}

// begin does a message, or lets it wait in a concurrent handler.
func (p *player) begin(m received) error {
	switch m.op {
	case wire.OpDrain:
		p.draining = true
	case wire.OpAbort: // it comes once: whoever began that request later would wait for credit or a body for ever
		p.work = slices.DeleteFunc(p.work, func(j job) bool { return j.m.op == wire.OpReq && j.m.id == m.id })
	case wire.OpReq, wire.OpMsg, wire.OpOpen, wire.OpClose, wire.OpBuf:
		if m.op == wire.OpReq && m.meth == "POST" {
			if _, again := p.s.begun.LoadOrStore(m.path, true); again {
				p.s.t.Errorf("POST %s was begun twice", m.path)
			}
		}
		if p.concurrency == 1 {
			p.pause()
			return p.finish(m)
		}
		due := time.Now().Add(time.Duration(p.rng.IntN(2000)) * time.Microsecond)
		if m.op != wire.OpReq {
			due = later(due, p.turn[m.id])
			p.turn[m.id] = due
		}
		at, _ := slices.BinarySearchFunc(p.work, due, func(j job, due time.Time) int {
			if j.due.After(due) {
				return 1
			}
			return -1 // behind those that are due at the same time
		})
		p.work = slices.Insert(p.work, at, job{due, m})
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p *player) pause() {
	if p.rng.IntN(50) == 0 {
		time.Sleep(time.Duration(p.rng.IntN(3000)) * time.Microsecond)
	}
}

func (p *player) finishDue() error {
	for len(p.work) > 0 && !p.work[0].due.After(time.Now()) {
		m := p.work[0].m
		p.work = p.work[1:]
		if err := p.finish(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) finish(m received) error {
	switch m.op {
	case wire.OpReq:
		if err := p.answer(m); err != nil {
			return err
		}
	case wire.OpMsg:
		p.converse(m)
	}
	switch {
	case p.concurrency == 1:
		p.acks++
	case m.op != wire.OpReq:
		p.finished[m.id]++
	}
	if len(p.messages) > 20 || p.rng.IntN(8) == 0 {
		return p.flush()
	}
	return nil
}

// converse answers a message, and does something with the connection.
func (p *player) converse(m received) {
	p.messages = append(p.messages, send(m.id, "re:"+string(m.data)))
	group := fmt.Sprint("g", p.rng.IntN(3))
	switch p.rng.IntN(12) {
	case 0:
		p.messages = append(p.messages, withText(wire.OpJoin, m.id, group))
	case 1:
		p.messages = append(p.messages, withText(wire.OpLeave, m.id, group))
	case 2:
		p.messages = append(p.messages, withText(wire.OpBind, m.id, group))
	case 3:
		p.messages = append(p.messages, publish(group, "pub:"+group, m.id))
	}
}

func (p *player) answer(m received) error {
	if m.n&wire.FlagBodyFollows != 0 {
		var err error
		if m.data, err = p.awaitBody(m.id); err != nil || m.data == nil {
			return err
		}
	}
	body := m.path + " " + string(m.data)
	if p.rng.IntN(6) > 0 {
		if p.rng.IntN(10) == 0 {
			body += strings.Repeat(" ", p.rng.IntN(wire.BodyLimit-len(body)))
		}
		p.messages = append(p.messages, res(m.id, 200, body))
		return nil
	}
	body += strings.Repeat(" ", p.rng.IntN(600<<10))
	p.messages = append(p.messages, resStart(m.id, 200))
	credit := wire.StreamCredit
	for len(body) > 0 {
		n := min(len(body), 1+p.rng.IntN(wire.ChunkLimit))
		for credit < n {
			if err := p.flush(); err != nil {
				return err
			}
			got, err := p.awaitCredit(m.id)
			if err != nil {
				return err
			}
			if got < 0 {
				return nil // nobody waits
			}
			credit += got
		}
		p.messages = append(p.messages, withText(wire.OpResChunk, m.id, body[:n]))
		credit -= n
		body = body[n:]
		if p.rng.IntN(4) == 0 {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	p.messages = append(p.messages, withText(wire.OpResEnd, m.id, ""))
	return nil
}

// awaitBody asks for a body, a little at a time. nil: aborted.
func (p *player) awaitBody(sid uint64) ([]byte, error) {
	body := []byte{}
	for credit := 0; ; {
		if credit == 0 {
			credit = 1 + p.rng.IntN(100<<10)
			p.messages = append(p.messages, bodyCredit(sid, credit))
			if err := p.flush(); err != nil {
				return nil, err
			}
		}
		i := slices.IndexFunc(p.todo, func(m received) bool { return m.id == sid && (m.op == wire.OpBody || m.op == wire.OpAbort) })
		if i < 0 {
			if p.dead.Load() {
				return nil, errDead
			}
			if _, err := p.fetch(20 * time.Millisecond); err != nil {
				return nil, err
			}
			continue
		}
		m := p.todo[i]
		p.todo = slices.Delete(p.todo, i, i+1)
		if m.op == wire.OpAbort {
			return nil, nil
		}
		if credit -= len(m.data); credit < 0 {
			p.s.t.Errorf("handler %d got %d bytes more of a body than it asked for", p.id, -credit)
		}
		if body = append(body, m.data...); m.n == 1 {
			return body, nil
		}
	}
}

// awaitCredit reads on, keeping other messages for later. -1: aborted.
func (p *player) awaitCredit(sid uint64) (int, error) {
	for {
		for i, m := range p.todo {
			if m.id == sid && (m.op == wire.OpCredit || m.op == wire.OpAbort) {
				p.todo = slices.Delete(p.todo, i, i+1)
				if m.op == wire.OpAbort {
					return -1, nil
				}
				return int(m.n), nil
			}
		}
		if p.dead.Load() {
			return 0, errDead
		}
		if _, err := p.fetch(20 * time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func (p *player) flush() error {
	if p.acks > 0 {
		p.messages = append(p.messages, ack(p.acks))
		p.acks = 0
	}
	for cid, n := range p.finished {
		p.messages = append(p.messages, done(cid, n))
	}
	clear(p.finished)
	if len(p.messages) == 0 {
		return nil
	}
	b := make([]byte, wire.BatchHeaderLen)
	for _, m := range p.messages {
		b = append(b, m...)
	}
	wire.PutBatchHeader(b, len(p.messages))
	p.messages = nil
	return p.write(b)
}

func (p *player) write(b []byte) error {
	if p.dead.Load() {
		return errDead
	}
	_, err := p.out.Write(b)
	return err
}

func (p *player) misbehave() error {
	if err := p.flush(); err != nil { // answers count only with their acknowledgement, in front of the fault
		return err
	}
	id := uint64(p.rng.IntN(40)) | uint64(1+p.rng.IntN(20))<<slotBits
	messages := [][]byte{ack(1000), {0x91, 0x7f}, done(id, 1), res(1<<52, 200, "x"), withText(wire.OpSession, id, strings.Repeat("x", 20<<10)), {0xc1}}
	p.messages = append(p.messages, messages[p.rng.IntN(len(messages))])
	if err := p.flush(); err != nil {
		return err
	}
	_, err := p.fetch(5 * time.Millisecond)
	return err
}

// The clients' part.

func (s *stress) client(rng *rand.Rand) {
	for time.Now().Before(s.until) && !s.t.Failed() {
		var err error
		before := s.deaths.Load()
		scheme := []string{"http", "http", "text", "frame", "websocket"}[rng.IntN(5)]
		switch scheme {
		case "http":
			err = s.surf(rng)
		default:
			err = s.chat(rng, scheme)
		}
		if err != nil {
			s.t.Errorf("%s (%d deaths before, %d now): %v", scheme, before, s.deaths.Load(), err)
		}
	}
}

// dialer connects, and writes in random pieces.
type visitor struct {
	net.Conn
	rng  *rand.Rand
	r    *bufio.Reader
	slow bool
}

func (s *stress) visit(rng *rand.Rand, scheme string) (*visitor, error) {
	c, err := net.Dial("tcp", s.address[scheme])
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	v := &visitor{Conn: c, rng: rng, slow: rng.IntN(10) == 0}
	v.r = bufio.NewReader(v)
	return v, nil
}

func (v *visitor) Read(b []byte) (int, error) {
	if v.slow {
		time.Sleep(time.Duration(v.rng.IntN(1000)) * time.Microsecond)
		b = b[:min(len(b), 1+v.rng.IntN(4096))]
	}
	return v.Conn.Read(b)
}

// pieces writes s; an error is the reader's to find.
func (v *visitor) pieces(s string) {
	for len(s) > 0 {
		n := len(s)
		if v.rng.IntN(3) == 0 {
			n = 1 + v.rng.IntN(n)
		}
		if _, err := io.WriteString(v.Conn, s[:n]); err != nil {
			return
		}
		if s = s[n:]; v.rng.IntN(3) == 0 {
			time.Sleep(time.Duration(v.rng.IntN(300)) * time.Microsecond)
		}
	}
}

// leave goes without a word.
func (v *visitor) leave() {
	if v.rng.IntN(2) == 0 {
		_ = v.Conn.(*net.TCPConn).SetLinger(0)
	}
	v.Close()
}

// surf sends some requests over one connection.
func (s *stress) surf(rng *rand.Rand) error {
	v, err := s.visit(rng, "http")
	if err != nil {
		return err
	}
	defer v.Close()
	var out strings.Builder
	var methods, bodies []string
	n := 1 + rng.IntN(6)
	for i := range n {
		token := fmt.Sprintf("/t%d", s.tokens.Add(1))
		method, body, head := []string{"GET", "GET", "POST", "HEAD"}[rng.IntN(4)], "", ""
		if method == "POST" {
			body = "body of " + token + strings.Repeat("b", rng.IntN(2000))
			if rng.IntN(8) == 0 {
				body += strings.Repeat("b", rng.IntN(200_000))
			}
			if rng.IntN(2) == 0 {
				head = fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
			} else {
				head = fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
			}
		} else {
			head = "\r\n"
		}
		if i == n-1 && rng.IntN(3) == 0 {
			head = "Connection: close\r\n" + head
		}
		fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: x\r\n%s", method, token, head)
		methods, bodies = append(methods, method), append(bodies, token+" "+body)
	}
	leaving, half := rng.IntN(8) == 0, rng.IntN(4) == 0
	written := make(chan struct{})
	text, writer := out.String(), &visitor{Conn: v.Conn, rng: rand.New(rand.NewPCG(rng.Uint64(), 1))}
	go func() {
		defer close(written)
		writer.pieces(text)
		if half {
			_ = v.Conn.(*net.TCPConn).CloseWrite()
		}
	}()
	defer func() { v.Close(); <-written }()
	for i := range methods {
		if leaving && rng.IntN(2) == 0 {
			v.leave()
			return nil
		}
		r, err := http.ReadResponse(v.r, &http.Request{Method: methods[i]})
		if err != nil {
			return s.excuse(fmt.Errorf("answer %d of %d to %s %.20s: %w", i, n, methods[i], bodies[i], err))
		}
		b, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
			return s.excuse(fmt.Errorf("body of answer %d to %.20s: %w", i, bodies[i], err))
		case r.StatusCode == 502 || r.StatusCode == 503:
			if err := s.excuse(fmt.Errorf("%s %.20s: %s", methods[i], bodies[i], b)); err != nil {
				return err
			}
		case r.StatusCode != 200:
			return fmt.Errorf("status %d: %s", r.StatusCode, b)
		case methods[i] != "HEAD" && strings.TrimRight(string(b), " ") != strings.TrimRight(bodies[i], " "):
			return fmt.Errorf("answer %.60q to %.60q", b, bodies[i])
		}
		s.answers.Add(1)
	}
	if half {
		if b, err := v.r.ReadByte(); err != io.EOF {
			return s.excuse(fmt.Errorf("want end of file, got %q %w", b, err))
		}
	}
	return nil
}

// excuse passes over what may happen when handlers die.
func (s *stress) excuse(err error) error {
	if s.deaths.Load() > 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// chat sends numbered messages and wants each answered, in order.
func (s *stress) chat(rng *rand.Rand, kind string) error {
	scheme := kind
	if kind == "websocket" {
		scheme = "http"
	}
	v, err := s.visit(rng, scheme)
	if err != nil {
		return err
	}
	defer v.Close()
	name := fmt.Sprint("m", s.tokens.Add(1), "-")
	n := 1 + rng.IntN(40)
	var out strings.Builder
	if kind == "websocket" {
		out.WriteString("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	}
	for i := range n {
		out.WriteString(pack(kind, fmt.Sprint(name, i, strings.Repeat("x", rng.IntN(200))), rng))
	}
	leaving, half := rng.IntN(6) == 0, kind != "websocket" && rng.IntN(3) == 0
	written := make(chan struct{})
	text, writer := out.String(), &visitor{Conn: v.Conn, rng: rand.New(rand.NewPCG(rng.Uint64(), 1))}
	go func() {
		defer close(written)
		writer.pieces(text)
		if half {
			_ = v.Conn.(*net.TCPConn).CloseWrite()
		}
	}()
	defer func() { v.Close(); <-written }()
	if kind == "websocket" {
		if r, err := http.ReadResponse(v.r, nil); err != nil || r.StatusCode != 101 {
			return fmt.Errorf("upgrade: %v", err)
		}
	}
	for i := 0; i < n; {
		if leaving && rng.IntN(n) == 0 {
			v.leave()
			return nil
		}
		m, err := v.unpack(kind)
		if err != nil {
			return s.excuse(fmt.Errorf("answer %d of %d: %w", i, n, err))
		}
		if strings.HasPrefix(m, "pub:") {
			continue
		}
		if got := strings.TrimRight(m, "x"); got != fmt.Sprint("re:", name, i) {
			return fmt.Errorf("answer %q, want %d of %s", got, i, name)
		}
		s.answers.Add(1)
		i++
	}
	if !half && kind == "websocket" && rng.IntN(2) == 0 {
		_, _ = io.WriteString(v.Conn, frame(0x88, "\x03\xe8"))
		for {
			if m, err := v.unpack(kind); err == io.EOF && m == "closed" {
				return nil
			} else if err != nil {
				return s.excuse(fmt.Errorf("closing: %w", err))
			}
		}
	}
	for half {
		if m, err := v.unpack(kind); err == io.EOF {
			return nil
		} else if err != nil || !strings.HasPrefix(m, "pub:") {
			return fmt.Errorf("want end of file, got %q %w", m, err)
		}
	}
	return nil
}

// pack builds one message of a client.
func pack(kind, m string, rng *rand.Rand) string {
	switch kind {
	case "text":
		return m + "\r\n"[rng.IntN(2):]
	case "frame":
		n := len(m) + 4
		return string([]byte{0, 0, byte(n >> 8), byte(n)}) + m
	}
	if rng.IntN(4) > 0 {
		return frame(0x81, m)
	}
	cut := rng.IntN(len(m))
	return frame(0x01, m[:cut]) + frame(0x89, "are you there") + frame(0x80, m[cut:])
}

// unpack reads one message; it answers pings. "closed" and io.EOF: closed with a close frame.
func (v *visitor) unpack(kind string) (string, error) {
	if kind == "text" {
		line, err := v.r.ReadString('\n')
		return strings.TrimSuffix(line, "\n"), err
	}
	head := make([]byte, 2+2*b2i(kind == "frame"))
	if _, err := io.ReadFull(v.r, head); err != nil {
		return "", err
	}
	n := int(head[1])
	if kind == "frame" {
		n = int(head[2])<<8 + int(head[3]) - 4
	} else if n == 126 {
		var l [2]byte
		if _, err := io.ReadFull(v.r, l[:]); err != nil {
			return "", err
		}
		n = int(l[0])<<8 + int(l[1])
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(v.r, b); err != nil {
		return "", err
	}
	switch {
	case kind == "websocket" && head[0] == 0x89, kind == "websocket" && head[0] == 0x8a:
		return v.unpack(kind)
	case kind == "websocket" && head[0] == 0x88:
		if _, err := v.r.ReadByte(); err != io.EOF {
			return "", fmt.Errorf("behind the close frame: %w", err)
		}
		return "closed", io.EOF
	}
	return string(b), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

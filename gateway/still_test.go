package gateway

import (
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// still is a loop that does not run: the test turns it, reads and writes in
// one goroutine, so that allocations can be counted and every state be seen.
type still struct {
	t testing.TB
	*loop
	ln      *listener
	pool    *pool
	workers uint64
}

func newStill(t testing.TB) *still {
	t.Helper()
	l, err := newLoop(slog.New(slog.DiscardHandler), func(*control.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	ln := &listener{id: 1, fd: -1, share: new(listenerShare), name: "still", scheme: "http", limits: testLimits()}
	ln.limits.PingInterval = 25 * time.Second
	p := &pool{name: "web", share: new(poolShare), queueLimit: 10, onCrash: control.Redeliver}
	l.pools["web"] = p
	ln.routes = []route{{prefix: "/", pool: p}}
	l.listeners = append(l.listeners, ln)
	return &still{t: t, loop: l, ln: ln, pool: p}
}

// peer is the other end of something the loop has: a client, or a handler.
type peer struct {
	in, out int // descriptors to read from and to write to
	buf     []byte
}

// meet gives the loop a client of a scheme.
func (s *still) meet(scheme string) (*conn, *peer) {
	s.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.ln.scheme != scheme {
		s.speak(scheme, control.Framing{})
	}
	s.welcome(s.ln, pair[0], "client")
	var c *conn
	for _, each := range s.conns.conns {
		if each != nil && int(each.fd) == pair[0] {
			c = each
		}
	}
	s.t.Cleanup(func() {
		closeFD(pair[1])
		s.lost(c)
	})
	return c, &peer{in: pair[1], out: pair[1], buf: make([]byte, 256<<10)}
}

// speak lets those that come from now on speak so.
func (s *still) speak(scheme string, m control.Framing) {
	s.setFraming(s.ln, scheme, m)
	s.ln.scheme = scheme
}

// hire gives the loop an active worker.
func (s *still) hire(concurrency int, events ...string) (*worker, *peer) {
	s.t.Helper()
	var a, b [2]int
	if unix.Pipe2(a[:], unix.O_NONBLOCK|unix.O_CLOEXEC) != nil || unix.Pipe2(b[:], unix.O_NONBLOCK|unix.O_CLOEXEC) != nil {
		s.t.Fatal("no pipe")
	}
	s.workers++
	s.attach(&control.Worker{ID: s.workers, Pool: "web", Slot: 1, PID: 1 << 30}, a[1], b[0])
	w, p := s.byID[s.workers], &peer{in: a[0], out: b[1], buf: make([]byte, 256<<10)}
	p.write(frameOf(readyMessage(concurrency, events...)))
	s.settle()
	p.read()
	s.activate(w)
	s.t.Cleanup(func() {
		if s.byID[w.id] != nil {
			s.exited(w, "end")
		}
		closeFD(a[0])
		closeFD(b[1])
	})
	return w, p
}

func frameOf(messages ...[]byte) []byte {
	b := make([]byte, wire.BatchHeaderLen)
	for _, m := range messages {
		b = append(b, m...)
	}
	wire.PutBatchHeader(b, len(messages))
	return b
}

// settle turns the loop until nothing happens any more.
func (s *still) settle() {
	s.t.Helper()
	for range 1000 {
		if err := s.turn(false); err != nil {
			s.t.Fatal(err)
		}
		if s.poller.n == 0 && !s.unfinishedTurn() {
			return
		}
	}
	s.t.Fatal("the loop spins")
}

// later lets time pass, and acts on what has expired.
func (s *still) later(wait time.Duration) {
	s.start = s.start.Add(-wait)
	s.now += wait
	s.tick()
	s.settle()
}

// read returns what is there.
func (p *peer) read() []byte {
	n := 0
	for n < len(p.buf) {
		got, err := read(p.in, p.buf[n:])
		if got == 0 || err != nil {
			break
		}
		n += got
	}
	return p.buf[:n]
}

func (p *peer) write(b []byte) int {
	n, _ := write(p.out, b)
	return n
}

// nothingLeft wants all clients gone and everything given back.
func (s *still) nothingLeft() {
	s.t.Helper()
	if s.conns.live != 0 || s.exchanges.taken != 0 || s.items.taken != 0 || s.pool.queue.len != 0 || s.pool.waiting.len != 0 {
		s.t.Fatalf("left: %d connections, %d exchanges, %d items, %d queued, %d waiting", s.conns.live, s.exchanges.taken, s.items.taken, s.pool.queue.len, s.pool.waiting.len)
	}
}

// endSide half-closes a client.
func (p *peer) endSide() { _ = unix.Shutdown(p.out, unix.SHUT_WR) }

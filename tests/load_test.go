package tests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// httpLoad sends numbered requests without end and counts what became of each.
// It speaks over sockets of its own: http.Client would repeat a request
// silently when a connection breaks.
type httpLoad struct {
	g        *gateway
	requests atomic.Int64

	mu       sync.Mutex
	failures []failure
	took     latencies // since they were last taken
}

// failure is a request that was not answered as it should be.
type failure struct {
	at     time.Time
	method string
	status int // 0: none came
	err    error
}

func (f failure) String() string {
	return fmt.Sprintf("%s %s: %d %v", f.at.Format("15:04:05.000"), f.method, f.status, f.err)
}

// client sends requests until the context ends: all over one connection, or
// each over one of its own.
func (l *httpLoad) client(ctx context.Context, method string, keep bool, pause time.Duration) {
	var conn net.Conn
	var in *bufio.Reader
	for n := 0; ctx.Err() == nil; n++ {
		if conn == nil {
			var err error
			if conn, err = net.DialTimeout("tcp", l.g.addresses["http"], patience); err != nil {
				l.fail(method, 0, err)
				continue
			}
			in = bufio.NewReader(conn)
		}
		ok := l.request(conn, in, method, n, keep)
		l.requests.Add(1)
		if !keep || !ok {
			conn.Close()
			conn = nil
		}
		time.Sleep(pause)
	}
	if conn != nil {
		conn.Close()
	}
}

// request sends one request and checks its answer.
func (l *httpLoad) request(conn net.Conn, in *bufio.Reader, method string, n int, keep bool) bool {
	conn.SetDeadline(time.Now().Add(patience))
	connection := "keep-alive"
	if !keep {
		connection = "close"
	}
	begin := time.Now()
	if _, err := fmt.Fprintf(conn, "%s /?n=%d HTTP/1.1\r\nHost: load\r\nConnection: %s\r\nContent-Length: 0\r\n\r\n", method, n, connection); err != nil {
		return l.fail(method, 0, err)
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return l.fail(method, 0, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !bytes.HasPrefix(body, fmt.Appendf(nil, "%d ", n)) {
		return l.fail(method, response.StatusCode, errors.Join(err, fmt.Errorf("body %.60q to request %d", body, n)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, time.Since(begin))
	return true
}

// failed counts the requests that failed so far.
func (l *httpLoad) failed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.failures)
}

// latencies returns those since the last call.
func (l *httpLoad) latencies() latencies {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.took
	l.took = nil
	return taken
}

func (l *httpLoad) fail(method string, status int, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, failure{time.Now(), method, status, err})
	return false
}

// numberedTalker sends 0, 1, 2, ... and has to hear the same, each once and in
// order.
type numberedTalker struct {
	talker
	sent     int
	received atomic.Int64
	fault    error
}

// run exchanges messages, a few under way at a time, until the context ends,
// then waits for the answers that are still to come.
func (s *numberedTalker) run(ctx context.Context, pause time.Duration) {
	defer s.Close()
	const window = 4
	free := make(chan struct{}, window)
	for range window {
		free <- struct{}{}
	}
	sent := make(chan int, 1)
	go func() { sent <- s.send(ctx, free, pause) }()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for s.heard() {
			free <- struct{}{}
		}
	}()
	s.sent = <-sent
	// The last message is a word of goodbye; its answer ends heard.
	s.say("end")
	<-heard
}

func (s *numberedTalker) send(ctx context.Context, free <-chan struct{}, pause time.Duration) int {
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return n
		case <-free:
		case <-time.After(2 * patience):
			return n
		}
		if s.say(fmt.Sprint(n)) != nil {
			return n
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// heard reads one answer; false when there is nothing more to hear.
func (s *numberedTalker) heard() bool {
	message, err := s.hear()
	switch {
	case err != nil:
		s.fault = fmt.Errorf("after %d answers: %w", s.received.Load(), err)
		return false
	case message == "end":
		return false
	case message != fmt.Sprint(s.received.Load()):
		s.fault = fmt.Errorf("answer %d is %q", s.received.Load(), message)
		return false
	}
	s.received.Add(1)
	return true
}

// load is what a gateway is under in the tests of this file.
type load struct {
	http    *httpLoad
	talkers []*numberedTalker
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// postingClients of the HTTP clients send POST, which is not idempotent.
const postingClients = 4

// httpClients of both kinds: half of them keep their connection, half open one
// for each request.
const httpClients = 16

func startLoad(t *testing.T, g *gateway, sockets, lines int) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{http: &httpLoad{g: g}, stop: stop}
	for n := range sockets + lines {
		open := openSocketTalker
		if n >= sockets {
			open = openLineTalker
		}
		talker, err := open(g)
		if err != nil {
			t.Fatal(err)
		}
		s := &numberedTalker{talker: talker}
		l.talkers = append(l.talkers, s)
		l.done.Go(func() { s.run(ctx, 50*time.Millisecond) })
	}
	for n := range httpClients {
		method, keep := http.MethodGet, n%2 == 0
		if n < postingClients {
			method = http.MethodPost
		}
		l.done.Go(func() { l.http.client(ctx, method, keep, 10*time.Millisecond) })
	}
	return l
}

// finish ends the load and waits for what is under way.
func (l *load) finish() {
	l.stop()
	l.done.Wait()
}

// wantNothingLost checks every connection that exchanges messages.
func (l *load) wantNothingLost(t *testing.T) {
	t.Helper()
	for n, s := range l.talkers {
		if received := s.received.Load(); s.fault != nil || int64(s.sent) != received {
			t.Errorf("connection %d: sent %d, received %d, %v", n, s.sent, received, s.fault)
		}
	}
	t.Logf("%d requests, %d messages over %d connections", l.http.requests.Load(), l.messages(), len(l.talkers))
}

func (l *load) messages() int64 {
	var sum int64
	for _, s := range l.talkers {
		sum += s.received.Load()
	}
	return sum
}

// goOn waits until the load has made some way.
func (l *load) goOn(t *testing.T) {
	t.Helper()
	requests, messages := l.http.requests.Load(), l.messages()
	eventually(t, patience, "requests and messages go on", func() bool {
		return l.http.requests.Load() >= requests+200 && l.messages() >= messages+1000
	})
}

// The promise of the whole: a deploy and a crash under load, and no client
// notices, but the one whose request the killed worker was working on.
func TestTwentyReloadsAndAKillUnderLoad(t *testing.T) {
	for _, l := range []language{php, python} {
		t.Run(l.name, func(t *testing.T) {
			reloadsAndAKill(t, 20, setup{language: l, handler: "numbered", workers: 3})
		})
	}
}

// With concurrency a killed worker held several requests, at most one of each
// client that sends POST.
func TestTwentyReloadsAndAKillUnderLoadOfCoroutines(t *testing.T) {
	reloadsAndAKill(t, 20, setup{language: python, handler: "numbered_async", workers: 2})
}

// Handlers that need long to boot are waited for, and nobody feels it.
func TestReloadsOfASlowBootUnderLoad(t *testing.T) {
	for _, l := range []language{php, python} {
		t.Run(l.name, func(t *testing.T) {
			reloadsAndAKill(t, size(1, 20), setup{language: l, handler: "numbered", workers: 2, pool: `env: {BOOT_SECONDS: "1.5"}`})
		})
	}
}

// The same with the race detector in gw.
func TestReloadsAndAKillUnderLoadWithRaceDetector(t *testing.T) {
	if testing.Short() {
		t.Skip("builds gw once more")
	}
	path, err := raceBinary()
	if err != nil {
		t.Fatal(err)
	}
	g := reloadsAndAKill(t, 3, setup{language: php, handler: "numbered", workers: 2, binary: path})
	if bytes.Contains([]byte(g.log()), []byte("DATA RACE")) {
		t.Errorf("the race detector found something:\n%s", g.log())
	}
}

func reloadsAndAKill(t *testing.T, reloads int, s setup) *gateway {
	s.listen = []string{"http", "text"}
	g := start(t, s)
	l := startLoad(t, g, 200, 50)
	l.goOn(t)
	steady := l.http.latencies()
	for n := range reloads {
		if r := g.run("reload"); r.code != exitOK {
			t.Errorf("reload %d: exit code %d\n%s%s", n, r.code, r.stdout, r.stderr)
		}
	}
	t.Logf("steady: %v; during %d reloads: %v", steady, reloads, l.http.latencies())
	if failed := l.http.failed(); failed > 0 {
		t.Errorf("%d requests failed during the reloads", failed)
	}
	victim := g.workers()[0]
	killed := time.Now()
	g.kill(victim, 9)
	g.awaitReplaced(victim)
	l.goOn(t)
	l.finish()
	l.wantNothingLost(t)
	held := 1
	if s.handler == "numbered_async" {
		held = postingClients
	}
	checkFailures(t, l.http, killed, held)
	return g
}

// checkFailures allows what cannot be saved: a POST that the killed worker was
// working on may have been executed, so it is answered 502 and not repeated.
// A worker without concurrency works on one at a time.
func checkFailures(t *testing.T, l *httpLoad, killed time.Time, held int) {
	t.Helper()
	lost := 0
	for _, f := range l.failures {
		since := f.at.Sub(killed)
		if f.method == http.MethodPost && f.status == http.StatusBadGateway && since > -time.Second && since < 2*time.Second {
			lost++
			continue
		}
		t.Errorf("failed request: %v", f)
	}
	if lost > held {
		t.Errorf("%d requests were lost with the killed worker, which held %d", lost, held)
	}
	t.Logf("%d requests failed, %d of them held by the killed worker", len(l.failures), lost)
}

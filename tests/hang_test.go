package tests

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// What gw's log keeps of a handler that hangs: which request, which process,
// for how long, and where it hung if the language can tell.
func TestHangIsExplainedInTheLog(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hang", workers: 1, pool: "request_timeout: 500ms"})
		_, pid := g.get("/")
		if status, _ := g.get("/hang?secret=1"); status != http.StatusGatewayTimeout {
			t.Errorf("answer %d", status)
		}
		says := []string{"request_timeout", "GET /hang", `"pid":` + pid, `"took":`}
		if l.name == "python" {
			says = append(says, `hang.py\", line 14 in hang`)
		}
		for _, text := range says {
			eventually(t, patience, "the log says "+text, func() bool { return strings.Contains(g.log(), text) })
		}
		if strings.Contains(g.log(), "secret") {
			t.Error("the log has the query")
		}
		g.awaitReady()
	})
}

// A hung handler delays no status, no reload and no stop.
func TestHungHandlerDelaysNoCommand(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hang", workers: 2, pool: "stop_timeout: 500ms"})
		w := newWire(g, "http")
		w.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
		eventually(t, patience, "the request is at a worker", func() bool { return g.status().Totals.InFlight > 0 })
		for _, command := range [][]string{{"status"}, {"connections"}, {"reload"}, {"stop"}} {
			begin := time.Now()
			g.mustRun(command...)
			took := time.Since(begin)
			t.Logf("gw %s: %v", command[0], took.Round(time.Millisecond))
			if took > 5*time.Second {
				t.Errorf("gw %s took %v", command[0], took)
			}
		}
		if left := processesOf(g); len(left) > 0 {
			t.Errorf("%d processes are left", len(left))
		}
	})
}

// One request of two seconds among requests of a millisecond on four workers:
// the others do not wait for it.
func TestSlowRequestHoldsUpNobody(t *testing.T) {
	for _, l := range []language{php, python} {
		t.Run(l.name, func(t *testing.T) {
			g := start(t, setup{language: l, handler: "sleep", workers: 4})
			slow := make(chan time.Duration)
			go func() {
				begin := time.Now()
				w := newWire(g, "http")
				w.send("GET /?ms=2000 HTTP/1.1\r\nHost: a\r\n\r\n")
				w.want(http.MethodGet, http.StatusOK, "")
				slow <- time.Since(begin)
			}()
			eventually(t, patience, "the slow request is at a worker", func() bool { return g.status().Totals.InFlight > 0 })
			all := quickRequests(t, g, slow)
			t.Logf("beside a request of 2 s: %v", all)
			if p99 := all.at(0.99); p99 > 500*time.Millisecond {
				t.Errorf("p99 is %v", p99)
			}
		})
	}
}

// quickRequests sends requests of a millisecond over 8 connections until the
// slow one is answered.
func quickRequests(t *testing.T, g *gateway, slow <-chan time.Duration) latencies {
	ctx, stop := context.WithCancel(context.Background())
	var mu sync.Mutex
	var all latencies
	var clients sync.WaitGroup
	for range 8 {
		w := newWire(g, "http")
		clients.Go(func() {
			for ctx.Err() == nil {
				begin := time.Now()
				fmt.Fprint(w.conn, "GET /?ms=1 HTTP/1.1\r\nHost: a\r\n\r\n")
				w.want(http.MethodGet, http.StatusOK, "")
				mu.Lock()
				all = append(all, time.Since(begin))
				mu.Unlock()
			}
		})
	}
	t.Logf("the slow request took %v", <-slow)
	stop()
	clients.Wait()
	return all
}

// The same for messages: those of connections that waited at the worker with
// the slow one move to others, also while all of those are busy.
func TestSlowMessageHoldsUpNoOtherConnection(t *testing.T) {
	for _, l := range []language{php, python} {
		t.Run(l.name, func(t *testing.T) {
			g := start(t, setup{language: l, handler: "slow_message", workers: 4})
			var clients sync.WaitGroup
			var mu sync.Mutex
			var all latencies
			ctx, stop := context.WithCancel(context.Background())
			for range 40 {
				w := openWebSocket(g, "http", "/")
				w.ask("1")
				clients.Go(func() {
					for ctx.Err() == nil {
						begin := time.Now()
						w.ask("1")
						mu.Lock()
						all = append(all, time.Since(begin))
						mu.Unlock()
					}
				})
			}
			openWebSocket(g, "http", "/").ask("2000")
			stop()
			clients.Wait()
			t.Logf("beside a message of 2 s: %v", all)
			if slowest := all.at(1); slowest > 1500*time.Millisecond {
				t.Errorf("a message of 1 ms waited %v behind one of 2 s", slowest)
			}
		})
	}
}

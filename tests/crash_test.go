package tests

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"gw/master/api"
)

type worker = api.Worker

func TestKilledWorkerIsReplacedAndNobodyElseNotices(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "throw", workers: 2, listen: []string{"http", "websocket"}})
		var sockets []*webSocket
		for range 10 {
			sockets = append(sockets, openWebSocket(g, "websocket", "/"))
		}
		for _, pid := range g.workers() {
			g.kill(pid, syscall.SIGKILL)
			for _, w := range sockets {
				if answer := w.ask("pid"); answer == itoa(pid) && alive(pid) {
					t.Errorf("answered by the killed worker %d", pid)
				}
			}
			g.awaitReplaced(pid)
		}
		if got := len(g.workers()); got != 2 {
			t.Errorf("%d workers", got)
		}
		eventually(t, patience, "status tells how the last workers ended", func() bool {
			return slices.ContainsFunc(g.status().Workers, func(w worker) bool { return strings.Contains(w.LastExit, "SIGKILL") && w.Restarts > 0 })
		})
	})
}

func TestRequestThatKillsItsWorker(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "crash_on_request", workers: 2})
		held := openWebSocket(g, "http", "/")
		begin := time.Now()
		status, _ := g.exchange("POST", "/crash", "")
		if took := time.Since(begin); status != 502 || took > 2*time.Second {
			t.Errorf("%d after %v, want 502 at once", status, took)
		}
		if got := g.read("attempts"); got != "POST\n" {
			t.Errorf("attempts %q: a request that may have been executed must not be repeated", got)
		}
		if got := held.ask("still here"); got != "still here" {
			t.Errorf("answer %q", got)
		}
		g.awaitReady()

		// GET is idempotent: it is tried again, and not for ever.
		if status, _ := g.get("/crash"); status != 502 {
			t.Errorf("GET: %d, want 502", status)
		}
		if got := strings.Count(g.read("attempts"), "GET\n"); got < 2 || got > 5 {
			t.Errorf("%d attempts of a GET", got)
		}
		g.awaitReady()
		if status, _ := g.get("/"); status != 200 {
			t.Errorf("%d after the crashes", status)
		}
	})
}

// The worker is killed while it works on a message: another one gets it, and
// the order stays.
func TestMessagesOfAKilledWorkerAreRedelivered(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hang", workers: 1})
		w := openWebSocket(g, "http", "/")
		w.ask("ready")
		w.send("hang")
		w.send("next")
		eventually(t, patience, "the message is at the worker", func() bool { return g.status().Totals.InFlight > 0 })
		g.edit(l.file("hang"), "hang", "gone") // the next worker does not hang on it
		pid := g.workers()[0]
		g.kill(pid, syscall.SIGKILL)
		w.want("hang", "next")
		g.awaitReplaced(pid)
	})
}

func TestOnCrashClose(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hang", workers: 1, pool: "on_crash: close"})
		idle, busy := openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/")
		idle.ask("ready")
		busy.ask("ready")
		busy.send("hang")
		eventually(t, patience, "the message is at the worker", func() bool { return g.status().Totals.InFlight > 0 })
		g.kill(g.workers()[0], syscall.SIGKILL)
		busy.wantClose(websocket.CloseInternalServerErr)
		if got := idle.ask("still here"); got != "still here" {
			t.Errorf("answer %q", got)
		}
	})
}

func TestHungRequestIsAnswered504(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hang", workers: 1, pool: "request_timeout: 1s"})
		_, hung := g.get("/")
		w := newWire(g, "http")
		w.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
		eventually(t, patience, "the request is at the worker", func() bool { return g.status().Totals.InFlight > 0 })
		begin := time.Now()
		g.status()
		if took := time.Since(begin); took > 500*time.Millisecond {
			t.Errorf("gw status took %v while the only worker hangs", took)
		}
		w.want("GET", 504, "")
		eventually(t, patience, "the hung worker was replaced", func() bool {
			status, pid := g.get("/")
			return status == 200 && pid != hung
		})
		if timedOut := g.status().Pools[0].TimedOut; timedOut != 1 {
			t.Errorf("%d time-outs counted", timedOut)
		}
	})
}

func TestHungMessageClosesItsConnection(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hang", workers: 1, pool: "request_timeout: 500ms"})
		idle, w := openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/")
		w.send("hang")
		w.wantClose(websocket.CloseInternalServerErr)
		if got := idle.ask("still here"); got != "still here" {
			t.Errorf("answer %q", got)
		}
	})
}

func TestKilledMasterLeavesNothingBehind(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hang", workers: 3, listen: []string{"http", "text+unix"}})
		// One handler is busy and cannot notice by itself that its pipe ended.
		w := newWire(g, "http")
		w.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
		eventually(t, patience, "the request is at a worker", func() bool { return g.status().Totals.InFlight > 0 })
		g.kill(g.status().PID, syscall.SIGKILL)
		eventually(t, patience, "every process is gone", func() bool { return len(processesOf(g)) == 0 })
		g.mustRun("start", "-d")
		if status, _ := g.get("/"); status != 200 {
			t.Errorf("answer %d", status)
		}
	})
}

func TestKilledGatewayServesAgain(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2})
		status := g.status()
		g.kill(status.Gateway.PID, syscall.SIGKILL)
		begin := time.Now()
		eventually(t, patience, "pages are served again", func() bool {
			w, err := tryDial(g, "http")
			if err != nil {
				return false
			}
			defer w.Close()
			return answers(w)
		})
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("served again after %v", took)
		}
		after := g.status()
		if after.PID != status.PID || after.Gateway.PID == status.Gateway.PID || after.Gateway.Restarts != 1 {
			t.Errorf("master %d, then %d; gateway %+v", status.PID, after.PID, after.Gateway)
		}
		g.awaitReady()
	})
}

// Handlers that leave as soon as they run must not be started over and over.
func TestCrashLoopIsNoForkStorm(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2})
		g.write(l.file("hello"), g.read(l.file("exits_at_boot")))
		for _, pid := range g.workers() {
			g.kill(pid, syscall.SIGKILL)
		}
		eventually(t, patience, "a worker is held back", func() bool {
			return slices.ContainsFunc(g.status().Workers, func(w worker) bool { return w.State == "back-off" || w.State == "crash-loop" })
		})
		before := g.status()
		begin := time.Now()
		eventually(t, patience, "a few seconds of back-off", func() bool { return time.Since(begin) > 3*time.Second })
		if started := g.status().Totals.Restarts - before.Totals.Restarts; started > 12 {
			t.Errorf("%d starts in 3 s", started)
		}
		copyFile(t, "handlers/"+l.file("hello"), g.dir+"/"+l.file("hello"))
		g.mustRun("reload")
		g.awaitReady()
		g.wantPage("/", "Hello Client")
	})
}

// With no worker ready a request waits, and is answered when one comes.
func TestRequestWaitsForAWorker(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "slow_boot"})
		g.kill(g.workers()[0], syscall.SIGKILL)
		if status, _ := g.get("/"); status != 200 {
			t.Errorf("answer %d", status)
		}
	})
}

func TestRequestThatWaitsTooLongIsRefused(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "sleep", pool: "queue_timeout: 300ms"})
		busy := newWire(g, "http")
		busy.send("GET /?ms=3000 HTTP/1.1\r\nHost: a\r\n\r\n")
		eventually(t, patience, "the request is at the worker", func() bool { return g.status().Totals.InFlight > 0 })
		w := newWire(g, "http")
		w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if response := w.want("GET", 503, ""); response.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		busy.want("GET", 200, "")
	})
}

// A message that kills every worker it meets must not take the pool down.
func TestMessageThatKillsEveryWorkerIsSetAside(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "crash_on_message", workers: 2})
		other, w := openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/")
		w.send("crash")
		w.wantClose(websocket.CloseInternalServerErr)
		if got := other.ask("still here"); got != "still here" {
			t.Errorf("answer %q", got)
		}
		if attempts := g.read("attempts"); attempts != "crash\ncrash\n" {
			t.Errorf("attempts %q, want two", attempts)
		}
		g.awaitReady()
	})
}

// A worker that streams to a client is free again when the client leaves.
func TestClientThatLeavesFreesItsWorker(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "stream", workers: 1})
		w := newWire(g, "http")
		w.send("GET /?chunks=1000000&size=10000 HTTP/1.1\r\nHost: a\r\n\r\n")
		w.read(1000)
		w.conn.Close()
		if status, _ := g.get("/pid"); status != 200 {
			t.Errorf("answer %d", status)
		}
	})
}

package tests

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile starts two workers that break the protocol on demand, and a client
// that counts what becomes of its own requests meanwhile.
func hostile(t *testing.T, pool string) *gateway {
	g := start(t, setup{language: python, handler: "hostile", workers: 2, pool: pool, listener: "limits: {max_message: 64KiB}"})
	ctx, stop := context.WithCancel(context.Background())
	var witness sync.WaitGroup
	w := newWire(g, "http")
	w.conn.SetDeadline(time.Now().Add(3 * patience))
	witness.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			path := "/witness/" + itoa(n)
			io.WriteString(w.conn, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
			response, err := http.ReadResponse(w.in, nil)
			if err != nil {
				t.Errorf("request %d: %v", n, err)
				return
			}
			if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || string(body) != path {
				t.Errorf("the answer to %s is %d %.60q, %v", path, response.StatusCode, body, err)
				return
			}
		}
	})
	t.Cleanup(func() {
		stop()
		witness.Wait()
	})
	return g
}

// Whatever a handler writes to its pipe, only that worker is replaced, the log
// says why, and every other client gets its own answer.
func TestHandlerThatBreaksTheProtocol(t *testing.T) {
	for _, c := range []struct {
		path   string
		status int
		says   string
	}{
		{"/garbage", 502, "A handler broke the protocol and is replaced"},
		{"/text", 502, "Notice: Undefined"},
		{"/huge", 502, "frame length out of range"},
		{"/empty", 502, "frame length out of range"},
		{"/half", 504, "request_timeout"},
		{"/unknown", 502, "A handler broke the protocol and is replaced"},
		{"/twice", 200, "answered the same request twice"},
		{"/acknowledge", 502, "acknowledged more messages than it was given"},
		{"/chunk", 502, "sent RES_CHUNK before RES_START"},
	} {
		t.Run(c.path[1:], func(t *testing.T) { // a gw each: so many failures in one pool are a crash loop
			t.Parallel()
			g := hostile(t, "request_timeout: 1s")
			status, body := g.exchange(http.MethodPost, c.path, "")
			if status != c.status || c.status == http.StatusOK && body != "once" {
				t.Errorf("%d %.60q, want %d", status, body, c.status)
			}
			eventually(t, patience, "one worker was replaced", func() bool { return g.status().Totals.Restarts == 1 })
			g.awaitReady()
			eventually(t, patience, "the log says "+c.says, func() bool { return strings.Contains(g.log(), c.says) })
		})
	}
}

// A handler that answers somebody else's request is replaced, and its words
// reach nobody.
func TestStolenAnswerReachesNobody(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "hostile", workers: 2})
	w := newWire(g, "http")
	w.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, patience, "the request is held", func() bool { return g.read("held") != "" })
	if status, body := g.exchange(http.MethodPost, "/steal", ""); status != http.StatusBadGateway {
		t.Errorf("answer %d %q", status, body)
	}
	g.write("release", "")
	w.want(http.MethodGet, http.StatusOK, "mine")
	eventually(t, patience, "the log says it", func() bool { return strings.Contains(g.log(), "answered a request it was never given") })
}

// A streamed answer beyond its credit, to a client that does not read, must not
// fill memory.
func TestStreamBeyondItsCreditIsCut(t *testing.T) {
	t.Parallel()
	g := hostile(t, "")
	w := newWire(g, "http")
	w.send("POST /credit HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	eventually(t, patience, "the log says it", func() bool { return strings.Contains(g.log(), "streamed more than its credit") })
	g.awaitReady()
}

// What a handler may say, though nobody listens, costs it nothing.
func TestMessagesToStrangersAreIgnored(t *testing.T) {
	t.Parallel()
	g := hostile(t, "")
	before := g.workers()
	if status, body := g.get("/strangers"); status != http.StatusOK || body != "polite" {
		t.Errorf("answer %d %q", status, body)
	}
	if after := g.workers(); len(after) != 2 || after[0] != before[0] || after[1] != before[1] {
		t.Errorf("workers %v, then %v", before, after)
	}
}

func TestHeaderInjectionByAHandlerIsRefused(t *testing.T) {
	t.Parallel()
	g := hostile(t, "")
	for _, path := range []string{"/inject", "/name"} {
		w := newWire(g, "http")
		w.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
		response := w.want(http.MethodGet, http.StatusInternalServerError, "")
		if response.Header.Get("Set-Cookie") != "" {
			t.Error("the injected header reached the client")
		}
	}
	eventually(t, patience, "the log names the header", func() bool { return strings.Contains(g.log(), "x-note") })
}

// A handler that dies is replaced at once, though its children keep the pipes.
func TestChildrenThatKeepThePipesHoldUpNothing(t *testing.T) {
	t.Parallel()
	g := hostile(t, "")
	for _, path := range []string{"/children", "/session"} {
		begin := time.Now()
		if status, _ := g.exchange(http.MethodPost, path, ""); status != http.StatusBadGateway {
			t.Errorf("answer %d", status)
		}
		if took := time.Since(begin); took > 2*time.Second { // the children stay for 3 s
			t.Errorf("%s: answered after %v", path, took)
		}
		g.awaitReady()
	}
}

func TestFloodOnStandardOutputTouchesNothing(t *testing.T) {
	t.Parallel()
	g := hostile(t, "")
	if status, body := g.get("/flood"); status != http.StatusOK || body != "flooded" {
		t.Errorf("answer %d %q", status, body)
	}
	if length := len(g.log()); length > 1<<20 {
		t.Errorf("the log has %d bytes", length)
	}
}

func TestHandlerOfAnotherProtocolVersionFailsTheStart(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: python, handler: "hostile", env: []string{"SPEAKS=2"}})
	g.run("start", "-d").wantExit(t, exitHandlerFailed, "version of the protocol")
	if _, err := os.Stat(g.state + "/gw.pid"); err == nil {
		t.Error("the pid file is left")
	}
}

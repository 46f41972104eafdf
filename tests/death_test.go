package tests

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var waysToDie = []string{"kill", "segfault", "exit", "memory"}

// answeredBySDK tells of the deaths that an SDK answers with 500 itself: Python
// raises MemoryError, PHP lets the SDK run to the end after exit().
func answeredBySDK(l language, how string) bool {
	return l.name == "python" && how == "memory" || l.name == "php" && how == "exit"
}

func TestRequestOnADyingHandler(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "dies", workers: 3})
		held := openWebSocket(g, "http", "/")
		for _, how := range waysToDie {
			for method, attempts := range map[string]int{http.MethodPost: 1, http.MethodGet: 2} {
				want := http.StatusBadGateway
				if answeredBySDK(l, how) {
					want, attempts = http.StatusInternalServerError, 1
				}
				before := strings.Count(g.read("attempts"), method+" "+how)
				begin := time.Now()
				status, _ := g.exchange(method, "/?how="+how, "")
				took := time.Since(begin)
				if status != want || took > 5*time.Second {
					t.Errorf("%s, %s: %d after %v, want %d", method, how, status, took, want)
				}
				if got := strings.Count(g.read("attempts"), method+" "+how) - before; got != attempts {
					t.Errorf("%s, %s: %d attempts, want %d", method, how, got, attempts)
				}
				t.Logf("%s, %s: %d after %v", method, how, status, took.Round(time.Millisecond))
				if got := held.ask("still here"); got != "still here" {
					t.Errorf("answer %q", got)
				}
				g.awaitReady()
			}
		}
		if retried := g.status().Pools[0].Retried; retried < 3 {
			t.Errorf("%d retries counted", retried)
		}
	})
}

// With on_crash: drop the deadly message is lost, is counted, and those behind
// it go on.
func TestOnCrashDrop(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "dies", workers: 2, pool: "on_crash: drop"})
		w := openWebSocket(g, "http", "/")
		for _, message := range []string{"1", "die exit", "2", "3"} {
			w.send(message)
		}
		w.want("1", "2", "3")
		if dropped := g.status().Pools[0].Dropped; dropped != 1 {
			t.Errorf("%d dropped messages counted", dropped)
		}
	})
}

// A message on which two handlers died is kept with its bytes and its origin.
func TestDeadlyMessageIsKeptInAFile(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "dies", workers: 2, top: "set_aside_dir: kept"})
		w := openWebSocket(g, "http", "/")
		w.send("1")
		w.send("die segfault with these bytes")
		w.want("1")
		w.wantClose(1011)
		pool := g.status().Pools[0]
		if pool.SetAside != 1 || pool.Redelivered != 1 {
			t.Errorf("%d set aside, %d redelivered", pool.SetAside, pool.Redelivered)
		}
		if said := g.mustRun("status"); !strings.Contains(said, "set aside") || !strings.Contains(said, pool.SetAsideDir) {
			t.Errorf("gw status says nothing of it:\n%s", said)
		}
		files, _ := filepath.Glob(filepath.Join(pool.SetAsideDir, "*.msg"))
		if len(files) != 1 {
			t.Fatalf("kept %v in %s", files, pool.SetAsideDir)
		}
		content, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		line, message, _ := bytes.Cut(content, []byte("\n"))
		var told struct {
			Pool, What, Remote string
			Crashes            int
			LastExit           string `json:"last_exit"`
		}
		if err := json.Unmarshal(line, &told); err != nil {
			t.Fatal(err)
		}
		if told.Pool != "main" || told.What != "message" || told.Crashes != 2 || !strings.Contains(told.LastExit, "SIGSEGV") || told.Remote != w.conn.LocalAddr().String() {
			t.Errorf("told %+v", told)
		}
		if !bytes.HasSuffix(message, []byte("die segfault with these bytes")) {
			t.Errorf("kept %q", message)
		}
	})
}

// Coroutines share a process: who is under way beside a deadly request is
// repeated once, and must not be taken for the culprit for ever.
func TestRequestsBesideADeadlyOneInCoroutines(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "sleep_async", workers: 2})
	var beside []*wire
	for range 8 {
		w := newWire(g, "http")
		w.send("GET /?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n")
		beside = append(beside, w)
	}
	eventually(t, patience, "all are under way", func() bool { return g.status().Totals.InFlight == len(beside) })
	begin := time.Now()
	g.kill(g.workers()[0], 9)
	for _, w := range beside {
		w.want(http.MethodGet, http.StatusOK, "")
	}
	t.Logf("answered %v after the kill", time.Since(begin).Round(time.Millisecond))
}

// A deadly request with others around it kills two workers and not the pool;
// at most a quarter of those around it are given up with it.
func TestDeadlyRequestAmongCoroutinesDiesTwice(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "dies_async", workers: 3})
	var beside []*wire
	for range 12 {
		w := newWire(g, "http")
		w.send("GET /?ms=700 HTTP/1.1\r\nHost: a\r\n\r\n")
		beside = append(beside, w)
	}
	eventually(t, patience, "all are under way", func() bool { return g.status().Totals.InFlight == len(beside) })
	if status, _ := g.get("/?die=1"); status != http.StatusBadGateway {
		t.Errorf("answer %d", status)
	}
	if attempts := g.read("attempts"); attempts != "die\ndie\n" {
		t.Errorf("%d attempts", strings.Count(attempts, "die"))
	}
	answered := 0
	for _, w := range beside {
		if response, _ := w.response(http.MethodGet); response.StatusCode == http.StatusOK {
			answered++
		}
	}
	t.Logf("%d of %d requests beside it were answered", answered, len(beside))
	if answered < len(beside)*3/4 {
		t.Errorf("%d of %d requests beside it were answered", answered, len(beside))
	}
}

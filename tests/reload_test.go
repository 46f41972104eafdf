package tests

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestReloadServesTheNewCode(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 3})
		before := g.workers()
		g.edit(l.file("hello"), "Hello Client", "Hello again")
		g.mustRun("reload")
		for range 10 {
			g.wantPage("/", "Hello again")
		}
		for _, pid := range g.workers() {
			if slices.Contains(before, pid) {
				t.Errorf("worker %d survived the reload", pid)
			}
		}
	})
}

func TestBrokenDeployKeepsTheOldCode(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2})
		before := g.workers()
		for _, broken := range []string{"broken_syntax", "exits_at_boot"} {
			whole := g.read(l.file("hello"))
			g.write(l.file("hello"), g.read(l.file(broken)))
			r := g.run("reload")
			r.wantExit(t, exitReloadAborted)
			if said := strings.ToLower(r.stdout + r.stderr); !strings.Contains(said, saidBy(broken)) {
				t.Errorf("the reload does not show what the handler said:\n%s", said)
			}
			g.wantPage("/", "Hello Client")
			if after := g.workers(); !slices.Equal(before, after) {
				t.Errorf("workers %v, then %v", before, after)
			}
			g.write(l.file("hello"), whole)
		}
		g.mustRun("reload")
		g.wantPage("/", "Hello Client")
	})
}

func TestBrokenConfigurationIsRefusedByReload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello"})
		g.edit("gw.yaml", "workers:", "wrokers:")
		g.run("reload").wantExit(t, exitReloadAborted, "wrokers", "workers")
		g.wantPage("/", "Hello Client")
	})
}

func TestReloadChangesTheNumberOfWorkers(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2})
		for _, count := range []string{"4", "1"} {
			g.write("gw.yaml", replaceWorkers(g.read("gw.yaml"), count))
			g.mustRun("reload")
			eventually(t, patience, count+" workers run", func() bool { return itoa(len(g.workers())) == count })
			g.wantPage("/", "Hello Client")
		}
	})
}

func replaceWorkers(config, count string) string {
	before, after, _ := strings.Cut(config, "workers: ")
	return before + "workers: " + count + after[1:]
}

func TestSecondReloadIsRefused(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "slow_boot", workers: 2})
		first := make(chan result, 1)
		go func() { first <- g.run("reload") }()
		eventually(t, patience, "the first reload is under way", func() bool { return g.status().State == "reloading" })
		g.run("reload").wantExit(t, exitReloadBusy)
		r := <-first
		r.wantExit(t, exitOK)
	})
}

func TestReloadWithoutWaiting(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "slow_boot"})
		before := g.workers()[0]
		g.mustRun("reload", "--no-wait")
		if !alive(before) {
			t.Error("the old worker left before the new one can be ready")
		}
		g.awaitReplaced(before)
	})
}

func TestReloadOfOnePool(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, config: `
pools:
  one: {command: [{run}, hello.{ext}]}
  two: {command: [{run}, hello.{ext}]}
listeners:
  - {listen: "http://{http}", pool: one}
  - {listen: "http://{second}", pool: two}
`})
		before := g.workers()
		g.mustRun("reload", "--pool", "two")
		after := g.workers()
		if before[0] != after[0] || before[1] == after[1] {
			t.Errorf("workers %v, then %v", before, after)
		}
		g.run("reload", "--pool", "three").wantExit(t, exitReloadAborted, "three")
	})
}

// A slow boot must not be felt: the old worker serves until the new one is
// ready.
func TestReloadOfASlowBootDoesNotStall(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "slow_boot"})
		reloaded := make(chan result, 1)
		go func() { reloaded <- g.run("reload") }()
		var slowest time.Duration
		for {
			begin := time.Now()
			if status, _ := g.get("/"); status != 200 {
				t.Fatalf("answer %d during the reload", status)
			}
			slowest = max(slowest, time.Since(begin))
			select {
			case r := <-reloaded:
				r.wantExit(t, exitOK)
				if slowest > time.Second {
					t.Errorf("a request took %v during the reload", slowest)
				}
				return
			default:
			}
		}
	})
}

func TestReloadKeepsRequestsUnderWay(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "sleep", workers: 2})
		w := newWire(g, "http")
		w.send("POST /?ms=1500 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
		eventually(t, patience, "the request is at a worker", func() bool { return g.status().Totals.InFlight == 1 })
		before := g.workers()
		g.mustRun("reload")
		_, pid := w.response("POST")
		if !slices.ContainsFunc(before, func(p int) bool { return itoa(p) == pid }) {
			t.Errorf("answered by %s, not by one of the workers %v that had it", pid, before)
		}
		w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		w.want("GET", 200, "")
	})
}

func TestSignalReloads(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello"})
		g.edit(l.file("hello"), "Hello Client", "Hello again")
		before := g.workers()[0]
		g.kill(g.status().PID, 1)
		g.awaitReplaced(before)
		g.wantPage("/", "Hello again")
	})
}

// A deploy that swaps a symbolic link is followed: the new worker starts in
// the new folder.
func TestReloadFollowsASymbolicLink(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, config: `
pools:
  main: {command: [{run}, hello.{ext}], dir: current}
listeners:
  - {listen: "http://{http}"}
`})
		for _, release := range []string{"r1", "r2"} {
			g.mkdir(release)
			g.write(release+"/"+l.file("hello"), strings.ReplaceAll(g.read(l.file("hello")), "Hello Client", release))
		}
		g.link("r1", "current")
		g.mustRun("start", "-d")
		g.wantPage("/", "r1")
		g.link("r2", "current")
		g.mustRun("reload")
		g.wantPage("/", "r2")
	})
}

func TestMaxRequestsReplacesWorkersAndLosesNothing(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "numbered", workers: 2, pool: "max_requests: 50"})
		before := g.workers()
		wires := [2]*wire{newWire(g, "http"), newWire(g, "http")} // one in each loop, where there are several
		for n := range 600 {
			w := wires[n%2]
			w.send(fmt.Sprintf("POST /?n=%d HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", n))
			response, body := w.response("POST")
			if response.StatusCode != 200 || !strings.HasPrefix(body, itoa(n)+" ") {
				t.Fatalf("answer %d %q to request %d", response.StatusCode, body, n)
			}
		}
		eventually(t, patience, "both workers were replaced", func() bool {
			return !slices.ContainsFunc(g.workers(), func(pid int) bool { return slices.Contains(before, pid) })
		})
		if restarts := g.status().Totals.Restarts; restarts > 30 {
			t.Errorf("%d restarts for 600 requests", restarts)
		}
	})
}

// A download that began before the reload is finished by the worker that
// began it.
func TestReloadKeepsAStreamedAnswer(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "stream", workers: 2})
		w := newWire(g, "http")
		w.send("GET /?chunks=1000&size=10000 HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(w.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, response.Body, 100_000); err != nil {
			t.Fatal(err)
		}
		g.mustRun("reload")
		if n, err := io.Copy(io.Discard, response.Body); err != nil || n != 9_900_000 {
			t.Errorf("%d more bytes, %v", n, err)
		}
		w.send("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n")
		w.want("GET", 200, "")
	})
}

// A request whose body is still coming belongs to no worker yet.
func TestReloadDuringAnUpload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "bodies", workers: 2})
		body := strings.Repeat("0123456789abcdef", 64<<10)
		w := newWire(g, "http")
		w.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", len(body)))
		w.send(body[:len(body)/2])
		g.mustRun("reload")
		w.send(body[len(body)/2:])
		if _, answer := w.response("POST"); !strings.HasPrefix(answer, itoa(len(body))+" ") {
			t.Errorf("answer %q", answer)
		}
	})
}

func TestReloadWithIdleAndHalfReadConnections(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2})
		var idle []*wire
		for range 20 {
			w := newWire(g, "http")
			w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			w.want("GET", 200, "Hello Client")
			idle = append(idle, w)
		}
		for _, w := range idle[:10] {
			w.send("GET / HTTP/1.1\r\nHo")
		}
		g.mustRun("reload")
		for i, w := range idle {
			if i < 10 {
				w.send("st: a\r\n\r\n")
			} else {
				w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			}
			w.want("GET", 200, "Hello Client")
		}
	})
}

// Log rotation moves the file away; a reload has to notice.
func TestReloadOpensTheLogAnew(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: php, handler: "hello", top: "log_file: gw.log\nstdout_file: out.log"})
	g.rename("gw.log", "gw.log.1")
	g.mustRun("reload")
	eventually(t, patience, "the new log is written to", func() bool {
		return strings.Contains(g.read("gw.log"), "Reload")
	})
}

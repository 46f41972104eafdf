package tests

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// listen opens an event stream and reads its head and the welcome.
func listen(g *gateway, path, fields string) *wire {
	g.t.Helper()
	w := newWire(g, "http")
	w.conn.SetDeadline(time.Now().Add(5 * time.Minute))
	w.send("GET " + path + " HTTP/1.0\r\nHost: a\r\n" + fields + "\r\n") // no chunks to read
	response, err := http.ReadResponse(w.in, nil)
	if err != nil || response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		g.t.Fatalf("%v %v", response, err)
	}
	return w
}

// event reads the lines of one event; comments are passed over.
func (w *wire) event() string {
	w.t.Helper()
	var lines []string
	for {
		line := w.line()
		switch {
		case line != "" && line[0] != ':':
			lines = append(lines, line)
		case line == "" && lines != nil:
			return strings.Join(lines, "\n")
		}
	}
}

func TestEventStreamNeedsNoWorker(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "news")
		first := listen(g, "/news", "")
		second := listen(g, "/news", "Last-Event-ID: 7\r\n")
		if a, b := first.event(), second.event(); a != "retry: 1000\ndata: welcome" || b != "retry: 1000\ndata: welcome back" {
			t.Fatalf("%q %q", a, b)
		}
		tell := func(text string) {
			t.Helper()
			if status, body := g.exchange(http.MethodPost, "/news", text); status != 200 || body != "told" {
				t.Fatal(status, body)
			}
			for _, w := range []*wire{first, second} {
				if event := w.event(); !strings.HasSuffix(event, "\ndata: "+text) || !strings.HasPrefix(event, "id: ") {
					t.Fatalf("%q, want %q", event, text)
				}
			}
		}
		tell("one")
		g.mustRun("reload")
		tell("behind a reload")
		pid := g.workers()[0]
		g.kill(pid, syscall.SIGKILL)
		g.awaitReplaced(pid)
		tell("behind a crash")
		if rows := g.mustRun("connections"); strings.Count(rows, "events") != 2 {
			t.Errorf("connections:\n%s", rows)
		}
	})
}

func TestExampleProgress(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "progress")
		_, body := g.get("/?steps=2")
		want := "event: progress\nid: 1\ndata: {\"done\":1,\"of\":2}\n\nevent: progress\nid: 2\ndata: {\"done\":2,\"of\":2}\n\nevent: end\ndata: all done\n\n"
		if body != want {
			t.Errorf("%q", body)
		}
	})
}

func TestExampleUpload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "upload")
		body := strings.Repeat("x", 300_000)
		status, answer := g.exchange(http.MethodPut, "/", body)
		if want := fmt.Sprintf(`"bytes":%d`, len(body)); status != 200 || !strings.Contains(answer, want) {
			t.Errorf("%d %s", status, answer)
		}
		if status, _ = g.exchange(http.MethodPost, "/", body); status != 405 {
			t.Errorf("%d", status)
		}
	})
}

// Many event streams on two workers that do one thing at a time: each publish
// reaches all of them, and requests go on beside it.
func TestManyEventStreamsOnTwoWorkers(t *testing.T) {
	count := size(500, 10_000)
	g := prepare(t, setup{language: php, handler: "hello"})
	g.mustRun("start", "-d", "--workers", "2", "--listen", "http://"+g.addresses["http"], filepath.Join(root, "examples/php/news.php"))
	before := g.status().Gateway.MemoryBytes
	streams := make([]*bufio.Reader, 0, count)
	for range count {
		conn, err := net.DialTimeout("tcp", g.addresses["http"], patience)
		if err != nil {
			t.Fatalf("stream %d: %v", len(streams), err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Minute))
		fmt.Fprint(conn, "GET /news HTTP/1.0\r\n\r\n")
		in := bufio.NewReaderSize(conn, 512)
		for line := ""; line != "data: welcome\n"; {
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatalf("stream %d: %v", len(streams), err)
			}
		}
		streams = append(streams, in)
	}
	grown := g.status().Gateway.MemoryBytes - before
	begin := time.Now()
	if status, body := g.exchange(http.MethodPost, "/news", "to all of you"); status != 200 || body != "told" {
		t.Fatal(status, body)
	}
	var readers sync.WaitGroup
	missing := make(chan error, count)
	for _, in := range streams {
		readers.Go(func() {
			for line := ""; line != "data: to all of you\n"; {
				var err error
				if line, err = in.ReadString('\n'); err != nil {
					missing <- err
					return
				}
			}
		})
	}
	for range 20 {
		if status, _ := g.get("/"); status != 200 {
			t.Error(status)
		}
	}
	readers.Wait()
	t.Logf("%d event streams: %d bytes each; everybody was told within %v, with 20 requests beside it", count, grown/int64(count), time.Since(begin).Round(time.Millisecond))
	if len(missing) > 0 {
		t.Errorf("%d were not told: %v", len(missing), <-missing)
	}
}

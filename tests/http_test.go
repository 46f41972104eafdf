package tests

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestHello(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2})
		g.wantPage("/", "Hello Client")
	})
}

// described is what the handler describe answers.
type described struct {
	Method, Path, Target, Scheme, Host, Query, Header, Cookie, Form, Body string
	PID                                                                   int
}

func TestHandlerSeesTheRequest(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "describe"})
		w := newWire(g, "http")
		w.send("POST /caf%C3%A9/a?q=1%202&q2=x HTTP/1.1\r\nHost: shop.test\r\nX-Test:  some value \r\nCookie: a=1; c=chip\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nf=two%21+")
		_, body := w.response(http.MethodPost)
		var got described
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		got.PID = 0
		want := described{"POST", "/café/a", "/caf%C3%A9/a?q=1%202&q2=x", "http", "shop.test", "1 2", "some value", "chip", "two! ", "f=two%21+", 0}
		if got != want {
			t.Errorf("the handler saw\n%+v, want\n%+v", got, want)
		}
	})
}

func TestAnswers(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "answers"})
		for _, c := range []struct {
			path, kind, body string
			status           int
		}{
			{"/text", "text/plain; charset=utf-8", "plain text", 200},
			{"/array", "application/json", `{"name":"Tom","list":[1,2]}`, 200},
			{"/html", "text/html; charset=utf-8", "<p>hello</p>", 200},
			{"/redirect", "", "", 302},
			{"/empty", "", "", 204},
			{"/teapot", "text/plain; charset=utf-8", "short and stout", 418},
			{"/nowhere", "text/plain; charset=utf-8", "no such page", 404},
		} {
			w := newWire(g, "http")
			w.send("GET " + c.path + " HTTP/1.1\r\nHost: a\r\n\r\n")
			response := w.want(http.MethodGet, c.status, c.body)
			if got := response.Header.Get("Content-Type"); c.kind != "" && got != c.kind {
				t.Errorf("%s: content-type %q, want %q", c.path, got, c.kind)
			}
			if response.Header.Get("Date") == "" {
				t.Errorf("%s: no Date", c.path)
			}
			checkSpecialAnswer(t, c.path, response)
		}
	})
}

func checkSpecialAnswer(t *testing.T, path string, response *http.Response) {
	t.Helper()
	switch path {
	case "/redirect":
		if got := response.Header.Get("Location"); got != "/text" {
			t.Errorf("location %q", got)
		}
	case "/teapot":
		if got := response.Header["Set-Cookie"]; len(got) != 2 || got[0] != "a=1" || got[1] != "b=2" {
			t.Errorf("set-cookie %q", got)
		}
		if got := response.Header.Get("X-Kind"); got != "pot" {
			t.Errorf("x-kind %q", got)
		}
	}
}

func TestKeepAlive(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "numbered", workers: 2})
		w := newWire(g, "http")
		for n := range 20 {
			w.send(fmt.Sprintf("GET /?n=%d HTTP/1.1\r\nHost: a\r\n\r\n", n))
			if _, body := w.response(http.MethodGet); !strings.HasPrefix(body, fmt.Sprintf("%d ", n)) {
				t.Fatalf("answer %q to request %d", body, n)
			}
		}
	})
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "sleep", workers: 4})
		w := newWire(g, "http")
		// The first takes longest, so that the others are done before it.
		delays := []int{200, 0, 50, 0, 20, 0, 0, 0}
		var requests strings.Builder
		for n, delay := range delays {
			fmt.Fprintf(&requests, "GET /%d?ms=%d HTTP/1.1\r\nHost: a\r\n\r\n", n, delay)
		}
		requests.WriteString("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		w.send(requests.String())
		for range len(delays) + 1 {
			w.want(http.MethodGet, 200, "")
		}
		w.wantClosed()
	})
}

func TestPipelinedAnswersMatchTheirRequests(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "numbered", workers: 4})
		w := newWire(g, "http")
		const requests = 500
		go func() {
			var b strings.Builder
			for n := range requests {
				fmt.Fprintf(&b, "GET /?n=%d HTTP/1.1\r\nHost: a\r\n\r\n", n)
			}
			io.WriteString(w.conn, b.String())
		}()
		for n := range requests {
			if _, body := w.response(http.MethodGet); !strings.HasPrefix(body, fmt.Sprintf("%d ", n)) {
				t.Fatalf("answer %d is %q", n, body)
			}
		}
	})
}

func TestHeadHasNoBody(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello"})
		w := newWire(g, "http")
		w.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if response := w.want(http.MethodHead, 200, ""); response.ContentLength != int64(len("Hello Client")) {
			t.Errorf("content-length %d", response.ContentLength)
		}
		w.want(http.MethodGet, 200, "Hello Client")
	})
}

func TestChunkedRequest(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo"})
		w := newWire(g, "http")
		w.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n1;ext=1\r\n \r\n6\r\nchunks\r\n0\r\nTrailer: t\r\n\r\n")
		w.want(http.MethodPost, 200, "Hello chunks")
		w.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnext")
		w.want(http.MethodPost, 200, "next")
	})
}

func TestExpectContinue(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo"})
		w := newWire(g, "http")
		w.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
		if line := w.line(); line != "HTTP/1.1 100 Continue\r" {
			t.Fatalf("answer %q", line)
		}
		w.line()
		w.send("body")
		w.want(http.MethodPost, 200, "body")
	})
}

func TestRequestInSingleBytes(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo"})
		w := newWire(g, "http")
		w.sendApart("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nHelloPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
		w.want(http.MethodPost, 200, "Hello")
		w.want(http.MethodPost, 200, "abc")
	})
}

func TestHTTP10ClosesUnlessAskedToStay(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello"})
		w := newWire(g, "http")
		w.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		w.want(http.MethodGet, 200, "Hello Client")
		w.send("GET / HTTP/1.0\r\n\r\n")
		w.want(http.MethodGet, 200, "Hello Client")
		w.wantClosed()
	})
}

func TestConnectionClose(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello"})
		w := newWire(g, "http")
		w.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if response := w.want(http.MethodGet, 200, "Hello Client"); !response.Close {
			t.Error("the answer does not say that the connection closes")
		}
		w.wantClosed()
	})
}

func TestUnixSocketListener(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", listen: []string{"http+unix"}})
		w := newWire(g, "http+unix")
		w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		w.want(http.MethodGet, 200, "Hello Client")
	})
}

func TestUploadOf20MB(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "bodies"})
		body := bytes.Repeat([]byte("gw carries it up"), 20<<20/16)
		want := fmt.Sprintf("%d %x", len(body), sha256.Sum256(body))
		for _, form := range []io.Reader{bytes.NewReader(body), struct{ io.Reader }{bytes.NewReader(body)}} { // with length, chunked
			response, err := (&http.Client{Timeout: time.Minute}).Post(g.url("http", "/"), "application/octet-stream", form)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || string(answer) != want {
				t.Errorf("%d %q, %v; want %q", response.StatusCode, answer, err, want)
			}
		}
	})
}

func TestDownloadOf20MB(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "bodies"})
		response, err := (&http.Client{Timeout: time.Minute}).Get(g.url("http", "/?bytes=20971520"))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		digest := sha256.New()
		if n, err := io.Copy(digest, response.Body); err != nil || n != 20<<20 {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if want := sha256.Sum256(bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)); !bytes.Equal(digest.Sum(nil), want[:]) {
			t.Error("the bytes differ")
		}
	})
}

func TestStreamedAnswer(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "stream"})
		status, body := g.get("/?chunks=5&size=1000")
		if want := strings.Repeat("a", 1000) + strings.Repeat("b", 1000); status != 200 || len(body) != 5000 || !strings.HasPrefix(body, want) {
			t.Errorf("%d, %d bytes", status, len(body))
		}
	})
}

func TestServerSentEvents(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "stream"})
		w := newWire(g, "http")
		w.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
		response, body := w.response(http.MethodGet)
		if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			t.Errorf("content-type %q", kind)
		}
		want := "event: number\nid: 1\ndata: number 1\n\nevent: number\nid: 2\ndata: number 2\n\nevent: number\nid: 3\ndata: number 3\n\n"
		if body != want {
			t.Errorf("events %q", body)
		}
	})
}

func TestStreamThatFailsIsCutOff(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "stream"})
		w := newWire(g, "http")
		w.send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(w.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != io.ErrUnexpectedEOF || string(body) != "the beginning" {
			t.Errorf("%q, %v; want an unexpected end", body, err)
		}
		g.wantPage("/events", "event: number\nid: 1\ndata: number 1\n\nevent: number\nid: 2\ndata: number 2\n\nevent: number\nid: 3\ndata: number 3\n\n")
	})
}

// A stream to a client that does not read must not fill the gateway's memory,
// nor keep other workers' requests waiting.
func TestSlowReaderOfAStream(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "stream", workers: 2})
		before := g.status().Gateway.MemoryBytes
		slow := newWire(g, "http")
		slow.send("GET /?chunks=20000&size=10000 HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(slow.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if status, _ := g.get("/pid"); status != 200 {
				t.Fatalf("another request: %d", status)
			}
		}
		if grown := g.status().Gateway.MemoryBytes - before; grown > 24<<20 {
			t.Errorf("the gateway grew by %d KiB for one slow reader", grown>>10)
		}
		if n, err := io.Copy(io.Discard, response.Body); err != nil || n != 200_000_000 {
			t.Errorf("read %d bytes, %v", n, err)
		}
	})
}

func TestExceptionAnswers500AndTheWorkerLives(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "throw", listen: []string{"http", "websocket"}})
		_, pid := g.get("/")
		status, body := g.get("/throw")
		if status != 500 || strings.Contains(body, "on purpose") {
			t.Errorf("%d %q, want 500 without the exception's text", status, body)
		}
		g.wantPage("/", pid)

		w := openWebSocket(g, "websocket", "/")
		w.send("throw")
		if got := w.ask("pid"); got != pid {
			t.Errorf("worker %s after the exception, %s before", got, pid)
		}
		eventually(t, patience, "the exception is in the log", func() bool {
			return strings.Contains(g.log(), "thrown on purpose")
		})
	})
}

func TestDebugShowsTheException(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "throw", top: "debug: true"})
		if status, body := g.get("/throw"); status != 500 || !strings.Contains(body, "thrown on purpose") {
			t.Errorf("%d %q", status, body)
		}
	})
}

func TestPrintingTouchesNoAnswer(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "prints", top: "stdout_file: printed.txt"})
		for range 5 {
			g.wantPage("/", "untouched")
		}
		eventually(t, patience, "what was printed is in stdout_file", func() bool {
			printed := g.read("printed.txt")
			return strings.Count(printed, "printed in a request") == 5 && strings.Contains(printed, "written to stderr")
		})
	})
}

func TestOneAsyncWorkerServesManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "sleep_async"})
	const requests = 100
	answers := make(chan error, requests)
	begin := time.Now()
	for range requests {
		go func() {
			response, err := (&http.Client{Timeout: patience}).Get(g.url("http", "/?ms=1000"))
			if err == nil {
				response.Body.Close()
			}
			answers <- err
		}()
	}
	for range requests {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	// One after the other they would take 100 s.
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("%d requests of one second took %v", requests, took)
	}
}

package tests

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// part is n bytes of a long body.
func part(n int) []byte { return bytes.Repeat([]byte("0123456789abcdef"), n/16) }

// put begins an upload of n bytes.
func put(g *gateway, path string, n int64) *wire {
	g.t.Helper()
	w := newWire(g, "http")
	w.conn.SetDeadline(time.Now().Add(5 * time.Minute))
	w.send(fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", path, n))
	return w
}

// sum is what the handlers answer to a body.
func sum(body []byte) string { return fmt.Sprintf("%d %x", len(body), sha256.Sum256(body)) }

func residentKiB(t *testing.T, pid int) int64 {
	t.Helper()
	kib, err := strconv.ParseInt(strings.Fields(procStatus(t, pid, "VmRSS"))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib
}

// A streamed upload waits at the client, neither in the gateway nor in the
// handler nor on a disk.
func TestStreamedUploadToASlowHandlerCostsBoundedMemory(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		length, pause := size(64, 1024)<<20, size("1", "0.2")
		g := start(t, setup{language: l, handler: "upload", listener: "limits: {max_body: 2GiB}"})
		g.get("/pid")
		worker := g.workers()[0]
		before, workerBefore := g.status().Gateway.MemoryBytes, residentKiB(t, worker)
		w := put(g, "/?ms="+pause, int64(length))
		piece, digest := part(4<<20), sha256.New()
		var most, workerMost int64
		for sent := 0; sent < length; sent += len(piece) {
			w.send(string(piece))
			digest.Write(piece)
			most = max(most, g.status().Gateway.MemoryBytes-before)
			workerMost = max(workerMost, residentKiB(t, worker)-workerBefore)
		}
		w.want(http.MethodPut, http.StatusOK, fmt.Sprintf("%d %x", length, digest.Sum(nil)))
		t.Logf("an upload of %d MiB: the gateway grew by at most %d KiB, the handler by %d KiB", length>>20, most>>10, workerMost)
		if most > 32<<20 || workerMost > 16<<10 {
			t.Error("too much")
		}
	})
}

func TestUploadAbortedInTheMiddle(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "upload"})
		w := put(g, "/", 10<<20)
		w.send(string(part(1 << 20)))
		w.conn.Close()
		g.wantPage("/gone", "1")
	})
}

func TestHandlerDiesInTheMiddleOfAnUpload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "upload"})
		w := put(g, "/?die=500000", 1<<20)
		w.send(string(part(1 << 20)))
		w.want(http.MethodPut, http.StatusBadGateway, "")
		body := part(1 << 20)
		w = put(g, "/", int64(len(body)))
		w.send(string(body))
		w.want(http.MethodPut, http.StatusOK, sum(body))
	})
}

func TestReloadInTheMiddleOfAnUpload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "upload", pool: "stop_timeout: 60s"})
		old := g.workers()[0]
		body := part(2 << 20)
		w := put(g, "/", int64(len(body)))
		w.send(string(body[:1<<20]))
		reloaded := make(chan int)
		go func() { reloaded <- g.run("reload").code }()
		eventually(t, patience, "the new worker answers", func() bool {
			_, pid := g.get("/pid")
			return pid != strconv.Itoa(old)
		})
		w.send(string(body[1<<20:]))
		w.want(http.MethodPut, http.StatusOK, sum(body))
		if code := <-reloaded; code != 0 {
			t.Errorf("reload: exit code %d", code)
		}
		eventually(t, patience, "the old worker ends", func() bool { return !alive(old) })
	})
}

func TestRefusedUploadIsNotSent(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "upload"})
		w := newWire(g, "http")
		w.send("PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
		w.want(http.MethodPut, http.StatusForbidden, "refused")
		w.wantClosed()
		w = newWire(g, "http")
		w.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
		if line := w.line(); line != "HTTP/1.1 100 Continue\r" {
			t.Fatalf("%q", line)
		}
		w.line()
		w.send(string(part(1_000_000)))
		w.want(http.MethodPut, http.StatusOK, sum(part(1_000_000)))
	})
}

// A long body that is refused by its head is thrown away: the answer arrives,
// and the connection serves the next request.
func TestRequestBehindARefusedUpload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "upload"})
		w := put(g, "/refuse", 200_000)
		w.send(string(part(200_000)) + "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
		w.want(http.MethodPut, http.StatusForbidden, "refused")
		w.want(http.MethodGet, http.StatusOK, "0")
	})
}

func TestRequestBehindAStreamedUpload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "upload"})
		w := put(g, "/", 200_000)
		w.send(string(part(200_000)) + "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
		w.want(http.MethodPut, http.StatusOK, sum(part(200_000)))
		w.want(http.MethodGet, http.StatusOK, "0")
	})
}

// While one worker reads from a client that sends nothing, others serve.
func TestOthersDoNotWaitBehindASilentUpload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "upload", workers: 2})
		w := put(g, "/", 1<<20)
		w.send("x")
		for range 20 {
			g.wantPage("/gone", "0")
		}
		w.send(string(append([]byte("5678abcd9876543"), part(1<<20-16)...)))
		w.want(http.MethodPut, http.StatusOK, "")
	})
}

func TestTwoUploadsAtOnceInOneAsyncWorker(t *testing.T) {
	t.Parallel()
	g := example(t, python, "upload_async")
	body := part(1 << 20)
	var uploads []*wire
	for range 2 {
		w := put(g, "/", int64(len(body)))
		w.send(string(body[:len(body)/2]))
		uploads = append(uploads, w)
	}
	for _, w := range uploads { // the first one did not hold up the second
		w.send(string(body[len(body)/2:]))
		w.want(http.MethodPut, http.StatusOK, fmt.Sprintf(`{"bytes":%d,"sha256":"%x"}`, len(body), sha256.Sum256(body)))
	}
}

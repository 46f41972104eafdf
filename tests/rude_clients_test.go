package tests

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reset closes a connection with RST instead of FIN.
func (w *wire) reset() {
	w.t.Helper()
	conn := w.conn.(*net.TCPConn)
	conn.SetLinger(0)
	conn.Close()
}

// A client may vanish at any moment of a conversation.
func TestResetInEveryState(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "stream", workers: 2, listen: []string{"http", "websocket", "text"}})
		const head = "GET / HTTP/1.1\r\nHost: a\r\n"
		for range 10 {
			for _, said := range []string{"", "GE", head, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
				"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", head + "\r\n", head + "\r\n" + head + "\r\n",
				"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 500_000)} {
				w := newWire(g, "http")
				w.send(said)
				w.reset()
			}
			streaming := newWire(g, "http")
			streaming.send("GET /?chunks=100000&size=10000 HTTP/1.1\r\nHost: a\r\n\r\n")
			streaming.read(100)
			streaming.reset()
			socket := openWebSocket(g, "websocket", "/")
			socket.conn.UnderlyingConn().(*net.TCPConn).SetLinger(0)
			socket.conn.Close()
			line := newWire(g, "text")
			line.send("half a li")
			line.reset()
			if status, _ := g.get("/pid"); status != http.StatusOK {
				t.Errorf("answer %d", status)
			}
		}
		eventually(t, patience, "every connection is forgotten", func() bool { return g.status().Totals.Connections == 0 && g.status().Totals.InFlight == 0 })
		if g.status().Totals.Restarts != 0 {
			t.Error("a handler was replaced")
		}
	})
}

// Random bytes on every kind of listener close that connection, and no other.
func TestGarbageClosesItsConnectionAlone(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "echo", workers: 2, listen: []string{"http", "websocket", "text", "frame", "tcp"}})
	witness := openWebSocket(g, "websocket", "/")
	for range 30 {
		for listener := range g.addresses {
			w := newWire(g, listener)
			garbage := make([]byte, 3000)
			rand.Read(garbage)
			w.conn.Write(garbage)
			w.conn.Close()
		}
		upgraded := openWebSocket(g, "http", "/").conn.UnderlyingConn()
		garbage := make([]byte, 3000)
		rand.Read(garbage)
		upgraded.Write(garbage)
		upgraded.Close()
	}
	if got := witness.ask("still here"); got != "still here" {
		t.Errorf("answer %q", got)
	}
	status := g.status()
	if status.Gateway.Restarts != 0 || status.Totals.Restarts != 0 {
		t.Errorf("the gateway was restarted %d times, handlers %d times", status.Gateway.Restarts, status.Totals.Restarts)
	}
}

// cpuTime is what a process has used so far (proc(5): fields 14 and 15 of
// stat, in hundredths of a second).
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Without free descriptors accepting pauses: it does not spin, says so once,
// serves who is there, and resumes when connections close.
func TestDescriptorExhaustion(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: python, handler: "echo"})
	command := g.command("start", "-d", "gw.yaml")
	command.Args = append([]string{"sh", "-c", `ulimit -n 64; exec "$0" "$@"`}, append([]string{g.binary}, command.Args[1:]...)...)
	command.Path = "/bin/sh"
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("start: %v\n%s", err, output)
	}
	served := openWebSocket(g, "http", "/")
	served.ask("here")
	var crowd []net.Conn
	for range 150 {
		crowd = append(crowd, g.dial("http")) // the kernel's backlog takes them
	}
	eventually(t, patience, "the log says it", func() bool { return strings.Contains(g.log(), "Stopped accepting") })
	pid := g.status().Gateway.PID
	begin, used := time.Now(), cpuTime(t, pid)
	for time.Since(begin) < time.Second {
		if got := served.ask("still here"); got != "still here" {
			t.Errorf("answer %q", got)
		}
		time.Sleep(10 * time.Millisecond)
	}
	spent := cpuTime(t, pid) - used
	t.Logf("without a descriptor the gateway used %v of processor in a second", spent)
	if spent > 300*time.Millisecond {
		t.Errorf("it spins: %v of processor in a second", spent)
	}
	for _, conn := range crowd {
		conn.Close()
	}
	if status, _ := g.get("/"); status != http.StatusOK {
		t.Errorf("answer %d after the crowd left", status)
	}
	if said := strings.Count(g.log(), "Stopped accepting"); said != 1 {
		t.Errorf("the log says it %d times", said)
	}
}

// Idle connections cost little and delay nobody. A process here may have
// 20,000 descriptors, the gateway as well as this client.
func TestManyIdleConnections(t *testing.T) {
	count := size(5_000, 19_000)
	g := start(t, setup{language: python, handler: "echo"})
	if status, _ := g.get("/"); status != http.StatusOK {
		t.Fatalf("answer %d", status)
	}
	before := g.status().Gateway.MemoryBytes
	conns := make([]net.Conn, 0, count)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for range count {
		conn, err := net.DialTimeout("tcp", g.addresses["http"], patience)
		if err != nil {
			t.Fatalf("connection %d: %v", len(conns), err)
		}
		conns = append(conns, conn)
	}
	eventually(t, patience, "all are accepted", func() bool { return g.status().Totals.Connections >= count })
	begin := time.Now()
	if status, _ := g.get("/"); status != http.StatusOK {
		t.Errorf("answer %d", status)
	}
	grown := g.status().Gateway.MemoryBytes - before
	t.Logf("%d idle connections: %d bytes each; a request beside them took %v", count, grown/int64(count), time.Since(begin).Round(time.Microsecond))
	if grown/int64(count) > 4<<10 {
		t.Errorf("%d bytes for an idle connection", grown/int64(count))
	}
}

// An upload grows the gateway by no more than its buffers, however long it is.
func TestLongUploadCostsBoundedMemory(t *testing.T) {
	length := int64(size(64, 1024)) << 20
	g := start(t, setup{language: python, handler: "hello", listener: "limits: {max_body: 2GiB}"})
	g.get("/")
	before := g.status().Gateway.MemoryBytes
	w := newWire(g, "http")
	w.conn.SetDeadline(time.Now().Add(5 * time.Minute))
	w.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + strconv.FormatInt(length, 10) + "\r\n\r\n")
	var most int64
	piece := bytes.Repeat([]byte("x"), 4<<20)
	for sent := int64(0); sent < length; sent += int64(len(piece)) {
		w.send(string(piece))
		most = max(most, g.status().Gateway.MemoryBytes-before)
	}
	w.want(http.MethodPost, http.StatusOK, "Hello Client")
	t.Logf("an upload of %d MiB: grown by at most %d MiB", length>>20, most>>20)
	if most > 64<<20 {
		t.Errorf("grown by %d MiB", most>>20)
	}
}

// A download to a client that reads slowly waits in the handler, not in memory.
func TestLongDownloadToASlowClientCostsBoundedMemory(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		length := int64(size(64, 1024)) << 20
		g := start(t, setup{language: l, handler: "stream", workers: 2})
		g.get("/pid")
		before := g.status().Gateway.MemoryBytes
		w := newWire(g, "http")
		w.conn.SetDeadline(time.Now().Add(5 * time.Minute))
		w.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		w.send("GET /?size=1048576&chunks=" + strconv.FormatInt(length>>20, 10) + " HTTP/1.1\r\nHost: a\r\n\r\n")
		response, err := http.ReadResponse(w.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		var most, got int64
		for err == nil { // asking for status between two reads is what makes it slow
			var n int64
			n, err = io.CopyN(io.Discard, response.Body, 4<<20)
			got += n
			most = max(most, g.status().Gateway.MemoryBytes-before)
		}
		if err != io.EOF || got != length {
			t.Errorf("%d bytes, %v", got, err)
		}
		t.Logf("a download of %d MiB: grown by at most %d MiB", length>>20, most>>20)
		if most > 64<<20 {
			t.Errorf("grown by %d MiB", most>>20)
		}
	})
}

// A client that ends its side still gets what it asked for.
func TestHalfOpenClientGetsItsAnswer(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "sleep"})
		w := newWire(g, "http")
		w.send("GET /?ms=200 HTTP/1.1\r\nHost: a\r\n\r\n")
		w.conn.(*net.TCPConn).CloseWrite()
		w.want(http.MethodGet, http.StatusOK, "")
		w.wantClosed()
	})
}

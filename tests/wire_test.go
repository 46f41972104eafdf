package tests

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// wire is a connection on which a test writes the bytes of requests by hand.
type wire struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func newWire(g *gateway, listener string) *wire {
	g.t.Helper()
	conn := g.dial(listener)
	conn.SetDeadline(time.Now().Add(patience))
	return &wire{t: g.t, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
}

// send writes bytes as they are.
func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, text); err != nil {
		w.t.Fatalf("write: %v", err)
	}
}

// sendApart writes each byte in a segment of its own.
func (w *wire) sendApart(text string) {
	w.t.Helper()
	w.conn.(interface{ SetNoDelay(bool) error }).SetNoDelay(true)
	for i := range len(text) {
		w.send(text[i : i+1])
	}
}

// response reads one answer to a request of that method.
func (w *wire) response(method string) (*http.Response, string) {
	w.t.Helper()
	response, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("read response: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatalf("read body: %v", err)
	}
	return response, string(body)
}

// want reads one answer and fails unless it has that status and, when it is
// not empty, that body.
func (w *wire) want(method string, status int, body string) *http.Response {
	w.t.Helper()
	response, got := w.response(method)
	if response.StatusCode != status || body != "" && got != body {
		w.t.Fatalf("answer %d %q, want %d %q", response.StatusCode, got, status, body)
	}
	return response
}

// read returns the next n bytes.
func (w *wire) read(n int) string {
	w.t.Helper()
	content := make([]byte, n)
	if _, err := io.ReadFull(w.in, content); err != nil {
		w.t.Fatalf("read %d bytes: %v", n, err)
	}
	return string(content)
}

// line returns the next line without its end.
func (w *wire) line() string {
	w.t.Helper()
	line, err := w.in.ReadString('\n')
	if err != nil {
		w.t.Fatalf("read line: %v, after %q", err, line)
	}
	return line[:len(line)-1]
}

// wantClosed fails unless the peer closes the connection without another byte.
func (w *wire) wantClosed() {
	w.t.Helper()
	b, err := w.in.ReadByte()
	if err == nil {
		w.t.Fatalf("read %q, want the connection closed", b)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		w.t.Fatalf("the connection stays open")
	}
}

// tryDial connects to a listener that may be away.
func tryDial(g *gateway, listener string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", g.addresses[listener], time.Second)
	if err == nil {
		conn.SetDeadline(time.Now().Add(time.Second))
	}
	return conn, err
}

// answers tells whether a page comes over the connection within its deadline.
func answers(conn net.Conn) bool {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	return err == nil && response.StatusCode == http.StatusOK
}

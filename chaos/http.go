package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// request is one request and what is known of its answer.
type request struct {
	pool, method, path string
	token              string // ?token=, at the head of the answer
	query              string // further parameters
	body               []byte
	chunked            bool
	pieces             int    // the body is written in so many, with pauses
	want               []byte // the answer below its head
	pause              time.Duration
	streamed           bool // an answer that can break off

	sentAt   time.Time
	promised int64 // least version that may answer
}

// head is the request up to its body.
func (r *request) head(last bool) []byte {
	var b bytes.Buffer
	separator := "?"
	if strings.Contains(r.path, "?") {
		separator = "&"
	}
	fmt.Fprintf(&b, "%s %s%stoken=%s%s HTTP/1.1\r\nHost: chaos\r\n", r.method, r.path, separator, r.token, r.query)
	if last {
		b.WriteString("Connection: close\r\n")
	}
	switch {
	case r.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case r.method != "GET":
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// check compares an answer with what it must be.
func (r *request) check(answer []byte) error {
	head, rest, found := bytes.Cut(answer, []byte("\n"))
	token, version, spaced := strings.Cut(string(head), " ")
	if !found || !spaced || token != r.token {
		return fmt.Errorf("answer %.60q to the request with token %s", answer, r.token)
	}
	if n, err := strconv.ParseInt(version, 10, 64); err != nil || n < r.promised {
		return fmt.Errorf("answer of version %s, although a reload to %d was over", version, r.promised)
	}
	if !bytes.Equal(rest, r.want) {
		return fmt.Errorf("answer of %d bytes %.40q, want %d bytes %.40q", len(rest), rest, len(r.want), r.want)
	}
	return nil
}

// httpConn is a connection that speaks HTTP. http.Client would hide what
// happens to it: it repeats requests.
type httpConn struct {
	conn   net.Conn
	in     *bufio.Reader
	opened time.Time
}

func dialHTTP(address string) (*httpConn, error) {
	opened := time.Now()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return &httpConn{conn: conn, in: bufio.NewReader(conn), opened: opened}, nil
}

// narrow makes a slow client felt: without it the kernel takes megabytes for it.
// Less than a few segments, which on loopback are of 64 KiB, would let the
// connection stand still until the zero-window timer of the other end.
func narrow(conn net.Conn) {
	conn.(*net.TCPConn).SetReadBuffer(256 << 10)
}

func (h *httpConn) close() { h.conn.Close() }

// exchange sends a request and reads its answer.
func (h *httpConn) exchange(r *request) (status int, body []byte, err error) {
	if err := h.write(r, false); err != nil {
		return 0, nil, err
	}
	status, body, _, err = h.read(r)
	return status, body, err
}

// write sends a request; last: and no other behind it.
func (h *httpConn) write(r *request, last bool) error {
	h.conn.SetDeadline(time.Now().Add(patience))
	r.sentAt = time.Now()
	if r.pieces == 0 && !r.chunked {
		_, err := h.conn.Write(append(r.head(last), r.body...))
		return err
	}
	if _, err := h.conn.Write(r.head(last)); err != nil {
		return err
	}
	return h.writePieces(r)
}

func (h *httpConn) writePieces(r *request) error {
	size := len(r.body)/max(r.pieces, 1) + 1
	for at := 0; at < len(r.body); at += size {
		piece := r.body[at:min(at+size, len(r.body))]
		if r.chunked {
			piece = fmt.Appendf(nil, "%x\r\n%s\r\n", len(piece), piece)
		}
		if _, err := h.conn.Write(piece); err != nil {
			return err
		}
		time.Sleep(r.pause)
	}
	if r.chunked {
		_, err := io.WriteString(h.conn, "0\r\n\r\n")
		return err
	}
	return nil
}

// read reads the answer to r, slowly if r says so. open: another may follow.
func (h *httpConn) read(r *request) (status int, body []byte, open bool, err error) {
	h.conn.SetDeadline(time.Now().Add(patience))
	response, err := http.ReadResponse(h.in, &http.Request{Method: r.method})
	if err != nil {
		return 0, nil, false, err
	}
	body, err = readSlowly(response.Body, r.pause)
	return response.StatusCode, body, err == nil && !response.Close, err
}

// slowly is how much a slow client takes before it pauses.
const slowly = 32 << 10

func readSlowly(from io.Reader, pause time.Duration) (all []byte, err error) {
	b := make([]byte, slowly)
	for taken := 0; ; {
		n, err := from.Read(b)
		all = append(all, b[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		if taken += n; taken >= slowly {
			taken = 0
			time.Sleep(pause)
		}
	}
}

// outcome decides the fate of a request on h.
func (w *world) outcome(h *httpConn, r *request, status int, body []byte, err error) {
	at := time.Now()
	died := func(e ...effect) int { return w.causes.count(r.pool, r.sentAt, at, e...) }
	switch {
	case err == nil && status == 200:
		if err := r.check(body); err != nil {
			w.ledger.blame(wrong, 1, "%s %s: %v\n   around: %s", r.method, r.path, err, w.around())
			return
		}
		w.ledger.add(answered, 1)
	case err != nil && w.causes.count(r.pool, h.opened, at, cuts) > 0:
		w.ledger.add(cut, 1)
	case err == nil && allowedStatus(r.method, status, died), err != nil && r.streamed && status != 0 && died(kills, hangs) > 0:
		w.ledger.add(excused, 1)
	case err == nil:
		w.ledger.blame(wrong, 1, "%s %s token %s answered %d after %v: %.80s\n   around: %s", r.method, r.path, r.token, status, at.Sub(r.sentAt), body, w.around())
	default:
		w.ledger.blame(lost, 1, "%s %s token %s after %v: %v\n   around: %s", r.method, r.path, r.token, at.Sub(r.sentAt), err, w.around())
		if !os.IsTimeout(err) {
			w.ledger.add(closed, 1)
		}
	}
}

// allowedStatus knows docs/reload-and-crash.md: what a request may be answered
// whose worker died. One that is safe to repeat is repeated, so it fails only
// when two workers died on it, or in place of the request that hung.
func allowedStatus(method string, status int, died func(...effect) int) bool {
	switch status {
	case 502:
		if method == "POST" {
			return died(kills, hangs) > 0
		}
		return died(kills, hangs) > 1
	case 504:
		return died(hangs) > 0
	}
	return false
}

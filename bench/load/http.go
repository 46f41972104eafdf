package load

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"gw/bench/order"
)

// HTTP speaks HTTP/1.1 with keep-alive. It accepts only answers with status 200
// and a Content-Length, and compares the whole body.
type HTTP struct {
	requests [][]byte
	bodies   [][]byte

	// An answer's head equals the one before it but once a second (Date), and
	// comparing is cheaper than parsing.
	head   []byte
	length int
}

// NewHello asks for the same 13 bytes every time.
func NewHello() *HTTP {
	return &HTTP{
		requests: [][]byte{[]byte("GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")},
		bodies:   [][]byte{[]byte("Hello, World!")},
	}
}

// NewVary sends [Variants] different requests; the answer repeats their query
// argument and header.
func NewVary() *HTTP {
	h := &HTTP{}
	for i := range Variants {
		h.requests = append(h.requests, fmt.Appendf(nil, "GET /vary?n=%d HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Visit: %s\r\n\r\n", 10000+i, visit(i)))
		h.bodies = append(h.bodies, fmt.Appendf(nil, "%d %s", 10000+i, visit(i)))
	}
	return h
}

// NewJSON posts [Variants] different orders of 1 KiB.
func NewJSON() *HTTP {
	h := &HTTP{}
	for i := range Variants {
		o := order.New(i)
		channel := fmt.Sprintf("web%d", i%10)
		h.requests = append(h.requests, fmt.Appendf(nil,
			"POST /json?channel=%s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Visit: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			channel, visit(i), order.Bytes, o.Encode()))
		h.bodies = append(h.bodies, o.Summary(channel, visit(i)).Encode())
	}
	return h
}

// Greet does nothing: HTTP starts with a request.
func (h *HTTP) Greet(io.ReadWriter) error { return nil }

// Request returns the i-th request.
func (h *HTTP) Request(i uint32) []byte { return h.requests[i%uint32(len(h.requests))] }

// Answer checks one answer.
func (h *HTTP) Answer(data []byte, i uint32) (Answer, error) {
	if len(h.head) == 0 || !bytes.HasPrefix(data, h.head) {
		ready, err := h.readHead(data)
		if err != nil || !ready {
			return Answer{}, err
		}
	}
	size := len(h.head) + h.length
	if len(data) < size {
		return Answer{}, nil
	}
	want := h.bodies[i%uint32(len(h.bodies))]
	if body := data[len(h.head):size]; !bytes.Equal(body, want) {
		return Answer{}, fmt.Errorf("wrong body: got %q, want %q", clip(body), clip(want))
	}
	return Answer{Size: size, Done: true}, nil
}

// readHead parses the head at the beginning of data and remembers it.
func (h *HTTP) readHead(data []byte) (ready bool, err error) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		if len(data) > 16<<10 {
			return false, fmt.Errorf("no end of the head in %d bytes: %q", len(data), clip(data))
		}
		return false, nil
	}
	head := data[:end+4]
	length, err := contentLength(head)
	if err != nil {
		return false, err
	}
	h.head, h.length = append(h.head[:0], head...), length
	return true, nil
}

// contentLength checks the status line and returns the Content-Length. The head
// includes its empty line.
func contentLength(head []byte) (int, error) {
	status, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("wrong status: %q", clip(status))
	}
	for len(rest) > 2 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !bytes.EqualFold(name, []byte("Content-Length")) {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 30)
		if err != nil {
			return 0, fmt.Errorf("wrong content length: %q", clip(line))
		}
		return int(n), nil
	}
	return 0, fmt.Errorf("no content length: %q", clip(head))
}

// visit is the value of the X-Visit header of request i.
func visit(i int) string { return fmt.Sprintf("v%06d", (i*7919)%1000000) }

// clip shortens what an error message quotes.
func clip(b []byte) []byte { return b[:min(len(b), 200)] }

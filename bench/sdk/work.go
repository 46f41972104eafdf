package sdk

import (
	"bytes"
	"fmt"
	"strings"

	"gw/protocol/wire"
)

// Work is one kind of message, and what its answer must be like.
type Work struct {
	Name   string
	socket bool // messages of a WebSocket each, instead of requests
	size   int  // bytes of the answer
	method string
	path   string
	body   []byte
	// blocks of headers, one after the other; one only: all requests are alike
	blocks [][]byte
}

// variants is how many different blocks of headers there are where they differ:
// more than an SDK is likely to remember.
const variants = 4096

// Works are all kinds, in the order of the tables.
func Works() []Work {
	exchange := Work{
		Name: "http", method: "POST", path: "/exchange/carts/8c1f/items", size: 1024,
		body: []byte(`{"items": [` + strings.Repeat("1234567, ", 112) + `123]}`), blocks: [][]byte{headers(0)},
	}
	vary := exchange
	vary.Name, vary.blocks = "vary", nil
	for i := range variants {
		vary.blocks = append(vary.blocks, headers(i))
	}
	return []Work{
		{Name: "hello", method: "GET", path: "/", size: len("Hello, World!"), blocks: [][]byte{[]byte("host: localhost\n")}},
		exchange, vary,
		{Name: "ws", socket: true, size: 64, body: bytes.Repeat([]byte("x"), 64)},
	}
}

// headers are eleven of a browser, some 630 bytes.
func headers(request int) []byte {
	return fmt.Appendf(nil, `host: shop.example.com
user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0
accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
accept-language: en-GB,en;q=0.7,de;q=0.3
accept-encoding: gzip, deflate, br, zstd
content-type: application/json
content-length: 1024
origin: https://shop.example.com
referer: https://shop.example.com/cart
cookie: session=%s; theme=dark; lang=en-GB
x-request-id: %016x
`, strings.Repeat("s3cr3t", 15), request)
}

// appendMessage writes the nth message, of the connection or request id.
func (w *Work) appendMessage(dst []byte, n int, id uint64) []byte {
	if w.socket {
		return wire.AppendMessage(dst, id, 0, w.body)
	}
	return wire.AppendRequest(dst, &wire.Request{
		ID: id, Listener: 1, Peer: peer(id), Method: []byte(w.method), Path: []byte(w.path), Query: w.query(),
		Headers: w.blocks[n%len(w.blocks)], Body: w.body,
	})
}

func (w *Work) query() []byte {
	if w.method == "GET" {
		return nil
	}
	return []byte("currency=EUR&include=totals,tax")
}

// peer is the address of the connection that id belongs to.
func peer(id uint64) string { return fmt.Sprintf("127.0.0.1:%d", 40000+id%idSlots) }

// answers tells whether m answers a message, and is an error when the answer is
// not the right one.
func (w *Work) answers(m *wire.Message) (bool, error) {
	switch {
	case m.Op == wire.OpBye:
		return false, fmt.Errorf("it said BYE: %s", m.Text)
	case m.Op == wire.OpRes && !w.socket:
		return true, w.check(m.Status, len(m.Data))
	case m.Op == wire.OpSend && w.socket:
		return true, w.check(200, len(m.Data))
	}
	return false, nil
}

func (w *Work) check(status, size int) error {
	if status != 200 || size != w.size {
		return fmt.Errorf("status %d and %d bytes instead of 200 and %d", status, size, w.size)
	}
	return nil
}

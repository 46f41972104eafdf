package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// rude is a client that misbehaves. What becomes of its own messages is not
// counted; others must not feel it.
type rude struct {
	w    *world
	rand *rand.Rand
}

// run misbehaves on a new connection each time.
func (r *rude) run(ctx context.Context) {
	listeners := []string{"http", "text", "frame", "lines"}
	for sleep(ctx, between(r.rand, 50*time.Millisecond, 300*time.Millisecond)) {
		listener := listeners[r.rand.IntN(len(listeners))]
		conn, err := net.DialTimeout("tcp", r.w.gw.site.addresses[listener], patience)
		if err != nil {
			r.w.ledger.fail("connect: %v\n   around: %s", err, r.w.around())
			continue
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(r.words(listener))
		if r.rand.IntN(2) == 0 {
			sleep(ctx, time.Duration(r.rand.IntN(100))*time.Millisecond)
		}
		if r.rand.IntN(2) == 0 {
			conn.(*net.TCPConn).SetLinger(0) // RST instead of FIN
		}
		conn.Close()
	}
}

// words are garbage, or something whose answer it does not wait for.
func (r *rude) words(listener string) []byte {
	pool := poolNames[r.rand.IntN(len(poolNames))]
	switch {
	case r.rand.IntN(3) == 0:
		return r.garbage()
	case listener == "http":
		return r.request(pool)
	case listener == "frame":
		return []byte("\x00\x00\x00\x08left\x00\x00\x00\x08left\x00\x00\x01\x00half")
	}
	return []byte("left\nleft\nhalf of a line")
}

func (r *rude) request(pool string) []byte {
	switch r.rand.IntN(5) {
	case 0:
		return fmt.Appendf(nil, "POST /%s/upload HTTP/1.1\r\nHost: chaos\r\nContent-Length: 1000000\r\n\r\n%s", pool, filler(r.rand, r.rand.IntN(900_000)))
	case 1:
		return fmt.Appendf(nil, "GET /%s/big?size=3000000 HTTP/1.1\r\nHost: chaos\r\n\r\n", pool)
	case 2:
		return fmt.Appendf(nil, "POST /%s/echo?nap=50 HTTP/1.1\r\nHost: chaos\r\nContent-Length: 3\r\n\r\nabc", pool)
	case 3:
		return fmt.Appendf(nil, "GET /%s/echo HTTP/1.1\r\nHo", pool)
	}
	head := fmt.Appendf(nil, "GET /%s HTTP/1.1\r\nHost: chaos\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", pool)
	// A masked message, then garbage.
	return append(append(head, 0x81, 0x84, 0, 0, 0, 0, 'l', 'e', 'f', 't'), r.garbage()...)
}

func (r *rude) garbage() []byte {
	b := make([]byte, 1+r.rand.IntN(5000))
	for i := range b {
		b[i] = byte(r.rand.UintN(256))
	}
	return b
}

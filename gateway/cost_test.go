package gateway

import (
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// These benchmarks play one handler and many clients in the loop's own goroutine
// and count nothing but the loop's turns: what a request costs in the gateway and
// in the kernel below it, without wake-ups. Two builds can be told apart by 1 %
// where a benchmark of processes needs 10:
//
//	go test ./gateway -run NONE -bench 'Request|Line|Message'

// costBatch is how many requests arrive in one turn.
const costBatch = 32

func BenchmarkRequest(b *testing.B) {
	benchmarkCost(b, "http", "request", func(int) []byte {
		return []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	})
}

func BenchmarkVariedRequest(b *testing.B) {
	benchmarkCost(b, "http", "request", func(i int) []byte {
		return fmt.Appendf(nil, "GET /vary?n=%d HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Visit: v%06d\r\n\r\n", 10000+i%4096, i*7919%1000000)
	})
}

func BenchmarkBrowserRequest(b *testing.B) {
	benchmarkCost(b, "http", "request", func(i int) []byte {
		return fmt.Appendf(nil, "GET /articles/%d?page=2 HTTP/1.1\r\nHost: www.example.org\r\nConnection: keep-alive\r\nsec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n"+
			"sec-ch-ua-mobile: ?0\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36\r\n"+
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n"+
			"Referer: https://www.example.org/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\nCookie: session=%032d; theme=dark\r\n\r\n", i%4096, i)
	})
}

func BenchmarkLine(b *testing.B) {
	benchmarkCost(b, "text", "message", func(int) []byte {
		return []byte("0123456789012345678901234567890123456789012345678901234567890123\n")
	})
}

func BenchmarkWebSocketMessage(b *testing.B) {
	benchmarkCost(b, "websocket", "message", func(int) []byte {
		return []byte(frame(0x81, "0123456789012345678901234567890123456789012345678901234567890123"))
	})
}

func benchmarkCost(b *testing.B, scheme, event string, request func(int) []byte) {
	s := newStill(b)
	s.pool.queueLimit = costBatch
	_, handler := s.hire(1, event)
	clients := make([]*peer, costBatch)
	for i := range clients {
		clients[i] = s.meetTCP(scheme)
	}
	requests := make([][]byte, 4096)
	for i := range requests {
		requests[i] = request(i)
	}
	var spent time.Duration // in the loop, this round
	var rounds []time.Duration
	out := make([]byte, 0, 256<<10)
	round := func(n int) {
		for i, c := range clients {
			c.write(requests[(n+i)%len(requests)])
		}
		begin := time.Now()
		s.settle()
		spent += time.Since(begin)
		for in := handler.read(); len(in) > 0; in = handler.read() { // more than once until the window is open
			handler.write(answerAll(b, &out, in))
			begin = time.Now()
			s.settle()
			spent += time.Since(begin)
		}
		for _, c := range clients {
			if len(c.readOnce()) == 0 {
				b.Fatal("no answer")
			}
		}
	}
	for i := range 200 {
		round(i * costBatch)
	}
	for n := 0; b.Loop(); n += costBatch {
		spent = 0
		round(n)
		rounds = append(rounds, spent)
	}
	slices.Sort(rounds) // those that others disturbed are at the end
	b.ReportMetric(float64(rounds[len(rounds)/4].Nanoseconds())/costBatch, "ns/request")
	b.ReportMetric(0, "ns/op")
}

// answerAll answers every message of the frames that a handler was given.
func answerAll(b *testing.B, buffer *[]byte, in []byte) []byte {
	out := append((*buffer)[:0], make([]byte, wire.BatchHeaderLen)...)
	messages := 0
	for len(in) > 0 {
		n, ok, err := wire.FrameLength(in, wire.FrameCap)
		if !ok || err != nil {
			b.Fatal("broken frame")
		}
		batch := wire.NewReader(in[wire.HeaderLen : wire.HeaderLen+n])
		in = in[wire.HeaderLen+n:]
		for i := batch.Array(); i > 0; i-- {
			m := wire.NewReader(batch.Raw())
			m.Array()
			switch wire.Op(m.Uint()) {
			case wire.OpReq:
				out = wire.AppendUint(wire.AppendUint(append(wire.AppendArray(out, 5), byte(wire.OpRes)), m.Uint()), 200)
				out = wire.AppendStr(wire.AppendStr(wire.AppendMap(out, 1), "content-type"), "text/html; charset=utf-8")
				out = wire.AppendStr(out, "Hello, World!")
			case wire.OpMsg:
				out = wire.AppendUint(append(wire.AppendArray(out, 4), byte(wire.OpSend)), m.Uint())
				out = wire.AppendUint(out, m.Uint())
				out = wire.AppendStr(out, string(m.Bytes()))
			default:
				continue
			}
			messages++
		}
	}
	out = wire.AppendUint(append(wire.AppendArray(out, 2), byte(wire.OpAck)), uint64(messages))
	wire.PutBatchHeader(out, messages+1)
	*buffer = out
	return out
}

// meetTCP gives the loop a client over loopback.
func (s *still) meetTCP(scheme string) *peer {
	s.t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	server, err := ln.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	defer server.Close()
	p := &peer{in: s.descriptor(client), buf: make([]byte, 64<<10)}
	p.out = p.in
	s.t.Cleanup(func() { closeFD(p.in) })
	if scheme == "text" {
		s.speak(scheme, control.Framing{})
	}
	s.welcome(s.ln, s.descriptor(server), client.LocalAddr().String())
	if scheme == "websocket" {
		p.write([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
		s.settle()
		p.read()
	}
	return p
}

// descriptor takes a connection's descriptor out of Go's netpoller.
func (s *still) descriptor(c net.Conn) int {
	s.t.Helper()
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		s.t.Fatal(err)
	}
	return take([]*os.File{f})[0]
}

func (p *peer) readOnce() []byte {
	n, _ := read(p.in, p.buf)
	return p.buf[:max(n, 0)]
}

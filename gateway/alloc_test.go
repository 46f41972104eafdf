package gateway

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gw/protocol/control"
	"gw/protocol/http2"
)

// hotPath is a kind of traffic for which the gateway may not allocate.
type hotPath struct {
	name   string
	rounds int // messages to a handler in one call of what begin returns
	begin  func(s *still) (round func())
	allocs float64 // in a round
}

var hotPaths = []hotPath{
	{name: "hello", rounds: 1, begin: func(s *still) func() {
		return s.rally("http", []string{"GET /hello HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"}, "Hello, World!", 1)
	}},
	{name: "vary", rounds: 1, begin: func(s *still) func() { return s.rally("http", differentRequests(), "", 1) }},
	{name: "json", rounds: 1, begin: func(s *still) func() {
		request := "POST /json?channel=web1 HTTP/1.1\r\nHost: example.org\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("j", 1024)
		return s.rally("http", []string{request}, strings.Repeat("a", 850), 1)
	}},
	{name: "pipelined", rounds: 16, begin: func(s *still) func() {
		return s.rally("http", []string{strings.Repeat("GET /hello HTTP/1.1\r\nHost: example.org\r\n\r\n", 16)}, "Hello, World!", 16)
	}},
	{name: "websocket", rounds: 1, begin: func(s *still) func() { return s.rallyWebSocket(1) }},
	{name: "websocket16", rounds: 16, begin: func(s *still) func() { return s.rallyWebSocket(16) }},
	{name: "text", rounds: 1, begin: func(s *still) func() { return s.rally("text", []string{strings.Repeat("t", 63) + "\n"}, "", 1) }},
	{name: "frame", rounds: 1, begin: func(s *still) func() {
		return s.rally("frame", []string{"\x00\x00\x00\x44" + strings.Repeat("f", 64)}, "", 1)
	}},
	{name: "tcp", rounds: 1, begin: func(s *still) func() { return s.rally("tcp", []string{strings.Repeat("b", 64)}, "", 1) }},
	{name: "datagram", rounds: 1, begin: func(s *still) func() { return s.rallyDatagrams("127.0.0.1:0") }},
	{name: "datagram to all addresses", rounds: 1, begin: func(s *still) func() { return s.rallyDatagrams("[::]:0") }},
	{name: "h2", rounds: 1, begin: (*still).rallyHTTP2},
	{name: "long answer", rounds: 1, begin: func(s *still) func() {
		return s.rally("http", []string{"GET /long HTTP/1.1\r\nHost: example.org\r\n\r\n"}, strings.Repeat("a", 60<<10), 1)
	}},
	{name: "long message", rounds: 1, begin: func(s *still) func() { return s.rally("text", []string{strings.Repeat("t", 50<<10) + "\n"}, "", 1) }},
	// One for the path, which HPACK makes a string of.
	{name: "h2 download", rounds: 1, begin: (*still).rallyDownload, allocs: 1},
	// One for the bytes that all members share, however many they are.
	{name: "publish", rounds: 1, begin: (*still).rallyGroup, allocs: 1},
}

func TestHotPathAllocatesNothing(t *testing.T) {
	for _, p := range hotPaths {
		t.Run(p.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(2000, p.begin(newStill(t))); n > p.allocs {
				t.Errorf("%v allocations in a round of %d, %v allowed", n, p.rounds, p.allocs)
			}
		})
	}
}

// BenchmarkHotPath is one loop with its client and its handler in one
// goroutine: what the gateway takes, and the system calls of all three.
func BenchmarkHotPath(b *testing.B) {
	for _, p := range hotPaths {
		b.Run(p.name, func(b *testing.B) {
			round := p.begin(newStill(b))
			round()
			b.ReportAllocs()
			for b.Loop() {
				round()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*p.rounds), "ns/message")
		})
	}
}

// differentRequests have a query of their own each, and a header.
func differentRequests() (requests []string) {
	for i := range 4096 {
		requests = append(requests, fmt.Sprintf("GET /vary?n=%d HTTP/1.1\r\nHost: example.org\r\nX-Visit: v%06d\r\n\r\n", 10000+i, i*7919%1000000))
	}
	return requests
}

// answering hires a handler that takes everything.
func (s *still) answering(body string) *answerer {
	_, p := s.hire(1, "request", "message", "datagram")
	a := &answerer{peer: p, t: s.t}
	if body != "" {
		a.body = []byte(body)
	}
	return a
}

// until lets the handler answer so many messages.
func (s *still) until(a *answerer, messages int) {
	for idle := 0; messages > 0; {
		s.settle()
		served := a.serve()
		messages -= served
		if idle++; served > 0 {
			idle = 0
		}
		if idle > 10 {
			s.t.Fatalf("%d messages did not come", messages)
		}
	}
	s.settle()
}

// rally sends one request after the other. The client hears the body, or its own
// query or message.
func (s *still) rally(scheme string, requests []string, body string, each int) func() {
	a := s.answering(body)
	_, client := s.meet(scheme)
	var bytesToSend [][]byte
	for _, r := range requests {
		bytesToSend = append(bytesToSend, []byte(r))
	}
	next := 0
	return func() {
		request := bytesToSend[next%len(bytesToSend)]
		next++
		client.write(request)
		s.until(a, each)
		want := a.body
		switch {
		case scheme != "http":
			want = request
		case want == nil:
			_, rest, _ := bytes.Cut(request, []byte("?"))
			want, _, _ = bytes.Cut(rest, []byte(" "))
		}
		if !bytes.HasSuffix(client.read(), want) {
			s.t.Fatal("no answer")
		}
	}
}

// meetWebSocket is a client that has shaken hands.
func (s *still) meetWebSocket() *peer {
	_, client := s.meet("http")
	client.write([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	s.settle()
	if !bytes.HasPrefix(client.read(), []byte("HTTP/1.1 101 ")) {
		s.t.Fatal("no handshake")
	}
	return client
}

func (s *still) rallyWebSocket(each int) func() {
	a := s.answering("")
	client := s.meetWebSocket()
	text := strings.Repeat("w", 64)
	messages := []byte(strings.Repeat(frame(0x81, text), each))
	want := []byte(strings.Repeat("\x81\x40"+text, each))
	return func() {
		client.write(messages)
		s.until(a, each)
		if !bytes.Equal(client.read(), want) {
			s.t.Fatal("no answer")
		}
	}
}

// rallyGroup publishes what one of ten members says.
func (s *still) rallyGroup() func() {
	a := s.answering("")
	a.group = "room"
	var members []*peer
	for range 10 {
		members = append(members, s.meetWebSocket())
	}
	for _, c := range s.conns.conns {
		s.hub.join(c, a.group)
	}
	text := strings.Repeat("p", 64)
	message, want := []byte(frame(0x81, text)), []byte("\x81\x40"+text)
	return func() {
		members[0].write(message)
		s.until(a, 1)
		for _, m := range members {
			if !bytes.Equal(m.read(), want) {
				s.t.Fatal("a member did not hear it")
			}
		}
	}
}

func (s *still) rallyDatagrams(address string) func() {
	a := s.answering("")
	_, client := s.openSocket(netip.MustParseAddrPort(address))
	datagram := []byte(strings.Repeat("d", 64))
	return func() {
		client.write(datagram)
		s.until(a, 1)
		if n, _ := read(client.in, client.buf); !bytes.Equal(client.buf[:n], datagram) {
			s.t.Fatal("no answer")
		}
	}
}

// meetHTTP2 is a client that has begun to speak HTTP/2.
func (s *still) meetHTTP2() *peer {
	s.ln.configureHTTP2(&control.Listener{HTTP2: true, Limits: control.Limits{MaxStreams: 10, MaxHeaderBytes: 8 << 10}})
	_, client := s.meet("http")
	client.write([]byte(http2.Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
	s.settle()
	client.read()
	return client
}

func (s *still) rallyHTTP2() func() {
	a := s.answering("Hello, World!")
	client := s.meetHTTP2()
	// GET http://h/ on the next stream, and WINDOW_UPDATE for the answer's 13 bytes.
	request := []byte("\x00\x00\x06\x01\x05\x00\x00\x00\x00\x82\x86\x84\x41\x01h" + "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x0d")
	id := uint32(1)
	return func() {
		binary.BigEndian.PutUint32(request[5:], id)
		id += 2
		client.write(request)
		s.until(a, 1)
		if !bytes.HasSuffix(client.read(), a.body) {
			s.t.Fatal("no answer")
		}
	}
}

// rallyDownload fetches a file of a mebibyte on one stream after the other.
func (s *still) rallyDownload() func() {
	const size = 1 << 20
	root := s.t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a"), make([]byte, size), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.ln.configureStatic([]control.Static{{Prefix: "/", Root: root, Missing: "404", Symlinks: "inside"}})
	client := s.meetHTTP2()
	// GET http://h/a on the next stream, and WINDOW_UPDATE for the answer of the
	// stream, and of the connection.
	request := []byte("\x00\x00\x09\x01\x05\x00\x00\x00\x00\x82\x86\x04\x02/a\x41\x01h" +
		"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x10\x00\x00" + "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x10\x00\x00")
	id := uint32(1)
	return func() {
		binary.BigEndian.PutUint32(request[5:], id)
		binary.BigEndian.PutUint32(request[23:], id)
		id += 2
		client.write(request)
		for got, idle := 0, 0; got < size; idle++ {
			s.settle()
			if n := len(client.read()); n > 0 {
				got, idle = got+n, 0
			}
			if idle > 10 {
				s.t.Fatalf("%d bytes came", got)
			}
		}
		s.settle()
		client.read()
	}
}

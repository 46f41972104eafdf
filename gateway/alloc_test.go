package gateway

import (
	"bytes"
	"encoding/binary"
	"testing"

	"gw/protocol/control"
	"gw/protocol/http2"
	"gw/protocol/wire"
)

// id reads the sid or cid of the message that ends a frame.
func lastID(t *testing.T, frame []byte, op wire.Op) uint64 {
	batch := wire.NewReader(frame[wire.HeaderLen:])
	for n := batch.Array(); n > 0; n-- {
		m := wire.NewReader(batch.Raw())
		m.Array()
		if wire.Op(m.Uint()) == op {
			return m.Uint()
		}
	}
	t.Fatalf("no message %#x in %x", op, frame)
	return 0
}

func TestRequestAllocatesNothing(t *testing.T) {
	s := newStill(t)
	_, handler := s.hire(1, "request")
	_, client := s.meet("http")
	request := []byte("GET /a?q=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	answer := make([]byte, 0, 4096)
	once := func() {
		client.write(request)
		s.settle()
		sid := lastID(t, handler.read(), wire.OpReq)
		b := append(answer[:0], make([]byte, wire.BatchHeaderLen)...)
		b = wire.AppendUint(wire.AppendUint(append(wire.AppendArray(b, 5), byte(wire.OpRes)), sid), 200)
		b = wire.AppendStr(wire.AppendStr(wire.AppendMap(b, 1), "content-type"), "text/plain")
		b = wire.AppendStr(b, "Hello")
		b = wire.AppendUint(append(wire.AppendArray(b, 2), byte(wire.OpAck)), 1)
		wire.PutBatchHeader(b, 2)
		handler.write(b)
		s.settle()
		if !bytes.HasSuffix(client.read(), []byte("\r\n\r\nHello")) {
			t.Fatal("no answer")
		}
	}
	if n := testing.AllocsPerRun(2000, once); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func TestWebSocketMessageAllocatesNothing(t *testing.T) {
	s := newStill(t)
	_, handler := s.hire(1, "message")
	_, client := s.meet("http")
	client.write([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	s.settle()
	client.read()
	message := []byte(frame(0x82, "0123456789012345678901234567890123456789012345678901234567890123"))
	answer := make([]byte, 0, 4096)
	once := func() {
		client.write(message)
		s.settle()
		cid := lastID(t, handler.read(), wire.OpMsg)
		b := append(answer[:0], make([]byte, wire.BatchHeaderLen)...)
		b = wire.AppendUint(wire.AppendUint(append(wire.AppendArray(b, 4), byte(wire.OpSend)), cid), 0)
		b = wire.AppendStr(b, "Hello")
		b = wire.AppendUint(append(wire.AppendArray(b, 2), byte(wire.OpAck)), 1)
		wire.PutBatchHeader(b, 2)
		handler.write(b)
		s.settle()
		if !bytes.HasSuffix(client.read(), []byte("Hello")) {
			t.Fatal("no answer")
		}
	}
	if n := testing.AllocsPerRun(2000, once); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func TestHTTP2RequestAllocatesNothing(t *testing.T) {
	s := newStill(t)
	s.ln.configureHTTP2(&control.Listener{HTTP2: true, Limits: control.Limits{MaxStreams: 10, MaxHeaderBytes: 8 << 10}})
	_, handler := s.hire(1, "request")
	_, client := s.meet("http")
	client.write([]byte(http2.Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
	s.settle()
	client.read()
	request := []byte("\x00\x00\x06\x01\x05\x00\x00\x00\x00\x82\x86\x84\x41\x01h") // GET http://h/
	answer := make([]byte, 0, 4096)
	id := uint32(1)
	once := func() {
		binary.BigEndian.PutUint32(request[5:], id)
		id += 2
		client.write(request)
		s.settle()
		sid := lastID(t, handler.read(), wire.OpReq)
		b := append(answer[:0], make([]byte, wire.BatchHeaderLen)...)
		b = wire.AppendUint(wire.AppendUint(append(wire.AppendArray(b, 5), byte(wire.OpRes)), sid), 200)
		b = wire.AppendStr(wire.AppendStr(wire.AppendMap(b, 1), "content-type"), "text/plain")
		b = wire.AppendStr(b, "Hello")
		b = wire.AppendUint(append(wire.AppendArray(b, 2), byte(wire.OpAck)), 1)
		wire.PutBatchHeader(b, 2)
		handler.write(b)
		s.settle()
		if !bytes.HasSuffix(client.read(), []byte("Hello")) {
			t.Fatal("no answer")
		}
	}
	if n := testing.AllocsPerRun(2000, once); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

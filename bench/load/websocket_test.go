package load

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

func TestClientFramesAreMaskedAndUnmaskToTheMessage(t *testing.T) {
	w := NewWebSocket()
	for i := range uint32(Variants) {
		f := w.Request(i)
		if len(f) != 6+MessageBytes || f[0] != 0x81 || f[1] != 0x80|MessageBytes {
			t.Fatalf("frame %d: header % x of %d bytes", i, f[:2], len(f))
		}
		plain := bytes.Clone(f[6:])
		for n := range plain {
			plain[n] ^= f[2+n%4]
		}
		if !bytes.Equal(plain, message(int(i))) {
			t.Fatalf("frame %d unmasks to %q", i, plain)
		}
	}
}

func TestEchoIsTakenWholeAndComparedByteForByte(t *testing.T) {
	w := NewWebSocket()
	echo := append([]byte{0x81, MessageBytes}, message(5)...)
	for cut := range len(echo) {
		if a, err := w.Answer(echo[:cut], 5); err != nil || a.Size != 0 {
			t.Fatalf("%d bytes: %+v, %v", cut, a, err)
		}
	}
	if a, err := w.Answer(append(echo, 0x81), 5); err != nil || a.Size != len(echo) || !a.Done {
		t.Fatalf("%+v, %v", a, err)
	}
	echo[40]++
	if _, err := w.Answer(echo, 5); err == nil {
		t.Error("a changed byte passed")
	}
}

func TestLongFormOfTheLengthIsRead(t *testing.T) {
	w := NewWebSocket()
	echo := append([]byte{0x81, 126, 0, MessageBytes}, message(0)...)
	if a, err := w.Answer(echo, 0); err != nil || a.Size != len(echo) {
		t.Errorf("16 bit: %+v, %v", a, err)
	}
	echo = append([]byte{0x81, 127, 0, 0, 0, 0, 0, 0, 0, MessageBytes}, message(0)...)
	if a, err := w.Answer(echo, 0); err != nil || a.Size != len(echo) {
		t.Errorf("64 bit: %+v, %v", a, err)
	}
}

func TestPingIsAnsweredAndIsNotAnAnswer(t *testing.T) {
	a, err := NewWebSocket().Answer([]byte{0x89, 2, 'h', 'i'}, 0)
	if err != nil || a.Size != 4 || a.Done {
		t.Fatalf("%+v, %v", a, err)
	}
	if p := a.Reply; len(p) != 8 || p[0] != 0x8a || p[1] != 0x82 || p[6]^p[2] != 'h' || p[7]^p[3] != 'i' {
		t.Errorf("pong % x", p)
	}
}

func TestFramesAServerMayNotSendAreRefused(t *testing.T) {
	for name, frame := range map[string][]byte{
		"masked":   {0x81, 0x80 | 1, 0, 0, 0, 0, 'x'},
		"close":    {0x88, 2, 0x03, 0xe8},
		"binary":   append([]byte{0x82, MessageBytes}, message(0)...),
		"fragment": append([]byte{0x01, MessageBytes}, message(0)...),
		"huge":     {0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0},
	} {
		if a, err := NewWebSocket().Answer(frame, 0); err == nil {
			t.Errorf("%s: accepted as %+v", name, a)
		}
	}
}

func TestGreetRefusesAWrongHandshake(t *testing.T) {
	for name, answer := range map[string]string{
		"status": "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		"accept": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm8=\r\n\r\n",
	} {
		client, server := net.Pipe()
		go func() {
			io.ReadAtLeast(server, make([]byte, 1024), 100)
			io.Copy(server, strings.NewReader(answer))
			server.Close()
		}()
		if err := NewWebSocket().Greet(client); err == nil {
			t.Errorf("%s: accepted", name)
		}
		client.Close()
	}
}

package load

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
)

// Opcodes and the handshake's constant, RFC 6455 sections 5.2 and 1.3.
const (
	opText       = 1
	opClose      = 8
	opPing       = 9
	opPong       = 10
	finBit       = 0x80
	maskBit      = 0x80
	acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)

// MessageBytes is the size of the messages that are echoed.
const MessageBytes = 64

// WebSocket sends masked text messages and expects each back unchanged.
type WebSocket struct {
	frames   [][]byte
	messages [][]byte
	pong     []byte
}

// NewWebSocket prepares [Variants] different messages.
func NewWebSocket() *WebSocket {
	w := &WebSocket{}
	for i := range Variants {
		m := message(i)
		w.messages = append(w.messages, m)
		w.frames = append(w.frames, appendMasked(nil, opText, m))
	}
	return w
}

// Greet performs the opening handshake.
func (w *WebSocket) Greet(c io.ReadWriter) error {
	key := base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint64(make([]byte, 8), rand.Uint64()))
	_, err := fmt.Fprintf(c, "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", key)
	if err != nil {
		return err
	}
	in := bufio.NewReader(c)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("websocket handshake: %s", answer.Status)
	}
	sum := sha1.Sum([]byte(key + acceptSuffix))
	if got, want := answer.Header.Get("Sec-WebSocket-Accept"), base64.StdEncoding.EncodeToString(sum[:]); got != want {
		return fmt.Errorf("websocket handshake: Sec-WebSocket-Accept is %q, want %q", got, want)
	}
	if n := in.Buffered(); n > 0 {
		return fmt.Errorf("websocket handshake: %d bytes behind it", n)
	}
	return nil
}

// Request returns the frame of message i.
func (w *WebSocket) Request(i uint32) []byte { return w.frames[i%uint32(len(w.frames))] }

// Answer checks one frame. A ping is answered; everything else but the echo of
// message i is an error.
func (w *WebSocket) Answer(data []byte, i uint32) (Answer, error) {
	payload, size, err := readFrame(data)
	if err != nil || size == 0 {
		return Answer{}, err
	}
	switch data[0] {
	case finBit | opText:
		if want := w.messages[i%uint32(len(w.messages))]; !bytes.Equal(payload, want) {
			return Answer{}, fmt.Errorf("wrong message: got %q, want %q", clip(payload), want)
		}
		return Answer{Size: size, Done: true}, nil
	case finBit | opPing:
		w.pong = appendMasked(w.pong[:0], opPong, payload)
		return Answer{Size: size, Reply: w.pong}, nil
	case finBit | opClose:
		return Answer{}, fmt.Errorf("closed by the server: %q", clip(payload))
	}
	return Answer{}, fmt.Errorf("unexpected frame: first byte %#02x", data[0])
}

// readFrame returns the payload and size of the unmasked frame at the beginning
// of data; size 0 when it is not whole yet.
func readFrame(data []byte) (payload []byte, size int, err error) {
	if len(data) < 2 {
		return nil, 0, nil
	}
	if data[1]&maskBit != 0 {
		return nil, 0, fmt.Errorf("masked frame from a server (RFC 6455 section 5.1)")
	}
	start, length := 2, uint64(data[1])
	switch {
	case length == 126 && len(data) >= 4:
		start, length = 4, uint64(binary.BigEndian.Uint16(data[2:]))
	case length == 127 && len(data) >= 10:
		start, length = 10, binary.BigEndian.Uint64(data[2:])
	case length >= 126:
		return nil, 0, nil
	}
	if length > 1<<20 {
		return nil, 0, fmt.Errorf("frame of %d bytes", length)
	}
	size = start + int(length)
	if len(data) < size {
		return nil, 0, nil
	}
	return data[start:size], size, nil
}

// appendMasked appends a frame as a client sends it, RFC 6455 section 5.3. The
// payload is at most 125 bytes.
func appendMasked(b []byte, opcode byte, payload []byte) []byte {
	key := binary.LittleEndian.AppendUint32(nil, rand.Uint32())
	b = append(b, finBit|opcode, maskBit|byte(len(payload)))
	b = append(b, key...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	return b
}

// message is the i-th echo message: printable, without a line end.
func message(i int) []byte {
	m := fmt.Appendf(nil, "message %04d ", i)
	for len(m) < MessageBytes {
		m = append(m, 'a'+byte((i*31+len(m)*7)%26))
	}
	return m
}

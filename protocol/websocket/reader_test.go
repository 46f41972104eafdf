package websocket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	client "github.com/fasthttp/websocket"
)

var testKey = [4]byte{0xa1, 0x02, 0xf3, 0x44}

// frame writes a client's frame as its parts say, right or wrong.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, testKey[:]...)
	masked := []byte(payload)
	unmaskNaively(masked, testKey, 0)
	return append(b, masked...)
}

func frames(parts ...any) []byte {
	var b []byte
	for i := 0; i < len(parts); i += 2 {
		b = append(b, frame(byte(parts[i].(int)), parts[i+1].(string))...)
	}
	return b
}

// compressed stands in for the code of an event that is for an Inflater.
const compressed = 1

// event is an Event that outlives the buffer.
type event struct {
	op   Opcode
	data string
	code uint16
}

// read feeds a stream in pieces and returns its events, the error that ended it and what was left in the buffer. Between
// two pieces the Reader is moved, as at the upgrade of a running gateway.
func read(t testing.TB, stream []byte, size, maxMessage int) (events []event, rest int, err error) {
	t.Helper()
	return readAs(t, Reader{}, stream, size, maxMessage)
}

func readAs(t testing.TB, r Reader, stream []byte, size, maxMessage int) (events []event, rest int, err error) {
	t.Helper()
	var buf []byte
	for len(stream) > 0 {
		piece := stream[:min(size, len(stream))]
		stream = stream[len(piece):]
		buf = append(slices.Clone(buf), piece...)
		for {
			ev, n, ok, err := r.Next(buf, maxMessage)
			buf = buf[n:]
			if err != nil {
				return events, len(buf), err
			}
			if !ok {
				break
			}
			if ev.Compressed {
				ev.Code = compressed
			}
			events = append(events, event{ev.Op, string(ev.Data), ev.Code})
		}
		if len(buf) >= 131 {
			t.Fatalf("%d bytes left with the caller", len(buf))
		}
		saved, _ := r.AppendBinary(nil)
		r = Reader{Deflate: r.Deflate}
		if err := r.UnmarshalBinary(saved); err != nil {
			t.Fatal(err)
		}
	}
	return events, len(buf), nil
}

var long = strings.Repeat("0123456789", 20)

var streams = map[string]struct {
	stream []byte
	events []event
	err    error
}{
	"text":                            {frames(0x81, "hello"), []event{{OpText, "hello", 0}}, nil},
	"binary":                          {frames(0x82, "\xff\x00"), []event{{OpBinary, "\xff\x00", 0}}, nil},
	"empty":                           {frames(0x81, "", 0x82, ""), []event{{OpText, "", 0}, {OpBinary, "", 0}}, nil},
	"16-bit length":                   {frames(0x81, long), []event{{OpText, long, 0}}, nil},
	"several":                         {frames(0x81, "a", 0x82, "b", 0x81, "c"), []event{{OpText, "a", 0}, {OpBinary, "b", 0}, {OpText, "c", 0}}, nil},
	"fragments":                       {frames(0x01, "a", 0x00, "bc", 0x80, "d"), []event{{OpText, "abcd", 0}}, nil},
	"long fragments":                  {frames(0x02, long, 0x80, long), []event{{OpBinary, long + long, 0}}, nil},
	"empty fragments":                 {frames(0x02, "", 0x00, "", 0x80, ""), []event{{OpBinary, "", 0}}, nil},
	"last fragment empty":             {frames(0x01, "a", 0x80, ""), []event{{OpText, "a", 0}}, nil},
	"message after fragments":         {frames(0x01, "a", 0x80, "b", 0x82, "\xff"), []event{{OpText, "ab", 0}, {OpBinary, "\xff", 0}}, nil},
	"rune over two fragments":         {frames(0x01, "\xe2\x82", 0x80, "\xac"), []event{{OpText, "€", 0}}, nil},
	"ping and pong":                   {frames(0x89, "p", 0x8a, ""), []event{{OpPing, "p", 0}, {OpPong, "", 0}}, nil},
	"longest ping":                    {frames(0x89, long[:125]), []event{{OpPing, long[:125], 0}}, nil},
	"ping between fragments":          {frames(0x01, "a", 0x89, "p", 0x80, "b"), []event{{OpPing, "p", 0}, {OpText, "ab", 0}}, nil},
	"ping between parts of a rune":    {frames(0x01, "\xe2", 0x89, "\xff", 0x80, "\x82\xac"), []event{{OpPing, "\xff", 0}, {OpText, "€", 0}}, nil},
	"close between fragments":         {frames(0x01, "a", 0x88, ""), []event{{OpClose, "", 1005}}, nil},
	"close with code":                 {frames(0x88, "\x03\xe8"), []event{{OpClose, "", 1000}}, nil},
	"close with reason":               {frames(0x88, "\x0f\xa0bye €"), []event{{OpClose, "bye €", 4000}}, nil},
	"as long as allowed":              {frames(0x82, strings.Repeat("x", 1000)), []event{{OpBinary, strings.Repeat("x", 1000), 0}}, nil},
	"one byte longer":                 {frames(0x82, strings.Repeat("x", 1001)), nil, ErrMessageTooLong},
	"one byte longer, fragments":      {frames(0x02, strings.Repeat("x", 1000), 0x80, "x"), nil, ErrMessageTooLong},
	"too long by the header alone":    {[]byte("\x82\xff\x00\x00\x00\x00\x40\x00\x00\x00abcd"), nil, ErrMessageTooLong},
	"RSV1":                            {frames(0xc1, "a"), nil, ErrReserved},
	"RSV2":                            {frames(0xa1, "a"), nil, ErrReserved},
	"RSV3":                            {frames(0x91, "a"), nil, ErrReserved},
	"RSV on a control frame":          {frames(0xc9, "a"), nil, ErrReserved},
	"reserved data opcode":            {frames(0x83, "a"), nil, ErrOpcode},
	"reserved control opcode":         {frames(0x8b, "a"), nil, ErrOpcode},
	"event before the fault":          {frames(0x81, "a", 0x83, ""), []event{{OpText, "a", 0}}, ErrOpcode},
	"fragmented ping":                 {frames(0x09, "a"), nil, ErrControlFragmented},
	"ping of 126 bytes":               {frames(0x89, long[:126]), nil, ErrControlTooLong},
	"close of 126 bytes":              {frames(0x88, "\x03\xe8"+long[:124]), nil, ErrControlTooLong},
	"not masked":                      {[]byte("\x81\x01a"), nil, ErrUnmasked},
	"continuation at the beginning":   {frames(0x80, "a"), nil, ErrContinuation},
	"continuation after a message":    {frames(0x81, "a", 0x00, "a"), []event{{OpText, "a", 0}}, ErrContinuation},
	"new message inside a message":    {frames(0x01, "a", 0x81, "b"), nil, ErrMessageInterrupted},
	"length 125 in 16 bits":           {[]byte("\x81\xfe\x00\x7dkeys"), nil, ErrLength},
	"length 65535 in 64 bits":         {[]byte("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xffkeys"), nil, ErrLength},
	"length with the top bit":         {[]byte("\x81\xff\x80\x00\x00\x00\x00\x01\x00\x00keys"), nil, ErrLength},
	"text not UTF-8":                  {frames(0x81, "a\xff"), nil, ErrText},
	"text ends within a rune":         {frames(0x81, "\xe2\x82"), nil, ErrText},
	"fragments end within a rune":     {frames(0x01, "a", 0x80, "\xe2\x82"), nil, ErrText},
	"fragments end empty in a rune":   {frames(0x01, "\xe2\x82", 0x80, ""), nil, ErrText},
	"fragment not UTF-8":              {frames(0x01, "a", 0x00, "\xed\xa0"), nil, ErrText},
	"close with one byte":             {frames(0x88, "\x03"), nil, ErrClosePayload},
	"close with a code of the API":    {frames(0x88, "\x03\xed"), nil, ErrCloseCode},
	"close with a code below 1000":    {frames(0x88, "\x00\x00"), nil, ErrCloseCode},
	"close with a code nobody has":    {frames(0x88, "\x07\xd0"), nil, ErrCloseCode},
	"close with a reason not UTF-8":   {frames(0x88, "\x03\xe8\xc3"), nil, ErrCloseReason},
	"incomplete header":               {[]byte("\x81\xfe\x01"), nil, nil},
	"incomplete control frame":        {frames(0x89, "ping")[:8], nil, nil},
	"incomplete message":              {frames(0x81, "hello")[:8], nil, nil},
	"incomplete message with a fault": {frames(0x81, "a\xffb")[:8], nil, ErrText},
}

func TestReader(t *testing.T) {
	for name, test := range streams {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(test.stream); size++ {
				events, _, err := read(t, test.stream, size, 1000)
				if !slices.Equal(events, test.events) || err != test.err && (err != nil || test.err != nil) {
					t.Fatalf("pieces of %d: %v, %v; want %v, %v", size, events, err, test.events, test.err)
				}
			}
		})
	}
}

// RSV1 marks the first frame of a compressed message where that was negotiated (RFC 7692 6.1).
func TestReaderOfCompressedMessages(t *testing.T) {
	as := func(op Opcode, data string) event { return event{op, data, compressed} }
	for name, test := range map[string]struct {
		stream []byte
		events []event
		err    error
	}{
		"text":                           {frames(0xc1, "\xf2\x48"), []event{as(OpText, "\xf2\x48")}, nil}, // not UTF-8, and need not be
		"binary and plain":               {frames(0xc2, "a", 0x81, "b"), []event{as(OpBinary, "a"), {OpText, "b", 0}}, nil},
		"fragments":                      {frames(0x41, "\xff", 0x00, "\xff", 0x80, ""), []event{as(OpText, "\xff\xff")}, nil},
		"plain after fragments":          {frames(0x42, "a", 0x80, "b", 0x81, "\xff"), []event{as(OpBinary, "ab")}, ErrText},
		"RSV1 on a continuation":         {frames(0x41, "a", 0xc0, "b"), nil, ErrReserved},
		"RSV1 on a later frame":          {frames(0x01, "a", 0xc0, "b"), nil, ErrReserved},
		"RSV1 on a ping":                 {frames(0xc9, "a"), nil, ErrReserved},
		"RSV1 on a close":                {frames(0xc8, ""), nil, ErrReserved},
		"RSV2":                           {frames(0xe1, "a"), nil, ErrReserved},
		"RSV3":                           {frames(0xd1, "a"), nil, ErrReserved},
		"ping between fragments":         {frames(0x42, "a", 0x89, "p", 0x80, "b"), []event{{OpPing, "p", 0}, as(OpBinary, "ab")}, nil},
		"as long as DEFLATE may make it": {frames(0xc2, strings.Repeat("x", 1189)), []event{as(OpBinary, strings.Repeat("x", 1189))}, nil},
		"longer":                         {frames(0xc2, strings.Repeat("x", 1190)), nil, ErrMessageTooLong},
		"longer, in fragments":           {frames(0x42, strings.Repeat("x", 1000), 0x80, strings.Repeat("x", 190)), nil, ErrMessageTooLong},
	} {
		for size := 1; size <= len(test.stream); size++ {
			events, _, err := readAs(t, Reader{Deflate: true}, test.stream, size, 1000)
			if !slices.Equal(events, test.events) || err != test.err && (err != nil || test.err != nil) {
				t.Fatalf("%s in pieces of %d: %v, %v; want %v, %v", name, size, events, err, test.events, test.err)
			}
		}
	}
}

func TestReaderErrorsCarryTheCloseCode(t *testing.T) {
	for code, test := range map[uint16]string{1002: "RSV1", 1007: "text not UTF-8", 1009: "one byte longer"} {
		_, _, err := read(t, streams[test].stream, 1<<20, 1000)
		var typed *Error
		if !errors.As(err, &typed) || typed.Code != code || !strings.HasPrefix(err.Error(), fmt.Sprint(code)) {
			t.Errorf("%s: %v, want %d", test, err, code)
		}
	}
}

// TestFaultsAreFoundWithTheByteThatMakesThem: no stream is taken beyond its first wrong byte.
func TestFaultsAreFoundWithTheByteThatMakesThem(t *testing.T) {
	for name, at := range map[string]int{
		"RSV1": 1, "reserved data opcode": 1, "fragmented ping": 1, "continuation at the beginning": 1, "not masked": 2,
		"ping of 126 bytes": 2, "length 125 in 16 bits": 4, "length with the top bit": 10, "text not UTF-8": 8,
		"incomplete message with a fault": 8,
	} {
		stream := streams[name].stream
		if _, _, err := read(t, stream[:at], 1, 1000); err == nil {
			t.Errorf("%s: no error after %d bytes", name, at)
		}
		if _, _, err := read(t, stream[:at-1], 1, 1000); err != nil {
			t.Errorf("%s: %v after %d bytes", name, err, at-1)
		}
	}
}

func TestWholeFrameIsNotCopied(t *testing.T) {
	var r Reader
	buf := frames(0x81, "hello", 0x82, "x")
	ev, n, ok, err := r.Next(buf, 100)
	if !ok || err != nil || n != 11 || &ev.Data[0] != &buf[6] {
		t.Fatalf("%v %d %v %v", ev, n, ok, err)
	}
	if cap(ev.Data) != len(ev.Data) {
		t.Error("appending to Data would write over the next frame")
	}
	if r != (Reader{}) {
		t.Error("the reader is not idle")
	}
}

func TestReaderHoldsNothingBetweenMessages(t *testing.T) {
	if size := unsafe.Sizeof(Reader{}); size > 24 {
		t.Errorf("a Reader has %d bytes", size)
	}
	var r Reader
	if _, n, ok, _ := r.Next(frames(0x01, "abc"), 100); n != 9 || ok || r.Buffered() != 3 {
		t.Errorf("n %d, ok %v, %d buffered", n, ok, r.Buffered())
	}
	if ev, _, ok, _ := r.Next(frames(0x80, "def"), 100); !ok || string(ev.Data) != "abcdef" || r != (Reader{}) || r.Buffered() != 0 {
		t.Errorf("%q, %v, idle %v", ev.Data, ok, r == (Reader{}))
	}
}

// TestAnnouncedLengthReservesLittle: the bytes that came decide what a message costs.
func TestAnnouncedLengthReservesLittle(t *testing.T) {
	var r Reader
	head := []byte("\x82\xff\x00\x00\x00\x00\x40\x00\x00\x00keysabc") // 1 GiB
	if _, _, _, err := r.Next(head, 1<<31-1); err != nil {
		t.Fatal(err)
	}
	if got := cap(r.message.data); got > leastGrowth {
		t.Errorf("%d bytes reserved for 3", got)
	}
}

func TestReaderRefusesForeignState(t *testing.T) {
	var r Reader
	r.Next(frames(0x01, "abc"), 100)
	good, _ := r.AppendBinary(nil)
	change := func(at int, value byte) []byte {
		b := slices.Clone(good)
		b[at] = value
		return b
	}
	for _, saved := range [][]byte{good[:10], change(0, 0xff), change(7, 4), change(20, byte(OpPing)), change(22, 99)} {
		if err := r.UnmarshalBinary(saved); err == nil || r.message != nil {
			t.Errorf("%x accepted", saved)
		}
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	for name, payload := range map[string]string{"small": "hello", "long": strings.Repeat("x", 4000)} {
		original := frames(0x81, payload, 0x89, "ping", 0x82, payload)
		buf := make([]byte, len(original))
		var r Reader
		if allocs := testing.AllocsPerRun(100, func() {
			copy(buf, original)
			for rest := buf; len(rest) > 0; {
				_, n, ok, err := r.Next(rest, 1<<20)
				if !ok || err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
		}); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// peer is a net.Conn that answers the handshake, keeps what the client writes and lets it read what a test gives it.
type peer struct {
	net.Conn
	received, answer bytes.Buffer
}

func (p *peer) Write(b []byte) (int, error) {
	if _, rest, found := bytes.Cut(b, []byte("Sec-WebSocket-Key: ")); found {
		key, _, _ := bytes.Cut(rest, []byte("\r\n"))
		p.answer.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
		p.answer.Write(append(AppendAccept(nil, key), "\r\n\r\n"...))
		return len(b), nil
	}
	return p.received.Write(b)
}

func (p *peer) Read(b []byte) (int, error)       { return p.answer.Read(b) }
func (p *peer) Close() error                     { return nil }
func (p *peer) SetDeadline(time.Time) error      { return nil }
func (p *peer) SetReadDeadline(time.Time) error  { return nil }
func (p *peer) SetWriteDeadline(time.Time) error { return nil }

// dial connects fasthttp/websocket to a peer. Its write buffer is small, so that long messages leave in fragments.
func dial(t *testing.T) (*client.Conn, *peer) {
	t.Helper()
	p := new(peer)
	dialer := client.Dialer{
		WriteBufferSize: 256,
		NetDial:         func(string, string) (net.Conn, error) { return p, nil },
	}
	conn, _, err := dialer.Dial("ws://peer/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, p
}

func TestForeignClientIsUnderstood(t *testing.T) {
	conn, p := dial(t)
	var want []event
	for _, text := range []string{"", "hello", strings.Repeat("grüße ", 100), strings.Repeat("x", 7000)} {
		writer, err := conn.NextWriter(client.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		for piece := range slices.Chunk([]byte(text), 100) {
			writer.Write(piece)
		}
		writer.Close()
		conn.WriteMessage(client.BinaryMessage, []byte(text))
		want = append(want, event{OpText, text, 0}, event{OpBinary, text, 0})
	}
	conn.WriteMessage(client.CloseMessage, client.FormatCloseMessage(1001, "bye"))
	want = append(want, event{OpClose, "bye", 1001})
	for _, size := range []int{1, 7, 1000, 1 << 20} {
		events, rest, err := read(t, p.received.Bytes(), size, 1<<20)
		if err != nil || rest != 0 || !slices.Equal(events, want) {
			t.Fatalf("pieces of %d: %d events, %d left, %v", size, len(events), rest, err)
		}
	}
}

func TestForeignClientUnderstandsUs(t *testing.T) {
	conn, p := dial(t)
	var sent []byte
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		sent = AppendFrame(sent, OpBinary, make([]byte, size))
	}
	p.answer.Write(AppendClose(sent, 1001, "bye"))
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		if kind, data, err := conn.ReadMessage(); kind != client.BinaryMessage || len(data) != size || err != nil {
			t.Fatalf("%d: kind %d of %d bytes, %v", size, kind, len(data), err)
		}
	}
	var closed *client.CloseError
	if _, _, err := conn.ReadMessage(); !errors.As(err, &closed) || closed.Code != 1001 || closed.Text != "bye" {
		t.Fatal(err)
	}
}

// naive reads a whole stream the plain way: frame by frame, copying, with a large integer for the length.
func naive(stream []byte, maxMessage int, deflate bool) (events []event, err error) {
	var op Opcode
	var data []byte
	var code uint16
	for {
		b := stream
		if len(b) < 1 {
			return events, nil
		}
		fin, frameOp, reserved := b[0]>>7 == 1, Opcode(b[0]&15), b[0]>>4&7
		if deflate && op == 0 && frameOp < 8 {
			if reserved&4 != 0 {
				code = compressed
			}
			reserved &= 3
		}
		switch {
		case reserved != 0:
			return events, ErrReserved
		case frameOp > 2 && frameOp < 8 || frameOp > 10:
			return events, ErrOpcode
		case frameOp >= 8 && !fin:
			return events, ErrControlFragmented
		case frameOp == 0 && op == 0:
			return events, ErrContinuation
		case (frameOp == 1 || frameOp == 2) && op != 0:
			return events, ErrMessageInterrupted
		case len(b) < 2:
			return events, nil
		case b[1] < 128:
			return events, ErrUnmasked
		case frameOp >= 8 && b[1]&127 > 125:
			return events, ErrControlTooLong
		}
		length, n := uint64(b[1]&127), 2
		if length > 125 {
			extra, least := 2, uint64(126)
			if length == 127 {
				extra, least = 8, 1<<16
			}
			if n += extra; len(b) < n {
				return events, nil
			}
			length = 0
			for _, digit := range b[2:n] {
				length = length<<8 | uint64(digit)
			}
			if length < least || length >= 1<<63 {
				return events, ErrLength
			}
		}
		if len(b) < n+4 {
			return events, nil
		}
		most := maxMessage
		if code == compressed {
			most += maxMessage/8 + 64
		}
		if frameOp < 8 && length > uint64(most-len(data)) {
			return events, ErrMessageTooLong
		}
		key := [4]byte(b[n:])
		b = b[n+4:]
		whole := length <= uint64(len(b))
		if whole {
			b = b[:length]
		}
		payload := bytes.Clone(b)
		unmaskNaively(payload, key, 0)
		if frameOp >= 8 {
			if !whole {
				return events, nil
			}
			ev := event{frameOp, string(payload), 0}
			if frameOp == OpClose {
				ev.code = 1005
				if len(payload) == 1 {
					return events, ErrClosePayload
				} else if len(payload) > 1 {
					ev.code, ev.data = uint16(payload[0])<<8|uint16(payload[1]), string(payload[2:])
					if !ValidCloseCode(ev.code) {
						return events, ErrCloseCode
					} else if !utf8.ValidString(ev.data) {
						return events, ErrCloseReason
					}
				}
			}
			events = append(events, ev)
		} else {
			if frameOp != 0 {
				op = frameOp
			}
			data = append(data, payload...)
			if op == OpText && code != compressed && (!mendable(data) || whole && fin && !utf8.Valid(data)) {
				return events, ErrText
			}
			if !whole {
				return events, nil
			}
			if fin {
				events = append(events, event{op, string(data), code})
				op, data, code = 0, nil, 0
			}
		}
		stream = stream[n+4+len(payload):]
	}
}

func (op Opcode) String() string { return fmt.Sprintf("op %d", byte(op)) }

// FuzzReader compares with a naive reader, however the stream is cut.
func FuzzReader(f *testing.F) {
	for _, test := range streams {
		f.Add(test.stream, uint8(0))
		f.Add(test.stream, uint8(6))
		f.Add(test.stream, uint8(134))
	}
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		stream = stream[:min(len(stream), 2048)] // what follows is quadratic
		deflate := size >= 128
		want, wantErr := naive(stream, 1000, deflate)
		for _, size := range []int{int(size) + 1, len(stream) + 1} {
			events, _, err := readAs(t, Reader{Deflate: deflate}, stream, size, 1000)
			if !slices.Equal(events, want) || err != wantErr && (err != nil || wantErr != nil) {
				t.Fatalf("pieces of %d: %v, %v; want %v, %v", size, events, err, want, wantErr)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	for _, test := range []struct {
		name    string
		first   int
		payload string
	}{
		{"text 32B", 0x81, strings.Repeat("x", 32)},
		{"text 1KiB", 0x81, strings.Repeat("x", 1024)},
		{"text 1KiB german", 0x81, strings.Repeat("größere Übung ", 64)},
		{"binary 32B", 0x82, strings.Repeat("x", 32)},
		{"binary 32KiB", 0x82, strings.Repeat("x", 32<<10)},
	} {
		b.Run(test.name, func(b *testing.B) {
			buf := frames(test.first, test.payload)
			var r Reader
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok, err := r.Next(buf, 1<<20); !ok || err != nil {
					b.Fatal(err)
				}
				Unmask(buf[len(buf)-len(test.payload):], testKey, 0) // mask again
			}
		})
	}
	b.Run("in two pieces", func(b *testing.B) {
		buf := frames(0x82, strings.Repeat("x", 1024))
		var r Reader
		b.ReportAllocs()
		for b.Loop() {
			r.Next(buf[:100], 1<<20)
			if _, _, ok, err := r.Next(buf[100:], 1<<20); !ok || err != nil {
				b.Fatal(err)
			}
		}
	})
}

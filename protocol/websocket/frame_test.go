package websocket

import (
	"bytes"
	"testing"
)

func TestAppendHeaderUsesTheLeastForm(t *testing.T) {
	for _, test := range []struct {
		op     Opcode
		length int
		want   string
	}{
		{OpText, 0, "\x81\x00"},
		{OpText, 125, "\x81\x7d"},
		{OpBinary, 126, "\x82\x7e\x00\x7e"},
		{OpBinary, 65535, "\x82\x7e\xff\xff"},
		{OpBinary, 65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
		{OpPing, 4, "\x89\x04"},
		{OpPong, 4, "\x8a\x04"},
		{OpClose, 2, "\x88\x02"},
	} {
		if got := AppendHeader(nil, test.op, test.length); string(got) != test.want {
			t.Errorf("%d of %d: %x, want %x", test.op, test.length, got, test.want)
		}
	}
}

func TestAppendFrame(t *testing.T) {
	if got := AppendFrame([]byte("-"), OpText, []byte("hello")); string(got) != "-\x81\x05hello" {
		t.Errorf("%q", got)
	}
	if got := AppendFrame(nil, OpPing, make([]byte, 200)); !bytes.Equal(got, append([]byte{0x89, 125}, make([]byte, 125)...)) {
		t.Errorf("a ping of 200 bytes: %x", got)
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	payload, out := make([]byte, 64), make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendFrame(out[:0], OpText, payload)
	}
}

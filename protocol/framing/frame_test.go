package framing

import (
	"encoding/binary"
	"slices"
	"testing"
)

func nextFrame(max int) func([]byte, int) ([]byte, int, error) {
	return func(buf []byte, _ int) ([]byte, int, error) { return NextFrame(buf, max) }
}

func TestFramesAreCut(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		msgs   []string
		rest   string
		err    error
	}{
		"one":                   {"\x00\x00\x00\x09hello", []string{"hello"}, "", nil},
		"several":               {"\x00\x00\x00\x05a\x00\x00\x00\x06bc\x00\x00", []string{"a", "bc"}, "\x00\x00", nil},
		"empty":                 {"\x00\x00\x00\x04\x00\x00\x00\x05a", []string{"", "a"}, "", nil},
		"incomplete":            {"\x00\x00\x00\x07ab", nil, "\x00\x00\x00\x07ab", nil},
		"as long as allowed":    {"\x00\x00\x00\x0c12345678", []string{"12345678"}, "", nil},
		"one byte longer":       {"\x00\x00\x00\x05a\x00\x00\x00\x0d", []string{"a"}, "", ErrFrameTooLong},
		"longest":               {"\xff\xff\xff\xff", nil, "", ErrFrameTooLong},
		"does not count itself": {"\x00\x00\x00\x03", nil, "", ErrFrameTooShort},
		"zero":                  {"\x00\x00\x00\x00", nil, "", ErrFrameTooShort},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(test.stream); size++ {
				msgs, rest, err := cut([]byte(test.stream), size, nextFrame(8))
				if !slices.Equal(msgs, test.msgs) || err != test.err && (err != nil || test.err != nil) {
					t.Errorf("pieces of %d: %q, %v; want %q, %v", size, msgs, err, test.msgs, test.err)
				}
				if err == nil && rest != test.rest {
					t.Errorf("pieces of %d: rest %q, want %q", size, rest, test.rest)
				}
			}
		})
	}
}

func TestAppendFrame(t *testing.T) {
	if got := AppendFrame([]byte("-"), []byte("hello")); string(got) != "-\x00\x00\x00\x09hello" {
		t.Errorf("%q", got)
	}
}

func TestFrameAllocatesNothing(t *testing.T) {
	buf, out := []byte("\x00\x00\x00\x09hello"), make([]byte, 0, 16)
	if allocs := testing.AllocsPerRun(100, func() {
		msg, _, _ := NextFrame(buf, 100)
		out = AppendFrame(out[:0], msg)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05a\x00\x00\x00\x06bc\x00\x00"), uint8(1), uint8(8))
	f.Add([]byte("\x00\x00\x00\x03"), uint8(1), uint8(8))
	f.Fuzz(func(t *testing.T, stream []byte, size, max uint8) {
		msgs, rest, err := cut(stream, int(size)+1, nextFrame(int(max)))
		var wire []byte
		for _, msg := range msgs {
			if len(msg) > int(max) {
				t.Fatalf("message of %d bytes", len(msg))
			}
			wire = AppendFrame(wire, []byte(msg))
		}
		left := stream[len(wire):]
		if string(wire) != string(stream[:len(wire)]) {
			t.Fatalf("%q written again is %q", stream, wire)
		}
		if err == nil && rest != string(left) {
			t.Fatalf("rest %q, want %q", rest, left)
		}
		if len(left) >= 4 {
			length := int64(binary.BigEndian.Uint32(left))
			if bad := length < 4 || length > int64(max)+4; bad != (err != nil) || !bad && length <= int64(len(left)) {
				t.Fatalf("%q left with %v", left, err)
			}
		}
	})
}

func BenchmarkNextFrame(b *testing.B) {
	buf := AppendFrame(nil, make([]byte, 64))
	b.ReportAllocs()
	for b.Loop() {
		if _, n, _ := NextFrame(buf, 1<<20); n != 68 {
			b.Fatal(n)
		}
	}
}

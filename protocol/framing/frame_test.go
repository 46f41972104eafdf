package framing

import (
	"encoding/binary"
	"slices"
	"testing"
)

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
				msgs, rest, err := cut(Workerman, []byte(test.stream), size, 8)
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
	if got := Workerman.Append([]byte("-"), []byte("hello")); string(got) != "-\x00\x00\x00\x09hello" {
		t.Errorf("%q", got)
	}
}

func TestFrameAllocatesNothing(t *testing.T) {
	buf, out := []byte("\x00\x00\x00\x09hello"), make([]byte, 0, 16)
	if allocs := testing.AllocsPerRun(100, func() {
		msg, _, _ := Workerman.Next(buf, 0, 100)
		out = Workerman.Append(out[:0], msg)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// variants are frames as other protocols have them: DNS (RFC 1035 section 4.2.2), PostgreSQL with its type before the length, ...
var variants = map[string]struct {
	framing Frame
	stream  string
	msgs    []string
	rest    string
	err     error
}{
	"one byte":              {Frame{Size: 1, Payload: true}, "\x02ab\x00\x01c\x03", []string{"ab", "", "c"}, "\x03", nil},
	"DNS over TCP":          {Frame{Size: 2, Payload: true}, "\x00\x05hello\x00", []string{"hello"}, "\x00", nil},
	"little":                {Frame{Size: 2, Little: true, Payload: true}, "\x05\x00hello", []string{"hello"}, "", nil},
	"little, whole":         {Frame{Size: 4, Little: true}, "\x06\x00\x00\x00hi", []string{"hi"}, "", nil},
	"eight bytes":           {Frame{Size: 8}, "\x00\x00\x00\x00\x00\x00\x00\x09a", []string{"a"}, "", nil},
	"eight bytes, all":      {Frame{Size: 8, Payload: true}, "\xff\xff\xff\xff\xff\xff\xff\xff", nil, "", ErrFrameTooLong},
	"type before":           {Frame{Size: 4, Payload: true, Offset: 1}, "Q\x00\x00\x00\x02hiX\x00\x00\x00\x00", []string{"Qhi", "X"}, "", nil},
	"type before, whole":    {Frame{Size: 2, Offset: 3}, "abc\x00\x07hidef\x00\x05", []string{"abchi", "def"}, "", nil},
	"whole too short":       {Frame{Size: 2, Offset: 3}, "abc\x00\x04", nil, "", ErrFrameTooShort},
	"as long as allowed":    {Frame{Size: 1, Payload: true, Offset: 2}, "ab\x06123456", []string{"ab123456"}, "", nil},
	"header counts for max": {Frame{Size: 1, Payload: true, Offset: 2}, "ab\x07", nil, "", ErrFrameTooLong},
	"header beyond max":     {Frame{Size: 1, Payload: true, Offset: 9}, "123456789\x00", nil, "", ErrFrameTooLong},
}

func TestFrameVariants(t *testing.T) {
	for name, test := range variants {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(test.stream); size++ {
				msgs, rest, err := cut(&test.framing, []byte(test.stream), size, 8)
				if !slices.Equal(msgs, test.msgs) || err != test.err && (err != nil || test.err != nil) {
					t.Errorf("pieces of %d: %q, %v; want %q, %v", size, msgs, err, test.msgs, test.err)
				}
				if err == nil && rest != test.rest {
					t.Errorf("pieces of %d: rest %q, want %q", size, rest, test.rest)
				}
			}
			var wire []byte
			for _, msg := range test.msgs {
				wire = test.framing.Append(wire, []byte(msg))
			}
			if err := test.err; err == nil && string(wire)+test.rest != test.stream {
				t.Errorf("written again: %q, want %q", wire, test.stream)
			}
		})
	}
}

func TestFrameThatItsFieldCannotSayDoesNotFit(t *testing.T) {
	for _, test := range []struct {
		framing Frame
		length  int
		fits    bool
	}{
		{Frame{Size: 1, Payload: true}, 255, true},
		{Frame{Size: 1, Payload: true}, 256, false},
		{Frame{Size: 1}, 254, true},
		{Frame{Size: 1}, 255, false},
		{Frame{Size: 1, Payload: true, Offset: 3}, 258, true},
		{Frame{Size: 1, Payload: true, Offset: 3}, 259, false},
		{Frame{Size: 1, Payload: true, Offset: 3}, 3, true},
		{Frame{Size: 1, Payload: true, Offset: 3}, 2, false},
		{Frame{Size: 2, Payload: true}, 1<<16 - 1, true},
		{Frame{Size: 2, Payload: true}, 1 << 16, false},
		{Frame{Size: 8}, 1 << 16, true},
	} {
		if got := test.framing.Fits(make([]byte, test.length)); got != test.fits {
			t.Errorf("%+v, %d bytes: %v", test.framing, test.length, got)
		}
	}
}

// A frame that is read is written the same, whatever its field; nothing longer than max comes out.
func FuzzFrameVariants(f *testing.F) {
	for _, v := range variants {
		f.Add([]byte(v.stream), uint8(1), uint8(8), uint8(v.framing.Size), uint8(v.framing.Offset), v.framing.Little, v.framing.Payload)
	}
	f.Fuzz(func(t *testing.T, stream []byte, size, max, field, offset uint8, little, payload bool) {
		framing := &Frame{Size: 1 << (field % 4), Offset: int(offset % 16), Little: little, Payload: payload}
		msgs, rest, err := cut(framing, slices.Clone(stream), int(size)+1, int(max))
		whole, _, wholeErr := cut(framing, slices.Clone(stream), len(stream)+1, int(max))
		if !slices.Equal(msgs, whole) || (err == nil) != (wholeErr == nil) {
			t.Fatalf("cut apart %q %v, whole %q %v", msgs, err, whole, wholeErr)
		}
		var wire []byte
		for _, msg := range msgs {
			if len(msg) > int(max) || !framing.Fits([]byte(msg)) {
				t.Fatalf("message of %d bytes", len(msg))
			}
			wire = framing.Append(wire, []byte(msg))
		}
		if err == nil && string(wire)+rest != string(stream) {
			t.Fatalf("%q written again is %q and %q", stream, wire, rest)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05a\x00\x00\x00\x06bc\x00\x00"), uint8(1), uint8(8))
	f.Add([]byte("\x00\x00\x00\x03"), uint8(1), uint8(8))
	f.Fuzz(func(t *testing.T, stream []byte, size, max uint8) {
		msgs, rest, err := cut(Workerman, stream, int(size)+1, int(max))
		var wire []byte
		for _, msg := range msgs {
			if len(msg) > int(max) {
				t.Fatalf("message of %d bytes", len(msg))
			}
			wire = Workerman.Append(wire, []byte(msg))
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

func BenchmarkFrame(b *testing.B) {
	buf := Workerman.Append(nil, make([]byte, 64))
	b.ReportAllocs()
	for b.Loop() {
		if _, n, _ := Workerman.Next(buf, 0, 1<<20); n != 68 {
			b.Fatal(n)
		}
	}
}

package framing

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// cut feeds a stream in pieces and returns the messages, the bytes left over and the error that ended it.
func cut(f Framing, stream []byte, size, max int) (msgs []string, rest string, err error) {
	var buf []byte
	for len(stream) > 0 && err == nil {
		piece := stream[:min(size, len(stream))]
		stream = stream[len(piece):]
		scanned := len(buf)
		buf = append(buf, piece...)
		for {
			var msg []byte
			var n int
			if msg, n, err = f.Next(buf, scanned, max); n == 0 || err != nil {
				break
			}
			msgs = append(msgs, string(msg))
			buf, scanned = buf[n:], 0
		}
	}
	return msgs, string(buf), err
}

func TestLinesAreCut(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		msgs   []string
		rest   string
		err    error
	}{
		"one":                        {"hello\n", []string{"hello"}, "", nil},
		"several":                    {"a\nb\nc", []string{"a", "b"}, "c", nil},
		"carriage return is cut":     {"a\r\n", []string{"a"}, "", nil},
		"only one carriage return":   {"a\r\r\n", []string{"a\r"}, "", nil},
		"carriage return inside":     {"a\rb\n", []string{"a\rb"}, "", nil},
		"empty lines are messages":   {"\n\r\n\n", []string{"", "", ""}, "", nil},
		"any bytes":                  {"\x00\xff\n", []string{"\x00\xff"}, "", nil},
		"as long as allowed":         {"12345678\n", []string{"12345678"}, "", nil},
		"as long as allowed with CR": {"12345678\r\n", []string{"12345678"}, "", nil},
		"waiting at the limit":       {"12345678\r", nil, "12345678\r", nil},
		"one byte longer":            {"a\n123456789\n", []string{"a"}, "123456789", ErrLineTooLong},
		"one byte longer, a CR":      {"12345678\r\r\n", nil, "12345678\r\r", ErrLineTooLong},
		"without an end":             {strings.Repeat("x", 9), nil, "xxxxxxxxx", ErrLineTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(test.stream); size++ {
				msgs, rest, err := cut(Lines, []byte(test.stream), size, 8)
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

func TestTextWithAnotherDelimiter(t *testing.T) {
	for name, test := range map[string]struct {
		delimiter, stream string
		msgs              []string
		rest              string
		err               error
	}{
		"NUL":                       {"\x00", "<a/>\x00<b/>\x00<c", []string{"<a/>", "<b/>"}, "<c", nil},
		"a letter":                  {"|", "a|\n|", []string{"a", "\n"}, "", nil},
		"CR LF alone":               {"\r\n", "a\nb\r\n\r\nc\r", []string{"a\nb", ""}, "c\r", nil},
		"no CR is taken off":        {"\r\n", "a\r\r\n", []string{"a\r"}, "", nil},
		"several bytes":             {"END", "aENENDEND", []string{"aEN", ""}, "", nil},
		"as long as allowed":        {"END", "12345678END", []string{"12345678"}, "", nil},
		"waiting for the delimiter": {"END", "12345678EN", nil, "12345678EN", nil},
		"one byte longer":           {"END", "123456789END", nil, "", ErrLineTooLong},
		"without an end":            {"END", "12345678901", nil, "", ErrLineTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			framing := NewText(test.delimiter)
			for size := 1; size <= len(test.stream); size++ {
				msgs, rest, err := cut(framing, []byte(test.stream), size, 8)
				if !slices.Equal(msgs, test.msgs) || err != test.err && (err != nil || test.err != nil) {
					t.Errorf("pieces of %d: %q, %v; want %q, %v", size, msgs, err, test.msgs, test.err)
				}
				if err == nil && rest != test.rest {
					t.Errorf("pieces of %d: rest %q, want %q", size, rest, test.rest)
				}
			}
			if got := framing.Append([]byte("a"), []byte("b")); string(got) != "ab"+test.delimiter {
				t.Errorf("%q", got)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("aENENDEND"), "END", uint8(2), uint8(8))
	f.Add([]byte("a\r\n\r\r\nb"), "\r\n", uint8(1), uint8(8))
	f.Fuzz(func(t *testing.T, stream []byte, delimiter string, size, max uint8) {
		if delimiter == "" || delimiter == "\n" {
			return // FuzzLine
		}
		msgs, rest, err := cut(NewText(delimiter), stream, int(size)+1, int(max))
		var want []string
		left, tooLong := stream, false
		for {
			msg, more, found := bytes.Cut(left, []byte(delimiter))
			if tooLong = len(msg) > int(max) && (found || len(msg) >= int(max)+len(delimiter)); tooLong || !found {
				break
			}
			want, left = append(want, string(msg)), more
		}
		if !slices.Equal(msgs, want) || tooLong != (err != nil) || err == nil && rest != string(left) {
			t.Fatalf("%q, %q, %v; want %q, %q, too long %v", msgs, rest, err, want, left, tooLong)
		}
	})
}

func TestRawIsWhatArrives(t *testing.T) {
	msgs, _, err := cut(Raw{}, []byte("abcdefgh"), 5, 3)
	if want := []string{"abc", "de", "fgh"}; !slices.Equal(msgs, want) || err != nil {
		t.Errorf("%q %v", msgs, err)
	}
	if got := (Raw{}).Append([]byte("a"), []byte("b")); string(got) != "ab" {
		t.Errorf("%q", got)
	}
}

func TestLineErrorIsTyped(t *testing.T) {
	_, _, err := Lines.Next([]byte("long"), 0, 1)
	var typed *Error
	if !errors.As(err, &typed) || typed.Error() != "line longer than allowed" {
		t.Error(err)
	}
}

func TestLineToleratesScannedBeyondTheBuffer(t *testing.T) {
	if msg, n, err := Lines.Next([]byte("a"), 5, 8); msg != nil || n != 0 || err != nil {
		t.Error(msg, n, err)
	}
}

func TestAppendLine(t *testing.T) {
	if got := Lines.Append([]byte("a"), []byte("b")); string(got) != "ab\n" {
		t.Errorf("%q", got)
	}
}

func TestLineAllocatesNothing(t *testing.T) {
	buf, out := []byte("hello\r\n"), make([]byte, 0, 16)
	if allocs := testing.AllocsPerRun(100, func() {
		msg, _, _ := Lines.Next(buf, 0, 100)
		out = Lines.Append(out[:0], msg)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte("a\r\n\nbc\r\r\nd"), uint8(3), uint8(8))
	f.Add([]byte("123456789\n"), uint8(1), uint8(8))
	f.Fuzz(func(t *testing.T, stream []byte, size, max uint8) {
		msgs, rest, err := cut(Lines, stream, int(size)+1, int(max))
		var want []string
		left, tooLong := stream, false
		for !tooLong {
			line, more, found := bytes.Cut(left, []byte("\n"))
			if tooLong = len(bytes.TrimSuffix(line, []byte("\r"))) > int(max); tooLong || !found {
				break
			}
			want, left = append(want, string(bytes.TrimSuffix(line, []byte("\r")))), more
		}
		if !slices.Equal(msgs, want) || tooLong != (err != nil) || err == nil && rest != string(left) {
			t.Fatalf("%q, %q, %v; want %q, %q, too long %v", msgs, rest, err, want, left, tooLong)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	buf := []byte("hello client, this is one line of text\r\nand the next")
	b.ReportAllocs()
	for b.Loop() {
		if _, n, _ := Lines.Next(buf, 0, 1<<20); n != 40 {
			b.Fatal(n)
		}
	}
}

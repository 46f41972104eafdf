package websocket

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUTF8TakesEveryRune(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		var u UTF8
		if b := utf8.AppendRune(nil, r); !u.Write(b) || !u.Complete() {
			t.Fatalf("%U refused", r)
		}
	}
}

// TestUTF8FailsWithTheWrongByte: each text is fine but for its last byte, which nothing behind it could mend.
func TestUTF8FailsWithTheWrongByte(t *testing.T) {
	for name, text := range map[string]string{
		"lone continuation byte":      "a\x80",
		"byte that is never used":     "\xff",
		"overlong, two bytes":         "\xc0",
		"overlong, two bytes, C1":     "\xc1",
		"overlong, three bytes":       "\xe0\x9f",
		"overlong, four bytes":        "\xf0\x8f",
		"surrogate":                   "\xed\xa0",
		"beyond U+10FFFF":             "\xf4\x90",
		"lead byte beyond U+10FFFF":   "\xf5",
		"ASCII for a continuation":    "\xe2\x82a",
		"lead byte for continuation":  "\xc3\xc3",
		"after sixteen bytes of text": "0123456789abcdef\x80",
	} {
		var u UTF8
		last := len(text) - 1
		if !u.Write([]byte(text[:last])) {
			t.Errorf("%s: fails too early", name)
		}
		if u.Write([]byte(text[last:])) || u.Complete() {
			t.Errorf("%s: accepted", name)
		}
		if u.Write([]byte("a")) || u.Complete() {
			t.Errorf("%s: forgotten", name)
		}
	}
}

func TestUTF8WaitsForTheRestOfARune(t *testing.T) {
	var u UTF8
	if !u.Complete() {
		t.Error("an empty text is incomplete")
	}
	for i, b := range []byte("€𐍈") {
		if !u.Write([]byte{b}) {
			t.Fatalf("byte %d refused", i)
		}
		if complete := i == 2 || i == 6; u.Complete() != complete {
			t.Errorf("byte %d: complete %v", i, u.Complete())
		}
	}
}

func TestUTF8AllocatesNothing(t *testing.T) {
	text := []byte("grüße aus Köln")
	if allocs := testing.AllocsPerRun(100, func() { new(UTF8).Write(text) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzUTF8 compares with unicode/utf8, byte by byte for the moment of failure: a prefix is good when some continuation makes
// it valid, and what can follow the beginning of a rune is one of few.
func FuzzUTF8(f *testing.F) {
	f.Add([]byte("grüße €𐍈"), uint8(3))
	f.Add([]byte("01234567\xed\xa0\x80"), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		text = text[:min(len(text), 64)] // what follows is quadratic
		var bytewise, pieces UTF8
		good := true
		for i := range text {
			good = bytewise.Write(text[i : i+1])
			if want := mendable(text[:i+1]); good != want {
				t.Fatalf("%q: %v, want %v", text[:i+1], good, want)
			}
			if bytewise.Complete() != utf8.Valid(text[:i+1]) {
				t.Fatalf("%q: complete %v", text[:i+1], bytewise.Complete())
			}
		}
		piecesGood := true
		for rest := text; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			piecesGood = pieces.Write(rest[:n])
			rest = rest[n:]
		}
		if good != piecesGood || bytewise != pieces {
			t.Fatalf("%q: %v in pieces of %d, %v byte by byte", text, piecesGood, int(size)+1, good)
		}
	})
}

var completions = func() [][]byte {
	var all [][]byte
	for _, first := range []byte{0x80, 0x90, 0xa0} {
		all = append(all, []byte{first}, []byte{first, 0x80}, []byte{first, 0x80, 0x80})
	}
	return append(all, nil)
}()

func mendable(text []byte) bool {
	for _, end := range completions {
		if utf8.Valid(append(bytes.Clone(text), end...)) {
			return true
		}
	}
	return false
}

func BenchmarkUTF8(b *testing.B) {
	for _, test := range []struct{ name, text string }{
		{"ascii", strings.Repeat("0123456789abcdef", 64)},
		{"german", strings.Repeat("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ", 16)},
		{"cyrillic", strings.Repeat("Съешь же ещё этих мягких французских булок. ", 14)},
		{"japanese", strings.Repeat("いろはにほへとちりぬるを", 28)},
	} {
		text := []byte(test.text)
		b.Run(test.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var u UTF8
				if !u.Write(text) {
					b.Fatal()
				}
			}
		})
		b.Run(test.name+"/std", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !utf8.Valid(text) {
					b.Fatal()
				}
			}
		})
	}
}

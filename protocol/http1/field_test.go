package http1

import (
	"bytes"
	"strings"
	"testing"
)

func TestAppendFieldsWritesOneLineEach(t *testing.T) {
	fields := []Field{{[]byte("host"), []byte("h")}, {[]byte("connection"), []byte("x")}, {[]byte("a"), nil}}
	if got := AppendFields([]byte("before "), fields); string(got) != "before host: h\nconnection: x\na: \n" {
		t.Errorf("%q", got)
	}
	if got := AppendFields(nil, nil); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestAppendFieldsAllocatesNothing(t *testing.T) {
	var r Request
	if _, err := r.Parse([]byte(browserHead), Limits{}); err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 0, 1024)
	if allocs := testing.AllocsPerRun(100, func() { block = AppendFields(block[:0], r.Fields) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestValidNameTakesTokens(t *testing.T) {
	for c := range 256 {
		want := c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", rune(c))
		if got := ValidName([]byte{'a', byte(c)}); got != want {
			t.Errorf("ValidName with %#x = %v", c, got)
		}
	}
	if ValidName(nil) {
		t.Error("an empty name is valid")
	}
}

// TestValidValueRefusesControls puts every byte at every place of a value, beside bytes that carry into their neighbours
// when eight are looked at at once.
func TestValidValueRefusesControls(t *testing.T) {
	for _, filler := range []byte{'a', ' ', '\t', 0x80, 0xff, '~'} {
		for c := range 256 {
			want := c == '\t' || c >= ' ' && c != 0x7f
			for length := 1; length <= 20; length++ {
				for at := range length {
					value := bytes.Repeat([]byte{filler}, length)
					value[at] = byte(c)
					if got := ValidValue(value); got != want {
						t.Fatalf("ValidValue(%q) = %v", value, got)
					}
				}
			}
		}
	}
	if !ValidValue(nil) {
		t.Error("an empty value is invalid")
	}
}

func TestTargetEndStopsAtTheFirstForbiddenByte(t *testing.T) {
	for c := range 256 {
		for length := 1; length <= 20; length++ {
			for at := range length {
				target := bytes.Repeat([]byte{'~'}, length)
				target[at] = byte(c)
				want := length
				if c <= ' ' || c >= 0x7f {
					want = at
				}
				if got := targetEnd(target, 0); got != want {
					t.Fatalf("targetEnd(%q) = %d, want %d", target, got, want)
				}
			}
		}
	}
}

func BenchmarkAppendFields(b *testing.B) {
	var r Request
	if _, err := r.Parse([]byte(browserHead), Limits{}); err != nil {
		b.Fatal(err)
	}
	block := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		block = AppendFields(block[:0], r.Fields)
	}
}

func BenchmarkValidValue(b *testing.B) {
	value := []byte("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8")
	b.ReportAllocs()
	for b.Loop() {
		if !ValidValue(value) {
			b.Fatal()
		}
	}
}

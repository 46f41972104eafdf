package http1

import (
	"bytes"
	"io"
	"net/http/httputil"
	"regexp"
	"strings"
	"testing"
)

// decoded is what became of a body.
type decoded struct {
	payload string
	n       int
	done    bool
	err     error
}

func decode(body string) decoded {
	var c Chunked
	out, n, done, err := c.Decode(nil, []byte(body))
	return decoded{string(out), n, done, err}
}

// decodePieces cuts the body after every size bytes, and moves the state to another decoder at each cut.
func decodePieces(t *testing.T, body string, size int) (d decoded) {
	t.Helper()
	var c Chunked
	var out []byte
	for d.n < len(body) && !d.done && d.err == nil {
		piece := body[d.n:min(d.n+size, len(body))]
		var n int
		out, n, d.done, d.err = c.Decode(out, []byte(piece))
		if d.n += n; n != len(piece) && !d.done && d.err == nil {
			t.Fatalf("%q: %d of %d bytes used", body, n, len(piece))
		}
		saved, _ := c.AppendBinary(nil)
		c = Chunked{}
		if err := c.UnmarshalBinary(saved); err != nil {
			t.Fatal(err)
		}
	}
	d.payload = string(out)
	return d
}

var chunkedBodies = map[string]struct {
	body string
	want decoded
}{
	"empty body":                       {"0\r\n\r\n", decoded{"", 5, true, nil}},
	"two chunks":                       {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", decoded{"hello world", 26, true, nil}},
	"what follows is left":             {"1\r\na\r\n0\r\n\r\nGET /", decoded{"a", 11, true, nil}},
	"hex in both cases":                {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", decoded{"01234567890123456789", 35, true, nil}},
	"leading zeros":                    {"0000000000000001\r\na\r\n0000\r\n\r\n", decoded{"a", 29, true, nil}},
	"payload with line ends":           {"4\r\n\r\n\r\n\r\n0\r\n\r\n", decoded{"\r\n\r\n", 14, true, nil}},
	"extension":                        {"1;a\r\na\r\n0;b=\"c;d\"\r\n\r\n", decoded{"a", 21, true, nil}},
	"whitespace before an extension":   {"1 \t;a = b\r\na\r\n0\r\n\r\n", decoded{"a", 19, true, nil}},
	"several extensions":               {"1;a;b=c ; d=\"e\\\"f\";g\r\na\r\n0\r\n\r\n", decoded{"a", 30, true, nil}},
	"extension without name":           {"1;\r\na\r\n", decoded{"", 2, false, ErrChunkExtension}},
	"extension without value":          {"1;a=\r\na\r\n", decoded{"", 4, false, ErrChunkExtension}},
	"extension with open quotes":       {"1;a=\"b\r\na\r\n", decoded{"", 6, false, ErrChunkExtension}},
	"extension behind quotes":          {"1;a=\"b\"c\r\na\r\n", decoded{"", 7, false, ErrChunkExtension}},
	"extension with an open end":       {"1;a;\r\na\r\n", decoded{"", 4, false, ErrChunkExtension}},
	"two words in an extension":        {"1;a b\r\na\r\n", decoded{"", 4, false, ErrChunkExtension}},
	"trailers":                         {"0\r\nA: b\r\nX-c:\r\n\r\n", decoded{"", 17, true, nil}},
	"incomplete":                       {"5\r\nhel", decoded{"hel", 6, false, nil}},
	"no size":                          {"\r\n", decoded{"", 0, false, ErrChunkSize}},
	"size with 0x":                     {"0x5\r\nhello", decoded{"", 1, false, ErrChunkSize}},
	"size with plus":                   {"+5\r\nhello", decoded{"", 0, false, ErrChunkSize}},
	"size with minus":                  {"-5\r\nhello", decoded{"", 0, false, ErrChunkSize}},
	"space before the size":            {" 5\r\nhello", decoded{"", 0, false, ErrChunkSize}},
	"space after the size":             {"5 \r\nhello", decoded{"", 2, false, ErrChunkSize}},
	"digit after a space":              {"5 5\r\nhello", decoded{"", 2, false, ErrChunkSize}},
	"underscore in the size":           {"1_0\r\n", decoded{"", 1, false, ErrChunkSize}},
	"bare LF after the size":           {"5\nhello", decoded{"", 1, false, ErrChunkSize}},
	"bare CR after the size":           {"5\rhello", decoded{"", 2, false, ErrChunkSize}},
	"size of 17 digits":                {"00000000000000001\r\n", decoded{"", 16, false, ErrChunkSize}},
	"size overflow":                    {"8000000000000000\r\n", decoded{"", 15, false, ErrChunkSize}},
	"size overflow by far":             {"ffffffffffffffffffff\r\n", decoded{"", 15, false, ErrChunkSize}},
	"bare LF in an extension":          {"1;a\na\r\n0\r\n\r\n", decoded{"", 3, false, ErrChunkExtension}},
	"bare CR in an extension":          {"1;a\rb\r\na\r\n0\r\n\r\n", decoded{"", 4, false, ErrChunkSize}},
	"bare LF in a quoted extension":    {"1;a=\"\n\"\r\na\r\n0\r\n\r\n", decoded{"", 5, false, ErrChunkExtension}},
	"NUL in an extension":              {"1;\x00\r\n", decoded{"", 2, false, ErrChunkExtension}},
	"chunk longer than its size":       {"1\r\nab\r\n", decoded{"a", 4, false, ErrChunkEnd}},
	"chunk shorter than its size":      {"3\r\na\r\n0\r\n\r\n", decoded{"a\r\n", 6, false, ErrChunkEnd}},
	"bare LF after the payload":        {"1\r\na\n0\r\n\r\n", decoded{"a", 4, false, ErrChunkEnd}},
	"bare CR after the payload":        {"1\r\na\r0\r\n\r\n", decoded{"a", 5, false, ErrChunkEnd}},
	"trailer without colon":            {"0\r\nab\r\n\r\n", decoded{"", 5, false, ErrTrailer}},
	"trailer without name":             {"0\r\n: a\r\n\r\n", decoded{"", 3, false, ErrTrailer}},
	"trailer with space before colon":  {"0\r\na : b\r\n\r\n", decoded{"", 4, false, ErrTrailer}},
	"trailer folded":                   {"0\r\na: b\r\n c\r\n\r\n", decoded{"", 9, false, ErrTrailer}},
	"trailer with a control character": {"0\r\na: \x00\r\n\r\n", decoded{"", 6, false, ErrTrailer}},
	"bare LF in a trailer":             {"0\r\na: b\n\r\n", decoded{"", 7, false, ErrTrailer}},
	"bare LF as the end":               {"0\r\n\n", decoded{"", 3, false, ErrTrailer}},
	"bare CR as the end":               {"0\r\n\rX", decoded{"", 4, false, ErrTrailer}},
}

func TestChunkedDecodes(t *testing.T) {
	for name, test := range chunkedBodies {
		t.Run(name, func(t *testing.T) {
			if got := decode(test.body); got != test.want {
				t.Errorf("%q: %+v, want %+v", test.body, got, test.want)
			}
		})
	}
}

func TestChunkedIsIndependentOfSegments(t *testing.T) {
	for name, test := range chunkedBodies {
		for size := 1; size <= len(test.body); size++ {
			if got := decodePieces(t, test.body, size); got != test.want {
				t.Errorf("%s: pieces of %d: %+v, want %+v", name, size, got, test.want)
			}
		}
	}
}

func TestChunkedBoundsExtensionsByPayload(t *testing.T) {
	signature := ";chunk-signature=" + strings.Repeat("0", 64)
	chunk := "80" + signature + "\r\n" + strings.Repeat("x", 128) + "\r\n"
	if got := decode(strings.Repeat(chunk, 1000) + "0" + signature + "\r\n\r\n"); !got.done || got.err != nil {
		t.Errorf("signed chunks: %+v", got.err)
	}
	if got := decode(strings.Repeat("1;"+strings.Repeat("x", 100)+"\r\na\r\n", 1000)); got.err != ErrChunkExtension || len(got.payload) > 50 {
		t.Errorf("flood in many chunks: %v after %d", got.err, len(got.payload))
	}
	if got := decode("1;" + strings.Repeat("x", 1<<20)); got.err != ErrChunkExtension || got.n > 5000 {
		t.Errorf("endless extension: %v after %d", got.err, got.n)
	}
}

func TestChunkedBoundsTrailers(t *testing.T) {
	if got := decode("0\r\n" + strings.Repeat("a: b\r\n", 1<<16)); got.err != ErrTrailerTooLarge || got.n > 10000 {
		t.Errorf("%v after %d", got.err, got.n)
	}
}

func TestChunkedAnnouncesWhatIsLeft(t *testing.T) {
	var c Chunked
	for _, step := range []struct {
		piece string
		left  int64
	}{{"1", 0}, {"0\r", 16}, {"\n", 16}, {"abc", 13}, {"0123456789012", 0}, {"\r\n7fffffffffffffff\r\n", 1<<63 - 1}} {
		if _, _, _, err := c.Decode(nil, []byte(step.piece)); err != nil || c.Left() != step.left {
			t.Errorf("after %q: left %d, %v; want %d", step.piece, c.Left(), err, step.left)
		}
	}
}

func TestChunkedDecodesInPlace(t *testing.T) {
	for name, test := range chunkedBodies {
		var c Chunked
		body := []byte(test.body)
		if out, _, _, _ := c.Decode(body[:0], body); string(out) != test.want.payload {
			t.Errorf("%s: %q", name, out)
		}
	}
}

func TestChunkedStaysDone(t *testing.T) {
	var c Chunked
	c.Decode(nil, []byte(LastChunk))
	if out, n, done, err := c.Decode(nil, []byte("5\r\n")); len(out) != 0 || n != 0 || !done || err != nil {
		t.Errorf("%q %d %v %v", out, n, done, err)
	}
}

func TestChunkedRefusesForeignState(t *testing.T) {
	for _, saved := range [][]byte{nil, make([]byte, 17), append(make([]byte, 17), byte(chunkDone)+1), append([]byte{0xff}, make([]byte, 17)...)} {
		if err := new(Chunked).UnmarshalBinary(saved); err == nil {
			t.Errorf("%x accepted", saved)
		}
	}
}

func TestAppendChunk(t *testing.T) {
	for _, test := range []struct {
		size int
		head string
	}{{1, "1"}, {15, "f"}, {16, "10"}, {255, "ff"}, {256, "100"}, {70000, "11170"}} {
		payload := bytes.Repeat([]byte("x"), test.size)
		if got := AppendChunk([]byte("-"), payload); string(got) != "-"+test.head+"\r\n"+string(payload)+"\r\n" {
			t.Errorf("%d: %.20q", test.size, got)
		}
	}
	if got := AppendChunk(nil, nil); len(got) != 0 {
		t.Errorf("an empty payload gives %q", got)
	}
}

func TestChunkedAllocatesNothing(t *testing.T) {
	body, out := []byte("5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n"), make([]byte, 0, 64)
	if allocs := testing.AllocsPerRun(100, func() {
		var c Chunked
		out, _, _, _ = c.Decode(out[:0], body)
		out = AppendChunk(out[:0], body)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

var whitespaceBeforeExtension = regexp.MustCompile(`[0-9A-Fa-f][ \t]+;`)

// FuzzChunked: what we accept net/http's reader accepts too and reads the same, wherever the stream is cut.
func FuzzChunked(f *testing.F) {
	for _, test := range chunkedBodies {
		f.Add([]byte(test.body), uint8(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		whole := decode(string(body))
		if pieces := decodePieces(t, string(body), int(size)+1); pieces != whole {
			t.Fatalf("whole %+v; pieces of %d %+v", whole, int(size)+1, pieces)
		}
		if !whole.done {
			return
		}
		payload, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body[:whole.n])))
		if err != nil && whitespaceBeforeExtension.Match(body) {
			return // RFC 9112 7.1.1 wants it accepted, net/http refuses it
		}
		if err != nil || string(payload) != whole.payload {
			t.Fatalf("net/http reads %q, %v; we read %q", payload, err, whole.payload)
		}
		if again := decode(string(AppendChunk(nil, payload)) + LastChunk); again.payload != whole.payload || !again.done {
			t.Fatalf("written and read again: %+v", again)
		}
	})
}

func BenchmarkChunked(b *testing.B) {
	for _, test := range []struct {
		name string
		size int
	}{{"16B", 16}, {"4KiB", 4096}} {
		b.Run(test.name, func(b *testing.B) {
			body := append(bytes.Repeat(AppendChunk(nil, make([]byte, test.size)), 4), LastChunk...)
			out := make([]byte, 0, len(body))
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var c Chunked
				out, _, _, _ = c.Decode(out[:0], body)
			}
		})
	}
}

func BenchmarkAppendChunk(b *testing.B) {
	payload, out := make([]byte, 1024), make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendChunk(out[:0], payload)
	}
}

package http1

import (
	"net/http"
	"testing"
)

func TestAppendStatusWritesALine(t *testing.T) {
	for status, want := range map[int]string{
		200:  "HTTP/1.1 200 OK\r\n",
		404:  "HTTP/1.1 404 Not Found\r\n",
		299:  "HTTP/1.1 299 \r\n",
		999:  "HTTP/1.1 999 \r\n",
		99:   "HTTP/1.1 500 Internal Server Error\r\n",
		1000: "HTTP/1.1 500 Internal Server Error\r\n",
		-1:   "HTTP/1.1 500 Internal Server Error\r\n",
	} {
		for minor := range 2 {
			if got := AppendStatus([]byte("x"), minor, status); string(got) != "x"+want {
				t.Errorf("%d: %q", status, got)
			}
		}
	}
}

// TestReasonPhrases: net/http still has the names RFC 7231 gave to some.
func TestReasonPhrases(t *testing.T) {
	renamed := map[int]string{
		413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content",
	}
	for status := range 1000 {
		want, ok := renamed[status]
		if !ok {
			want = http.StatusText(status)
		}
		if got := ReasonPhrase(status); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
}

func TestHasNoBody(t *testing.T) {
	for _, test := range []struct {
		method string
		status int
		want   bool
	}{
		{"GET", 200, false}, {"HEAD", 200, true}, {"HEAD", 404, true}, {"head", 200, false}, {"GET", 101, true},
		{"GET", 204, true}, {"GET", 205, false}, {"GET", 304, true}, {"GET", 302, false}, {"POST", 500, false},
	} {
		if got := HasNoBody([]byte(test.method), test.status); got != test.want {
			t.Errorf("%s %d: %v", test.method, test.status, got)
		}
	}
}

func TestAppendStatusAllocatesNothing(t *testing.T) {
	line := make([]byte, 0, 64)
	if allocs := testing.AllocsPerRun(100, func() { line = AppendStatus(line[:0], 1, 200) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkAppendStatus(b *testing.B) {
	line := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		line = AppendStatus(line[:0], 1, 200)
	}
}

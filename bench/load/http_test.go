package load

import (
	"strings"
	"testing"
)

const helloAnswer = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 13\r\n\r\nHello, World!"

func TestAnswerWaitsForTheWholeAnswer(t *testing.T) {
	for cut := range len(helloAnswer) {
		h := NewHello()
		a, err := h.Answer([]byte(helloAnswer[:cut]), 0)
		if err != nil || a.Size != 0 || a.Done {
			t.Fatalf("%d bytes: %+v, %v", cut, a, err)
		}
	}
}

func TestAnswerTakesOneAnswerOfSeveral(t *testing.T) {
	h := NewHello()
	for _, tail := range []string{"", helloAnswer, "HTTP/1.1 500"} {
		a, err := h.Answer([]byte(helloAnswer+tail), 0)
		if err != nil || a.Size != len(helloAnswer) || !a.Done {
			t.Fatalf("tail %q: %+v, %v", tail, a, err)
		}
	}
}

func TestAnswerFollowsAChangedHead(t *testing.T) {
	h := NewHello()
	for _, date := range []string{"one", "two and longer", "3"} {
		text := strings.Replace(helloAnswer, "Server: x", "Date: "+date, 1)
		if a, err := h.Answer([]byte(text), 0); err != nil || a.Size != len(text) {
			t.Fatalf("date %q: %+v, %v", date, a, err)
		}
	}
}

func TestAnswerRefusesWhatIsWrong(t *testing.T) {
	for name, text := range map[string]string{
		"status":         "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\nHello, World!",
		"body":           "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!",
		"short body":     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
		"chunked":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\nHello, World!\r\n0\r\n\r\n",
		"length":         "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"not HTTP":       "SSH-2.0-server\r\n\r\n",
		"head unbounded": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10),
	} {
		if a, err := NewHello().Answer([]byte(text), 0); err == nil {
			t.Errorf("%s: accepted as %+v", name, a)
		}
	}
}

func TestAnswerComparesWithTheRequestItBelongsTo(t *testing.T) {
	h := NewVary()
	text := "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n10003 v023757"
	if _, err := h.Answer([]byte(text), 3); err != nil {
		t.Error(err)
	}
	if _, err := h.Answer([]byte(text), 4); err == nil {
		t.Error("the answer to request 3 passed for one to request 4")
	}
}

func TestRequestsDiffer(t *testing.T) {
	for name, h := range map[string]*HTTP{"vary": NewVary(), "json": NewJSON()} {
		seen := map[string]bool{}
		for i := range uint32(Variants) {
			seen[string(h.Request(i))] = true
		}
		if len(seen) != Variants {
			t.Errorf("%s: %d different requests", name, len(seen))
		}
	}
}

func TestAnswerDoesNotAllocate(t *testing.T) {
	h, text := NewHello(), []byte(helloAnswer)
	if n := testing.AllocsPerRun(100, func() { h.Answer(text, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

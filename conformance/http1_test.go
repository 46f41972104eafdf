package main

import (
	"strings"
	"testing"

	"gw/conformance/http1"
)

// The standard library's server takes any length, and waits for it; so this
// also shows that the suite tells servers apart.
func TestHTTP1SuiteJudgesNetHTTP(t *testing.T) {
	s, err := serveNetHTTP()
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	vectors, err := http1.Load()
	if err != nil {
		t.Fatal(err)
	}
	var some []http1.Vector
	for _, v := range vectors {
		if v.Chapter == "host" {
			some = append(some, v)
		}
	}
	c := newChapters(some)
	scores := judge(s, some, c)
	if len(scores) != 2 || scores[0].total != len(some) || scores[0].passed == len(some) || scores[0].passed < len(some)/2 || scores[1].passed != len(some) {
		t.Errorf("%+v", scores)
	}
	if text := c.table(); !strings.HasPrefix(text, "| chapter | vectors | Go net/http |\n") || !strings.Contains(text, "Go net/http: host: ") {
		t.Errorf("%.300s", text)
	}
}

package report

import (
	"strings"
	"testing"
)

func TestPageGetsItsFiguresAndKeepsTheRest(t *testing.T) {
	r := Report{Command: "go run ./bench", Rows: []Row{
		{Scenario: "hello", Peer: "gw-php", Workers: 1, Connections: 64, Runs: []Run{run(6, 2, 0)}},
		{Scenario: "hello", Peer: "workerman", Beside: "gw-php", Workers: 1, Connections: 64, Runs: []Run{run(0, 10, 0)}},
		{Scenario: "hello", Peer: "gw-php", Workers: 2, Connections: 64, Runs: []Run{run(1, 1, 0)}},
		{Scenario: "text", Peer: "gw-php", Workers: 1, Connections: 64, Runs: []Run{run(5, 1, 0.5)}},
	}}
	for i := range r.Rows {
		r.Rows[i].Settle()
	}
	page, err := r.Insert([]byte("before\n" + pageBegin + "old\n" + pageEnd + "behind\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, want := range []string{"before\n" + pageBegin, pageEnd + "behind\n", "| gw-php    | 8.0         | ~6.0 |", "| workerman | 10.0 (1.25) |      |", "go run ./bench"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "old") {
		t.Error("the old figures are still there")
	}
	if again, err := r.Insert(page); err != nil || string(again) != text {
		t.Errorf("a second time it becomes\n%s\n%v", again, err)
	}
	if _, err := r.Insert([]byte("a page without marks")); err == nil {
		t.Error("no error for a page without marks")
	}
}

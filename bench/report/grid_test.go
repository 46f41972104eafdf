package report

import (
	"strings"
	"testing"
)

func TestGridIsMarkdownWithStraightColumns(t *testing.T) {
	g := Grid{Headings: []string{"peer", "µs"}}
	g.Add("gw-php", "8.6")
	g.Add("uvicorn", "26.2")
	var text strings.Builder
	if err := g.Write(&text); err != nil {
		t.Fatal(err)
	}
	want := "| peer    | µs   |\n|---------|------|\n| gw-php  | 8.6  |\n| uvicorn | 26.2 |\n"
	if text.String() != want {
		t.Errorf("got\n%s", text.String())
	}
}

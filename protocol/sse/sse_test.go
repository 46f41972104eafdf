package sse

import (
	"bytes"
	"strings"
	"testing"
)

func TestDataBecomesOneLineForEachOfItsLines(t *testing.T) {
	for data, want := range map[string]string{
		"":                       "data: \n\n",
		"x":                      "data: x\n\n",
		"a\nb":                   "data: a\ndata: b\n\n",
		"a\r\nb\rc":              "data: a\ndata: b\ndata: c\n\n",
		"a\n":                    "data: a\ndata: \n\n",
		"x\n\nevent: forged":     "data: x\ndata: \ndata: event: forged\n\n",
		" leading space is kept": "data:  leading space is kept\n\n",
	} {
		if got := string(AppendData(nil, []byte(data))); got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
}

func TestBlockEndsWithAnEmptyLine(t *testing.T) {
	for _, block := range []string{"id: 7\ndata: x", "id: 7\ndata: x\n", "id: 7\ndata: x\n\n"} {
		if got := string(AppendBlock(nil, []byte(block))); got != "id: 7\ndata: x\n\n" {
			t.Errorf("%q: %q", block, got)
		}
	}
}

func TestTextOfABlockIsItsData(t *testing.T) {
	for block, want := range map[string]string{
		"id: 7\nevent: e\nretry: 5\ndata: x\n\n": "x",
		"data:x\ndata:  y\n\n":                   "x\n y",
		"data: a\r\ndata: b\rdata\n\n":           "a\nb\n",
		"data":                                   "",
	} {
		if got, ok := AppendText(nil, []byte(block)); string(got) != want || !ok {
			t.Errorf("%q: %q %v, want %q", block, got, ok, want)
		}
	}
	for _, block := range []string{"", ": comment\n\n", "retry: 5\n\n", "database: x\n\n", " data: x\n\n"} {
		if got, ok := AppendText(nil, []byte(block)); ok {
			t.Errorf("%q has no data, got %q", block, got)
		}
	}
}

func FuzzDataSurvives(f *testing.F) {
	for _, seed := range []string{"", "x", "a\nb", "a\r\nb\rc\n", "\n\n", "data: x\n\nevent: y", "\xff\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		block := AppendData(nil, data)
		if i := bytes.Index(block, []byte("\n\n")); i != len(block)-2 {
			t.Fatalf("%q holds more than one event", block)
		}
		for _, line := range strings.Split(strings.TrimSuffix(string(block), "\n\n"), "\n") {
			if !strings.HasPrefix(line, "data: ") || strings.Contains(line, "\r") {
				t.Fatalf("line %q", line)
			}
		}
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
		if got, ok := AppendText(nil, block); !ok || string(got) != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

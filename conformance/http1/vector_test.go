package http1

import (
	"reflect"
	"strings"
	"testing"
)

func TestEveryVectorIsReadable(t *testing.T) {
	vectors, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 700 {
		t.Errorf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		if !strings.HasPrefix(v.Rule, "RFC ") || !strings.Contains(v.Rule, " section ") {
			t.Errorf("%s: %s: the rule %q names no section of an RFC", v.Chapter, v.Name, v.Rule)
		}
	}
}

func TestAVectorReads(t *testing.T) {
	list, err := parse("chapter.txt", `# a comment

[name with [brackets]] RFC 1 section 2
> GET / HTTP/1.1
+ a\r\n\x00\t\0\\\{ab*3}
~
> b
$
= 100 400,4xx- {allow} {!date} "seen \\ text" keep
| close
`)
	want := []Vector{{Chapter: "chapter", Name: "name with [brackets]", Rule: "RFC 1 section 2",
		Steps: []Step{{Send: []byte("GET / HTTP/1.1\r\na\r\n\x00\t\x00\\ababab")}, {Await: true}, {Send: []byte("b\r\n")}, {End: true}},
		Outcomes: []Outcome{
			{Answers: []Answer{{Statuses: []string{"100"}}, {Statuses: []string{"400", "4xx"}, HeadOnly: true, Fields: []string{"allow", "!date"}, Seen: `seen \ text`}}, Ending: Keep},
			{Ending: Close},
		}}}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("got %+v, %v\nwant %+v", list, err, want)
	}
}

func TestVariantsOfAVector(t *testing.T) {
	list, err := parse("a.txt", "[host @@] RFC 1 section 2\n. x\n. y\\t\n> Host: @@\n= 200 \"@@\" close\n")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if v := list[1]; v.Name != `host y\t` || string(v.Steps[0].Send) != "Host: y\t\r\n" || v.Outcomes[0].Answers[0].Seen != "y\t" {
		t.Errorf("%+v", v)
	}
}

func TestFaultsOfAFileNameTheirPlace(t *testing.T) {
	const head = "[a] RFC 1 section 2\n"
	for text, want := range map[string]string{
		"> early\n":                             "a.txt:1: write [name]",
		"\n[no rule]\n> x\n= close\n":           "a.txt:2: write [name]",
		head + "! x\n":                          "begins with one of",
		head + "> \\q\n":                        `there is no \q`,
		head + "> \\x1\n":                       `\x needs two`,
		head + "> \\{a}\n":                      `write \{text*count}`,
		head + "> a\\\n":                        `ends with \`,
		head + "> x\n= 200\n":                   "ends with keep, close or wait",
		head + "> x\n= close 200\n":             "stands last",
		head + "> x\n= what close\n":            "no status",
		head + "> x\n= 200 \"a close\n":         `no " closes`,
		head + "> x\n| close\n":                 "begins with =",
		head + "> x\n":                          "expects nothing",
		head + "= close\n":                      "sends or expects nothing",
		head + "> x\n= close\n= close\n":        "begins with =",
		head + "> x\n= \"seen\" 200 close\n":    "no status",
		head + "> x\n= {allow} \"seen\" keep\n": "no status",
	} {
		if _, err := parse("a.txt", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

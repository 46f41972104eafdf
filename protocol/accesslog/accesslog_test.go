package accesslog

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func record() Record {
	return Record{
		Moment: Moment{Common: []byte("22/Nov/2026:02:39:14 +0000"), Second: []byte("2026-11-22T02:39:14"), Zone: []byte("Z"), Milli: 7},
		ID:     1 << 40, Listener: "front", Remote: []byte("192.0.2.1"),
		Method: []byte("GET"), Target: []byte("/a?b=1"), Protocol: "HTTP/1.1", Scheme: "https", Host: []byte("example.org"),
		Referer: []byte("https://example.org/"), Agent: []byte("curl/8.0"),
		Status: 200, Sent: 5, Took: 12345, Queued: 1000, Handled: 11001, Pool: "web", Slot: 2, Worker: 7,
	}
}

func TestCombinedLine(t *testing.T) {
	r := record()
	want := `192.0.2.1 - - [22/Nov/2026:02:39:14 +0000] "GET /a?b=1 HTTP/1.1" 200 5 "https://example.org/" "curl/8.0"` + "\n"
	if got := string(AppendCombined(nil, &r)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	r = Record{Moment: r.Moment, Remote: r.Remote, Status: 400}
	want = `192.0.2.1 - - [22/Nov/2026:02:39:14 +0000] "-" 400 0 "-" "-"` + "\n"
	if got := string(AppendCombined(nil, &r)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestJSONLine(t *testing.T) {
	r := record()
	want := `{"time":"2026-11-22T02:39:14.007Z","id":1099511627776,"listener":"front","remote":"192.0.2.1","method":"GET","target":"/a?b=1",` +
		`"protocol":"HTTP/1.1","scheme":"https","host":"example.org","status":200,"sent":5,"received":0,"took_ms":12.345,"queue_ms":1.000,"handler_ms":11.001,` +
		`"pool":"web","slot":2,"worker":7,"referer":"https://example.org/","user_agent":"curl/8.0"}` + "\n"
	if got := string(AppendJSON(nil, &r)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	r.RequestID, r.Proxy, r.Upgrade, r.CloseCode = []byte("abc"), []byte("10.0.0.1"), "websocket", 1001
	got := string(AppendJSON(nil, &r))
	for _, part := range []string{`"request_id":"abc"`, `"proxy":"10.0.0.1"`, `"upgrade":"websocket"`, `"close_code":1001`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
}

func TestClientsCannotForgeLines(t *testing.T) {
	r := record()
	for text, want := range map[string][2]string{
		"a\" 200 0 \"-\" \"-\"\n6.6.6.6 - -": {`a\x22 200 0 \x22-\x22 \x22-\x22\x0a6.6.6.6 - -`, `a\" 200 0 \"-\" \"-\"\u000a6.6.6.6 - -`},
		`back\slash`:                         {`back\x5cslash`, `back\\slash`},
		"\x00\x1b[2J\x7f":                    {`\x00\x1b[2J\x7f`, `\u0000\u001b[2J\u007f`},
		"caf\u00e9 \u4f60":                   {`caf\xc3\xa9 \xe4\xbd\xa0`, "caf\u00e9 \u4f60"},
		"\xff\xc3":                           {`\xff\xc3`, `\ufffd\ufffd`},
		"\u009b2J\u2028":                     {`\xc2\x9b2J\xe2\x80\xa8`, `\u009b2J\u2028`},
		"\ufffd":                             {`\xef\xbf\xbd`, "\ufffd"},
	} {
		r.Agent = []byte(text)
		if got := string(AppendCombined(nil, &r)); !strings.HasSuffix(got, ` "`+want[0]+"\"\n") {
			t.Errorf("%q: %s", text, got)
		}
		if got := string(AppendJSON(nil, &r)); !strings.HasSuffix(got, `,"user_agent":"`+want[1]+"\"}\n") {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestLongTextsAreCut(t *testing.T) {
	r := record()
	worst := bytes.Repeat([]byte{1}, 64<<10)
	r.RequestID, r.Remote, r.Proxy, r.Method, r.Target, r.Host, r.Referer, r.Agent = worst, worst, worst, worst, worst, worst, worst, worst
	for name, line := range map[string][]byte{"combined": AppendCombined(nil, &r), "json": AppendJSON(nil, &r)} {
		if len(line) > 2*MaxLine {
			t.Errorf("%s: %d bytes", name, len(line))
		}
	}
	r = record() // what a request can hold: its address and method are short
	r.RequestID, r.Target, r.Host, r.Referer, r.Agent = worst[:200], worst, worst[:255], worst, worst
	for name, line := range map[string][]byte{"combined": AppendCombined(nil, &r), "json": AppendJSON(nil, &r)} {
		if len(line) > MaxLine {
			t.Errorf("%s: %d bytes", name, len(line))
		}
	}
}

func TestLinesAllocateNothing(t *testing.T) {
	r := record()
	line := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { AppendJSON(AppendCombined(line, &r), &r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzLine: one line each, JSON reads back as JSON, and with valid UTF-8 as what went in.
func FuzzLine(f *testing.F) {
	f.Add([]byte("/a?b"), []byte("curl/8.0"), "front")
	f.Add([]byte("\"}\n{\""), []byte("\\\xff\u2028\u009b"), "a\"b")
	f.Fuzz(func(t *testing.T, target, agent []byte, listener string) {
		r := record()
		r.Target, r.Host, r.Agent, r.Referer, r.Listener = target, agent, agent, target, listener
		combined := AppendCombined(nil, &r)
		if bytes.IndexByte(combined, '\n') != len(combined)-1 || bytes.Count(combined, []byte(`"`)) != 6 {
			t.Fatalf("%q", combined)
		}
		for _, c := range combined[:len(combined)-1] {
			if c < ' ' || c > '~' {
				t.Fatalf("%q", combined)
			}
		}
		line := AppendJSON(nil, &r)
		if bytes.IndexByte(line, '\n') != len(line)-1 || !utf8.Valid(line) {
			t.Fatalf("%q", line)
		}
		var read struct {
			Target, Listener string
			Agent            string `json:"user_agent"`
			Worker           int
		}
		if err := json.Unmarshal(line, &read); err != nil || read.Worker != 7 {
			t.Fatalf("%q: %v", line, err)
		}
		if utf8.Valid(target) && len(target) <= maxTarget && read.Target != string(target) || utf8.Valid(agent) && len(agent) <= maxText && read.Agent != string(agent) {
			t.Fatalf("%q reads as %+v", line, read)
		}
	})
}

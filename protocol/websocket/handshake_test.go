package websocket

import (
	"maps"
	"strings"
	"testing"
)

func handshakeFields() map[string]string {
	return map[string]string{
		"host": "h", "upgrade": "websocket", "connection": "Upgrade",
		"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13",
	}
}

func lookup(fields map[string]string) func(string) []byte {
	return func(name string) []byte {
		if value, ok := fields[name]; ok {
			return []byte(value)
		}
		return nil
	}
}

func TestCheckHandshake(t *testing.T) {
	type fields = map[string]string
	for name, test := range map[string]struct {
		method  string
		minor   int
		changed fields // "-" removes
		want    *HandshakeError
	}{
		"good":                        {"GET", 1, nil, nil},
		"browser":                     {"GET", 1, fields{"connection": "keep-alive, Upgrade"}, nil},
		"case does not matter":        {"GET", 1, fields{"connection": "UPGRADE", "upgrade": "WebSocket"}, nil},
		"several protocols offered":   {"GET", 1, fields{"upgrade": "h2c ,\twebsocket"}, nil},
		"empty Host":                  {"GET", 1, fields{"host": ""}, nil},
		"POST":                        {"POST", 1, nil, ErrHandshakeMethod},
		"HTTP/1.0":                    {"GET", 0, nil, ErrHandshakeVersion},
		"no Host":                     {"GET", 1, fields{"host": "-"}, ErrHandshakeHost},
		"no Upgrade":                  {"GET", 1, fields{"upgrade": "-"}, ErrUpgrade},
		"Upgrade to something else":   {"GET", 1, fields{"upgrade": "websocket2"}, ErrUpgrade},
		"no Connection":               {"GET", 1, fields{"connection": "-"}, ErrConnection},
		"another word of that length": {"GET", 1, map[string]string{"upgrade": "websockex"}, ErrUpgrade},
		"Connection without it":       {"GET", 1, fields{"connection": "keep-alive"}, ErrConnection},
		"no key":                      {"GET", 1, fields{"sec-websocket-key": "-"}, ErrKey},
		"short key":                   {"GET", 1, fields{"sec-websocket-key": "SGVsbG8="}, ErrKey},
		"two keys":                    {"GET", 1, fields{"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="}, ErrKey},
		"no version":                  {"GET", 1, fields{"sec-websocket-version": "-"}, ErrWebSocketVersion},
		"older version":               {"GET", 1, fields{"sec-websocket-version": "8"}, ErrWebSocketVersion},
		"version list":                {"GET", 1, fields{"sec-websocket-version": "13, 8"}, ErrWebSocketVersion},
	} {
		t.Run(name, func(t *testing.T) {
			all := handshakeFields()
			maps.Copy(all, test.changed)
			maps.DeleteFunc(all, func(_, value string) bool { return value == "-" })
			if got := CheckHandshake([]byte(test.method), test.minor, lookup(all)); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestRefusalsCarryTheHeadersTheirStatusNeeds(t *testing.T) {
	if got := ErrHandshakeMethod; got.Status != 405 || got.Headers[0] != [2]string{"Allow", "GET"} {
		t.Error(got, got.Headers)
	}
	want := [2]string{"Sec-WebSocket-Version", "13"}
	if got := ErrWebSocketVersion; got.Status != 426 || got.Headers[2] != want || !strings.HasPrefix(got.Error(), "426: ") {
		t.Error(got, got.Headers)
	}
}

func TestValidKey(t *testing.T) {
	for key, want := range map[string]bool{
		"dGhlIHNhbXBsZSBub25jZQ==":   true,
		"AAAAAAAAAAAAAAAAAAAAAA==":   true,
		"":                           false,
		"dGhlIHNhbXBsZSBub25jZQ":     false, // not padded
		"dGhlIHNhbXBsZSBub25jZXg=":   false, // 17 bytes
		"dGhlIHNhbXBsZSBub25jZXh5":   false, // 18 bytes
		"dGhlIHNhbXBsZSBub2\n\nZQ==": false,
		"dGhlIHNhbXBsZSBub25j!Q==":   false,
		"dGhlIHNhbXBsZSBub25jZQ==AA": false,
	} {
		if got := ValidKey([]byte(key)); got != want {
			t.Errorf("%q: %v", key, got)
		}
	}
}

// TestAppendAccept is the example of RFC 6455 1.3.
func TestAppendAccept(t *testing.T) {
	if got := AppendAccept([]byte("-"), []byte("dGhlIHNhbXBsZSBub25jZQ==")); string(got) != "-s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("%q", got)
	}
}

func TestHandshakeAllocatesNothing(t *testing.T) {
	fields := map[string][]byte{}
	for name, value := range handshakeFields() {
		fields[name] = []byte(value)
	}
	header := func(name string) []byte { return fields[name] }
	method, out := []byte("GET"), make([]byte, 0, 64)
	if allocs := testing.AllocsPerRun(100, func() {
		if err := CheckHandshake(method, 1, header); err != nil {
			t.Fatal(err)
		}
		out = AppendAccept(out[:0], fields["sec-websocket-key"])
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkHandshake(b *testing.B) {
	fields := map[string][]byte{}
	for name, value := range handshakeFields() {
		fields[name] = []byte(value)
	}
	header := func(name string) []byte { return fields[name] }
	method, out := []byte("GET"), make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckHandshake(method, 1, header); err != nil {
			b.Fatal(err)
		}
		out = AppendAccept(out[:0], fields["sec-websocket-key"])
	}
}

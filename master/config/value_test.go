package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "500ms": 500 * time.Millisecond, "1.5s": 1500 * time.Millisecond,
		"7d": 7 * 24 * time.Hour, "0": 0, "0s": 0, "0.1ms": time.Millisecond, "1m1s1ms": 61001 * time.Millisecond,
	} {
		got, err := parseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
		if again, err := parseDuration(showDuration(want)); err != nil || again != want {
			t.Errorf("%s shown as %s: got %s, %v", want, showDuration(want), again, err)
		}
	}
	for _, text := range []string{"", "-1s", "s", "1 s", "30", "1.5", "1y", "1s2", "999999999d"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"10MiB": 10 << 20, "10M": 10 << 20, "64k": 64 << 10, "64K": 64 << 10, "2g": 2 << 30, "65536": 65536, "12B": 12,
		"10MB": 10e6, "3kB": 3000, "1GiB": 1 << 30, "0": 0, "1Ki": 1024,
	} {
		got, err := parseSize(text)
		if err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
		if again, err := parseSize(showSize(want)); err != nil || again != want {
			t.Errorf("%d shown as %s: got %d, %v", want, showSize(want), again, err)
		}
	}
	for _, text := range []string{"", "M", "-1", "1.5M", "10 M", "10TB", "9223372036854775807K", "99999999999999999999"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
}

func TestSplitWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                       nil,
		"  php   app.php ":       {"php", "app.php"},
		`php 'a b' "c d" e\ f`:   {"php", "a b", "c d", "e f"},
		`a'b'"c"`:                {"abc"},
		`'' ""`:                  {"", ""},
		`"say \"hi\"" 'it\s'`:    {`say "hi"`, `it\s`},
		"php\tapp.php\n--port 1": {"php", "app.php", "--port", "1"},
	} {
		if got, err := splitWords(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`'a`, `"a`, `a\`} {
		if got, err := splitWords(text); err == nil {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func TestListenTexts(t *testing.T) {
	for text, want := range map[string][2]string{
		"http://0.0.0.0:8080":     {"http", "0.0.0.0:8080"},
		"http://:8080":            {"http", ":8080"},
		"http://*:8080":           {"http", ":8080"},
		"*:8080":                  {"http", ":8080"},
		"8080":                    {"http", ":8080"},
		"websocket://[::1]:0":     {"websocket", "[::1]:0"},
		"tcp://[fe80::1%eth0]:1":  {"tcp", "[fe80::1%eth0]:1"},
		"tcp://[fe80::g]:1":       {"tcp", ""},
		"udp://:53":               {"udp", ":53"},
		"udp://unix:/run/a.sock":  {"udp", ""},
		"http://systemd:web":      {"http", "systemd:web"},
		"http://systemd:":         {"http", ""},
		"http://systemd:a:b":      {"http", ""},
		"frame://my-host.local:1": {"frame", "my-host.local:1"},
		"text://unix:/run/a.sock": {"text", "unix:/run/a.sock"},
		"text://unix:a/../b.sock": {"text", "unix:/srv/b.sock"},
	} {
		scheme, address, err := parseListen(text, "/srv")
		if want[1] == "" {
			if err == nil {
				t.Errorf("%s: got %s", text, address)
			}
		} else if err != nil || scheme != want[0] || address != want[1] {
			t.Errorf("%s: got %s %s, %v, want %s", text, scheme, address, err, want)
		}
	}
}

func TestCollidingAddresses(t *testing.T) {
	for pair, want := range map[string]bool{
		":80 :80": true, ":80 :81": false, "127.0.0.1:80 127.0.0.2:80": false, ":80 127.0.0.1:80": true, "0.0.0.0:80 127.0.0.1:80": true,
		"0.0.0.0:80 [::1]:80": false, "[::]:80 0.0.0.0:80": true, "0.0.0.0:80 localhost:80": true, ":0 :0": false,
		"unix:/a unix:/a": true, "unix:/a unix:/b": false, "unix:/a :80": false,
	} {
		a, b, _ := strings.Cut(pair, " ")
		first, second := &Listener{Scheme: "http", Address: a}, &Listener{Scheme: "text", Address: b}
		if collide(first, second) != want || collide(second, first) != want {
			t.Errorf("%s: want %t", pair, want)
		}
	}
	for name, want := range map[string]struct {
		a, b    Listener
		collide bool
	}{
		"TCP and UDP":               {Listener{Scheme: "tcp", Address: ":53"}, Listener{Scheme: "udp", Address: ":53"}, false},
		"UDP twice":                 {Listener{Scheme: "udp", Address: ":53"}, Listener{Scheme: "udp", Address: "127.0.0.1:53"}, true},
		"each family of its own":    {Listener{Address: "[::]:80", Socket: Socket{IPv6Only: true}}, Listener{Address: "0.0.0.0:80"}, false},
		"* without IPv4":            {Listener{Address: ":80", Socket: Socket{IPv6Only: true}}, Listener{Address: "127.0.0.1:80"}, false},
		"all of IPv6":               {Listener{Address: "[::]:80", Socket: Socket{IPv6Only: true}}, Listener{Address: "[::1]:80"}, true},
		"the same socket of system": {Listener{Address: "systemd:a"}, Listener{Address: "systemd:a"}, true},
	} {
		if collide(&want.a, &want.b) != want.collide || collide(&want.b, &want.a) != want.collide {
			t.Errorf("%s: want %t", name, want.collide)
		}
	}
}

func TestDelimiters(t *testing.T) {
	for text, want := range map[string]string{
		`\r\n`: "\r\n", "\r\n": "\r\n", `\0`: "\x00", `\x1e`: "\x1e", "|": "|", `\\`: `\`, "END": "END", `\t`: "\t", "é": "é", `\xff`: "\xff",
	} {
		got, ok := unescape(text)
		if !ok || got != want {
			t.Errorf("%s: got %q, %t, want %q", text, got, ok, want)
		}
		if again, ok := unescape(showDelimiter(want)); !ok || again != want {
			t.Errorf("%q shown as %s: got %q", want, showDelimiter(want), again)
		}
	}
	for _, text := range []string{`\`, `\q`, `\x`, `\x1`, `\xzz`, `a\`} {
		if got, ok := unescape(text); ok {
			t.Errorf("%s: got %q", text, got)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"workers", "command", "max_requests", "env"}
	for word, want := range map[string]string{"worker": "workers", "wrokers": "workers", "comand": "command", "max_request": "max_requests", "evn": "env", "colour": "", "": ""} {
		if got := Suggest(word, known); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

func TestStateDir(t *testing.T) {
	hash := "-" + strings.TrimPrefix(instanceName("/srv/shop/gw.yaml"), "shop-")
	for _, c := range []struct {
		uid       int
		variables []string
		want      string
	}{
		{0, nil, "/run/gw/shop" + hash},
		{0, []string{"XDG_RUNTIME_DIR=/run/user/0"}, "/run/gw/shop" + hash},
		{1000, []string{"XDG_RUNTIME_DIR=/run/user/1000"}, "/run/user/1000/gw/shop" + hash},
		{1000, nil, "/tmp/gw-1000/shop" + hash},
		{1000, []string{"GW_STATE_DIR=/var/lib/x"}, "/var/lib/x"},
	} {
		s := fakeSystem(t, c.variables...)
		s.uid = c.uid
		t.Setenv("TMPDIR", "/tmp")
		if got := s.stateDir("/srv/shop/gw.yaml"); got != c.want {
			t.Errorf("uid %d, %v: got %s, want %s", c.uid, c.variables, got, c.want)
		}
	}
	if a, b := instanceName("/a/gw.yaml"), instanceName("/b/a/gw.yaml"); a == b || len(a) != len("a-12345678") {
		t.Errorf("two folders of one name: %s and %s", a, b)
	}
	if got := instanceName("/gw.yaml"); strings.HasPrefix(got, "-") {
		t.Errorf("name begins with a dash: %s", got)
	}
}

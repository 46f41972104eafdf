package websocket

import (
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		patterns, origin, host string
		allowed                bool
	}{
		{"", "https://evil.example", "a", true},
		{"https://example.com", "https://example.com", "a", true},
		{"https://example.com", "HTTPS://Example.COM", "a", true},
		{"https://example.com", "https://example.com:443", "a", true},
		{"https://example.com:443", "https://example.com", "a", true},
		{"https://example.com", "http://example.com", "a", false},
		{"https://example.com", "https://example.com:8443", "a", false},
		{"https://example.com", "https://example.com.evil.example", "a", false},
		{"https://example.com", "https://evilexample.com", "a", false},
		{"https://example.com", "https://www.example.com", "a", false},
		{"https://example.com", "null", "a", false},
		{"https://example.com", "", "a", false},
		{"https://example.com", "https://example.com, https://example.com", "a", false},
		{"https://example.com http://localhost:3000", "http://localhost:3000", "a", true},
		{"https://*.example.com", "https://www.example.com", "a", true},
		{"https://*.example.com", "https://a.b.example.com", "a", true},
		{"https://*.example.com", "https://example.com", "a", false},
		{"https://*.example.com", "https://.example.com", "a", false},
		{"https://*.example.com", "https://evilexample.com", "a", false},
		{"https://*.example.com:8443", "https://www.example.com", "a", false},
		{"http://localhost:*", "http://localhost:5173", "a", true},
		{"http://localhost:*", "http://localhost", "a", true},
		{"http://[::1]:8080", "http://[::1]:8080", "a", true},
		{"http://[::1]", "http://[::1]", "a", true},
		{"*", "anything", "a", true},
		{"null", "null", "a", true},
		{"null", "https://null", "a", false},
		{"self", "http://example.com:8080", "example.com:8080", true},
		{"self", "https://example.com", "Example.com", true},
		{"self", "https://example.com", "example.com:443", true},
		{"self", "https://example.com", "example.org", false},
		{"self", "https://example.com:8443", "example.com", false},
		{"self", "null", "", false},
	} {
		o, err := ParseOrigins(strings.Fields(test.patterns))
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Allow([]byte(test.origin), []byte(test.host)); got != test.allowed {
			t.Errorf("%s: %q for host %q: %v", test.patterns, test.origin, test.host, got)
		}
		if !o.Allow(nil, []byte(test.host)) {
			t.Errorf("%s: a program without Origin is refused", test.patterns)
		}
	}
}

func TestOriginPatternsThatMeanNothing(t *testing.T) {
	for text, want := range map[string]error{
		"example.com": errOriginForm, "": errOriginForm, "https://": errOriginForm, "://x": errOriginForm, "https://a b": errOriginForm, "https://u@a": errOriginForm,
		"https://example.com/": errOriginPath, "https://example.com/app": errOriginPath, "https://example.com:80/": errOriginPath,
		"https://*": errOriginStar, "https://www.*.com": errOriginStar, "*://example.com": errOriginStar,
		"https://example.com:x": errOriginPort, "https://example.com:0": errOriginPort, "https://example.com:70000": errOriginPort,
	} {
		if _, err := ParseOrigins([]string{text}); err != want {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func FuzzOrigins(f *testing.F) {
	f.Add("https://*.example.com:8443", "https://www.example.com:8443", "x")
	f.Add("self", "http://[::1]:80", "[::1]")
	f.Fuzz(func(t *testing.T, pattern, origin, host string) {
		o, err := ParseOrigins([]string{pattern})
		if err != nil {
			return
		}
		o.Allow([]byte(origin), []byte(host))
		if _, name, _ := splitOrigin(pattern); !o[0].any && !o[0].self && !o[0].subdomains && o[0].port != "*" && name != "" && !o.Allow([]byte(pattern), []byte(host)) {
			t.Fatalf("%q does not allow itself", pattern)
		}
	})
}

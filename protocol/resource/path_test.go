package resource

import (
	"bytes"
	"path"
	"strings"
	"testing"
)

func TestFilePath(t *testing.T) {
	const none = "none"
	for request, want := range map[string]string{
		"/":                             "/",
		"/a":                            "a",
		"/a/":                           "a/",
		"/a/b.css":                      "a/b.css",
		"/a%20b":                        "a b",
		"/%C3%A9":                       "é",
		"/caf%c3%a9/x":                  "café/x",
		"/a%252e":                       "a%2e", // decoded once
		"/%252e%252e/secret":            "%2e%2e/secret",
		"/a%2Bb+c":                      "a+b+c",
		"/...":                          "...",
		"/..a":                          "..a",
		"/a..b/c":                       "a..b/c",
		"/.env":                         ".env", // Hidden judges it
		"/a~":                           "a~",
		"/a?b":                          "a?b",
		"":                              none,
		"a":                             none,
		"*":                             none,
		"//":                            none,
		"//etc/passwd":                  none,
		"/a//b":                         none,
		"/a/b//":                        none,
		"/..":                           none,
		"/../etc/passwd":                none,
		"/a/../../etc/passwd":           none,
		"/a/..":                         none,
		"/./a":                          none,
		"/a/.":                          none,
		"/%2e%2e/etc/passwd":            none,
		"/%2E%2E/etc/passwd":            none,
		"/.%2e/etc/passwd":              none,
		"/%2e./etc/passwd":              none,
		"/%2e":                          none,
		"/a/%2e%2e":                     none,
		"/..%2fetc/passwd":              none,
		"/%2fetc/passwd":                none,
		"/a%2Fb":                        none,
		"/a%2f":                         none,
		"/..\\..\\secret":               none,
		"/..%5c..%5csecret":             none,
		"/a\\b":                         none,
		"/a%00":                         none,
		"/a.php%00.png":                 none,
		"/%0a":                          none,
		"/a%0d%0ab":                     none,
		"/a%7f":                         none,
		"/%":                            none,
		"/%2":                           none,
		"/%zz":                          none,
		"/%u002e":                       none,
		"/%c0%ae%c0%ae/passwd":          "\xc0\xae\xc0\xae/passwd", // overlong dots are just bytes
		"/" + strings.Repeat("a", 5000): none,
	} {
		name, dir, ok := FilePath(nil, []byte(request))
		got := string(name)
		switch {
		case !ok:
			got = none
		case dir:
			got += "/"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", request, got, want)
		}
	}
}

func TestHiddenNames(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "a": false, "a.b": false, "a/b.c": false, "a./b": false,
		".env": true, ".git/config": true, "a/.htaccess": true, "a/.b/c": true, "...": true,
		".well-known": false, ".well-known/security.txt": false, ".well-known/acme-challenge/x": false,
		".well-known/.env": true, ".well-knownx": true, "a/.well-known/b": true, ".well-known.bak": true,
	} {
		if got := Hidden([]byte(name)); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestEndings(t *testing.T) {
	endings := []string{".php", "~"}
	for name, want := range map[string]bool{"index.php": true, "index.PHP": true, "a/b.pHp": true, "index.php~": true, "php": false, "index.phps": false, "": false, ".php/x": false} {
		if got := EndsIn([]byte(name), endings); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzFilePath(f *testing.F) {
	for _, seed := range []string{"/", "/a/b", "/%2e%2e/x", "/a//b", "/..%2f", "/a%00", "/a/", "/%252e"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		name, dir, ok := FilePath(nil, request)
		if !ok {
			return
		}
		if bytes.ContainsAny(name, "\x00\\\r\n") {
			t.Fatalf("%q gives %q", request, name)
		}
		if s := string(name); s != "" && (path.Clean("/"+s) != "/"+s || s[0] == '/') {
			t.Fatalf("%q gives %q, which is not clean", request, name)
		}
		if dir != (request[len(request)-1] == '/') {
			t.Fatalf("%q: dir %v", request, dir)
		}
	})
}

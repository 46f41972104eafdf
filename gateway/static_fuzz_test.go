package gateway

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"

	"gw/protocol/control"
)

// FuzzStatic asks a folder of files for anything: nothing outside of it may be
// shown, and what is answered must be a response.
func FuzzStatic(f *testing.F) {
	for _, seed := range []struct{ path, fields string }{
		{"/a.txt", "Range: bytes=0-1,5-\r\n"}, {"/%2e%2e/secret", ""}, {"/up", "If-None-Match: *\r\n"}, {"/dir", ""}, {"/dir/", "Accept-Encoding: br, gzip;q=0.5\r\n"},
		{"/dir/..%2f../secret", ""}, {"/.hidden", "Accept: text/html\r\n"}, {"/a.txt", "If-Range: \"x\"\r\nRange: bytes=-3\r\n"}, {"/dir?%00", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
	} {
		f.Add([]byte(seed.path), []byte(seed.fields))
	}
	outside := folderOf(f, map[string]string{"secret": "SECRET", "root/a.txt": "0123456789", "root/a.txt.gz": "packed", "root/dir/index.html": "page", "root/up": "-> ../secret", "root/.hidden": "SECRET", "root/x.php": "SECRET"})
	f.Fuzz(func(t *testing.T, path, fields []byte) {
		s := newStill(t)
		m := staticOf(outside + "/root")
		m.Missing = "404"
		s.ln.configureStatic([]control.Static{m})
		c, client := s.meet("http")
		client.write(append(append(append([]byte("GET "), path...), " HTTP/1.1\r\nHost: x\r\n"...), append(fields, "\r\n"...)...))
		s.settle()
		for c.exchange != nil && c.exchange.state == exchangeOpening {
			if err := s.turn(true); err != nil {
				t.Fatal(err)
			}
		}
		s.settle()
		answer := client.read()
		if bytes.Contains(answer, []byte("SECRET")) {
			t.Fatalf("%q with %q shows %q", path, fields, answer)
		}
		if len(answer) > 0 {
			if _, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil); err != nil {
				t.Fatalf("%q with %q: %v in %q", path, fields, err, answer)
			}
		}
	})
}

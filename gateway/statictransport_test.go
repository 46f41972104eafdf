package gateway

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// Where the kernel cannot send the file, its bytes are copied: behind TLS and
// in HTTP/2.

func TestFilesOverTLS(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 40000)
	root := folderOf(t, map[string]string{"a.txt": content, "small": "s"})
	s := startTLS(t, func(_ *secured, c *control.Configuration) { c.Listeners[0].Static = []control.Static{staticOf(root)} })
	w := s.worker(1)
	c := s.mustOver("http", s.trust())
	if r, body := c.ask("GET", "/a.txt"); r.StatusCode != 200 || body != content {
		t.Errorf("%+v, %d bytes", r, len(body))
	}
	if r, body := c.ask("GET", "/a.txt", "Range: bytes=100-300000"); r.StatusCode != 206 || body != content[100:300001] {
		t.Errorf("range: %+v, %d bytes", r, len(body))
	}
	if r, body := c.ask("GET", "/a.txt", "Range: bytes=0-0,200000-400000"); r.StatusCode != 206 || !strings.Contains(body, content[200000:400001]) || r.ContentLength != int64(len(body)) {
		t.Errorf("ranges: %+v, %d bytes", r, len(body))
	}
	if r, body := c.ask("HEAD", "/a.txt"); r.ContentLength != int64(len(content)) || body != "" {
		t.Errorf("HEAD: %+v", r)
	}
	if _, body := c.ask("GET", "/small"); body != "s" {
		t.Errorf("small: %q", body)
	}
	c.get(w, "/nothing")
}

func TestSlowReaderOverTLSTakesLittleMemory(t *testing.T) {
	root := folderOf(t, nil)
	const size = 64 << 20
	sparse(t, root+"/large", size)
	s := startTLS(t, func(_ *secured, c *control.Configuration) { c.Listeners[0].Static = []control.Static{staticOf(root)} })
	c := s.mustOver("http", s.trust())
	c.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	var one *conn
	s.eventually("it is stalled", func() bool {
		for _, c := range s.loop.conns.conns {
			if c != nil && c.stalled {
				one = c
			}
		}
		return one != nil
	})
	s.do(func() {
		if one.pending() > 2*cipherBytes {
			t.Errorf("%d bytes wait", one.pending())
		}
	})
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n != size {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestFilesOverHTTP2(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 40000)
	root := folderOf(t, map[string]string{"a.txt": content, "small": "s"})
	h := startLoop(t, func(c *control.Configuration) {
		ln := &c.Listeners[0]
		ln.HTTP2, ln.Limits.MaxStreams, ln.Static = true, 100, []control.Static{staticOf(root)}
	})
	w := h.worker(8)
	browser := h.browser()
	var waiting []chan answer
	for i := range 30 {
		waiting = append(waiting, h.fetch(browser, "GET", [...]string{"/a.txt", "/small", fmt.Sprint("/none", i)}[i%3], nil))
	}
	for range 10 {
		m := w.expect(wire.OpReq)
		w.say(res(m.id, 200, "handler"))
	}
	for i, each := range waiting {
		want := [...]string{content, "s", "handler"}[i%3]
		if got := <-each; got.err != nil || got.status != 200 || got.body != want {
			t.Errorf("%d: %d, %d bytes, %v", i, got.status, len(got.body), got.err)
		}
	}
	request, _ := http.NewRequest("GET", "http://example.org/a.txt", nil)
	request.Header.Set("Range", "bytes=5-99999")
	r, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); err != nil || r.StatusCode != 206 || string(body) != content[5:100000] || r.Header.Get("Content-Range") != "bytes 5-99999/640000" {
		t.Errorf("range: %+v, %d bytes, %v", r, len(body), err)
	}
	if got := <-h.fetch(browser, "HEAD", "/a.txt", nil); got.status != 200 || got.head.Get("Content-Length") != fmt.Sprint(len(content)) {
		t.Errorf("HEAD: %+v", got)
	}
}

func TestFileThatShrinksIsSeenAsCutInHTTP2(t *testing.T) {
	root := folderOf(t, nil)
	sparse(t, root+"/large", 64<<20)
	h := startLoop(t, func(c *control.Configuration) {
		ln := &c.Listeners[0]
		ln.HTTP2, ln.Limits.MaxStreams, ln.Static = true, 100, []control.Static{staticOf(root)}
	})
	r, err := h.browser().Get("http://example.org/large")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := os.Truncate(root+"/large", 1000); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r.Body); err == nil {
		t.Errorf("%d bytes, and no fault", n)
	}
}

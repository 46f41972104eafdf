package gateway

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// resWith makes RES, RES_START or RES_FILE with headers.
func resWith(op wire.Op, id uint64, status int, data string, headers ...string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 5), byte(op)), id)
	m = wire.AppendMap(wire.AppendUint(m, uint64(status)), len(headers)/2)
	for _, text := range headers {
		m = wire.AppendStr(m, text)
	}
	return wire.AppendStr(m, data)
}

func startSending(t *testing.T, header bool, roots ...string) *harness {
	t.Helper()
	return startLoop(t, func(c *control.Configuration) { c.Pools[0].Sendfile, c.Pools[0].SendfileHeader = roots, header })
}

func TestHandlerHasAFileSent(t *testing.T) {
	content := strings.Repeat("0123456789", 50000)
	root := folderOf(t, map[string]string{"a/report.pdf": content, ".secret": "s"})
	h := startSending(t, false, root)
	w := h.worker(1)
	c := h.dial("http")
	ask := func(method string, fields ...string) (*http.Response, string) {
		c.write(method + " /x HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n")
		m := w.expect(wire.OpReq)
		w.say(resWith(wire.OpResFile, m.id, 200, root+"/a/report.pdf", "content-disposition", "attachment", "cache-control", "private", "content-length", "7"), ack(1))
		return c.response(method)
	}
	r, body := ask("GET")
	if r.StatusCode != 200 || body != content || r.Header.Get("Content-Type") != "application/pdf" || r.Header.Get("Content-Disposition") != "attachment" ||
		r.Header.Get("Cache-Control") != "private" || r.ContentLength != int64(len(content)) || r.Header.Get("Etag") == "" {
		t.Fatalf("%+v, %d bytes", r, len(body))
	}
	if r, body := ask("GET", "Range: bytes=499990-"); r.StatusCode != 206 || body != "0123456789" || r.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("range: %+v %q", r, body)
	}
	if r, _ := ask("GET", "If-None-Match: "+r.Header.Get("Etag")); r.StatusCode != 304 {
		t.Errorf("304: %+v", r)
	}
	if r, body := ask("HEAD"); r.StatusCode != 200 || r.ContentLength != int64(len(content)) || body != "" {
		t.Errorf("HEAD: %+v", r)
	}
	if r, body := ask("POST", "Range: bytes=0-0", "If-None-Match: *", "Content-Length: 0"); r.StatusCode != 200 || body != content {
		t.Errorf("POST: %+v", r)
	}
}

func TestHandlersOwnHeadersIdentifyTheFile(t *testing.T) {
	root := folderOf(t, map[string]string{"a.txt": "content"})
	h := startSending(t, false, root)
	w := h.worker(1)
	c := h.dial("http")
	for _, test := range []struct {
		field string
		want  int
	}{{`If-None-Match: "v7"`, 304}, {`If-None-Match: "v6"`, 200}, {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 304}, {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 200}} {
		c.write("GET /x HTTP/1.1\r\nHost: x\r\n" + test.field + "\r\n\r\n")
		m := w.expect(wire.OpReq)
		w.say(resWith(wire.OpResFile, m.id, 200, root+"/a.txt", "ETag", `"v7"`, "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT", "Content-Type", "text/x-own"), ack(1))
		r, _ := c.response("GET")
		if r.StatusCode != test.want || len(r.Header.Values("Etag")) != 1 || r.Header.Get("Etag") != `"v7"` || test.want == 200 && r.Header.Get("Content-Type") != "text/x-own" {
			t.Errorf("%s: %+v", test.field, r)
		}
	}
	c.write("GET /x HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nRange: bytes=0-1\r\n\r\n")
	m := w.expect(wire.OpReq)
	w.say(resWith(wire.OpResFile, m.id, 404, root+"/a.txt"), ack(1))
	if r, body := c.response("GET"); r.StatusCode != 404 || body != "content" {
		t.Errorf("a page for 404: %+v %q", r, body)
	}
}

func TestHeaderXSendfileCountsWhereThePoolSaysSo(t *testing.T) {
	root := folderOf(t, map[string]string{"a.txt": "content"})
	for _, allowed := range []bool{true, false} {
		h := startSending(t, allowed, root)
		w := h.worker(1)
		c := h.dial("http")
		for _, op := range []wire.Op{wire.OpRes, wire.OpResStart} {
			c.write(get)
			m := w.expect(wire.OpReq)
			w.say(resWith(op, m.id, 200, "", "X-Sendfile", root+"/a.txt", "Content-Type", "text/x-own"))
			if op == wire.OpResStart {
				if allowed {
					w.expect(wire.OpAbort)
				}
				w.say(withText(wire.OpResEnd, m.id, ""), ack(1))
			} else {
				w.say(ack(1))
			}
			r, body := c.response("GET")
			if allowed && (body != "content" || r.Header.Get("X-Sendfile") != "" || r.Header.Get("Content-Type") != "text/x-own") {
				t.Errorf("op %#x: %+v %q", op, r, body)
			}
			if !allowed && (body != "" || r.Header.Get("X-Sendfile") == "") {
				t.Errorf("op %#x, not allowed: %+v %q", op, r, body)
			}
		}
	}
}

func TestFileThatCannotBeSentIs500AndSaysWhy(t *testing.T) {
	outside := folderOf(t, map[string]string{"secret": "SECRET", "root/a": "a", "root/out": "-> ../secret", "root/dir/b": "b", "rootless/c": "c"})
	root := outside + "/root"
	h := startSending(t, true, root)
	w := h.worker(1)
	c := h.dial("http")
	for path, why := range map[string]string{
		outside + "/secret": "outside of its folders", root + "/../secret": "outside of its folders", outside + "/rootless/c": "outside of its folders", "a": "outside of its folders", "": "outside of its folders",
		root: "outside of its folders", root + "/out": "Cannot send the file", root + "/gone": "no such file", root + "/dir": "no such file", "/proc/self/environ": "outside of its folders",
	} {
		c.write(get)
		m := w.expect(wire.OpReq)
		before := len(h.log.String())
		w.say(resWith(wire.OpResFile, m.id, 200, path), ack(1))
		r, body := c.response("GET")
		if r.StatusCode != 500 || strings.Contains(body, "SECRET") {
			t.Errorf("%s: %+v %q", path, r, body)
		}
		if got := h.log.String()[before:]; !strings.Contains(got, why) {
			t.Errorf("%s: the log says %q, want %q", path, got, why)
		}
	}
	c.write(get)
	m := w.expect(wire.OpReq)
	w.say(resWith(wire.OpResFile, m.id, 200, root+"//dir/../a"), ack(1))
	if _, body := c.response("GET"); body != "a" {
		t.Errorf("a path that is not tidy: %q", body)
	}
}

// A handler that began before a deploy swapped a symlink names files in the old folder.
func TestOldWorkerSendsFilesOfItsOldFolder(t *testing.T) {
	dir := folderOf(t, map[string]string{"v1/a": "one", "v2/a": "two", "current": "-> v1"})
	h := startSending(t, false, dir+"/current")
	old := h.worker(1)
	if err := os.Remove(dir + "/current"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("v2", dir+"/current"); err != nil {
		t.Fatal(err)
	}
	c := h.dial("http")
	for path, want := range map[string]string{dir + "/v1/a": "one", dir + "/current/a": "one"} {
		c.write(get)
		m := old.expect(wire.OpReq)
		old.say(resWith(wire.OpResFile, m.id, 200, path), ack(1))
		if _, body := c.response("GET"); body != want {
			t.Errorf("%s: %q", path, body)
		}
	}
}

func TestWorkerIsFreeWhileItsFileIsSent(t *testing.T) {
	root := folderOf(t, nil)
	sparse(t, root+"/large", 256<<20)
	h := startSending(t, false, root)
	w := h.worker(1)
	slow, next := h.dial("http"), h.dial("http")
	slow.write(get)
	m := w.expect(wire.OpReq)
	w.say(resWith(wire.OpResFile, m.id, 200, root+"/large"), ack(1))
	next.write(get)
	m = w.expect(wire.OpReq)
	w.say(res(m.id, 200, "next"), ack(1))
	if _, body := next.response("GET"); body != "next" {
		t.Error(body)
	}
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w.id}, Deadline: time.Second})
	h.expect(control.Drained)
	if r, err := http.ReadResponse(slow.r, nil); err != nil || r.ContentLength != 256<<20 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestStaticFileAllocatesNothing(t *testing.T) {
	root := folderOf(t, map[string]string{"a.css": strings.Repeat("x", 1000)})
	s := newStill(t)
	m := staticOf(root)
	s.ln.configureStatic([]control.Static{m})
	_, client := s.meet("http")
	request := []byte("GET /a.css HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n")
	once := func() {
		client.write(request)
		s.settle()
		if !bytes.HasSuffix(client.read(), []byte("xxx")) {
			t.Fatal("no answer")
		}
	}
	client.write(request) // names that were never looked up go to the disk
	for answer := ""; !strings.HasSuffix(answer, "xxx"); answer += string(client.read()) {
		if err := s.turn(true); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(2000, once); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

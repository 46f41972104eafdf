package gateway

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// folderOf makes a folder of files; a name that ends in a slash is a folder, one
// whose content begins with "-> " a symlink. Its files were changed an hour ago.
func folderOf(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "-> "); link {
			err = os.Symlink(target, path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else if err = os.WriteFile(path, []byte(content), 0o644); err == nil {
			err = os.Chtimes(path, anHourAgo, anHourAgo)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

var anHourAgo = time.Now().Add(-time.Hour).Truncate(time.Second)

// staticOf is a folder with the defaults of the configuration.
func staticOf(root string) control.Static {
	return control.Static{Prefix: "/", Root: root, Index: "index.html", Missing: "pool", Symlinks: "inside", Precompressed: true, Never: []string{".php", "~"}}
}

// startStatic is a loop whose http listener serves folders.
func startStatic(t *testing.T, static ...control.Static) *harness {
	t.Helper()
	return startLoop(t, func(c *control.Configuration) { c.Listeners[0].Static = static })
}

// ask sends one request and returns the answer; fields are lines.
func (c *client) ask(method, target string, fields ...string) (*http.Response, string) {
	c.t.Helper()
	c.write(method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n")
	return c.response(method)
}

func TestFileIsServedWithItsValidators(t *testing.T) {
	root := folderOf(t, map[string]string{"app.js": "let a = 1", "img/a.png": "png"})
	s := staticOf(root)
	s.CacheControl = "public, max-age=60"
	c := startStatic(t, s).dial("http")
	r, body := c.ask("GET", "/app.js?v=2")
	if r.StatusCode != 200 || body != "let a = 1" || r.ContentLength != 9 {
		t.Fatalf("%+v %q", r, body)
	}
	for name, want := range map[string]string{"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=60", "Accept-Ranges": "bytes",
		"Last-Modified": anHourAgo.UTC().Format(http.TimeFormat), "Vary": "accept-encoding"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tag := r.Header.Get("Etag")
	if len(tag) != 18 || tag[0] != '"' {
		t.Errorf("etag %s", tag)
	}
	head, body := c.ask("HEAD", "/app.js")
	if head.StatusCode != 200 || head.ContentLength != 9 || body != "" || head.Header.Get("Etag") != tag {
		t.Errorf("HEAD: %+v", head)
	}
	again, body := c.ask("GET", "/app.js", "If-None-Match: "+tag)
	if again.StatusCode != 304 || body != "" || again.Header.Get("Etag") != tag || again.Header.Get("Cache-Control") == "" || again.Header.Get("Content-Type") != "" {
		t.Errorf("304: %+v", again)
	}
	if r, _ := c.ask("GET", "/app.js", "If-Modified-Since: "+anHourAgo.UTC().Format(http.TimeFormat)); r.StatusCode != 304 {
		t.Errorf("if-modified-since: %d", r.StatusCode)
	}
	if r, _ := c.ask("GET", "/app.js", `If-Match: "other"`); r.StatusCode != 412 {
		t.Errorf("if-match: %d", r.StatusCode)
	}
	if r, _ := c.ask("GET", "/img/a.png"); r.Header.Get("Vary") != "" {
		t.Errorf("png: %+v", r.Header)
	}
	fresh := time.Now()
	if err := os.Chtimes(root+"/app.js", fresh, fresh); err != nil {
		t.Fatal(err)
	}
	if r, _ := c.ask("GET", "/app.js"); !strings.HasPrefix(r.Header.Get("Etag"), "W/") || r.Header.Get("Etag")[2:] == tag {
		t.Errorf("etag of a file that changed just now: %s", r.Header.Get("Etag"))
	}
}

func TestRangesOfAFile(t *testing.T) {
	content := strings.Repeat("0123456789", 10000)
	root := folderOf(t, map[string]string{"a.txt": content, "empty": ""})
	c := startStatic(t, staticOf(root)).dial("http")
	r, body := c.ask("GET", "/a.txt", "Range: bytes=99990-")
	if r.StatusCode != 206 || body != "0123456789" || r.Header.Get("Content-Range") != "bytes 99990-99999/100000" {
		t.Errorf("one range: %+v %q", r, body)
	}
	if r, body := c.ask("GET", "/a.txt", "Range: bytes=10-89999", "If-Range: "+r.Header.Get("Etag")); r.StatusCode != 206 || body != content[10:90000] {
		t.Errorf("large range: %+v, %d bytes", r, len(body))
	}
	if r, body := c.ask("GET", "/a.txt", "Range: bytes=0-0", `If-Range: "other"`); r.StatusCode != 200 || body != content {
		t.Errorf("if-range: %+v, %d bytes", r, len(body))
	}
	if r, body := c.ask("GET", "/a.txt", "Range: bytes=100000-"); r.StatusCode != 416 || r.Header.Get("Content-Range") != "bytes */100000" || body == content {
		t.Errorf("behind the end: %+v", r)
	}
	if r, body := c.ask("HEAD", "/a.txt", "Range: bytes=0-0"); r.StatusCode != 200 || r.ContentLength != 100000 || body != "" {
		t.Errorf("HEAD: %+v", r)
	}
	if r, body := c.ask("GET", "/a.txt", "Range: bytes=0-0", "Range: bytes=1-1"); r.StatusCode != 200 || body != content {
		t.Errorf("two lines: %+v", r)
	}
	if r, body := c.ask("GET", "/empty", "Range: bytes=-5"); r.StatusCode != 200 || body != "" || r.ContentLength != 0 {
		t.Errorf("empty: %+v", r)
	}
	r, body = c.ask("GET", "/a.txt", "Range: bytes=0-1, 5-70004 ,-3")
	if r.StatusCode != 206 || r.ContentLength != int64(len(body)) {
		t.Fatalf("several: %+v", r)
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/byteranges" {
		t.Fatalf("several: %+v", r)
	}
	parts := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for _, want := range []struct{ place, data string }{{"bytes 0-1/100000", content[:2]}, {"bytes 5-70004/100000", content[5:70005]}, {"bytes 99997-99999/100000", content[99997:]}} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(p)
		if string(data) != want.data || p.Header.Get("Content-Range") != want.place || p.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d bytes with %v", want.place, len(data), p.Header)
		}
	}
}

func TestWhatIsNoFileGoesToThePool(t *testing.T) {
	root := folderOf(t, map[string]string{"a.txt": "a", "dir/b.txt": "b", ".env": "secret", "index.php": "<?php", "notes~": "old", ".well-known/security.txt": "mail us"})
	h := startStatic(t, staticOf(root))
	w := h.worker(1)
	c := h.dial("http")
	// Asked twice: what the kernel has never looked up goes through a job of the disk.
	for _, request := range []string{"GET /nowhere", "GET /nowhere", "GET /dir/nowhere", "GET /dir", "GET /dir/", "GET /a.txt/", "GET /a.txt/b", "GET /.env", "GET /index.php", "GET /INDEX.PHP", "GET /notes~",
		"GET /%2e%2e/etc/passwd", "POST /a.txt", "PUT /a.txt", "DELETE /a.txt", "OPTIONS /a.txt", "GET /"} {
		c.write(request + " HTTP/1.1\r\nHost: x\r\nX-Test: 1\r\n\r\n")
		m := w.expect(wire.OpReq)
		if method, path, _ := strings.Cut(request, " "); m.meth != method || m.path != path || m.head != "host: x\nx-test: 1\n" {
			t.Errorf("%s reached the handler as %+v", request, m)
		}
		w.say(res(m.id, 200, "handler"), ack(1))
		if _, body := c.response("GET"); body != "handler" {
			t.Errorf("%s: %q", request, body)
		}
	}
	if _, body := c.ask("GET", "/.well-known/security.txt"); body != "mail us" {
		t.Errorf("well-known: %q", body)
	}
	c.write("GET /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi") // a GET with a body is for the handler
	m := w.expect(wire.OpReq)
	if string(m.data) != "hi" {
		t.Errorf("%+v", m)
	}
	w.say(res(m.id, 200, "x"), ack(1))
	c.response("GET")
}

func TestListenerWithFilesAlone(t *testing.T) {
	root := folderOf(t, map[string]string{"a.txt": "a"})
	s := staticOf(root)
	s.Missing = "404"
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Static, c.Listeners[0].Routes = []control.Static{s}, nil
	})
	c := h.dial("http")
	for request, want := range map[string]int{"GET /a.txt": 200, "HEAD /a.txt": 200, "GET /b.txt": 404, "HEAD /b.txt": 404, "DELETE /a.txt": 405, "OPTIONS /a.txt": 405} {
		method, path, _ := strings.Cut(request, " ")
		r, _ := c.ask(method, path)
		if r.StatusCode != want || want == 405 && r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %+v", request, r)
		}
	}
	c.write("POST /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
	if r, _ := c.response("POST"); r.StatusCode != 405 || !r.Close {
		t.Errorf("POST: %+v", r)
	}
	up := h.dial("http")
	if r, _ := up.ask("GET", "/a.txt", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="); r.StatusCode != 404 {
		t.Errorf("WebSocket: %+v", r)
	}
}

func TestPageForWhatIsMissing(t *testing.T) {
	root := folderOf(t, map[string]string{"index.html": "page", "app.js": "js"})
	s := staticOf(root)
	s.Missing = "/index.html"
	c := startStatic(t, s).dial("http")
	for _, test := range []struct {
		path, accept, want string
		status             int
	}{
		{"/", "*/*", "page", 200},
		{"/app.js", "*/*", "js", 200},
		{"/users/7", "*/*", "page", 200},
		{"/users/j.doe", "text/html,*/*;q=0.8", "page", 200},
		{"/.env", "text/html", "page", 200},
		{"/a//b", "text/html", "page", 200},
		{"/gone.js", "*/*", "", 404},
		{"/.env", "*/*", "", 404},
	} {
		r, body := c.ask("GET", test.path, "Accept: "+test.accept)
		if r.StatusCode != test.status || test.want != "" && body != test.want {
			t.Errorf("%s with %s: %d %q", test.path, test.accept, r.StatusCode, body)
		}
		if test.want == "page" && r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %+v", test.path, r.Header)
		}
	}
}

func TestFoldersHaveTheirPageBehindASlash(t *testing.T) {
	root := folderOf(t, map[string]string{"index.html": "top", "a b/index.html": "inner", "none/x": "x"})
	h := startStatic(t, control.Static{Prefix: "/media", Root: root, Index: "index.html", Missing: "404", Symlinks: "inside"}, staticOf(root))
	c := h.dial("http")
	for path, want := range map[string]string{"/": "top", "/a%20b/": "inner", "/media/": "top", "/media/a%20b/": "inner", "/media/none/x": "x"} {
		if _, body := c.ask("GET", path); body != want {
			t.Errorf("%s: %q", path, body)
		}
	}
	for path, want := range map[string]string{"/a%20b": "/a%20b/", "/a%20b?x=1&y": "/a%20b/?x=1&y", "/media": "/media/", "/media/a%20b": "/media/a%20b/"} {
		if r, _ := c.ask("GET", path); r.StatusCode != 301 || r.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q", path, r.StatusCode, r.Header.Get("Location"))
		}
	}
	for _, path := range []string{"/media/none/", "/media/none"} {
		if r, _ := c.ask("GET", path); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

// What has been tried on servers that serve files. None of it may show a byte of
// what lies outside.
func TestNoPathLeadsOut(t *testing.T) {
	outside := folderOf(t, map[string]string{"secret.txt": "SECRET", "public/a.txt": "a", "public/sub/b.txt": "b", "public/link": "-> ../secret.txt",
		"public/folder": "-> ..", "public/sub/up": "-> ../../secret.txt", "public2/secret.txt": "SECRET"})
	if err := os.Symlink(outside+"/secret.txt", outside+"/public/absolute"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/proc/self/root"+outside+"/secret.txt", outside+"/public/magic"); err != nil {
		t.Fatal(err)
	}
	for _, symlinks := range []string{"inside", "never"} {
		s := staticOf(outside + "/public")
		s.Missing, s.Symlinks, s.Browse, s.Hidden = "404", symlinks, true, true
		under := s
		under.Prefix = "/p"
		h := startStatic(t, under, s)
		paths := []string{"/link", "/folder/secret.txt", "/folder/", "/sub/up", "/absolute", "/magic", "/sub/../../secret.txt", "/secret.txt"}
		for _, up := range []string{"..", "%2e%2e", "%2E.", ".%2e", "..%00", "%c0%ae%c0%ae", "%252e%252e", "..%ef%bc%8f", "．．", "...", "..;", ".. ", "..%20", "..\\", "..%5c"} {
			for _, slash := range []string{"/", "%2f", "%2F", "\\", "%5c", "//", "/./", "%252f"} {
				if strings.ContainsAny(up+slash, " ．") {
					continue // no valid target
				}
				for _, begin := range []string{"/", "/sub/", "//", "/p/", "/p"} {
					paths = append(paths, begin+up+slash+"secret.txt", begin+up+slash+up+slash+"secret.txt", begin+up+slash+"public2/secret.txt")
				}
			}
		}
		c := h.dial("http")
		for _, path := range paths {
			r, body := c.ask("GET", path)
			if strings.Contains(body, "SECRET") || r.StatusCode != 404 && r.StatusCode != 301 {
				t.Errorf("%s: %s: %d %q", symlinks, path, r.StatusCode, body)
			}
			if to := r.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "\\") {
				t.Errorf("%s: %s: sends the client to %q", symlinks, path, to)
			}
			if r.Close {
				c = h.dial("http")
			}
		}
		if r, _ := c.ask("GET", "/sub/b.txt"); r.StatusCode != 200 {
			t.Errorf("%s: what is inside: %d", symlinks, r.StatusCode)
		}
	}
}

func TestSymlinks(t *testing.T) {
	outside := folderOf(t, map[string]string{"o.txt": "outside", "root/a.txt": "a", "root/in": "-> a.txt", "root/out": "-> ../o.txt", "root/loop": "-> loop", "root/gone": "-> nothing",
		"root/dir/": "", "root/dirlink": "-> dir", "root/dir/c.txt": "c", "root/dir/up": "-> ../a.txt"})
	for symlinks, want := range map[string]map[string]string{
		"inside": {"/a.txt": "a", "/in": "a", "/dirlink/c.txt": "c", "/dir/up": "a", "/out": "", "/loop": "", "/gone": ""},
		"follow": {"/a.txt": "a", "/in": "a", "/dirlink/c.txt": "c", "/dir/up": "a", "/out": "outside", "/loop": "", "/gone": ""},
		"never":  {"/a.txt": "a", "/in": "", "/dirlink/c.txt": "", "/dir/c.txt": "c", "/dir/up": "", "/out": "", "/loop": "", "/gone": ""},
	} {
		s := staticOf(outside + "/root")
		s.Missing, s.Symlinks = "404", symlinks
		h := startStatic(t, s)
		c := h.dial("http")
		for path, content := range want {
			r, body := c.ask("GET", path)
			if content == "" && r.StatusCode != 404 || content != "" && body != content {
				t.Errorf("%s: %s: %d %q", symlinks, path, r.StatusCode, body)
			}
		}
		if told := strings.Count(h.log.String(), "was not followed"); told != 1 && symlinks != "follow" || told != 0 && symlinks == "follow" {
			t.Errorf("%s: the log tells %d times of symlinks", symlinks, told)
		}
	}
}

// A name that is a symlink at one moment and a file at the next never shows what
// is outside: the kernel decides while it opens.
func TestSymlinkRaceShowsNothingOutside(t *testing.T) {
	outside := folderOf(t, map[string]string{"secret.txt": "SECRET", "root/a/f": "inside", "root/b": "-> ../"})
	s := staticOf(outside + "/root")
	s.Missing = "404"
	c := startStatic(t, s).dial("http")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		dir := outside + "/root"
		_ = os.WriteFile(outside+"/f", []byte("SECRET"), 0o644)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
			}
		}
	}()
	seen := map[int]int{}
	for range 2000 {
		r, body := c.ask("GET", "/a/f")
		seen[r.StatusCode]++
		if strings.Contains(body, "SECRET") || r.StatusCode == 200 && body != "inside" {
			t.Fatalf("%d %q", r.StatusCode, body)
		}
	}
	close(stop)
	<-stopped
	if seen[200] == 0 && seen[404] == 0 {
		t.Errorf("nothing was tried: %v", seen)
	}
}

func TestKernelWithoutOpenat2FollowsNoSymlink(t *testing.T) {
	root := folderOf(t, map[string]string{"a/b.txt": "b", "link": "-> a/b.txt", "up": "-> ..", "dir": "-> a"})
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(dir)
	o := opener{fd: dir, symlinks: "inside"}
	for name, want := range map[string]bool{"a/b.txt": true, "a": true, ".": true, "link": false, "dir/b.txt": false, "up/x": false, "a/none": false} {
		fd, err := o.openPlainly([]byte(name), unix.O_RDONLY|unix.O_CLOEXEC)
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			closeFD(fd)
		}
	}
	o.symlinks = "follow"
	fd, err := o.openPlainly([]byte("link"), unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	closeFD(fd)
}

func TestOnlyRegularFilesAreSent(t *testing.T) {
	root := folderOf(t, map[string]string{"a": "a"})
	if err := unix.Mkfifo(root+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(socket)
	if err := unix.Bind(socket, &unix.SockaddrUnix{Name: root + "/socket"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", root+"/device"); err != nil {
		t.Fatal(err)
	}
	s := staticOf(root)
	s.Missing, s.Symlinks = "404", "follow"
	c := startStatic(t, s).dial("http")
	for _, path := range []string{"/fifo", "/socket", "/device", "/" + strings.Repeat("n", 300)} {
		if r, _ := c.ask("GET", path); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestPrecompressedFormIsChosen(t *testing.T) {
	root := folderOf(t, map[string]string{"a.js": "plain", "a.js.br": "brotli", "a.js.gz": "gzipped", "b.js": "plain", "b.js.br": "stale", "c.png": "plain", "c.png.br": "never", "d.js": "plain", "d.js.br/": ""})
	old := anHourAgo.Add(-time.Hour)
	if err := os.Chtimes(root+"/b.js.br", old, old); err != nil {
		t.Fatal(err)
	}
	c := startStatic(t, staticOf(root)).dial("http")
	tags := map[string]string{}
	for _, test := range []struct{ path, accept, coding, want string }{
		{"/a.js", "", "", "plain"},
		{"/a.js", "gzip, deflate, br, zstd", "br", "brotli"},
		{"/a.js", "gzip", "gzip", "gzipped"},
		{"/a.js", "br;q=0.5, gzip", "gzip", "gzipped"},
		{"/a.js", "zstd, br;q=0.1", "br", "brotli"},
		{"/a.js", "br;q=0", "", "plain"},
		{"/a.js", "identity", "", "plain"},
		{"/b.js", "br", "", "plain"},
		{"/c.png", "br", "", "plain"},
		{"/d.js", "br", "", "plain"},
	} {
		r, body := c.ask("GET", test.path, "Accept-Encoding: "+test.accept)
		if body != test.want || r.Header.Get("Content-Encoding") != test.coding || strings.HasPrefix(r.Header.Get("Content-Type"), "text/javascript") != strings.HasSuffix(test.path, ".js") {
			t.Errorf("%s for %q: %q %+v", test.path, test.accept, body, r.Header)
		}
		if strings.HasSuffix(test.path, ".js") != (r.Header.Get("Vary") == "accept-encoding") {
			t.Errorf("%s: vary %q", test.path, r.Header.Get("Vary"))
		}
		tag := r.Header.Get("Etag")
		if form, ok := tags[tag]; ok && form != body {
			t.Errorf("%q and %q have one etag", form, body)
		}
		tags[tag] = body
	}
	if r, body := c.ask("GET", "/a.js", "Accept-Encoding: br", "Range: bytes=1-2"); r.StatusCode != 206 || body != "ro" || r.Header.Get("Content-Encoding") != "br" {
		t.Errorf("range of the compressed form: %+v %q", r, body)
	}
}

func TestFolderListing(t *testing.T) {
	root := folderOf(t, map[string]string{"z.txt": "", "a&<b>.txt": "", "sub/x": "", ".hidden": "", "i.php": "", "javascript:alert(1)": "", "100%.txt": "", "link": "-> z.txt"})
	s := staticOf(root)
	s.Browse, s.Missing = true, "404"
	c := startStatic(t, s).dial("http")
	r, body := c.ask("GET", "/")
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{`<a href="./sub/">sub/</a>`, `<a href="./a&amp;%3Cb%3E.txt">a&amp;&lt;b&gt;.txt</a>`, `<a href="./javascript:alert%281%29">`, `<a href="./100%25.txt">`, ">link<"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, "hidden") || strings.Contains(body, "i.php") || strings.Index(body, "sub/") > strings.Index(body, "z.txt") {
		t.Errorf("got\n%s", body)
	}
	if r, _ := c.ask("GET", "/sub"); r.StatusCode != 301 {
		t.Errorf("without a slash: %d", r.StatusCode)
	}
	if _, body := c.ask("GET", "/sub/"); !strings.Contains(body, "<h1>/sub/</h1>") || !strings.Contains(body, `href="../"`) {
		t.Errorf("got\n%s", body)
	}
}

func TestPipelinedFilesComeInOrder(t *testing.T) {
	files := map[string]string{}
	for i := range 10 {
		files[fmt.Sprintf("f%d", i)] = strings.Repeat(string(rune('a'+i)), 1+i*i*4000)
	}
	h := startStatic(t, staticOf(folderOf(t, files)))
	w := h.worker(1)
	c := h.dial("http")
	var requests strings.Builder
	for i := range 30 {
		if i%3 == 2 {
			fmt.Fprintf(&requests, "GET /handler%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
		} else {
			fmt.Fprintf(&requests, "GET /f%d HTTP/1.1\r\nHost: x\r\n\r\n", i%10)
		}
	}
	c.write(requests.String())
	for i := range 30 {
		want := files[fmt.Sprintf("f%d", i%10)]
		if i%3 == 2 {
			want = fmt.Sprint("answer ", i)
			m := w.expect(wire.OpReq)
			w.say(res(m.id, 200, want), ack(1))
		}
		if _, body := c.response("GET"); body != want {
			t.Fatalf("answer %d has %d bytes, want %d", i, len(body), len(want))
		}
	}
}

// sparse makes a file of n bytes that takes no room, with a mark at its end.
func sparse(t *testing.T, path string, n int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("END"), n-3); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestSlowReaderOfALargeFileTakesNoMemory(t *testing.T) {
	root := folderOf(t, map[string]string{"small": "s"})
	const size = 1 << 30
	sparse(t, root+"/large", size)
	h := startStatic(t, staticOf(root))
	slow := h.dial("http")
	slow.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	var one *conn
	h.eventually("the socket is full", func() bool {
		for _, c := range h.loop.conns.conns {
			if c != nil && c.full {
				one = c
			}
		}
		return one != nil
	})
	h.do(func() {
		if one.pending() != 0 || cap(one.out) > bufferBytes {
			t.Errorf("%d bytes wait, room for %d", one.pending(), cap(one.out))
		}
		if !one.stalled || one.deadline.list == nil {
			t.Error("write_timeout does not run")
		}
	})
	other := h.dial("http")
	if _, body := other.ask("GET", "/small"); body != "s" {
		t.Errorf("beside it: %q", body)
	}
	// It reads on, and gets all of it.
	r, err := http.ReadResponse(slow.r, nil)
	if err != nil || r.ContentLength != size {
		t.Fatalf("%+v %v", r, err)
	}
	var last [3]byte
	if n, err := io.CopyN(io.Discard, r.Body, size-3); err != nil {
		t.Fatalf("after %d bytes: %v", n, err)
	}
	if _, err := io.ReadFull(r.Body, last[:]); err != nil || string(last[:]) != "END" {
		t.Fatalf("the end is %q, %v", last, err)
	}
	h.eventually("the file is closed", func() bool { return one.exchange == nil && !one.full && !one.stalled })
	if _, body := slow.ask("GET", "/small"); body != "s" {
		t.Errorf("the connection lives on: %q", body)
	}
}

func TestReaderThatTakesNothingIsClosedByWriteTimeout(t *testing.T) {
	root := folderOf(t, nil)
	sparse(t, root+"/large", 256<<20)
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Static = []control.Static{staticOf(root)}
		c.Listeners[0].Limits.WriteTimeout = 300 * time.Millisecond
	})
	c := h.dial("http")
	c.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	h.eventually("it is closed", func() bool { return h.loop.listeners[0].slowClosed == 1 && h.loop.conns.live == 0 })
	h.eventually("the file too", func() bool { return h.loop.files.count == 1 })
}

func TestFileThatShrinksIsCutOff(t *testing.T) {
	root := folderOf(t, nil)
	sparse(t, root+"/large", 256<<20)
	h := startStatic(t, staticOf(root))
	c := h.dial("http")
	c.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	h.eventually("the socket is full", func() bool {
		return slices.ContainsFunc(h.loop.conns.conns, func(c *conn) bool { return c != nil && c.full })
	})
	if err := os.Truncate(root+"/large", 1000); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r.Body); err != io.ErrUnexpectedEOF {
		t.Errorf("%d bytes, then %v: want an unexpected end", n, err)
	}
	if !strings.Contains(h.log.String(), "became shorter") {
		t.Error("nothing in the log")
	}
}

func TestFileThatIsReplacedWhileItIsSentArrivesAsItWas(t *testing.T) {
	root := folderOf(t, nil)
	old := bytes.Repeat([]byte("old "), 4<<20)
	if err := os.WriteFile(root+"/f", old, 0o644); err != nil {
		t.Fatal(err)
	}
	h := startStatic(t, staticOf(root))
	c := h.dial("http")
	c.write("GET /f HTTP/1.1\r\nHost: x\r\n\r\n")
	h.eventually("the socket is full", func() bool {
		return slices.ContainsFunc(h.loop.conns.conns, func(c *conn) bool { return c != nil && c.full })
	})
	if err := os.WriteFile(root+"/new", []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(root+"/new", root+"/f"); err != nil {
		t.Fatal(err)
	}
	if _, body := c.response("GET"); body != string(old) {
		t.Errorf("%d bytes, begins %.12q", len(body), body)
	}
	if _, body := c.ask("GET", "/f"); body != "new" {
		t.Errorf("then %q", body)
	}
}

// What is not in memory is read by a job of the disk, never by the loop.
func TestColdFileIsReadBesideTheLoop(t *testing.T) {
	root := folderOf(t, nil)
	content := bytes.Repeat([]byte("0123456789abcdef"), 128<<10)
	evict := func() {
		f, err := os.OpenFile(root+"/f", os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(content, 0); err != nil {
			t.Fatal(err)
		}
		_ = f.Sync()
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
	c := startStatic(t, staticOf(root)).dial("http")
	evict()
	if _, body := c.ask("GET", "/f"); body != string(content) {
		t.Errorf("got %d bytes", len(body))
	}
	evict()
	if r, body := c.ask("GET", "/f", "Range: bytes=0-0,100000-1500000"); r.StatusCode != 206 || !strings.Contains(body, string(content[100000:1500001])) {
		t.Errorf("parts: %d, %d bytes", r.StatusCode, len(body))
	}
}

func TestFolderIsFollowedWhenItsSymlinkIsSwapped(t *testing.T) {
	dir := folderOf(t, map[string]string{"v1/a": "one", "v2/a": "two", "current": "-> v1"})
	h := startStatic(t, staticOf(dir+"/current"))
	c := h.dial("http")
	if _, body := c.ask("GET", "/a"); body != "one" {
		t.Fatalf("first %q", body)
	}
	if err := os.Symlink("v2", dir+"/next"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir+"/next", dir+"/current"); err != nil {
		t.Fatal(err)
	}
	h.do(func() { h.loop.listeners[0].static[0].folder.checked -= folderAge })
	if _, body := c.ask("GET", "/a"); body != "two" {
		t.Errorf("then %q", body)
	}
}

func TestFolderThatIsGoneIsToldOnce(t *testing.T) {
	root := folderOf(t, map[string]string{"a": "a"})
	s := staticOf(root + "/gone")
	s.Missing = "404"
	c := startStatic(t, s)
	for range 3 {
		client := c.dial("http")
		if r, _ := client.ask("GET", "/a"); r.StatusCode != 404 {
			t.Errorf("got %d", r.StatusCode)
		}
	}
	if n := strings.Count(c.log.String(), "Cannot open a folder of files"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestExhaustedDescriptorsAreTold(t *testing.T) {
	root := folderOf(t, map[string]string{"a": "a", "b": "b"})
	h := startStatic(t, staticOf(root))
	c := h.dial("http")
	if _, body := c.ask("GET", "/a"); body != "a" {
		t.Fatal(body)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	r, _ := c.ask("GET", "/a")
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("got %+v", r)
	}
	if _, body := c.ask("GET", "/a"); body != "a" {
		t.Errorf("afterwards %q", body)
	}
	if !strings.Contains(h.log.String(), "raise the limit of open files") {
		t.Error("nothing in the log")
	}
}

func TestLookupsUnderWayOutliveReloads(t *testing.T) {
	root := folderOf(t, map[string]string{"a": "a"})
	s := staticOf(root)
	s.Missing = "404"
	var configuration *control.Configuration
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Static = []control.Static{s}
		configuration = c
	})
	next := *configuration
	next.Listeners = slices.Clone(next.Listeners)
	for i := range next.Listeners {
		next.Listeners[i].Fresh = false
	}
	asked := make(chan struct{})
	for n := range 4 {
		c := h.dial("http")
		go func() {
			defer func() { asked <- struct{}{} }()
			for i := range 100 { // names that the kernel has never looked up go to the disk
				if r, body := c.ask("GET", fmt.Sprintf("/missing-%d-%d", n, i)); r.StatusCode != 404 {
					t.Errorf("%d %q", r.StatusCode, body)
				}
				if _, body := c.ask("GET", "/a"); body != "a" {
					t.Errorf("%q", body)
				}
			}
		}()
	}
	gone := h.dial("http")
	for left := 4; left > 0; {
		select {
		case <-asked:
			left--
		default:
			gone.write("GET /gone" + fmt.Sprint(time.Now().UnixNano()) + " HTTP/1.1\r\nHost: x\r\n\r\n")
			gone.Close() // the client leaves in the middle of a look-up
			gone = h.dial("http")
			h.tell(&control.Message{Kind: control.Configure, Configuration: &next})
			h.expect(control.Configured)
		}
	}
	h.eventually("all is given back", func() bool {
		handle := h.loop.listeners[0].static[0].folder.handle // nil: nobody asked since the last reload
		return h.loop.exchanges.taken == 0 && (handle == nil || handle.refs == 1)
	})
}

func TestReloadDoesNotDisturbADownload(t *testing.T) {
	root := folderOf(t, nil)
	const size = 64 << 20
	sparse(t, root+"/large", size)
	var configuration *control.Configuration
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Static = []control.Static{staticOf(root)}
		configuration = c
	})
	c := h.dial("http")
	c.write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	h.eventually("the socket is full", func() bool {
		return slices.ContainsFunc(h.loop.conns.conns, func(c *conn) bool { return c != nil && c.full })
	})
	next := *configuration
	next.Listeners = slices.Clone(next.Listeners)
	for i := range next.Listeners {
		next.Listeners[i].Fresh, next.Listeners[i].Static = false, nil
	}
	h.tell(&control.Message{Kind: control.Configure, Configuration: &next})
	h.expect(control.Configured)
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r.Body); err != nil || n != size {
		t.Errorf("%d bytes, %v", n, err)
	}
}

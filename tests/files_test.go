package tests

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const filesConfig = `
pools:
  web: {command: [{run}, files.{ext}], workers: 1}
listeners:
  - listen: "http://{http}"
    static: {root: public}
`

// startFiles starts a gateway with files in public/ and files/; with them, a
// large one of that many bytes.
func startFiles(t *testing.T, l language, config string, large int64) *gateway {
	t.Helper()
	g := prepare(t, setup{language: l, config: config})
	for _, folder := range []string{"public", "public/docs", "files"} {
		g.mkdir(folder)
	}
	for name, content := range map[string]string{"public/app.js": "let a = 1\n", "public/app.js.gz": "gzipped", "public/docs/index.html": "<h1>docs</h1>", "public/.env": "SECRET",
		"public/index.php": "<?php SECRET", "files/report.txt": "0123456789", "../outside.txt": "outside"} {
		g.write(name, content)
	}
	g.link("../gw.yaml", "public/gw.yaml")
	for _, name := range []string{"public/large", "files/large"} {
		f, err := os.Create(filepath.Join(g.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(large), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	g.mustRun("start", "-d", "gw.yaml")
	return g
}

// ask fetches a page with header fields, "name: value" each.
func (g *gateway) ask(method, path string, fields ...string) (*http.Response, string) {
	g.t.Helper()
	w := newWire(g, "http")
	w.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n")
	return w.response(method)
}

func TestFilesBesideAHandler(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := startFiles(t, l, filesConfig, 0)
		r, body := g.ask("GET", "/app.js")
		if r.StatusCode != 200 || body != "let a = 1\n" || r.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%+v %q", r, body)
		}
		if r, body := g.ask("GET", "/app.js", "If-None-Match: "+r.Header.Get("Etag")); r.StatusCode != 304 || body != "" {
			t.Errorf("unchanged: %+v %q", r, body)
		}
		if r, body := g.ask("GET", "/app.js", "Range: bytes=4-4"); r.StatusCode != 206 || body != "a" {
			t.Errorf("range: %+v %q", r, body)
		}
		if r, body := g.ask("GET", "/app.js", "Accept-Encoding: gzip"); body != "gzipped" || r.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("compressed: %+v %q", r, body)
		}
		if r, _ := g.ask("GET", "/docs"); r.StatusCode != 301 || r.Header.Get("Location") != "/docs/" {
			t.Errorf("folder: %+v", r)
		}
		if _, body := g.ask("GET", "/docs/"); body != "<h1>docs</h1>" {
			t.Errorf("index: %q", body)
		}
		for _, path := range []string{"/", "/nothing", "/.env", "/index.php", "/gw.yaml", "/../gw.yaml", "/%2e%2e/gw.yaml", "/docs/..%2f..%2fgw.yaml"} {
			if _, body := g.ask("GET", path); body != "handler" {
				t.Errorf("%s: %q", path, body)
			}
		}
		if _, body := g.ask("POST", "/app.js", "Content-Length: 0"); body != "handler" {
			t.Errorf("POST: %q", body)
		}
		// A reload takes over another folder and other rules.
		g.edit("gw.yaml", "static: {root: public}", "static: {root: public/docs, path: /d, missing: 404, cache_control: no-store}")
		g.mustRun("reload")
		if r, _ := g.ask("GET", "/d/"); r.StatusCode != 200 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("after a reload: %+v", r)
		}
		if r, _ := g.ask("GET", "/d/app.js"); r.StatusCode != 404 {
			t.Errorf("after a reload: %+v", r)
		}
		if _, body := g.ask("GET", "/app.js"); body != "handler" {
			t.Errorf("after a reload: %q", body)
		}
	})
}

func TestFilesWithoutHandlers(t *testing.T) {
	t.Parallel()
	g := startFiles(t, php, "listeners:\n  - listen: \"http://{http}\"\n    static: {root: public, browse: true}\n", 0)
	if _, body := g.ask("GET", "/app.js"); body != "let a = 1\n" {
		t.Errorf("%q", body)
	}
	if r, body := g.ask("GET", "/"); r.StatusCode != 200 || !strings.Contains(body, `href="./docs/"`) || strings.Contains(body, "index.php") {
		t.Errorf("listing: %+v %q", r, body)
	}
	if r, _ := g.ask("GET", "/nothing"); r.StatusCode != 404 {
		t.Errorf("%+v", r)
	}
	if r, _ := g.ask("POST", "/app.js", "Content-Length: 0"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%+v", r)
	}
	g.mustRun("status")
	g.mustRun("reload")
	g.mustRun("restart", "-d")
	if _, body := g.ask("GET", "/app.js"); body != "let a = 1\n" {
		t.Errorf("after a restart: %q", body)
	}
}

// residentBytes is the memory of a process.
func residentBytes(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// begin asks for a path and reads the head and a little of the body.
func begin(g *gateway, path string, fields ...string) (*wire, *http.Response) {
	g.t.Helper()
	w := newWire(g, "http")
	w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n")
	r, err := http.ReadResponse(w.in, &http.Request{Method: "GET"})
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, r.Body, 1000); err != nil {
		g.t.Fatal(err)
	}
	return w, r
}

func TestDownloadsOf1GiBTakeNoMemoryAndOutliveAReload(t *testing.T) {
	t.Parallel()
	const size = 1 << 30
	g := startFiles(t, python, filesConfig, size)
	g.ask("GET", "/app.js")
	before := residentBytes(t, g.status().Gateway.PID)
	var downloads []*http.Response
	for range 20 {
		_, r := begin(g, "/large")
		downloads = append(downloads, r)
	}
	if grown := residentBytes(t, g.status().Gateway.PID) - before; grown > 32<<20 {
		t.Errorf("20 slow readers: the gateway has grown by %d bytes", grown)
	}
	gateway := g.status().Gateway.PID
	g.mustRun("reload")
	if g.status().Gateway.PID != gateway {
		t.Error("another gateway")
	}
	if n, err := io.Copy(io.Discard, downloads[0].Body); err != nil || n != size-1000 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestDownloadIsResumed(t *testing.T) {
	t.Parallel()
	g := startFiles(t, php, filesConfig, 0)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	g.write("public/large", string(content))
	w, r := begin(g, "/large")
	w.conn.Close()
	tag := r.Header.Get("Etag")
	if strings.HasPrefix(tag, "W/") { // written just now
		eventually(t, patience, "the file is old enough", func() bool {
			r, _ := g.ask("HEAD", "/large")
			tag = r.Header.Get("Etag")
			return tag[0] == '"'
		})
	}
	r, rest := g.ask("GET", "/large", "Range: bytes=1000-", "If-Range: "+tag)
	if r.StatusCode != 206 || rest != string(content[1000:]) {
		t.Errorf("%+v, %d bytes", r, len(rest))
	}
	g.write("public/large", "another")
	if r, body := g.ask("GET", "/large", "Range: bytes=1000-", "If-Range: "+tag); r.StatusCode != 200 || body != "another" {
		t.Errorf("after a change: %+v %q", r, body)
	}
}

func TestHandlersFilesAreSentByTheGateway(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := startFiles(t, l, strings.Replace(filesConfig, "    static: {root: public}\n", "", 1), 64<<20)
		r, body := g.ask("GET", "/report")
		if r.StatusCode != 200 || body != "0123456789" || r.Header.Get("Content-Disposition") != "attachment" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%+v %q", r, body)
		}
		if r, body := g.ask("GET", "/report", "Range: bytes=-3"); r.StatusCode != 206 || body != "789" {
			t.Errorf("range: %+v %q", r, body)
		}
		if r, body := g.ask("HEAD", "/report"); r.ContentLength != 10 || body != "" {
			t.Errorf("HEAD: %+v", r)
		}
		// The only worker is free while a client reads slowly.
		begin(g, "/large")
		if _, body := g.ask("GET", "/"); body != "handler" {
			t.Errorf("beside a download: %q", body)
		}
		for path, want := range map[string]struct {
			status int
			body   string
		}{"/outside": {200, "outside"}, "/once": {200, "once"}, "/gone": {404, ""}, "/header": {200, ""}} {
			if r, body := g.ask("GET", path); r.StatusCode != want.status || want.body != "" && body != want.body || path == "/header" && body != "" {
				t.Errorf("%s: %d %q", path, r.StatusCode, body)
			}
		}
	})
}

func TestXSendfileWhereThePoolAllowsIt(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := startFiles(t, l, strings.Replace(filesConfig, "workers: 1", "sendfile: files", 1), 0)
		r, body := g.ask("GET", "/header", "Range: bytes=0-1")
		if r.StatusCode != 206 || body != "01" || r.Header.Get("Content-Type") != "text/x-own" || r.Header.Get("X-Sendfile") != "" {
			t.Errorf("%+v %q", r, body)
		}
		if r, body := g.ask("GET", "/header-outside"); r.StatusCode != 500 || strings.Contains(body, "root:") {
			t.Errorf("outside: %+v %q", r, body)
		}
		eventually(t, patience, "the log says why", func() bool { return strings.Contains(g.log(), "outside of its folders") })
	})
}

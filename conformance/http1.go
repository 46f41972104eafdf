package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gw/conformance/http1"
)

// silence is how long a server may say nothing until that counts as its answer.
const silence = 700 * time.Millisecond

// http1Suite plays the vectors of conformance/http1 to handlers behind gw, and
// to what stands beside it.
func http1Suite(ctx context.Context, w *workshop) ([]score, error) {
	vectors, err := http1.Load()
	if err != nil {
		return nil, err
	}
	servers, err := w.recordingServers(ctx)
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	var scores []score
	chapters := newChapters(vectors)
	for _, s := range servers {
		fmt.Fprintln(os.Stderr, " ", s.name)
		scores = append(scores, judge(s, vectors, chapters)...)
	}
	return scores, os.WriteFile(filepath.Join(w.report, "http1.md"), []byte(chapters.table()), 0o644)
}

// recordingServers are gw in each language, and those of the others that are
// installed.
func (w *workshop) recordingServers(ctx context.Context) ([]*server, error) {
	var servers []*server
	for name, command := range map[string][]string{
		"gw, PHP":    {"php", filepath.Join(w.root, "tests", "handlers", "record.php")},
		"gw, Python": {"/usr/bin/python3", filepath.Join(w.root, "tests", "handlers", "record.py")},
	} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		s, err := w.serveGW(ctx, name, command, "")
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	plain, err := serveNetHTTP()
	if err != nil {
		return servers, err
	}
	servers = append(servers, plain)
	// nginx speaks HTTP/1.1 to the recording handler, and passes the client's Host on.
	if s := w.serveNginx(ctx, "", "proxy_pass http://"+plain.address+"; proxy_http_version 1.1; proxy_set_header Host $named;"); s != nil {
		servers = append(servers, s)
	}
	if os.Getenv("WORKERMAN_SRC") != "" {
		if s := w.serveBeside(ctx, "Workerman", "php", "record_workerman.php", "start"); s != nil {
			servers = append(servers, s)
		}
	}
	python := cmp.Or(os.Getenv("PEERS_PYTHON"), "python3")
	if exec.CommandContext(ctx, python, "-c", "import uvicorn").Run() == nil {
		if s := w.serveBeside(ctx, "uvicorn", python, "record_uvicorn.py"); s != nil {
			servers = append(servers, s)
		}
	}
	return servers, nil
}

// serveNetHTTP is the server of Go's standard library, in this process.
func serveNetHTTP() (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: http.HandlerFunc(record)}
	go s.Serve(ln)
	return &server{name: "Go net/http", address: ln.Addr().String(), end: func() { s.Close() }}, nil
}

// record is the recording handler.
func record(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace { // what every application should do
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		http.Error(w, r.Method, http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	target := r.URL.RequestURI()
	if r.RequestURI == "*" || strings.HasPrefix(r.RequestURI, "/") {
		target = r.RequestURI
	}
	text := r.Method + " " + target + " " + cmp.Or(r.Host, "-")
	if len(body) > 0 {
		text += fmt.Sprintf(" %d", len(body))
		if len(body) <= 64 {
			text += ":" + string(body)
		}
	}
	if value := strings.Join(r.Header.Values("X-Test"), ", "); value != "" {
		text += " x-test=" + value
	}
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, text)
}

// serveNginx is nginx, with these words behind its listen and in its only
// location.
func (w *workshop) serveNginx(ctx context.Context, listen, location string) *server {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil
	}
	address, err := freeAddress()
	if err != nil {
		return nil
	}
	dir, err := os.MkdirTemp(w.build, "nginx-")
	if err != nil {
		return nil
	}
	if os.Geteuid() == 0 { // its workers are another user
		_ = os.Chmod(dir, 0o777)
	}
	config := fmt.Sprintf(`daemon off; pid %[1]s/nginx.pid; error_log %[1]s/error.log; worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off; client_max_body_size 64m;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  map $http_host $named { "" "-"; default $http_host; }
  server { listen %[2]s %[3]s; location / { %[4]s } }
}
`, dir, address, listen, location)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil
	}
	s, err := serve(ctx, "nginx", false, address, dir, nil, program, "-p", dir, "-c", file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "left out:", err)
		return nil
	}
	return s
}

// judge plays all vectors to one server.
func judge(s *server, vectors []http1.Vector, chapters *chapters) []score {
	right := score{suite: "HTTP/1.1 vectors", part: "answered as the RFCs say", server: s.name, own: s.own, total: len(vectors)}
	unseen := score{suite: "HTTP/1.1 vectors", part: "no hidden request answered", server: s.name, own: s.own, total: len(vectors)}
	play := http1.Play{Network: "tcp", Address: s.address, Patience: silence}
	var mu sync.Mutex
	eachVector(vectors, func(v http1.Vector) {
		seen, err := play.Observe(v)
		ok := err == nil && v.Right(seen)
		fooled := !ok && seen.Fooled()
		mu.Lock()
		defer mu.Unlock()
		chapters.note(v, s.name, ok, fmt.Sprintf("%.200v", seen))
		if name := v.Chapter + ": " + v.Name; !ok {
			right.failed = append(right.failed, name)
			if fooled {
				unseen.failed = append(unseen.failed, name)
			}
		}
	})
	right.passed, unseen.passed = right.total-len(right.failed), unseen.total-len(unseen.failed)
	return []score{right, unseen}
}

// eachVector plays vectors beside each other: most of the time is waiting.
func eachVector(vectors []http1.Vector, play func(http1.Vector)) {
	const beside = 16
	queue := make(chan http1.Vector)
	var players sync.WaitGroup
	for range beside {
		players.Go(func() {
			for v := range queue {
				play(v)
			}
		})
	}
	for _, v := range vectors {
		queue <- v
	}
	close(queue)
	players.Wait()
}

// chapters counts by chapter and server.
type chapters struct {
	names   []string
	size    map[string]int
	servers []string
	right   map[string]map[string]int
	faults  []string
}

func newChapters(vectors []http1.Vector) *chapters {
	c := &chapters{size: map[string]int{}, right: map[string]map[string]int{}}
	for _, v := range vectors {
		if c.size[v.Chapter]++; c.right[v.Chapter] == nil {
			c.names, c.right[v.Chapter] = append(c.names, v.Chapter), map[string]int{}
		}
	}
	return c
}

func (c *chapters) note(v http1.Vector, server string, ok bool, seen string) {
	if len(c.servers) == 0 || c.servers[len(c.servers)-1] != server {
		c.servers = append(c.servers, server)
	}
	if ok {
		c.right[v.Chapter][server]++
		return
	}
	c.faults = append(c.faults, fmt.Sprintf("%s: %s: %s (%s): %s, want %v", server, v.Chapter, v.Name, v.Rule, seen, v.Outcomes))
}

// table is how many vectors of each chapter were right, and below what was not.
func (c *chapters) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| chapter | vectors | %s |\n|---|---|%s\n", strings.Join(c.servers, " | "), strings.Repeat("---|", len(c.servers)))
	for _, name := range c.names {
		fmt.Fprintf(&b, "| %s | %d |", name, c.size[name])
		for _, server := range c.servers {
			fmt.Fprintf(&b, " %d |", c.right[name][server])
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for _, fault := range c.faults {
		fmt.Fprintf(&b, "    %s\n", fault)
	}
	return b.String()
}

package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// h2spec is the suite, as Go's module proxy has it.
const h2spec = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"

// http2Suite runs h2spec in its strict mode, without TLS (prior knowledge).
func http2Suite(ctx context.Context, w *workshop) ([]score, error) {
	program := filepath.Join(w.build, "h2spec")
	if _, err := os.Stat(program); err != nil {
		install := exec.CommandContext(ctx, "go", "install", h2spec)
		install.Env = append(os.Environ(), "GOBIN="+w.build)
		if output, err := install.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: cannot install %s: %w\n%s", errAbsent, h2spec, err, output)
		}
	}
	gw, err := w.serveGW(ctx, "gw", []string{"php", filepath.Join(w.root, "examples", "php", "hello_http.php")}, "")
	if err != nil {
		return nil, err
	}
	defer gw.stop()
	own, err := judgeHTTP2(ctx, program, gw.name, gw.address)
	if err != nil {
		return nil, err
	}
	own.own = true
	scores := []score{own}
	if s, err := withNetHTTP(func(address string) (score, error) { return judgeHTTP2(ctx, program, "Go net/http", address) }); err == nil {
		scores = append(scores, s)
	}
	if nginx, err := w.nginxHTTP2(ctx); err == nil {
		defer nginx.stop()
		if s, err := judgeHTTP2(ctx, program, nginx.name, nginx.address); err == nil {
			scores = append(scores, s)
		}
	}
	return scores, nil
}

var (
	h2specSum    = regexp.MustCompile(`(\d+) tests, (\d+) passed`)
	h2specFailed = regexp.MustCompile(`(?m)^\s*× (.*)$`)
)

// judgeHTTP2 reads what h2spec prints; it fails when a case does.
func judgeHTTP2(ctx context.Context, program, name, address string) (score, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return score{}, err
	}
	output, failed := exec.CommandContext(ctx, program, "-S", "-o", "2", "-h", host, "-p", port).CombinedOutput()
	sum := h2specSum.FindSubmatch(output)
	if sum == nil {
		return score{}, fmt.Errorf("h2spec against %s: %w\n%s", name, failed, output)
	}
	s := score{suite: "http2", part: "h2spec, strict", server: name}
	s.total, _ = strconv.Atoi(string(sum[1]))
	s.passed, _ = strconv.Atoi(string(sum[2]))
	_, failures, _ := strings.Cut(string(output), "Failures:")
	for _, m := range h2specFailed.FindAllStringSubmatch(failures, -1) {
		s.failed = append(s.failed, m[1])
	}
	return s, nil
}

// withNetHTTP serves in this process for as long as f runs.
func withNetHTTP(f func(address string) (score, error)) (score, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return score{}, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "Hello")
	})}
	served := make(chan struct{})
	go func() {
		_ = server.Serve(ln) // until Close
		close(served)
	}()
	defer func() {
		_ = server.Close()
		<-served
	}()
	return f(ln.Addr().String())
}

// nginxHTTP2 starts nginx, where there is one.
func (w *workshop) nginxHTTP2(ctx context.Context) (*server, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAbsent, err)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(w.build, "nginx-")
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;\nevents {}\n"+
		"http { access_log off; client_body_temp_path %[1]s/body; server { listen %[2]s http2; location / { return 200 hello; } } }\n", dir, address)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	return serve(ctx, "nginx", false, address, dir, nil, program, "-c", filepath.Join(dir, "nginx.conf"))
}

package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// whose is what a handler says of its client.
type whose struct{ Peer, Scheme, Host, Forwarded string }

// fetch sends a request with fields of a proxy.
func (g *gateway) fetch(path string, fields map[string]string) (answer string) {
	g.t.Helper()
	request, err := http.NewRequest(http.MethodGet, g.url("http", path), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	for name, value := range fields {
		request.Header.Set(name, value)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}

func readWhose(t *testing.T, answer string) (w whose) {
	t.Helper()
	if err := json.Unmarshal([]byte(answer), &w); err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	return w
}

var throughTwoProxies = map[string]string{
	"X-Forwarded-For": "6.6.6.6, 192.0.2.1, 127.0.0.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test",
}

func TestHandlersSeeTheClientBehindTrustedProxies(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "describe", top: "trusted_proxies: [loopback]"})
		got := readWhose(t, g.fetch("/", throughTwoProxies))
		if want := (whose{"192.0.2.1:0", "https", "shop.test", ""}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestHandlersSeeNothingOfWhatStrangersForward(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "describe", top: "trusted_proxies: [10.0.0.0/8]"})
		answer := g.fetch("/", throughTwoProxies)
		got := readWhose(t, answer)
		if !strings.HasPrefix(got.Peer, "127.0.0.1:") || got.Scheme != "http" || got.Host != g.addresses["http"] || strings.Contains(answer, "x-forwarded") {
			t.Errorf("%s", answer)
		}
	})
}

func TestApplicationsSeeTheClientBehindTrustedProxies(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, config: `
trusted_proxies: [loopback]
pools:
  wsgi: {command: [{run}, -m, gw, "wsgi_describe:app"]}
  asgi: {command: [{run}, -m, gw, "asgi_describe:app"]}
listeners:
  - {listen: "http://{http}", pool: wsgi, routes: [{path: /asgi, pool: asgi}]}
`})
	want := whose{"192.0.2.1", "https", "shop.test", throughTwoProxies["X-Forwarded-For"]}
	for _, path := range []string{"/", "/asgi"} {
		if got := readWhose(t, g.fetch(path, throughTwoProxies)); got != want {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
	conn := g.dial("http")
	fmt.Fprint(conn, "GET /asgi HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(conn)
	for line := "-"; line != "\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil || head[1] > 125 {
		t.Fatal(head, err)
	}
	text := make([]byte, head[1])
	if _, err := io.ReadFull(r, text); err != nil {
		t.Fatal(err)
	}
	want.Scheme, want.Forwarded = "wss", "192.0.2.1"
	if got := readWhose(t, string(text)); got != want {
		t.Errorf("WebSocket: got %+v, want %+v", got, want)
	}
}

func TestProxyProtocolNamesTheClient(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "describe", listener: "proxy_protocol: true, limits: {max_connections_per_address: 1}"})
		conn := g.dial("http")
		fmt.Fprint(conn, "PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		if got := readWhose(t, string(body)); got.Peer != "192.0.2.1:51000" {
			t.Errorf("%s", body)
		}
		if list := g.mustRun("connections"); !strings.Contains(list, "192.0.2.1:51000 via "+conn.LocalAddr().String()) || !strings.Contains(list, "198.51.100.2:443") {
			t.Error(list)
		}
		for _, header := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 51001 443\r\n"} { // none, and a second of that address
			refused := g.dial("http")
			fmt.Fprint(refused, header)
			if b, _ := io.ReadAll(refused); len(b) > 0 {
				t.Errorf("%q: %q", header, b)
			}
		}
		if s := g.status().Listeners[0]; s.ProxyRefused != 1 || s.AddressRefused != 1 {
			t.Errorf("%+v", s)
		}
		if text := g.mustRun("status"); !strings.Contains(text, "1 connection over max_connections_per_address, 1 connection without a good PROXY header") {
			t.Error(text)
		}
	})
}

// The configuration of both sides in the documentation, with nginx in front.
func TestExampleNginx(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	ours := strings.NewReplacer("http://127.0.0.1:8080", "http://{http}", "[php, ../php/hello_http.php]", "[{run}, describe.{ext}]").Replace(read(t, "examples/configuration/behind-nginx.yaml"))
	g := start(t, setup{language: php, config: ours + "    access_log: {file: access.log, format: json}\n"})
	front := freeAddress(t)
	theirs := strings.NewReplacer("server 127.0.0.1:8080;", "server "+g.addresses["http"]+";", "listen 80;", "listen "+front+";").Replace(read(t, "examples/nginx/gw.conf"))
	runNginx(t, theirs, front)

	request, _ := http.NewRequest(http.MethodGet, "http://"+front+"/page?x=1", nil)
	request.Host = "shop.test:8443"
	for name, value := range map[string]string{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test", "Forwarded": "for=6.6.6.6;proto=https", "X-Request-Id": "made up"} {
		request.Header.Set(name, value) // what a client may say
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	// nginx is on the loopback, and so is its client: then the left-most counts,
	// as behind a proxy that is a client itself.
	got := readWhose(t, string(body))
	if got.Peer != "6.6.6.6:0" || got.Scheme != "http" || got.Host != "shop.test:8443" || strings.Contains(string(body), "evil") {
		t.Errorf("%s", body)
	}
	var line struct {
		Remote, Proxy string
		RequestID     string `json:"request_id"`
	}
	eventually(t, patience, "the request is in the access log", func() bool { return strings.Contains(g.read("access.log"), "/page?x=1") })
	for text := range strings.Lines(g.read("access.log")) {
		if !strings.Contains(text, "/page?x=1") {
			continue
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Remote != "6.6.6.6" || line.Proxy != "127.0.0.1" || len(line.RequestID) != 32 {
			t.Errorf("%s: %v", text, err)
		}
	}
	w := openWebSocketAt(t, front)
	if !strings.HasPrefix(w, "HTTP/1.1 101 ") {
		t.Errorf("WebSocket through nginx: %q", w)
	}
}

// openWebSocketAt asks for a WebSocket and returns the status line.
func openWebSocketAt(t *testing.T, address string) string {
	t.Helper()
	request, _ := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	for name, value := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.Proto + " " + response.Status
}

// runNginx runs nginx with the contents of a file of conf.d.
func runNginx(t *testing.T, config, address string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	whole := "daemon off; master_process off; error_log stderr; pid " + dir + "/pid;\nevents {}\nhttp {\naccess_log off;\n"
	for _, folder := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		whole += folder + "_temp_path " + dir + "/" + folder + ";\n"
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(whole+config+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	runFront(t, address, exec.Command("nginx", "-c", file, "-p", dir))
}

// runFront runs a proxy until the end of the test.
func runFront(t *testing.T, address string, command *exec.Cmd) {
	t.Helper()
	var said strings.Builder
	command.Stderr, command.Stdout = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	eventually(t, patience, "the proxy listens", func() bool {
		response, err := http.Get("http://" + address + "/")
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
}

// The same with HAProxy, and lines behind the PROXY protocol.
func TestExampleHAProxy(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed")
	}
	g := start(t, setup{language: python, config: `
trusted_proxies: [loopback]
pools:
  web: {command: [{run}, describe.py]}
  lines: {command: [{run}, echo.py]}
listeners:
  - {listen: "http://{http}", pool: web}
  - {listen: "text://{text}", pool: lines, proxy_protocol: true}
`})
	front, lines := freeAddress(t), freeAddress(t)
	theirs := strings.NewReplacer("bind :80", "bind "+front, "bind :2347", "bind "+lines, "127.0.0.1:8080", g.addresses["http"], "127.0.0.1:2348", g.addresses["text"]).Replace(read(t, "examples/haproxy/haproxy.cfg"))
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(theirs), 0o644); err != nil {
		t.Fatal(err)
	}
	runFront(t, front, exec.Command("haproxy", "-db", "-f", file))

	request, _ := http.NewRequest(http.MethodGet, "http://"+front+"/", nil)
	request.Host = "shop.test"
	for name, value := range map[string]string{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test", "Forwarded": "for=6.6.6.6"} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if got := readWhose(t, string(body)); got.Peer != "127.0.0.1:0" || got.Scheme != "http" || got.Host != "shop.test" || strings.Contains(string(body), "6.6.6.6") {
		t.Errorf("%s", body)
	}
	conn, err := net.Dial("tcp", lines)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "Tom\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "Tom") {
		t.Fatalf("%q, %v", line, err)
	}
	if list := g.mustRun("connections", "text"); !strings.Contains(list, conn.LocalAddr().String()+" via 127.0.0.1:") {
		t.Error(list)
	}
	if status := openWebSocketAt(t, front); !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		t.Errorf("WebSocket through HAProxy: %q", status)
	}
}

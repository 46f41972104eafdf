package tests

import (
	"bytes"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// example starts a program of examples/ from its place there.
func example(t *testing.T, l language, name string, schemes ...string) *gateway {
	t.Helper()
	if schemes == nil {
		schemes = []string{"http"}
	}
	g := prepare(t, setup{language: l, handler: "hello", listen: schemes})
	arguments := []string{"start", "-d"}
	for _, scheme := range schemes {
		arguments = append(arguments, "--listen", scheme+"://"+g.addresses[scheme])
	}
	g.mustRun(append(arguments, filepath.Join(root, "examples", l.name, l.file(name)))...)
	return g
}

func TestExampleHelloHTTP(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "hello_http")
		g.wantPage("/", "Hello Client")
	})
}

func TestExampleHelloWebSocket(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "hello_websocket")
		if got := openWebSocket(g, "http", "/").ask("Tom"); got != "Hello Tom" {
			t.Errorf("answer %q", got)
		}
		if status, page := g.get("/"); status != 200 || !strings.Contains(page, "new WebSocket") {
			t.Errorf("%d %.60q", status, page)
		}
	})
}

func TestExampleHelloText(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "hello_text", "text")
		w := newWire(g, "text")
		w.send("Tom\r\n") // telnet ends a line so
		if got := w.line(); got != "Hello Tom" {
			t.Errorf("answer %q", got)
		}
	})
}

func TestExampleReadRequest(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "read_request")
		_, body := g.get("/search?q=gw")
		for _, want := range []string{`"method":"GET"`, `"path":`, `"q":"gw"`} {
			if !strings.Contains(body, want) {
				t.Errorf("no %s in %s", want, body)
			}
		}
		var form bytes.Buffer
		writer := multipart.NewWriter(&form)
		part, _ := writer.CreateFormFile("picture", "cat.png")
		io.WriteString(part, "miaow")
		writer.Close()
		response, err := http.Post(g.url("http", "/upload"), writer.FormDataContentType(), &form)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, _ := io.ReadAll(response.Body)
		if !strings.Contains(string(answer), `"cat.png"`) || !strings.Contains(string(answer), `"bytes":5`) {
			t.Errorf("upload: %s", answer)
		}
	})
}

func TestExampleAnswers(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "answers")
		for path, want := range map[string]struct {
			status int
			body   string
		}{
			"/text":    {200, " becomes text"},
			"/json":    {200, "becomes JSON"},
			"/page":    {200, "<h1>Hello</h1>"},
			"/old":     {302, ""},
			"/made":    {201, "made"},
			"/report":  {200, "row 1000\n"},
			"/news":    {200, "event: price\nid: 7\ndata: 42\n\n"},
			"/nowhere": {404, "no such page"},
		} {
			if status, body := g.get(path); status != want.status || !strings.Contains(body, want.body) {
				t.Errorf("%s: %d %.80q", path, status, body)
			}
		}
	})
}

func TestExampleDownload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "download")
		if status, body := g.get("/"); status != 403 || body != "not for you" {
			t.Errorf("without a key: %d %q", status, body)
		}
		r, body := g.ask("GET", "/?key=secret", "Range: bytes=0-4")
		if r.StatusCode != 206 || len(body) != 5 || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%+v %q", r, body)
		}
	})
}

func TestExampleSession(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "session", "websocket")
		w := openWebSocket(g, "websocket", "/")
		if got := w.ask("Tom"); got != "Welcome, Tom" {
			t.Errorf("answer %q", got)
		}
		g.mustRun("reload")
		if got := w.ask("hello"); got != "Tom said hello" {
			t.Errorf("answer %q", got)
		}
	})
}

func TestExampleHandshake(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "handshake", "websocket")
		if _, response, err := dialWebSocket(g, "websocket", "/", nil, false); err == nil || response == nil || response.StatusCode != 401 {
			t.Fatalf("without a token: %v, %v", response, err)
		}
		header := http.Header{"Sec-WebSocket-Protocol": {"chat.v1, chat.v2"}}
		conn, response, err := dialWebSocket(g, "websocket", "/?token=secret", header, false)
		if err != nil {
			t.Fatal(err)
		}
		if response.Header.Get("Set-Cookie") != "seen=1" || conn.Subprotocol() != "chat.v2" {
			t.Errorf("%v", response.Header)
		}
		w := &webSocket{t, conn}
		if got := w.ask("hello"); got != "Tom (user-7): hello" {
			t.Errorf("answer %q", got)
		}
	})
}

func TestExampleGroups(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "groups", "websocket")
		tom := openWebSocket(g, "websocket", "/kitchen")
		tom.want("now there are 1")
		ann := openWebSocket(g, "websocket", "/kitchen")
		tom.want("now there are 2")
		ann.want("now there are 2")
		tom.send("I am Tom")
		tom.send("dinner!")
		ann.want("dinner!")
		ann.send("@Tom coming")
		tom.want("coming")
		ann.leave(1000)
		tom.want("somebody left")
	})
}

func TestExampleTimer(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "timer", "websocket")
		openWebSocket(g, "websocket", "/").want("tick", "tick")
	})
}

func TestExampleUDPEcho(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := example(t, l, "udp_echo", "udp")
		d := newDatagrams(t, g.addresses["udp"])
		d.say("ping")
		d.want("ping")
	})
}

// The configuration as it stands there, on other addresses.
func TestExampleDevices(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		collector, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer collector.Close()
		g := prepare(t, setup{language: l, handler: "hello", env: []string{"COLLECTOR=" + collector.LocalAddr().String()}})
		config := read(t, "examples/configuration/sockets.yaml")
		for from, name := range map[string]string{"0.0.0.0:5300": "udp", "0.0.0.0:2348": "frame", "0.0.0.0:2347": "text", "unix:/run/gw/devices.sock": "text+unix"} {
			config = strings.Replace(config, from, g.addresses.of(t, g.dir, name), 1)
		}
		config = strings.NewReplacer("[python3, devices.py]", "["+l.interpreter+", "+l.file("devices")+"]", "../python", filepath.Join(root, "examples", l.name), "www-data", strconv.Itoa(os.Getgid())).Replace(config)
		g.write("gw.yaml", config)
		g.mustRun("start", "-d")
		collected := func() string {
			collector.SetReadDeadline(time.Now().Add(patience))
			b := make([]byte, 100)
			n, _, err := collector.ReadFrom(b)
			if err != nil {
				t.Fatal(err)
			}
			return string(b[:n])
		}
		d := newDatagrams(t, g.addresses["udp"])
		d.say("21.5")
		d.want("ok 21.5")
		if got := collected(); got != "udp 21.5" {
			t.Errorf("collected %q", got)
		}
		for name, exchange := range map[string][2]string{
			"frame":     {"\x04\x0021.5", "\x07\x00ok 21.5"},
			"text":      {"21.5\x00", "ok 21.5\x00"},
			"text+unix": {"21.5\n", "ok 21.5\n"},
		} {
			w := newWire(g, name)
			w.send(exchange[0])
			if got := w.read(len(exchange[1])); got != exchange[1] {
				t.Errorf("%s: %q", name, got)
			}
			if got := collected(); got != strings.TrimSuffix(name, "+unix")+" 21.5" {
				t.Errorf("%s: collected %q", name, got)
			}
		}
	})
}

func TestExampleWaiting(t *testing.T) {
	t.Parallel()
	g := example(t, python, "waiting")
	g.wantPage("/", "waited")
	if got := openWebSocket(g, "http", "/").ask("Tom"); got != "Hello Tom" {
		t.Errorf("answer %q", got)
	}
}

func TestExampleWSGIAndASGI(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: python, config: `
pools:
  wsgi: {command: [{run}, -m, gw, "wsgi_app:app"], dir: ` + filepath.Join(root, "examples", "python") + `}
  asgi: {command: [{run}, -m, gw, "asgi_app:app"], dir: ` + filepath.Join(root, "examples", "python") + `}
listeners:
  - {listen: "http://{http}", pool: wsgi, routes: [{path: /live, pool: asgi}]}
`})
	g.mustRun("start", "-d")
	g.wantPage("/page", "WSGI says hello to /page")
	g.wantPage("/live", "ASGI says hello to /live")
	if got := openWebSocket(g, "http", "/live").ask("Tom"); got != "Hello Tom" {
		t.Errorf("answer %q", got)
	}
}

// Every configuration of the examples and the documentation is valid.
func TestExampleConfigurations(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	files, _ := filepath.Glob(filepath.Join(root, "examples", "*", "*.yaml"))
	if len(files) < 3 {
		t.Fatalf("%d configurations", len(files))
	}
	for _, file := range files {
		if filepath.Base(filepath.Dir(file)) == "tls" {
			continue // TestTLSExamples makes their certificates first
		}
		if r := g.run("check", file); r.code != exitOK {
			t.Errorf("%s: exit code %d\n%s%s", file, r.code, r.stdout, r.stderr)
		}
	}
}

// Every program of the examples is run by a test of this folder.
func TestEveryExampleIsTested(t *testing.T) {
	t.Parallel()
	var source []byte
	tests, _ := filepath.Glob("*_test.go")
	for _, file := range tests {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	for _, l := range []language{php, python} {
		files, _ := filepath.Glob(filepath.Join(root, "examples", l.name, "*."+l.extension))
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), "."+l.extension)
			if !bytes.Contains(source, []byte(`"`+name+`"`)) && !bytes.Contains(source, []byte(name+":app")) {
				t.Errorf("examples/%s/%s is not run by any test", l.name, filepath.Base(file))
			}
		}
	}
}

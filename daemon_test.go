package main

import (
	"bufio"
	"context"
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

const helloHandler = `import gw
app = gw.Worker()

@app.on_request
def index(request):
    return "hello"

app.run()
`

// needPython skips where handlers cannot run.
func needPython(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real processes")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip(err)
	}
}

// get asks the handler behind a unix socket.
func get(t *testing.T, socket string) string {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}).Get("http://gw/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return string(body)
}

func TestDaemonStartsReloadsRestartsAndStops(t *testing.T) {
	needPython(t)
	dir := place(t, "app.py", helloHandler)
	t.Cleanup(func() { gw("stop", "--timeout", "1s") })
	got := gw("start", "app.py", "-d", "--listen", "http://unix:web.sock", "--workers", "2")
	if got.code != exitOK || !strings.Contains(got.out, "http://unix:"+dir+"/web.sock") || !strings.Contains(got.out, "Stop it with gw stop.") {
		t.Fatalf("start: got %+v", got)
	}
	if body := get(t, filepath.Join(dir, "web.sock")); body != "hello" {
		t.Errorf("body: got %q", body)
	}
	if got := gw("start", "-d", "app.py"); got.code != exitAlreadyRunning {
		t.Errorf("second start: got %+v", got)
	}
	write(t, filepath.Join(dir, "app.py"), strings.Replace(helloHandler, `"hello"`, `"changed"`, 1))
	if got := gw("reload"); got.code != exitOK || !strings.Contains(got.out, "app#2") {
		t.Errorf("reload: got %+v", got)
	}
	if body := get(t, filepath.Join(dir, "web.sock")); body != "changed" {
		t.Errorf("body: got %q", body)
	}
	write(t, filepath.Join(dir, "app.py"), "raise SystemExit('no database')")
	if got := gw("reload"); got.code != exitReloadAborted || !strings.Contains(got.err, "no database") {
		t.Errorf("broken reload: got %+v", got)
	}
	write(t, filepath.Join(dir, "app.py"), helloHandler)
	if got := gw("restart"); got.code != exitOK || !strings.Contains(got.out, "web.sock") || !strings.Contains(got.out, "  2  ") {
		t.Errorf("restart: got %+v", got)
	}
	if got := gw("stop"); got.code != exitOK || exists(filepath.Join(dir, "web.sock")) {
		t.Errorf("stop: got %+v", got)
	}
	if got := gw("status"); got.code != exitNotRunning {
		t.Errorf("status: got %+v", got)
	}
}

func TestDaemonThatCannotStartLeavesNothing(t *testing.T) {
	needPython(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	for _, c := range []struct {
		name, handler, listen string
		code                  int
		want                  string
	}{
		{"busy port", helloHandler, fmt.Sprintf("http://127.0.0.1:%d", port), exitListen, fmt.Sprintf("port %d is in use by pid %d (", port, os.Getpid())},
		{"broken handler", "raise SystemExit('no database')", "http://127.0.0.1:0", exitHandler, "  | no database\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			place(t, "app.py", c.handler)
			state := os.Getenv("GW_STATE_DIR")
			os.Remove(state) // a start makes it
			got := gw("start", "-d", "app.py", "--listen", c.listen)
			if got.code != c.code || got.out != "" || !strings.Contains(got.err, c.want) {
				t.Errorf("got %+v", got)
			}
			if exists(state) {
				t.Errorf("%s was left behind", state)
			}
		})
	}
}

func TestForegroundShowsABannerAndStopsOnCtrlC(t *testing.T) {
	needPython(t)
	dir := place(t, "app.py", "print('loaded', flush=True)\n"+helloHandler)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "start", "app.py", "--listen", "http://unix:web.sock")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	lines := bufio.NewScanner(out)
	seen := ""
	for lines.Scan() {
		seen += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "Everything is ready.") {
			break
		}
	}
	if !strings.Contains(seen, "http   ") || !strings.Contains(seen, dir+"/web.sock") || !strings.Contains(seen, "loaded") {
		t.Errorf("banner: got\n%s", seen)
	}
	if got := gw("status"); got.code != exitOK || !strings.Contains(got.out, "foreground") {
		t.Errorf("status without a name: got %+v", got)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, out)
	if err := c.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if exists(filepath.Join(os.Getenv("GW_STATE_DIR"), instanceFile)) {
		t.Error("the instance file was left behind")
	}
}

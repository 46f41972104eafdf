package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gw/master/api"
)

// gateway is one gw with a folder, a state folder and ports of its own. It
// runs as a daemon; the test that made it stops it, and fails when a process
// of it is left.
type gateway struct {
	t         testing.TB
	dir       string // holds gw.yaml and the handlers
	state     string // GW_STATE_DIR
	binary    string
	env       []string
	addresses addresses
}

// result is what a gw command left behind.
type result struct {
	stdout, stderr string
	code           int
}

// prepare writes configuration and handlers, and starts nothing.
func prepare(t testing.TB, s setup) *gateway {
	t.Helper()
	// Not t.TempDir: its path can be too long for a unix socket.
	dir, err := os.MkdirTemp("", "gw-test-")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, dir: filepath.Join(dir, "app"), state: filepath.Join(dir, "state"), binary: s.binary, env: s.env, addresses: addresses{}}
	if g.binary == "" {
		g.binary = gwBinary
	}
	if err := errors.Join(os.Mkdir(g.dir, 0o755), os.Mkdir(g.state, 0o755)); err != nil {
		t.Fatal(err)
	}
	s.deploy(t, g.dir)
	g.write("gw.yaml", s.yaml(t, g.dir, g.addresses))
	t.Cleanup(func() {
		g.leave()
		os.RemoveAll(dir)
	})
	return g
}

// start prepares a gateway and starts it as a daemon.
func start(t testing.TB, s setup) *gateway {
	t.Helper()
	g := prepare(t, s)
	g.mustRun("start", "-d", "gw.yaml")
	g.awaitReady() // start -d waits for one worker of each pool
	return g
}

// run runs a gw command in the gateway's folder.
func (g *gateway) run(arguments ...string) result {
	g.t.Helper()
	command := g.command(arguments...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	// A daemon that kept our pipes would make Run wait for ever.
	command.WaitDelay = 5 * time.Second
	err := command.Run()
	if command.ProcessState == nil || errors.Is(err, exec.ErrWaitDelay) {
		g.t.Fatalf("gw %s: %v", strings.Join(arguments, " "), err)
	}
	return result{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

// command is a gw command that is not started yet.
func (g *gateway) command(arguments ...string) *exec.Cmd {
	command := exec.Command(g.binary, arguments...)
	command.Dir = g.dir
	command.Env = append(os.Environ(), "GW_STATE_DIR="+g.state, "NO_COLOR=1")
	command.Env = append(command.Env, g.env...)
	return command
}

// mustRun runs a gw command that has to succeed, and returns what it printed.
func (g *gateway) mustRun(arguments ...string) string {
	g.t.Helper()
	r := g.run(arguments...)
	if r.code != 0 {
		g.t.Fatalf("gw %s: exit code %d\n%s%s", strings.Join(arguments, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// status asks gw status.
func (g *gateway) status() api.Status {
	g.t.Helper()
	var status api.Status
	if err := json.Unmarshal([]byte(g.mustRun("status", "--json")), &status); err != nil {
		g.t.Fatalf("gw status --json: %v", err)
	}
	return status
}

// connections are the clients there are.
func (g *gateway) connections() []api.Connection {
	g.t.Helper()
	var answer api.Connections
	if err := json.Unmarshal([]byte(g.mustRun("connections", "--json")), &answer); err != nil {
		g.t.Fatalf("gw connections --json: %v", err)
	}
	return answer.Connections
}

// workers are the handler processes that serve, in the order of pools and
// slots.
func (g *gateway) workers() []int {
	g.t.Helper()
	var pids []int
	for _, worker := range g.status().Workers {
		if worker.State == "ready" || worker.State == "active" {
			pids = append(pids, worker.PID)
		}
	}
	return pids
}

// awaitReady waits until every slot has a ready worker.
func (g *gateway) awaitReady() {
	g.t.Helper()
	eventually(g.t, patience, "every slot has a ready worker", func() bool {
		status := g.status()
		return status.Totals.Workers > 0 && status.Totals.Ready == status.Totals.Workers
	})
}

// awaitReplaced waits until a worker is gone and every slot is ready again.
func (g *gateway) awaitReplaced(pid int) {
	g.t.Helper()
	eventually(g.t, patience, "the worker is gone", func() bool { return !alive(pid) })
	g.awaitReady()
}

// kill sends a signal to one process of the gateway.
func (g *gateway) kill(pid int, signal syscall.Signal) {
	g.t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		g.t.Fatalf("kill %d: %v", pid, err)
	}
}

// write puts a file into the gateway's folder, at once as a deploy would.
func (g *gateway) write(name, content string) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	if err := errors.Join(os.WriteFile(path+".new", []byte(content), 0o644), os.Rename(path+".new", path)); err != nil {
		g.t.Fatal(err)
	}
}

// read returns a file of the gateway's folder, "" when it is not there.
func (g *gateway) read(name string) string {
	content, _ := os.ReadFile(filepath.Join(g.dir, name))
	return string(content)
}

// edit replaces a text in a file of the gateway's folder.
func (g *gateway) edit(name, old, new string) {
	g.t.Helper()
	content := g.read(name)
	if !strings.Contains(content, old) {
		g.t.Fatalf("%s does not contain %q", name, old)
	}
	g.write(name, strings.ReplaceAll(content, old, new))
}

// log is what gw wrote to its log.
func (g *gateway) log() string {
	content, _ := os.ReadFile(filepath.Join(g.state, "gw.log"))
	return string(content)
}

// url is the address of a page behind the listener of that name.
func (g *gateway) url(listener, path string) string {
	return "http://" + g.addresses[listener] + path
}

// dial connects to a listener.
func (g *gateway) dial(listener string) net.Conn {
	g.t.Helper()
	network, address := "tcp", g.addresses[listener]
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { conn.Close() })
	return conn
}

// get fetches a page over a connection of its own.
func (g *gateway) get(path string) (int, string) {
	g.t.Helper()
	return g.exchange(http.MethodGet, path, "")
}

// exchange sends one request over a connection of its own.
func (g *gateway) exchange(method, path, body string) (int, string) {
	g.t.Helper()
	request, err := http.NewRequest(method, g.url("http", path), strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	request.Close = true
	response, err := (&http.Client{Timeout: patience, CheckRedirect: stay}).Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// wantPage fails unless the page is there with that text.
func (g *gateway) wantPage(path, want string) {
	g.t.Helper()
	if status, body := g.get(path); status != http.StatusOK || body != want {
		g.t.Fatalf("GET %s: %d %q, want 200 %q", path, status, body, want)
	}
}

// leave stops the gateway and looks for what it left behind.
func (g *gateway) leave() {
	if g.t.Failed() {
		g.t.Logf("gw.yaml:\n%s\ngw.log:\n%s", g.read("gw.yaml"), g.log())
	}
	g.run("stop", "--timeout", "5s")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if len(processesOf(g)) == 0 {
			return
		}
	}
	for _, pid := range processesOf(g) {
		g.t.Errorf("left behind: %s", describeProcess(pid))
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// mkdir makes a folder in the gateway's folder.
func (g *gateway) mkdir(name string) {
	g.t.Helper()
	if err := os.Mkdir(filepath.Join(g.dir, name), 0o755); err != nil {
		g.t.Fatal(err)
	}
}

// rename moves a file within the gateway's folder.
func (g *gateway) rename(from, to string) {
	g.t.Helper()
	if err := os.Rename(filepath.Join(g.dir, from), filepath.Join(g.dir, to)); err != nil {
		g.t.Fatal(err)
	}
}

// link points a symbolic link of the gateway's folder to another target, at
// once as a deploy would.
func (g *gateway) link(target, name string) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	if err := errors.Join(os.Symlink(target, path+".new"), os.Rename(path+".new", path)); err != nil {
		g.t.Fatal(err)
	}
}

package tests

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestUnixSocketHasItsModeAndGroup(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: php, handler: "echo", listen: []string{"text+unix"}, listener: "mode: 0620, group: " + strconv.Itoa(os.Getgid())})
	path := strings.TrimPrefix(g.addresses["text+unix"], "unix:")
	mode := func() os.FileMode {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if got := mode(); got != 0o620 {
		t.Errorf("mode %o", got)
	}
	w := newWire(g, "text+unix")
	g.edit("gw.yaml", "0620", "0600")
	g.mustRun("reload")
	if got := mode(); got != 0o600 {
		t.Errorf("mode %o after a reload", got)
	}
	w.send("still here\n")
	if got := w.line(); got != "still here" {
		t.Errorf("line %q", got)
	}
	if rows := g.mustRun("connections"); !strings.Contains(rows, fmt.Sprintf("unix:pid=%d,uid=%d", os.Getpid(), os.Getuid())) || !strings.Contains(rows, path) {
		t.Errorf("gw connections does not show who it is:\n%s", rows)
	}
	g.mustRun("stop")
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket file is left after a stop")
	}
}

// Root makes the file, and gives it to whom it is for.
func TestUnixSocketBelongsToItsOwner(t *testing.T) {
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	if os.Getuid() != 0 || err != nil {
		t.Skip("needs root and the account nobody")
	}
	g := start(t, setup{language: php, handler: "echo", listen: []string{"text+unix"}, listener: "mode: 0600, owner: nobody, group: " + nobody.Gid})
	var stat syscall.Stat_t
	if err := syscall.Lstat(strings.TrimPrefix(g.addresses["text+unix"], "unix:"), &stat); err != nil {
		t.Fatal(err)
	}
	if uid, gid := fmt.Sprint(stat.Uid), fmt.Sprint(stat.Gid); uid != nobody.Uid || gid != nobody.Gid {
		t.Errorf("it belongs to %s:%s", uid, gid)
	}
}

func TestUnixSocketFileInTheWay(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "echo", listen: []string{"text+unix"}})
	path := strings.TrimPrefix(g.addresses["text+unix"], "unix:")

	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	g.run("start", "-d").wantExit(t, exitPortInUse, "is not a socket")
	if content, _ := os.ReadFile(path); string(content) != "precious" {
		t.Fatal("a file that is no socket was touched")
	}
	os.Remove(path)

	other, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	other.SetUnlinkOnClose(false)
	g.run("start", "-d").wantExit(t, exitPortInUse, fmt.Sprintf("in use by pid %d", os.Getpid()))
	other.Close() // and its file stays

	g.mustRun("start", "-d")
	w := newWire(g, "text+unix")
	w.send("hello\n")
	if got := w.line(); got != "hello" {
		t.Errorf("line %q", got)
	}
}

func TestIPv6AndEachFamilyOfItsOwn(t *testing.T) {
	t.Parallel()
	port := strings.TrimPrefix(freeAddress(t), "127.0.0.1:")
	g := start(t, setup{language: php, config: `
pools:
  main: {command: [{run}, echo.{ext}]}
  other: {command: [{run}, hello.{ext}]}
listeners:
  - {listen: "http://[::]:` + port + `", pool: main, ipv6_only: true}
  - {listen: "http://0.0.0.0:` + port + `", pool: other}
`})
	for host, want := range map[string]string{"::1": "", "127.0.0.1": "Hello Client"} {
		response, err := http.Get("http://" + net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != want {
			t.Errorf("%s answers %q", host, body)
		}
	}
	if rows := g.mustRun("connections"); !strings.Contains(rows, "[::1]:"+port) {
		t.Errorf("gw connections:\n%s", rows)
	}
}

func TestReusePortLetsTwoRun(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	config := `
pools:
  main: {command: [{run}, echo.{ext}]}
listeners:
  - {listen: "text://` + address + `", pool: main, reuse_port: true}
`
	start(t, setup{language: php, config: config})
	start(t, setup{language: php, config: config})
	g := prepare(t, setup{language: php, config: strings.Replace(config, "true", "false", 1)})
	g.run("start", "-d").wantExit(t, exitPortInUse, "is in use by pid")
}

func TestClientThatEndsItsSide(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"text"}})
		w := newWire(g, "text")
		w.send("one\ntwo\n")
		w.conn.(*net.TCPConn).CloseWrite()
		for _, want := range []string{"one", "two"} {
			if got := w.line(); got != want {
				t.Errorf("line %q, want %q", got, want)
			}
		}
		w.wantClosed()
	})
}

func TestListenerChangesItsFramingByReload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"text"}, listener: `framing: {delimiter: "|"}`})
		old := newWire(g, "text")
		old.send("half a mess")
		g.edit("gw.yaml", `"|"`, `";"`)
		g.mustRun("reload")
		old.send("age|")
		if got := old.read(15); got != "half a message|" {
			t.Errorf("the old client got %q", got)
		}
		young := newWire(g, "text")
		young.send("a|b;")
		if got := young.read(4); got != "a|b;" {
			t.Errorf("the new client got %q", got)
		}
	})
}

// passing starts gw as systemd would: with these sockets as descriptors 3 and up.
func (g *gateway) passing(names string, sockets ...*os.File) *exec.Cmd {
	g.t.Helper()
	command := g.command("start", "-d", "gw.yaml")
	command.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", g.binary}, command.Args[1:]...)
	command.Path = "/bin/sh"
	command.ExtraFiles = sockets
	command.Env = append(command.Env, fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES="+names)
	return command
}

func TestSocketsThatSystemdPasses(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		web, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer web.Close()
		webFile, _ := web.(*net.TCPListener).File()
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer packets.Close()
		packetFile, _ := packets.(*net.UDPConn).File()
		g := prepare(t, setup{language: l, config: `
pools:
  main: {command: [{run}, echo.{ext}]}
listeners:
  - {listen: "http://systemd:web", pool: main}
  - {listen: "udp://` + packets.LocalAddr().String() + `", pool: main}
`})
		g.run("start", "-d").wantExit(t, exitPortInUse, "passed no socket named web")
		up := func() {
			if output, err := g.passing("web:metrics", webFile, packetFile).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			g.awaitReady()
		}
		post := func() string {
			response, err := http.Post("http://"+web.Addr().String(), "text/plain", strings.NewReader("hello"))
			if err != nil {
				return err.Error()
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			return string(body)
		}
		up()
		d := newDatagrams(t, packets.LocalAddr().String())
		d.say("ping")
		d.want("ping")
		if got := post(); got != "hello" {
			t.Errorf("answer %q", got)
		}
		for _, pid := range g.workers() {
			environment, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
			if strings.Contains(string(environment), "LISTEN_") {
				t.Error("a handler was told of the sockets")
			}
		}
		g.mustRun("reload")
		if got := post(); got != "hello" {
			t.Errorf("answer %q after a reload", got)
		}
		g.run("restart").wantExit(t, exitFailure, "systemctl restart gw")
		g.mustRun("stop")
		answered := make(chan string)
		go func() { answered <- post() }() // waits in the backlog
		d.say("early")                     // and so does a datagram
		up()
		if got := <-answered; got != "hello" {
			t.Errorf("answer %q to a client that came while nobody ran", got)
		}
		d.want("early")
	})
}

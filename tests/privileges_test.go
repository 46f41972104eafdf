package tests

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// procStatus is one field of /proc/PID/status (proc(5)).
func procStatus(t *testing.T, pid int, field string) string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(content), "\n"+field+":")
	if !found {
		t.Fatalf("no %s in the status of %d", field, pid)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Join(strings.Fields(line), " ")
}

// asNobody starts gw as root with handlers and gateway of another account.
func asNobody(t *testing.T, l language) (*gateway, *user.User) {
	t.Helper()
	nobody, err := user.Lookup("nobody")
	if os.Getuid() != 0 || err != nil {
		t.Skip("needs root and the account nobody")
	}
	g := prepare(t, setup{language: l, handler: "hello", workers: 2, top: "user: nobody", env: []string{"SECRET=from-root"}})
	for _, dir := range []string{filepath.Dir(g.dir), filepath.Dir(g.binary)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g.mustRun("start", "-d")
	g.awaitReady()
	return g, nobody
}

func TestProcessesRunWithoutPrivileges(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g, nobody := asNobody(t, l)
		status := g.status()
		for _, pid := range append(g.workers(), status.Gateway.PID) {
			uids, gids := strings.Repeat(nobody.Uid+" ", 4), strings.Repeat(nobody.Gid+" ", 4)
			if got := procStatus(t, pid, "Uid"); got+" " != uids {
				t.Errorf("%s has the uids %s", describeProcess(pid), got)
			}
			if got := procStatus(t, pid, "Gid"); got+" " != gids {
				t.Errorf("%s has the gids %s", describeProcess(pid), got)
			}
			if groups := strings.Fields(procStatus(t, pid, "Groups")); slices.Contains(groups, "0") {
				t.Errorf("%s has the groups %v", describeProcess(pid), groups)
			}
			if got := procStatus(t, pid, "NoNewPrivs"); got != "1" {
				t.Errorf("%s may gain privileges", describeProcess(pid))
			}
			if got := strings.Trim(procStatus(t, pid, "CapEff"), "0"); got != "" {
				t.Errorf("%s has the capabilities %s", describeProcess(pid), got)
			}
		}
		g.wantPage("/", "Hello Client")
	})
}

// A handler gets two pipes of its own and three standard descriptors: no socket
// of gw's, no client, no log, and nothing that gw's caller left open.
func TestHandlerInheritsNothing(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "echo", workers: 2, listen: []string{"http", "text"}})
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		command := g.command("start", "-d", "gw.yaml")
		command.ExtraFiles = []*os.File{write}
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		write.Close()
		g.awaitReady()
		openWebSocket(g, "http", "/").ask("a client is there")
		read.SetReadDeadline(time.Now().Add(patience))
		if _, err := read.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a process keeps the caller's pipe: %v", err)
		}
		for _, pid := range g.workers() {
			for n, target := range descriptors(t, pid) {
				// What an interpreter opens itself: its script, copies of its pipes, epoll.
				if n > 4 && !strings.HasPrefix(target, "anon_inode:[event") && !strings.HasPrefix(target, filepath.Dir(g.dir)) && !strings.HasPrefix(target, "pipe:") {
					t.Errorf("descriptor %d is %s", n, target)
				}
				if n <= 4 && target != "/dev/null" && !strings.HasPrefix(target, "pipe:") {
					t.Errorf("descriptor %d is %s", n, target)
				}
			}
		}
	})
}

// descriptors of a process, and what they refer to.
func descriptors(t *testing.T, pid int) map[int]string {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	open := map[int]string{}
	for _, entry := range entries {
		n, _ := strconv.Atoi(entry.Name())
		open[n], _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, n))
	}
	return open
}

// The control socket is for its owner and root.
func TestControlSocketRefusesAnotherAccount(t *testing.T) {
	t.Parallel()
	g, nobody := asNobody(t, python)
	socket := filepath.Join(g.state, "control.sock")
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	// As if somebody had opened it wide: the account of the peer still counts.
	os.Chmod(socket, 0o666)
	const knock = `
import os, socket, sys
os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[3]))
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
try:
    s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: gw\r\n\r\n"); print(s.recv(100))
except OSError as e: print("refused", e)
`
	output, err := exec.Command(python.interpreter, "-c", knock, socket, nobody.Gid, nobody.Uid).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if text := string(output); strings.Contains(text, " 200 ") {
		t.Errorf("another account was told %s", text)
	}
	g.status() // and root is still heard
}

// What clients and handlers keep secret does not appear in the log.
func TestLogKeepsNoSecrets(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "dies", workers: 2, top: "log_level: debug", env: []string{"TOKEN=hidden-1"}})
		for range 2 {
			w := newWire(g, "http")
			w.send("POST /?how=kill&password=hidden-2 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer hidden-3\r\nCookie: session=hidden-4\r\nContent-Length: 8\r\n\r\nhidden-5")
			w.want("POST", 502, "")
			g.awaitReady()
		}
		bad := newWire(g, "http")
		bad.send("GET /?password=hidden-6 HTTP/1.1\r\nHost: a\r\nAuthorization hidden-7\r\n\r\n")
		bad.want("GET", 400, "")
		socket := openWebSocket(g, "http", "/?token=hidden-8")
		socket.send("die kill hidden-9")
		socket.wantClose(1011)
		g.awaitReady()
		if strings.Contains(g.log(), "hidden-") {
			t.Errorf("the log has a secret:\n%s", g.log())
		}
	})
}

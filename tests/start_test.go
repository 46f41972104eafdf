package tests

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Exit codes of the command line, as the documentation has them.
const (
	exitOK             = 0
	exitFailure        = 1
	exitUsage          = 2
	exitNotRunning     = 3
	exitAlreadyRunning = 4
	exitConfiguration  = 5
	exitPortInUse      = 6
	exitHandlerFailed  = 7
	exitTimeout        = 8
	exitReloadAborted  = 9
	exitReloadBusy     = 10
)

// wantExit fails unless the command left with that code and said each of the
// texts on stderr.
func (r result) wantExit(t testing.TB, code int, says ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, text := range says {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("stderr does not say %q:\n%s", text, r.stderr)
		}
	}
}

func TestDaemonServesWhenStartReturns(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "slow_boot", workers: 2})
		g.mustRun("start", "-d")
		status := g.status()
		if status.State != "running" || status.Mode != "daemon" || status.Totals.Ready == 0 {
			t.Errorf("state %s, mode %s, %d ready", status.State, status.Mode, status.Totals.Ready)
		}
		if code, _ := g.get("/"); code != 200 {
			t.Errorf("answer %d", code)
		}
	})
}

func TestStartFailureShowsWhatTheHandlerSaid(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		for handler, said := range map[string]string{"exits_at_boot": "the database does not answer", "broken_syntax": ""} {
			g := prepare(t, setup{language: l, handler: handler, workers: 2})
			for _, mode := range [][]string{{"start", "-d"}, {"start"}} {
				r := g.run(mode...)
				r.wantExit(t, exitHandlerFailed)
				if !strings.Contains(r.stdout+r.stderr, said) || !strings.Contains(strings.ToLower(r.stdout+r.stderr), saidBy(handler)) {
					t.Errorf("%v %s does not show the handler's own words:\n%s%s", mode, handler, r.stdout, r.stderr)
				}
			}
			if left := processesOf(g); len(left) > 0 {
				t.Errorf("%d processes after a failed start", len(left))
			}
			g.run("status").wantExit(t, exitNotRunning)
		}
	})
}

// saidBy is what each kind of failure prints in both languages.
func saidBy(handler string) string {
	if handler == "broken_syntax" {
		return "syntax"
	}
	return "exits_at_boot"
}

func TestHandlerThatIsNeverReady(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "slow_boot", pool: "start_timeout: 300ms"})
		g.run("start", "-d").wantExit(t, exitHandlerFailed, "start_timeout")
	})
}

func TestPortInUse(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "hello"})
		taken, err := net.Listen("tcp", g.addresses["http"])
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(g.addresses["http"])
		g.run("start", "-d").wantExit(t, exitPortInUse, port)
		g.run("start").wantExit(t, exitPortInUse, port)
		taken.Close()
		g.mustRun("start", "-d")
		g.wantPage("/", "Hello Client")
	})
}

func TestSecondStart(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello"})
		g.run("start", "-d").wantExit(t, exitAlreadyRunning)
		g.run("start").wantExit(t, exitAlreadyRunning)
		g.wantPage("/", "Hello Client")
	})
}

func TestCommandsWithoutARunningGateway(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	for _, verb := range []string{"status", "stop", "reload", "connections"} {
		g.run(verb).wantExit(t, exitNotRunning)
	}
	g.run("frobnicate").wantExit(t, exitUsage)
	g.run("start", "--frobnicate").wantExit(t, exitUsage)
	g.run("start", "nowhere.yaml").wantExit(t, exitConfiguration, "nowhere.yaml")
}

func TestStopFreesEverything(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2, listen: []string{"http", "text+unix"}})
		g.mustRun("stop")
		if left := processesOf(g); len(left) > 0 {
			t.Errorf("left after stop: %v", left)
		}
		g.run("status").wantExit(t, exitNotRunning)
		g.mustRun("start", "-d")
		g.wantPage("/", "Hello Client")
	})
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "sleep", workers: 2})
		w := newWire(g, "http")
		w.send("GET /?ms=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
		eventually(t, patience, "the request is at a worker", func() bool { return g.status().Totals.InFlight == 1 })
		stopped := make(chan result, 1)
		go func() { stopped <- g.run("stop") }()
		w.want("GET", 200, "")
		w.wantClosed()
		r := <-stopped
		r.wantExit(t, exitOK)
	})
}

func TestRestart(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello"})
		before := g.status().PID
		g.mustRun("restart")
		status := g.status()
		if status.PID == before || status.Mode != "daemon" {
			t.Errorf("pid %d then %d, mode %s", before, status.PID, status.Mode)
		}
		g.wantPage("/", "Hello Client")
	})
}

// foreground starts gw start without -d and waits until it serves.
func foreground(t *testing.T, g *gateway, arguments ...string) (output *bufio.Reader, stop func() int) {
	t.Helper()
	command := g.command(append([]string{"start"}, arguments...)...)
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "the gateway runs in the foreground", func() bool {
		return g.run("status").code == exitOK && g.status().State == "running"
	})
	return bufio.NewReader(stdout), func() int {
		command.Process.Signal(syscall.SIGINT)
		command.Wait()
		return command.ProcessState.ExitCode()
	}
}

func TestForegroundShowsWhatHandlersPrint(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "prints"})
		output, stop := foreground(t, g)
		g.wantPage("/", "untouched")
		found := make(chan bool, 1)
		go func() {
			for {
				line, err := output.ReadString('\n')
				if strings.Contains(line, "[main#1 ") && strings.Contains(line, "written to stderr") || err != nil {
					found <- err == nil
					break
				}
			}
			output.WriteTo(discard{})
		}()
		select {
		case ok := <-found:
			if !ok {
				t.Error("the handler's output is not there")
			}
		case <-time.After(patience):
			t.Error("the handler's output does not come")
		}
		if code := stop(); code != exitOK {
			t.Errorf("exit code %d after Ctrl-C", code)
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestHandlerWithoutConfiguration(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "hello"})
		g.mustRun("start", "-d", "--listen", "http://"+g.addresses["http"], "--workers", "3", l.file("hello"))
		g.wantPage("/", "Hello Client")
		if got := len(g.workers()); got != 3 {
			t.Errorf("%d workers", got)
		}
	})
}

func TestStatusAndConnections(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", workers: 2, listen: []string{"http", "text"}})
		w, line := openWebSocket(g, "http", "/"), newWire(g, "text")
		w.ask("one")
		line.send("two\n")
		line.line()
		g.wantPage("/", "")
		status := g.status()
		if status.Totals.Messages != 2 || status.Totals.Requests < 1 || status.Totals.Connections < 2 {
			t.Errorf("totals %+v", status.Totals)
		}
		for _, want := range []string{"main", "http://" + g.addresses["http"], "text://" + g.addresses["text"], "ready"} {
			if table := g.mustRun("status"); !strings.Contains(table, want) {
				t.Errorf("gw status does not show %q:\n%s", want, table)
			}
		}
		connections := g.mustRun("connections")
		if !strings.Contains(connections, "websocket") || !strings.Contains(connections, "text") {
			t.Errorf("gw connections:\n%s", connections)
		}
	})
}

func TestPIDFileHoldsTheMaster(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: php, handler: "hello", top: "pid_file: run.pid"})
	if got := strings.TrimSpace(g.read("run.pid")); got == "" || got != itoa(g.status().PID) {
		t.Errorf("pid file %q, master %d", got, g.status().PID)
	}
}

// A pid file of a gateway that was killed names a process that is somebody
// else's by now; it must not matter.
func TestStalePIDFileDoesNotMatter(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	if err := os.WriteFile(filepath.Join(g.state, "gw.pid"), []byte(itoa(os.Getpid())+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	g.mustRun("start", "-d")
	g.wantPage("/", "Hello Client")
}

func TestInitWritesAProjectThatRuns(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	if err := os.Mkdir(filepath.Join(g.dir, "project"), 0o755); err != nil {
		t.Fatal(err)
	}
	command := g.command("init")
	command.Dir = filepath.Join(g.dir, "project")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("gw init: %v\n%s", err, output)
	}
	g.mustRun("check", "project/gw.yaml")
}

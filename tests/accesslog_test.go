package tests

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAccessLogHasTheIdThatHandlersSee(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "describe", top: "access_log: {file: logs.json, format: json}"})
		var said, line struct {
			ID     uint64
			Target string
		}
		_, body := g.get("/a?b=c")
		eventually(t, patience, "the request is in the access log", func() bool { return strings.Contains(g.read("logs.json"), "\n") })
		if json.Unmarshal([]byte(body), &said) != nil || json.Unmarshal([]byte(g.read("logs.json")), &line) != nil || line != said {
			t.Errorf("the handler says %+v, the access log %+v", said, line)
		}
	})
}

// Whatever happens to the log, no line of an answered request is missing.
func TestAccessLogLosesNothingInReloadsRotationAndStop(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: php, handler: "hello", workers: 2, top: "access_log: access.log"})
	var answered atomic.Int64
	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := client.Get(g.url("http", "/"))
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				answered.Add(1)
			}
		})
	}
	more := func(what string) {
		t.Helper()
		before := answered.Load()
		eventually(t, patience, "requests go on after "+what, func() bool { return answered.Load() > before+200 })
	}
	more("the start")
	g.rename("access.log", "access.log.1")
	eventually(t, patience, "the access log is opened anew", func() bool { return g.read("access.log") != "" })
	more("a rotation")
	g.rename("access.log", "access.log.2")
	g.mustRun("reload")
	more("a reload")
	close(stop)
	clients.Wait()
	g.mustRun("stop")
	lines := 0
	for _, name := range []string{"access.log", "access.log.1", "access.log.2"} {
		n := strings.Count(g.read(name), "\n")
		if n == 0 {
			t.Errorf("%s is empty", name)
		}
		lines += n
	}
	if want := int(answered.Load()); lines != want {
		t.Errorf("%d lines for %d answered requests", lines, want)
	}
}

func TestAccessLogOnStandardOutput(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: python, handler: "hello", top: "access_log: {file: \"-\", format: json}"})
	output, stop := foreground(t, g)
	g.wantPage("/logged", "Hello Client")
	found := make(chan bool, 1)
	go func() {
		seen := false
		for {
			line, err := output.ReadString('\n')
			if err != nil {
				break
			}
			if strings.Contains(line, `"target":"/logged"`) && !seen {
				seen = true
				found <- true
			}
		}
		close(found)
	}()
	select {
	case ok := <-found:
		if !ok {
			t.Error("the line is not there")
		}
	case <-time.After(patience):
		t.Error("the line does not come")
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestAccessLogThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: python, handler: "hello", top: "access_log: missing/access.log"})
	g.run("start", "-d").wantExit(t, exitFailure, "access log", "missing/access.log", "does its folder exist")
	g.edit("gw.yaml", "missing/", "")
	g.mustRun("start", "-d")
	g.wantPage("/", "Hello Client")
	g.edit("gw.yaml", "access.log", "missing/access.log")
	g.run("reload").wantExit(t, exitReloadAborted, "missing/access.log")
	g.wantPage("/", "Hello Client")
	eventually(t, patience, "both requests are in the access log", func() bool { return strings.Count(g.read("access.log"), "\n") == 2 })
	info, err := os.Stat(filepath.Join(g.dir, "access.log"))
	if err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

// The gateway's account may not write in the folder, the master may.
func TestAccessLogInAFolderOfRoot(t *testing.T) {
	g, _ := asNobody(t, python)
	if err := os.Mkdir(filepath.Join(g.dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	g.edit("gw.yaml", "user: nobody", "user: nobody\naccess_log: logs/access.log")
	g.mustRun("reload")
	g.wantPage("/", "Hello Client")
	eventually(t, patience, "the request is in the access log", func() bool { return strings.Count(g.read("logs/access.log"), "\n") == 1 })
	g.rename("logs/access.log", "logs/access.log.1")
	eventually(t, patience, "it is opened anew", func() bool {
		_, err := os.Stat(filepath.Join(g.dir, "logs/access.log"))
		return err == nil
	})
	g.wantPage("/", "Hello Client")
	eventually(t, patience, "the next is in the new one", func() bool {
		return strings.Count(g.read("logs/access.log")+g.read("logs/access.log.1"), "\n") == 2
	})
}

// After the death of the gateway process the next one goes on with the same log.
func TestAccessLogOutlivesTheGateway(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "hello", top: "access_log: access.log"})
	g.wantPage("/", "Hello Client")
	eventually(t, patience, "the request is in the access log", func() bool { return strings.Count(g.read("access.log"), "\n") == 1 })
	pid := g.status().Gateway.PID
	g.kill(pid, syscall.SIGKILL)
	eventually(t, patience, "there is another gateway", func() bool {
		s := g.status()
		return s.Gateway.PID != pid && s.Gateway.State == "running" && s.Totals.Ready == s.Totals.Workers
	})
	g.wantPage("/", "Hello Client")
	eventually(t, patience, "the next request too", func() bool { return strings.Count(g.read("access.log"), "\n") == 2 })
	if logs := g.status().AccessLogs; len(logs) != 1 || logs[0].Lines != 1 || logs[0].Dropped != 0 {
		t.Errorf("%+v", logs)
	}
}

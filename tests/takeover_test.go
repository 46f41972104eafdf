package tests

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"gw/master/api"
)

// After kill -9 of the gateway the same sockets serve within a second, and gw
// status tells it.
func TestKilledGatewayIsBackWithinASecond(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", workers: 2, listen: []string{"http", "text"}})
		g.kill(g.status().Gateway.PID, syscall.SIGKILL)
		begin := time.Now()
		conn := g.dial("http") // the master still holds the socket: nobody is refused
		conn.SetDeadline(time.Now().Add(patience))
		if !answers(conn) {
			t.Error("no answer")
		}
		took := time.Since(begin)
		t.Logf("served %v after the kill", took.Round(time.Millisecond))
		if took > 5*time.Second {
			t.Errorf("served %v after the kill", took)
		}
		if gateway := g.status().Gateway; gateway.Restarts != 1 || gateway.LastExit != "killed by SIGKILL" {
			t.Errorf("status tells %+v", gateway)
		}
		g.awaitReady()
	})
}

// Files that a crash left behind never matter.
func TestStaleFilesDoNotMatter(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: php, handler: "hello", listen: []string{"http", "text+unix"}})
	g.kill(g.status().PID, syscall.SIGKILL)
	eventually(t, patience, "every process is gone", func() bool { return len(processesOf(g)) == 0 })
	left, _ := filepath.Glob(filepath.Join(g.state, "*"))
	if len(left) == 0 {
		t.Error("nothing was left: the test proves nothing")
	}
	// The worst pid file is one with the pid of somebody alive.
	if err := os.WriteFile(filepath.Join(g.state, "gw.pid"), []byte(itoa(os.Getpid())), 0o644); err != nil {
		t.Fatal(err)
	}
	g.run("status").wantExit(t, exitNotRunning)
	g.mustRun("start", "-d")
	g.wantPage("/", "Hello Client")
	line := g.dial("text+unix")
	line.Close()
}

// Of many starts at the same time one wins, and the others say that it runs.
func TestOneOfManyStartsWins(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "hello"})
		var starts sync.WaitGroup
		codes := make([]int, 5)
		for n := range codes {
			starts.Go(func() { codes[n] = g.run("start", "-d").code })
		}
		starts.Wait()
		count := map[int]int{}
		for _, code := range codes {
			count[code]++
		}
		if count[exitOK] != 1 || count[exitAlreadyRunning] != len(codes)-1 {
			t.Errorf("exit codes %v", codes)
		}
		g.wantPage("/", "Hello Client")
	})
}

// Under repeated death the gateway is restarted with a pause, its sockets stay.
func TestGatewayKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: php, handler: "hello"})
	var last api.Gateway
	for n := range 4 {
		eventually(t, patience, "the gateway runs", func() bool {
			last = g.status().Gateway
			return last.State == "running" && last.PID != 0 && last.Restarts == n
		})
		g.kill(last.PID, syscall.SIGKILL)
		conn, err := net.DialTimeout("tcp", g.addresses["http"], patience)
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		conn.Close()
	}
	g.awaitReady()
	g.wantPage("/", "Hello Client")
}

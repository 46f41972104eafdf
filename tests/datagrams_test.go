package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gw/master/api"
)

// datagrams talks to a udp listener.
type datagrams struct {
	t testing.TB
	net.Conn
}

func newDatagrams(t testing.TB, address string) *datagrams {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &datagrams{t, conn}
}

func (d *datagrams) say(data string) {
	d.t.Helper()
	if _, err := d.Write([]byte(data)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *datagrams) hear() string {
	d.t.Helper()
	buf := make([]byte, 1<<16)
	n, err := d.Read(buf)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(buf[:n])
}

func (d *datagrams) want(data string) {
	d.t.Helper()
	if got := d.hear(); got != data {
		d.t.Errorf("heard %.80q, want %.80q", got, data)
	}
}

// counted is what the udp listener has counted.
func (g *gateway) counted() api.Datagrams {
	g.t.Helper()
	for _, l := range g.status().Listeners {
		if l.Datagrams != nil {
			return *l.Datagrams
		}
	}
	g.t.Fatal("no udp listener in gw status")
	return api.Datagrams{}
}

func TestDatagramsAreAnsweredToTheirSender(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		port := strings.TrimPrefix(freeAddress(t), "127.0.0.1:")
		g := start(t, setup{language: l, config: `
pools:
  main: {command: [{run}, echo.{ext}], workers: 2}
listeners:
  - {listen: "udp://*:` + port + `", pool: main}
`})
		for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
			one, other := newDatagrams(t, net.JoinHostPort(host, port)), newDatagrams(t, net.JoinHostPort(host, port))
			for _, data := range []string{"ping", "\x00\xff", strings.Repeat("x", 60_000)} {
				one.say(data)
				other.say(data + "!")
				one.want(data)
				other.want(data + "!")
			}
		}
		if c := g.counted(); c.Received != 18 || c.Sent != 18 || c.Dropped != 0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestDatagramsOverAReload(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", workers: 2, listen: []string{"udp"}})
		done := make(chan struct{})
		var traffic sync.WaitGroup
		traffic.Go(func() {
			d := newDatagrams(t, g.addresses["udp"])
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
					d.say(fmt.Sprint(n))
					d.want(fmt.Sprint(n))
				}
			}
		})
		for range 3 {
			g.mustRun("reload")
		}
		close(done)
		traffic.Wait()
		if c := g.counted(); c.Dropped != 0 || c.Sent != c.Received {
			t.Errorf("%+v", c)
		}
	})
}

// The worker that has it is killed from outside; another one answers.
func TestDatagramOfAKilledWorkerIsRedelivered(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "slow_message", listen: []string{"udp"}})
		d := newDatagrams(t, g.addresses["udp"])
		d.say("300")
		eventually(t, patience, "a worker has it", func() bool { return g.status().Totals.InFlight == 1 })
		syscall.Kill(g.workers()[0], syscall.SIGKILL)
		d.want("300")
	})
}

func TestDeadlyDatagramEndsTwoWorkers(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "dies", workers: 2, listen: []string{"udp"}})
		d := newDatagrams(t, g.addresses["udp"])
		d.say("die kill 1")
		var aside []string
		eventually(t, patience, "it is set aside", func() bool {
			aside, _ = filepath.Glob(filepath.Join(g.state, "set-aside", "*.msg"))
			return len(aside) == 1
		})
		if content, _ := os.ReadFile(aside[0]); !strings.Contains(string(content), `"what":"datagram"`) || !strings.Contains(string(content), d.LocalAddr().String()) {
			t.Errorf("%s", content)
		}
		g.awaitReady()
		d.say("alive")
		d.want("alive")
		if attempts, _ := os.ReadFile(filepath.Join(g.dir, "attempts")); strings.Count(string(attempts), "die") != 2 {
			t.Errorf("attempts: %s", attempts)
		}
	})
}

// More datagrams than the workers can take: some are lost, none in silence, and memory does not grow with them.
func TestFloodOfDatagrams(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "slow_message", listen: []string{"udp"}, listener: "queue: 100, receive_buffer: 8MiB"})
		d := newDatagrams(t, g.addresses["udp"])
		const flood, bytes = 20_000, 1000
		for range flood {
			d.say("1" + strings.Repeat(" ", bytes-1))
		}
		eventually(t, patience, "each one is answered or counted as lost", func() bool {
			c := g.counted()
			return c.Sent+c.Dropped+c.SendDrops == flood && c.Queued == 0
		})
		if c := g.counted(); c.Dropped == 0 {
			t.Errorf("%+v", c)
		}
		if memory := g.status().Gateway.MemoryBytes; memory > 64<<20 {
			t.Errorf("the gateway has %d bytes", memory)
		}
		if status := g.mustRun("status"); !strings.Contains(status, " dropped, ") {
			t.Errorf("gw status says nothing of it:\n%s", status)
		}
	})
}

func TestAsyncHandlerTakesManyDatagramsAtOnce(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "numbered_async", listen: []string{"udp"}})
	d := newDatagrams(t, g.addresses["udp"])
	missing := map[string]bool{}
	for n := range 100 {
		d.say(fmt.Sprint(n))
		missing[fmt.Sprint(n)] = true
	}
	for len(missing) > 0 {
		delete(missing, d.hear())
	}
	if c := g.counted(); c.Dropped != 0 {
		t.Errorf("%+v", c)
	}
}

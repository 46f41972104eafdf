package load

import (
	"bufio"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// serve answers the lines of every connection of a new listener until the test
// ends; answer returns false to close the connection.
func serve(t *testing.T, answer func(line string) (string, bool)) netip.AddrPort {
	t.Helper()
	return listen(t, func(c net.Conn) {
		for in := bufio.NewReader(c); ; {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			text, ok := answer(line)
			if _, err := c.Write([]byte(text)); err != nil || !ok {
				return
			}
		}
	})
}

func listen(t *testing.T, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); handle(c) }()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// drive runs a load until want requests are answered, or until it ends itself.
func drive(t *testing.T, o Options, want uint64) *Load {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	l.Measure()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for l.Done() < want {
		select {
		case <-ended:
			return l
		case <-tick.C:
		}
	}
	l.Stop()
	<-ended
	return l
}

func echo(line string) (string, bool) { return line, true }

func TestClosedLoopAnswersEveryRequest(t *testing.T) {
	for _, depth := range []int{1, 16} {
		l := drive(t, Options{Target: serve(t, echo), Protocol: NewText(), Connections: 8, Depth: depth}, 2000)
		if failed, err := l.Failed(); failed != 0 {
			t.Fatalf("depth %d: %d failed: %v", depth, failed, err)
		}
		if h := l.Latencies(); h.Total() == 0 || h.Quantile(0.5) == 0 {
			t.Errorf("depth %d: %d latencies, median %v", depth, h.Total(), h.Quantile(0.5))
		}
	}
}

func TestFixedRateKeepsItsRate(t *testing.T) {
	begun := time.Now()
	l := drive(t, Options{Target: serve(t, echo), Protocol: NewText(), Connections: 4, Depth: 2, Rate: 2000}, 400)
	if failed, err := l.Failed(); failed != 0 {
		t.Fatalf("%d failed: %v", failed, err)
	}
	if took := time.Since(begun); took < 195*time.Millisecond {
		t.Errorf("400 requests at 2,000 a second took only %v", took)
	}
}

func TestFixedRateCountsTheTimeARequestCouldNotBeSent(t *testing.T) {
	slow := func(line string) (string, bool) { time.Sleep(10 * time.Millisecond); return line, true }
	l := drive(t, Options{Target: serve(t, slow), Protocol: NewText(), Connections: 1, Depth: 1, Rate: 1000}, 20)
	if got := l.Latencies().Max(); got < 100*time.Millisecond {
		t.Errorf("the last of 20 answers, 10 ms each on one connection, came after only %v", got)
	}
}

func TestWrongAnswerFails(t *testing.T) {
	n := 0
	wrong := func(line string) (string, bool) {
		if n++; n == 50 {
			line = strings.ToUpper(line)
		}
		return line, true
	}
	l := drive(t, Options{Target: serve(t, wrong), Protocol: NewText(), Connections: 1, Depth: 1}, 1<<30)
	failed, err := l.Failed()
	if failed != 1 || err == nil || !strings.Contains(err.Error(), "wrong line") || l.Done() != 49 {
		t.Errorf("%d failed, %d done: %v", failed, l.Done(), err)
	}
}

func TestClosedConnectionFailsWithAllItHadUnderWay(t *testing.T) {
	n := 0
	hangUp := func(line string) (string, bool) { n++; return line, n < 10 }
	l := drive(t, Options{Target: serve(t, hangUp), Protocol: NewText(), Connections: 1, Depth: 4}, 1<<30)
	if failed, err := l.Failed(); failed != 4 || err == nil {
		t.Errorf("%d failed: %v", failed, err)
	}
}

func TestAnswerInPiecesIsPutTogether(t *testing.T) {
	target := listen(t, func(c net.Conn) {
		for b := make([]byte, 1); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
			c.Write(b)
		}
	})
	l := drive(t, Options{Target: target, Protocol: NewText(), Connections: 2, Depth: 2}, 50)
	if failed, err := l.Failed(); failed != 0 {
		t.Fatalf("%d failed: %v", failed, err)
	}
}

func TestAgainstARealHTTPServer(t *testing.T) {
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.WriteString(string(ctx.QueryArgs().Peek("n")) + " " + string(ctx.Request.Header.Peek("X-Visit")))
	}}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln)
	t.Cleanup(func() { server.Shutdown() })
	target := ln.Addr().(*net.TCPAddr).AddrPort()
	l := drive(t, Options{Target: target, Protocol: NewVary(), Connections: 16, Depth: 1}, 5000)
	if failed, err := l.Failed(); failed != 0 {
		t.Fatalf("%d failed: %v", failed, err)
	}
	l.Close()
	idle, err := OpenIdle(target, func() Protocol { return NewVary() }, 50, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if n := idle.Open(); n != 50 {
		t.Errorf("%d of 50 idle connections open", n)
	}
	if n := idle.Lost(); n != 0 {
		t.Errorf("%d of 50 idle connections lost", n)
	}
}

package http1

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// observe plays one vector to a server that is a function.
func observe(t *testing.T, text string, serve func(conn net.Conn, in *bufio.Reader)) (Vector, Observation) {
	t.Helper()
	list, err := parse("a.txt", "[a] RFC 1 section 2\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := ln.Accept()
		if err == nil {
			serve(conn, bufio.NewReader(conn))
			conn.Close()
		}
	}()
	seen, err := Play{Network: "tcp", Address: ln.Addr().String(), Patience: 100 * time.Millisecond}.Observe(list[0])
	if err != nil {
		t.Fatal(err)
	}
	<-served
	return list[0], seen
}

// readHead takes lines up to an empty one.
func readHead(in *bufio.Reader) {
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
}

const (
	request = "> GET / HTTP/1.1\n>\n"
	hello   = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	probed  = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nGET /probe probe\r\n0\r\n\r\n"
)

func TestAConnectionThatStaysAnswersTheProbe(t *testing.T) {
	v, seen := observe(t, request+"= 200 {content-length} \"hello\" keep\n", func(conn net.Conn, in *bufio.Reader) {
		readHead(in)
		io.WriteString(conn, hello)
		readHead(in)
		io.WriteString(conn, probed)
	})
	if !v.Exact(seen) {
		t.Errorf("%v", seen)
	}
}

func TestAnAnswerToAnotherRequestIsNotTheProbes(t *testing.T) {
	v, seen := observe(t, request+"= 200 keep\n", func(conn net.Conn, in *bufio.Reader) {
		readHead(in)
		io.WriteString(conn, hello)
		readHead(in)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nGET /smuggled a")
	})
	if v.Right(seen) || !seen.Fooled() {
		t.Errorf("%v", seen)
	}
}

func TestAConnectionThatCloses(t *testing.T) {
	v, seen := observe(t, request+"= 400 close\n| 200 close\n", func(conn net.Conn, in *bufio.Reader) {
		readHead(in)
		io.WriteString(conn, hello)
	})
	if v.Exact(seen) || !v.Right(seen) {
		t.Errorf("%v", seen)
	}
}

func TestAResetIsNotWhatGwPromises(t *testing.T) {
	v, seen := observe(t, request+"= 200 close\n", func(conn net.Conn, in *bufio.Reader) {
		readHead(in)
		io.WriteString(conn, hello)
		_, _ = in.ReadByte() // what the client waits for has arrived when it gives up waiting
		conn.(*net.TCPConn).SetLinger(0)
	})
	if v.Exact(seen) {
		t.Errorf("%v", seen)
	}
}

func TestASilentServerWaits(t *testing.T) {
	v, seen := observe(t, request+"= 400 close\n", func(conn net.Conn, in *bufio.Reader) { io.Copy(io.Discard, in) })
	if seen.Ending != Wait || v.Right(seen) {
		t.Errorf("%v", seen)
	}
}

func TestABodyBehindTheAnswerToHeadIsAFault(t *testing.T) {
	v, seen := observe(t, "> HEAD / HTTP/1.1\n>\n= 200- close\n", func(conn net.Conn, in *bufio.Reader) {
		readHead(in)
		io.WriteString(conn, hello)
	})
	if v.Right(seen) || !strings.Contains(seen.Fault, "hello") {
		t.Errorf("%v", seen)
	}
}

func TestABodyThatIsCutIsAFault(t *testing.T) {
	v, seen := observe(t, request+"= 200 close\n", func(conn net.Conn, in *bufio.Reader) {
		readHead(in)
		io.WriteString(conn, strings.TrimSuffix(hello, "o"))
	})
	if v.Right(seen) || seen.Fault == "" {
		t.Errorf("%v", seen)
	}
}

func TestTheClientWaitsForAnAnswerAndEndsItsSide(t *testing.T) {
	v, seen := observe(t, request+"~\n+ body\n$\n= 100 200 close\n", func(conn net.Conn, in *bufio.Reader) {
		readHead(in)
		io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		if body, _ := io.ReadAll(in); string(body) == "body" {
			io.WriteString(conn, hello)
		}
	})
	if !v.Exact(seen) {
		t.Errorf("%v", seen)
	}
}

func TestFieldsAreConditions(t *testing.T) {
	for condition, want := range map[string]bool{
		"allow": true, "!allow": false, "date": false, "!date": true, "connection: close": true, "connection: Close": true, "connection: keep-alive": false, "conn": false,
	} {
		r := Response{Status: 405, Fields: []string{"allow: GET", "connection: close"}}
		if got := (Answer{Statuses: []string{"4xx"}, Fields: []string{condition}}).matches(r); got != want {
			t.Errorf("%s: %v", condition, got)
		}
	}
}

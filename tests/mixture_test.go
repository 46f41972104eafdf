package tests

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Nothing is ever answered to the wrong request: many connections pipeline
// random mixtures of good requests, each with an id of its own in target and
// body, cut anywhere. Some end with a bad request and others with the client
// leaving at once, while its requests are at work. Every answer must be the
// next one that its connection is owed.
func TestNothingIsAnsweredToTheWrongRequest(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "record", workers: 3})
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		var clients sync.WaitGroup
		for n := range 24 {
			clients.Go(func() {
				random := rand.New(rand.NewPCG(seed, uint64(n)))
				for turn := range 20 {
					if fault := mixture(g, random, fmt.Sprintf("%d-%d", n, turn)); fault != nil {
						t.Errorf("client %d turn %d: %v", n, turn, fault)
					}
				}
			})
		}
		clients.Wait()
		if restarts := g.status().Totals.Restarts; restarts != 0 {
			t.Errorf("handlers were replaced %d times", restarts)
		}
	})
}

// owed is an answer that a connection waits for.
type owed struct {
	method string
	status int
	body   string // of a 200
}

// badRequests are refused, and nothing behind them is looked at.
var badRequests = []struct {
	text   string
	status int
}{
	{"GET /bad HTTP/1.1\r\n\r\n", 400},
	{"GET /bad HTTP/3.0\r\nHost: a\r\n\r\n", 505},
	{"CONNECT bad:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
	{"POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nbad", 400},
	{"POST /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n", 400},
	{"POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\nbad", 413},
	{"GET /" + strings.Repeat("bad", 10000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
	{"GET /bad HTTP/1.1\r\nHost: a\r\nExpect: bad\r\n\r\n", 417},
	{"GET /bad HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("Bad: bad\r\n", 1000) + "\r\n", 431},
}

// mixture is one connection.
func mixture(g *gateway, random *rand.Rand, id string) error {
	var text strings.Builder
	var list []owed
	for n := range 1 + random.IntN(12) {
		request, answer := goodRequest(random, fmt.Sprintf("%s-%d", id, n))
		text.WriteString(request)
		list = append(list, answer)
	}
	closes := random.IntN(2) == 0
	if closes {
		bad := badRequests[random.IntN(len(badRequests))]
		text.WriteString(bad.text + "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n")
		list = append(list, owed{http.MethodGet, bad.status, ""})
	}
	conn, err := net.Dial("tcp", g.addresses["http"])
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if random.IntN(4) == 0 {
		sendPieces(conn, random, text.String())
		return nil // leaves with answers on their way
	}
	var sending sync.WaitGroup
	sending.Go(func() { sendPieces(conn, random, text.String()) })
	fault := takeOwed(conn, list, closes)
	conn.Close() // ends the sending, which has the random numbers until then
	sending.Wait()
	return fault
}

func goodRequest(random *rand.Rand, id string) (string, owed) {
	body := strings.Repeat(id+".", 1+random.IntN(4))
	seen := fmt.Sprintf(" /%s a %d:%s", id, len(body), body)
	switch random.IntN(4) {
	case 0:
		return fmt.Sprintf("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", id), owed{http.MethodGet, 200, "GET /" + id + " a"}
	case 1:
		return fmt.Sprintf("HEAD /%s HTTP/1.1\r\nHost: a\r\n\r\n", id), owed{http.MethodHead, 200, ""}
	case 2:
		return fmt.Sprintf("PUT /%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body), owed{http.MethodPut, 200, "PUT" + seen}
	}
	half := len(body) / 2
	chunks := fmt.Sprintf("%x;a=b\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: t\r\n\r\n", half, body[:half], len(body)-half, body[half:])
	return fmt.Sprintf("POST /%s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s", id, chunks), owed{http.MethodPost, 200, "POST" + seen}
}

// sendPieces cuts a text anywhere. The server may have closed: what it
// answered tells.
func sendPieces(conn net.Conn, random *rand.Rand, text string) {
	for text != "" {
		n := min(1+random.IntN(400), len(text))
		if _, err := io.WriteString(conn, text[:n]); err != nil {
			return
		}
		text = text[n:]
	}
}

func takeOwed(conn net.Conn, list []owed, closes bool) error {
	in := bufio.NewReader(conn)
	for i, want := range list {
		response, err := http.ReadResponse(in, &http.Request{Method: want.method})
		if err != nil {
			return fmt.Errorf("answer %d, to %+v: %w", i, want, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want.status || want.body != "" && string(body) != want.body {
			return fmt.Errorf("answer %d: %d %q %v, want %+v", i, response.StatusCode, body, err, want)
		}
	}
	if !closes {
		return nil
	}
	if b, err := in.ReadByte(); err != io.EOF {
		return fmt.Errorf("after the last answer: %q, %w", b, err)
	}
	return nil
}

package tests

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const smallLimits = "limits: {max_body: 1KiB, max_header: 1KiB, header_timeout: 500ms, body_timeout: 500ms}"

func TestRefusedRequests(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listener: smallLimits})
		for name, c := range map[string]struct {
			request string
			status  int
		}{
			"body too large":             {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n", 413},
			"chunked body too large":     {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n" + strings.Repeat("x", 1025) + "\r\n0\r\n\r\n", 413},
			"head too large":             {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1100) + "\r\n\r\n", 431},
			"no host":                    {"GET / HTTP/1.1\r\n\r\n", 400},
			"two hosts":                  {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
			"no request at all":          {"Hello?\r\n\r\n", 400},
			"length and chunked":         {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
			"two lengths":                {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
			"folded header":              {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400},
			"blank before colon":         {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
			"bad chunk size":             {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 400},
			"unknown transfer encoding":  {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
			"coding without an end":      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
			"unknown expectation":        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\nContent-Length: 1\r\n\r\n", 417},
			"version of the future":      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
			"head that never ends":       {"GET / HTTP/1.1\r\nHost: a\r\nX: ", 408},
			"body that never comes":      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 408},
			"websocket of wrong version": {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n\r\n", 426},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWire(g, "http")
				w.t = t
				w.send(c.request)
				response, body := w.response(http.MethodPost)
				if response.StatusCode != c.status {
					t.Errorf("answer %d %q, want %d", response.StatusCode, body, c.status)
				}
				if c.status != 426 && !response.Close {
					t.Error("the connection stays open")
				}
			})
		}
		g.wantPage("/", "")
	})
}

// A client that gets its refusal while it still writes must be able to read
// it: a connection reset would destroy the answer.
func TestRefusalReachesAClientThatIsStillWriting(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listener: smallLimits})
		w := newWire(g, "http")
		w.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
		go io.WriteString(w.conn, strings.Repeat("x", 1_000_000))
		w.want(http.MethodPost, 413, "")
	})
}

func TestSilentConnectionIsClosed(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", listener: "limits: {idle_timeout: 300ms}"})
		w := newWire(g, "http")
		w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		w.want(http.MethodGet, 200, "Hello Client")
		w.wantClosed()
	})
}

func TestTooManyConnections(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "hello", listener: "limits: {max_connections: 2}"})
		first, second := newWire(g, "http"), newWire(g, "http")
		for _, w := range []*wire{first, second} {
			w.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			w.want(http.MethodGet, 200, "Hello Client")
		}
		third := newWire(g, "http")
		if _, err := io.ReadAll(third.in); err != nil {
			t.Logf("third connection: %v", err)
		}
		first.conn.Close()
		eventually(t, patience, "there is room again", func() bool { return g.status().Totals.Connections < 2 })
		g.wantPage("/", "Hello Client")
		if refused := g.status().Listeners[0].Refused; refused == 0 {
			t.Error("the refused connection is not counted")
		}
	})
}

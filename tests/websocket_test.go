package tests

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

func TestWebSocketEcho(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listen: []string{"http", "websocket", "websocket+unix"}})
		for _, listener := range []string{"http", "websocket", "websocket+unix"} {
			w := openWebSocket(g, listener, "/")
			for _, text := range []string{"Tom", "", "Grüße, 世界 🙂", strings.Repeat("long ", 40_000)} {
				if got := w.ask(text); got != text {
					t.Errorf("%s: %d bytes came back for %d", listener, len(got), len(text))
				}
			}
			w.leave(websocket.CloseNormalClosure)
		}
	})
}

func TestWebSocketBinary(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo"})
		w := openWebSocket(g, "http", "/")
		sent := []byte{0, 255, 10, 13, 0x80, 0xc3}
		w.sendAs(websocket.BinaryMessage, string(sent))
		w.conn.SetReadDeadline(time.Now().Add(patience))
		kind, got, err := w.conn.ReadMessage()
		if err != nil || kind != websocket.BinaryMessage || !bytes.Equal(got, sent) {
			t.Errorf("kind %d, %x, %v", kind, got, err)
		}
		w.send("text again")
		if kind, _, err := w.conn.ReadMessage(); err != nil || kind != websocket.TextMessage {
			t.Errorf("kind %d, %v", kind, err)
		}
	})
}

// What goes over the wire is small, what handlers see is not.
func TestWebSocketCompression(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		for _, mode := range []string{"message", "off"} {
			g := start(t, setup{language: l, handler: "echo", listener: "websocket: {compression: " + mode + "}"})
			conn, response, err := dialWebSocket(g, "http", "/", nil, true)
			if err != nil {
				t.Fatal(err)
			}
			if got := response.Header.Get("Sec-Websocket-Extensions"); strings.HasPrefix(got, "permessage-deflate") != (mode == "message") {
				t.Fatalf("%s: %q", mode, got)
			}
			w := &webSocket{t, conn}
			for _, text := range []string{"short", strings.Repeat("Grüße, ", 20_000), "short again"} {
				if got := w.ask(text); got != text {
					t.Errorf("%d bytes came back for %d", len(got), len(text))
				}
			}
			if out := g.connections()[0].BytesOut; out < 5000 != (mode == "message") {
				t.Errorf("%s: %d bytes went out", mode, out)
			}
		}
	})
}

func TestOriginsOfPages(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: php, handler: "echo", listener: "websocket: {origins: [https://example.com]}"})
	if _, response, err := dialWebSocket(g, "http", "/", http.Header{"Origin": {"https://evil.example"}}, false); err == nil || response == nil || response.StatusCode != 403 {
		t.Errorf("a foreign page: %v, %v", response, err)
	}
	conn, _, err := dialWebSocket(g, "http", "/", http.Header{"Origin": {"https://example.com"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if w := (&webSocket{t, conn}); w.ask("x") != "x" {
		t.Error("no echo")
	}
}

func TestWebSocketFragments(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo"})
		w := openWebSocket(g, "http", "/")
		writer, err := w.conn.NextWriter(websocket.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			// Larger than the client's write buffer, so each goes out in a frame.
			if _, err := writer.Write(bytes.Repeat([]byte("part "), 2000)); err != nil {
				t.Fatal(err)
			}
			if err := w.conn.WriteControl(websocket.PingMessage, []byte("between"), time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		w.want(strings.Repeat("part ", 20_000))
	})
}

func TestWebSocketPing(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo"})
		w := openWebSocket(g, "http", "/")
		pong := ""
		w.conn.SetPongHandler(func(data string) error { pong = data; return nil })
		if err := w.conn.WriteControl(websocket.PingMessage, []byte("are you there"), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		w.send("after")
		w.want("after")
		if pong != "are you there" {
			t.Errorf("pong %q", pong)
		}
	})
}

func TestGatewayPingsASilentWebSocket(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listener: "limits: {ping_interval: 200ms}"})
		answering := openWebSocket(g, "http", "/")
		pinged := make(chan struct{}, 100)
		answer := answering.conn.PingHandler()
		answering.conn.SetPingHandler(func(data string) error {
			pinged <- struct{}{}
			return answer(data)
		})
		go answering.conn.ReadMessage() //nolint:errcheck // ends with the test's connection

		silent := openWebSocket(g, "http", "/")
		silent.conn.SetPingHandler(func(string) error { return nil })
		silent.wantGone()
		for range 3 {
			<-pinged
		}
	})
}

func TestWebSocketThatSaysNothingIsClosed(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", listener: "limits: {ping_interval: 100ms, message_timeout: 400ms}"})
		w := openWebSocket(g, "http", "/")
		if got := w.ask("hello"); got != "hello" {
			t.Fatalf("%q", got)
		}
		w.wantClose(1001) // though the client library answers pings
	})
}

func TestWebSocketCloseCodes(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "events", listener: "limits: {max_message: 1KiB}"})
		watcher := openWebSocket(g, "http", "/watch")
		watcher.want("welcome to websocket /watch")
		watcher.ask("watch")

		leaving := openWebSocket(g, "http", "/a")
		leaving.want("welcome to websocket /a")
		leaving.ask("first")
		leaving.leave(4321)
		watcher.want("closed 4321  after first")

		lost := openWebSocket(g, "http", "/b")
		lost.want("welcome to websocket /b")
		lost.conn.UnderlyingConn().Close()
		watcher.want("closed 1006  after nothing")

		sent := openWebSocket(g, "http", "/c")
		sent.want("welcome to websocket /c")
		sent.send("close 4000")
		sent.wantClosedByHandler(4000, "as you wish")
		if got := watcher.receive(); !strings.HasPrefix(got, "closed 4000") {
			t.Errorf("event %q", got)
		}

		for name, c := range map[string]struct {
			kind int
			data string
			code int
		}{
			"not UTF-8":  {websocket.TextMessage, "\xff\xfe", websocket.CloseInvalidFramePayloadData},
			"too large":  {websocket.TextMessage, strings.Repeat("x", 1025), websocket.CloseMessageTooBig},
			"bad opcode": {3, "", websocket.CloseProtocolError},
		} {
			w := openWebSocket(g, "http", "/d")
			w.want("welcome to websocket /d")
			if c.kind == 3 {
				w.conn.UnderlyingConn().Write([]byte{0x83, 0x80, 0, 0, 0, 0})
			} else {
				w.sendAs(c.kind, c.data)
			}
			w.wantClose(c.code)
			if got := watcher.receive(); !strings.HasPrefix(got, "closed ") {
				t.Errorf("%s: event %q", name, got)
			}
		}
	})
}

func TestMessagesOfAConnectionKeepTheirOrder(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "echo", workers: 4})
		w := openWebSocket(g, "http", "/")
		const messages = 5000
		go func() {
			for n := range messages {
				if w.conn.WriteMessage(websocket.TextMessage, fmt.Append(nil, n)) != nil {
					return
				}
			}
		}()
		for n := range messages {
			w.want(fmt.Sprint(n))
		}
	})
}

// A client that does not read holds up nobody, and is closed when more waits
// for it than its buffer may hold.
func TestSlowWebSocketIsClosedAndCounted(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "room", listener: "limits: {send_buffer: 256KiB}"})
		slow, fast := openWebSocket(g, "http", "/"), openWebSocket(g, "http", "/")
		slow.ask("join flood")
		text := strings.Repeat("x", 64<<10)
		for range 400 {
			if got := fast.ask("publish flood " + text); got != "done publish" {
				t.Fatalf("answer %.40q", got)
			}
		}
		eventually(t, patience, "the slow client is closed and counted", func() bool {
			return g.status().Listeners[0].SlowClosed == 1
		})
	})
}

package tests

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// webSocket is a client whose every failure ends the test.
type webSocket struct {
	t    testing.TB
	conn *websocket.Conn
}

// openWebSocket connects to a path behind a listener.
func openWebSocket(g *gateway, listener, path string) *webSocket {
	g.t.Helper()
	client, _, err := dialWebSocket(g, listener, path, http.Header{}, false)
	if err != nil {
		g.t.Fatalf("websocket %s: %v", path, err)
	}
	return &webSocket{g.t, client}
}

// dialWebSocket tries to connect, with header in the request.
func dialWebSocket(g *gateway, listener, path string, header http.Header, compress bool) (*websocket.Conn, *http.Response, error) {
	g.t.Helper()
	conn := g.dial(listener)
	dialer := websocket.Dialer{
		HandshakeTimeout:  patience,
		EnableCompression: compress,
		NetDial:           func(string, string) (net.Conn, error) { return conn, nil },
	}
	return dialer.Dial("ws://gateway.test"+path, header)
}

func (w *webSocket) send(text string) {
	w.t.Helper()
	w.sendAs(websocket.TextMessage, text)
}

func (w *webSocket) sendAs(kind int, text string) {
	w.t.Helper()
	if err := w.conn.WriteMessage(kind, []byte(text)); err != nil {
		w.t.Fatalf("send %q: %v", text, err)
	}
}

// receive returns the next message.
func (w *webSocket) receive() string {
	w.t.Helper()
	w.conn.SetReadDeadline(time.Now().Add(patience))
	_, message, err := w.conn.ReadMessage()
	if err != nil {
		w.t.Fatalf("receive: %v", err)
	}
	return string(message)
}

// want fails unless the next messages are these.
func (w *webSocket) want(messages ...string) {
	w.t.Helper()
	for _, want := range messages {
		if got := w.receive(); got != want {
			w.t.Fatalf("received %q, want %q", got, want)
		}
	}
}

// ask sends a message and returns the next one that comes.
func (w *webSocket) ask(text string) string {
	w.t.Helper()
	w.send(text)
	return w.receive()
}

// wantClose fails unless the connection ends now with that close code.
func (w *webSocket) wantClose(code int) {
	w.t.Helper()
	w.conn.SetReadDeadline(time.Now().Add(patience))
	_, message, err := w.conn.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		w.t.Fatalf("received %q, %v; want close code %d", message, err, code)
	}
}

// leave closes with a close frame and waits for the answer.
func (w *webSocket) leave(code int) {
	w.t.Helper()
	frame := websocket.FormatCloseMessage(code, "")
	if err := w.conn.WriteControl(websocket.CloseMessage, frame, time.Now().Add(patience)); err != nil {
		w.t.Fatalf("close: %v", err)
	}
	w.wantClose(code)
	w.conn.Close()
}

// wantClosedByHandler skips messages until the close frame.
func (w *webSocket) wantClosedByHandler(code int, reason string) {
	w.t.Helper()
	for {
		w.conn.SetReadDeadline(time.Now().Add(patience))
		_, _, err := w.conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			if closed.Code != code || closed.Text != reason {
				w.t.Fatalf("close %d %q, want %d %q", closed.Code, closed.Text, code, reason)
			}
			return
		}
		if err != nil {
			w.t.Fatalf("receive: %v", err)
		}
	}
}

// wantGone fails unless the connection ends, however it does.
func (w *webSocket) wantGone() {
	w.t.Helper()
	w.conn.SetReadDeadline(time.Now().Add(patience))
	_, message, err := w.conn.ReadMessage()
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		w.t.Fatalf("received %q, %v; want the connection closed", message, err)
	}
}

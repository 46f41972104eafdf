package tests

import (
	"bufio"
	"io"
	"net"
	"strings"
	"time"

	"github.com/fasthttp/websocket"
)

// talker exchanges text messages over a connection of either kind.
type talker interface {
	say(text string) error
	hear() (string, error)
	Close() error
}

// socketTalker talks over a WebSocket.
type socketTalker struct{ *websocket.Conn }

func openSocketTalker(g *gateway) (talker, error) {
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+g.addresses["http"]+"/", nil)
	return socketTalker{conn}, err
}

func (s socketTalker) say(text string) error {
	return s.WriteMessage(websocket.TextMessage, []byte(text))
}

func (s socketTalker) hear() (string, error) {
	s.SetReadDeadline(time.Now().Add(patience))
	_, message, err := s.ReadMessage()
	return string(message), err
}

// lineTalker talks in lines.
type lineTalker struct {
	net.Conn
	in *bufio.Reader
}

func openLineTalker(g *gateway) (talker, error) {
	conn, err := net.DialTimeout("tcp", g.addresses["text"], patience)
	if err != nil {
		return nil, err
	}
	return &lineTalker{conn, bufio.NewReader(conn)}, nil
}

func (l *lineTalker) say(text string) error {
	_, err := io.WriteString(l.Conn, text+"\n")
	return err
}

func (l *lineTalker) hear() (string, error) {
	l.SetReadDeadline(time.Now().Add(patience))
	line, err := l.in.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

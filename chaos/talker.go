package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/fasthttp/websocket"
)

// talker is a connection of messages, whatever it speaks.
type talker interface {
	write(message string) error
	read(deadline time.Time) (string, error)
	// finish says that no more is written; answers may still be read.
	finish() error
	// brokenOff reports that err is how gw ends a connection whose message
	// could not be handled.
	brokenOff(err error) bool
	// over reports that err is the end after finish.
	over(err error) bool
	close()
}

// webSocket sends text and binary messages in turn.
type webSocket struct {
	conn   *websocket.Conn
	binary bool
}

func dialWebSocket(address, path string) (talker, error) {
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	conn, _, err := dialer.Dial("ws://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	return &webSocket{conn: conn}, nil
}

// dialNarrow opens a WebSocket that takes little at a time.
func dialNarrow(address, path string) (talker, error) {
	t, err := dialWebSocket(address, path)
	if err == nil {
		narrow(t.(*webSocket).conn.NetConn())
	}
	return t, err
}

func (s *webSocket) write(message string) error {
	s.binary = !s.binary
	kind := websocket.TextMessage
	if s.binary {
		kind = websocket.BinaryMessage
	}
	s.conn.SetWriteDeadline(time.Now().Add(patience))
	return s.conn.WriteMessage(kind, []byte(message))
}

func (s *webSocket) read(deadline time.Time) (string, error) {
	s.conn.SetReadDeadline(deadline)
	_, message, err := s.conn.ReadMessage()
	return string(message), err
}

func (s *webSocket) finish() error {
	return s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(patience))
}

func (s *webSocket) brokenOff(err error) bool {
	return websocket.IsCloseError(err, websocket.CloseInternalServerErr)
}

func (s *webSocket) over(err error) bool {
	return websocket.IsCloseError(err, websocket.CloseNormalClosure)
}

func (s *webSocket) close() { s.conn.Close() }

// stream speaks text or frame.
type stream struct {
	conn  *net.TCPConn
	in    *bufio.Reader
	frame bool
}

func dialStream(address string, frame bool) (talker, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return &stream{conn: conn.(*net.TCPConn), in: bufio.NewReader(conn), frame: frame}, nil
}

func (s *stream) write(message string) error {
	s.conn.SetWriteDeadline(time.Now().Add(patience))
	if !s.frame {
		_, err := io.WriteString(s.conn, message+"\n")
		return err
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(4+len(message)))
	_, err := s.conn.Write(append(head, message...))
	return err
}

func (s *stream) read(deadline time.Time) (string, error) {
	s.conn.SetReadDeadline(deadline)
	if !s.frame {
		line, err := s.in.ReadString('\n')
		return strings.TrimSuffix(line, "\n"), err
	}
	var head [4]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return "", err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 4 || n > 1<<20 {
		return "", fmt.Errorf("frame of %d bytes", n)
	}
	message := make([]byte, n-4)
	_, err := io.ReadFull(s.in, message)
	return string(message), err
}

func (s *stream) finish() error            { return s.conn.CloseWrite() }
func (s *stream) brokenOff(err error) bool { return errors.Is(err, io.EOF) }
func (s *stream) over(err error) bool      { return errors.Is(err, io.EOF) }
func (s *stream) close()                   { s.conn.Close() }

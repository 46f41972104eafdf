package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"gw/protocol/http1"
)

// client writes what a client sends, with the frames of golang.org/x/net.
type client struct {
	*xhttp2.Framer
	buf     bytes.Buffer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

// newClient has sent its preface and SETTINGS.
func newClient(settings ...xhttp2.Setting) *client {
	c := new(client)
	c.Framer = xhttp2.NewFramer(&c.buf, nil)
	c.AllowIllegalWrites = true
	c.encoder = hpack.NewEncoder(&c.block)
	c.buf.WriteString(Preface)
	_ = c.WriteSettings(settings...)
	return c
}

// encode makes a header block of names and values.
func (c *client) encode(fields ...string) []byte {
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.block.Bytes())
}

func (c *client) headers(id uint32, end bool, fields ...string) {
	_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: c.encode(fields...), EndStream: end, EndHeaders: true})
}

var get = []string{":method", "GET", ":scheme", "http", ":authority", "example.org", ":path", "/a?b"}
var post = []string{":method", "POST", ":scheme", "http", ":authority", "example.org", ":path", "/"}

func with(fields []string, more ...string) []string {
	return append(append([]string(nil), fields...), more...)
}

func testConfig() *Config {
	return &Config{MaxStreams: 4, MaxHeaderBytes: 8 << 10, MaxFields: 100, MaxTarget: 8 << 10, StreamWindow: 256 << 10, Window: 1 << 20}
}

// server is a Conn and a record of what it said.
type server struct {
	*Conn
	log     []string
	body    map[uint32]string
	streams map[uint32]*Stream
	err     error
}

func newServer(config *Config) *server {
	return &server{Conn: NewConn(config, NewHead(new(http1.Request))), body: map[uint32]string{}, streams: map[uint32]*Stream{}}
}

// take feeds input cut into pieces of size bytes; 0: in one. It returns what was
// left of the input.
func (s *server) take(input []byte, size int) (rest []byte) {
	if size == 0 {
		size = max(len(input), 1)
	}
	var buf []byte
	for len(input) > 0 && s.err == nil {
		n := min(size, len(input))
		buf = append(buf, input[:n]...)
		input = input[n:]
		for s.err == nil {
			ev, used, err := s.Next(buf)
			if s.err = err; err != nil {
				s.log = append(s.log, "error "+err.(*Error).Code.String())
			}
			s.note(&ev)
			buf = buf[used:]
			if used == 0 {
				break
			}
		}
	}
	return buf
}

func (s *server) note(ev *Event) {
	id := uint32(0)
	if ev.Stream != nil {
		id = ev.Stream.ID()
	}
	end := ""
	if ev.End {
		end = " end"
	}
	switch ev.Kind {
	case Request:
		s.streams[id] = ev.Stream
		r := s.head.Request
		line := fmt.Sprintf("request %d %s %s?%s host=%s length=%d", id, r.Method, r.Path, r.Query, r.Host, r.ContentLength)
		for _, f := range r.Fields {
			line += fmt.Sprintf(" %s=%s", f.Name, f.Value)
		}
		if s.head.Err != nil {
			line = fmt.Sprintf("request %d refused: %v", id, s.head.Err)
		}
		s.log = append(s.log, line+end)
	case Data:
		s.body[id] += string(ev.Data)
		if ev.End {
			s.log = append(s.log, fmt.Sprintf("body %d of %d bytes", id, len(s.body[id])))
		}
	case Reset:
		s.log = append(s.log, fmt.Sprintf("reset %d %v", id, ev.Code))
	case GoAway:
		s.log = append(s.log, fmt.Sprintf("goaway %v", ev.Code))
	}
}

// said is what the server sent, frame by frame, without its first SETTINGS.
func (s *server) said(t *testing.T) (frames []string) {
	t.Helper()
	out := s.Output(nil)
	f := xhttp2.NewFramer(nil, bytes.NewReader(out))
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.MaxHeaderListSize = 1 << 20
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			if len(frames) == 0 || err.Error() != "EOF" {
				t.Logf("after %v: %v", frames, err)
			}
			return frames
		}
		frames = append(frames, spell(frame))
	}
}

func spell(frame xhttp2.Frame) string {
	h := frame.Header()
	switch f := frame.(type) {
	case *xhttp2.SettingsFrame:
		if f.IsAck() {
			return "settings ack"
		}
		return "settings"
	case *xhttp2.PingFrame:
		return fmt.Sprintf("ping ack=%v %q", f.IsAck(), f.Data[:])
	case *xhttp2.RSTStreamFrame:
		return fmt.Sprintf("reset %d %v", h.StreamID, Code(f.ErrCode))
	case *xhttp2.GoAwayFrame:
		return fmt.Sprintf("goaway %d %v", f.LastStreamID, Code(f.ErrCode))
	case *xhttp2.WindowUpdateFrame:
		return fmt.Sprintf("window %d +%d", h.StreamID, f.Increment)
	case *xhttp2.DataFrame:
		return fmt.Sprintf("data %d of %d end=%v", h.StreamID, len(f.Data()), f.StreamEnded())
	case *xhttp2.MetaHeadersFrame:
		line := fmt.Sprintf("headers %d end=%v", h.StreamID, f.StreamEnded())
		for _, field := range f.Fields {
			line += " " + field.Name + "=" + field.Value
		}
		return line
	}
	return h.String()
}

func (s *server) logged() string { return strings.Join(s.log, "\n") }

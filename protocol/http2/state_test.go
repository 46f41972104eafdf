package http2

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// more sends what the client has written since the last time.
func (s *server) more(c *client) {
	s.take(c.buf.Bytes(), 0)
	c.buf.Reset()
}

func TestAnswersGoOutInFrames(t *testing.T) {
	c := newClient()
	c.headers(1, true, get...)
	s := newServer(testConfig())
	s.more(c)
	block := AppendStatus(nil, 200)
	for _, f := range [][2]string{{"Content-Type", "text/plain"}, {"X-Own", "\x00\xff"}, {"set-cookie", "a=b"}} {
		block = AppendField(block, []byte(f[0]), []byte(f[1]))
	}
	var n int
	s.out = s.AppendHeaders(s.out, s.streams[1], block, false)
	s.out, n = s.AppendData(s.out, s.streams[1], []byte("hello"), true)
	if n != 5 || s.streams[1].Live() || s.Open() != 0 {
		t.Errorf("%d bytes, live %v", n, s.streams[1].Live())
	}
	want := "[settings window 0 +983041 settings ack headers 1 end=false :status=200 content-type=text/plain x-own=\x00\xff set-cookie=a=b data 1 of 5 end=true]"
	if got := fmt.Sprint(s.raw(t)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// raw is said without judging values, as x/net does.
func (s *server) raw(t *testing.T) []string {
	t.Helper()
	out := s.Output(nil)
	f := xhttp2.NewFramer(nil, bytes.NewReader(out))
	var frames []string
	decoder := newDecoder()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return frames
		}
		if h, ok := frame.(*xhttp2.HeadersFrame); ok {
			fields, err := decoder.DecodeFull(h.HeaderBlockFragment())
			if err != nil {
				t.Fatal(err)
			}
			line := fmt.Sprintf("headers %d end=%v", h.StreamID, h.StreamEnded())
			for _, field := range fields {
				line += " " + field.Name + "=" + field.Value
			}
			frames = append(frames, line)
			continue
		}
		frames = append(frames, spell(frame))
	}
}

func TestLongHeadContinues(t *testing.T) {
	c := newClient(xhttp2.Setting{ID: xhttp2.SettingHeaderTableSize, Val: 0})
	c.headers(1, true, get...)
	s := newServer(testConfig())
	s.more(c)
	s.Output(nil)
	block := AppendField(AppendStatus(nil, 200), []byte("a"), bytes.Repeat([]byte("\xff"), 40000))
	s.out = s.AppendHeaders(s.out, s.streams[1], block, true)
	if got := s.out[headLen]; got != 0x20 {
		t.Errorf("the client made its table smaller and is told %#x", got)
	}
	heads := 0
	for out := s.out; len(out) > 0; heads++ {
		h := readHead(out)
		if h.length > maxFrame || h.stream != 1 || h.has(flagEndHeaders) != (int(h.length)+headLen == len(out)) {
			t.Fatalf("frame %+v", h)
		}
		out = out[headLen+h.length:]
	}
	if heads < 3 || s.Open() != 0 {
		t.Errorf("%d frames, %d open", heads, s.Open())
	}
}

func TestDataKeepsWithinWindows(t *testing.T) {
	c := newClient(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 10})
	c.headers(1, true, get...)
	c.headers(3, true, get...)
	s := newServer(testConfig())
	s.more(c)
	one, three := s.streams[1], s.streams[3]
	body := make([]byte, 100<<10)
	send := func(st *Stream, want int) {
		t.Helper()
		_, n := s.AppendData(nil, st, body, false)
		if n != want {
			t.Errorf("stream %d: %d bytes sent, want %d", st.ID(), n, want)
		}
	}
	send(one, 10)
	send(one, 0)
	if !one.Stalled() || three.Stalled() {
		t.Error("a window that is used up does not stall its stream")
	}
	_ = c.WriteWindowUpdate(1, 5)
	s.more(c)
	send(one, 5)
	_ = c.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 3})
	s.more(c)
	send(three, 3)
	_ = c.WriteWindowUpdate(1, 5) // 0 - 7 + 5
	s.more(c)
	send(one, 0)
	_ = c.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 20})
	s.more(c)
	send(one, maxFrame)
	send(one, maxFrame)
	send(three, maxFrame)
	send(three, defaultWindow-3*maxFrame-18) // the connection's
	send(one, 0)
	if one.Stalled() {
		t.Error("the connection's window stalls a stream")
	}
	_ = c.WriteWindowUpdate(0, 1)
	s.more(c)
	send(one, 1)
	if s.err != nil {
		t.Error(s.err)
	}
}

func TestWindowsOpenAsBodiesAreTaken(t *testing.T) {
	c := newClient()
	c.headers(1, false, post...)
	s := newServer(testConfig())
	s.more(c)
	s.Output(nil)
	st := s.streams[1]
	for range 3 {
		_ = c.WriteData(1, false, make([]byte, maxFrame))
	}
	s.more(c)
	if s.HasOutput() {
		t.Errorf("a window opened for what nobody took: %v", s.said(t))
	}
	s.Hold(st, maxFrame)
	if got := fmt.Sprint(s.said(t)); got != fmt.Sprintf("[window 1 +%d]", 256<<10-(defaultWindow-3*maxFrame)-maxFrame) {
		t.Error(got)
	}
	// Whatever is held stays within the window.
	sent := 0
	for s.err == nil && sent < 1<<20 {
		_ = c.WriteData(1, false, make([]byte, 4<<10))
		s.more(c)
		sent += 4 << 10
		if !st.Live() {
			break
		}
	}
	if sent > 256<<10 || !strings.Contains(s.logged(), "reset 1 FLOW_CONTROL_ERROR") {
		t.Errorf("%d bytes taken in: %s", sent, s.logged())
	}
}

func TestSmallBodyNeedsNoWindow(t *testing.T) {
	c := newClient()
	c.headers(1, false, with(post, "content-length", "20000")...)
	_ = c.WriteData(1, false, make([]byte, 16000))
	s := newServer(testConfig())
	s.more(c)
	s.Output(nil)
	s.Hold(s.streams[1], 0)
	if s.HasOutput() {
		t.Error(s.said(t))
	}
}

func TestConnectionWindowIsGivenBackForWhatIsThrownAway(t *testing.T) {
	c := newClient()
	s := newServer(testConfig())
	id := uint32(1)
	for sent := 0; sent < 4<<20; sent += 3 * (maxFrame - 256) { // of streams that were reset, or end with their data held
		c.headers(id, false, post...)
		s.more(c)
		_ = c.WriteDataPadded(id, false, make([]byte, maxFrame-256), make([]byte, 200))
		s.more(c)
		s.Reset(s.streams[id], Cancel)
		_ = c.WriteData(id, false, make([]byte, maxFrame-256))
		_ = c.WriteData(id, true, make([]byte, maxFrame-256))
		s.more(c)
		s.Release(s.streams[id])
		s.Refill(1)
		id += 2
	}
	if s.err != nil || s.unreturned != 0 {
		t.Errorf("%v, %d bytes not given back", s.err, s.unreturned)
	}
}

func TestTooManyStreamsAreRefused(t *testing.T) {
	c := newClient()
	for id := uint32(1); id <= 9; id += 2 {
		c.headers(id, true, get...)
	}
	s := newServer(testConfig())
	s.more(c)
	if got := fmt.Sprint(s.said(t)); !strings.Contains(got, "reset 9 REFUSED_STREAM") || s.Open() != 4 {
		t.Errorf("%d open, %s", s.Open(), got)
	}
	s.out, _ = s.AppendData(s.out, s.streams[3], nil, true)
	c.headers(11, true, get...)
	s.more(c)
	if s.Open() != 4 || s.streams[11] == nil {
		t.Errorf("%d open", s.Open())
	}
}

func TestLateFramesOfAResetStreamAreIgnored(t *testing.T) {
	c := newClient()
	c.headers(1, false, post...)
	s := newServer(testConfig())
	s.more(c)
	s.Reset(s.streams[1], Cancel)
	s.Output(nil)
	_ = c.WriteData(1, false, []byte("late"))
	_ = c.WriteWindowUpdate(1, 1)
	c.headers(1, true, "trailer", "late")
	_ = c.WriteRSTStream(1, xhttp2.ErrCodeCancel)
	c.headers(3, true, get...)
	s.more(c)
	if s.err != nil || s.HasOutput() || s.streams[3] == nil {
		t.Errorf("%v, %v", s.err, s.said(t))
	}
}

func TestFramesOfACompleteStreamAreFaults(t *testing.T) {
	for name, send := range map[string]func(c *client){
		"HEADERS": func(c *client) { c.headers(1, true, get...) },
		"DATA":    func(c *client) { _ = c.WriteData(1, true, []byte("x")) },
	} {
		c := newClient()
		c.headers(1, true, get...)
		s := newServer(testConfig())
		s.more(c)
		s.out, _ = s.AppendData(s.out, s.streams[1], nil, true)
		send(c)
		s.more(c)
		if got := s.logged() + fmt.Sprint(s.said(t)); !strings.Contains(got, "STREAM_CLOSED") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestGracefulEndServesWhatCrossesTheFirstGoAway(t *testing.T) {
	c := newClient()
	c.headers(1, true, get...)
	s := newServer(testConfig())
	s.more(c)
	s.Output(nil)
	s.Shutdown()
	s.Shutdown()
	if got := fmt.Sprint(s.said(t)); got != `[goaway 2147483647 NO_ERROR ping ack=false "gw leave"]` {
		t.Error(got)
	}
	c.headers(3, true, get...)
	_ = c.WritePing(true, farewell)
	c.headers(5, false, post...)
	_ = c.WriteData(5, true, []byte("nobody reads this"))
	s.more(c)
	if got := fmt.Sprint(s.said(t)); got != "[goaway 3 NO_ERROR]" {
		t.Error(got)
	}
	if s.err != nil || s.streams[3] == nil || s.streams[5] != nil || !s.Leaving() || s.Open() != 2 {
		t.Errorf("%v, %v", s.err, s.log)
	}
}

func TestPingsAndSettingsAreAnswered(t *testing.T) {
	c := newClient()
	_ = c.WritePing(false, [8]byte{'1'})
	_ = c.WriteSettings()
	s := newServer(testConfig())
	s.more(c)
	if got := fmt.Sprint(s.said(t)); got != `[settings window 0 +983041 settings ack ping ack=true "1\x00\x00\x00\x00\x00\x00\x00" settings ack]` {
		t.Error(got)
	}
}

// floods make a server work for nothing: each must end the connection.
var floods = map[string]func(c *client, round uint32){
	"rapid resets":        func(c *client, round uint32) { c.headers(round*2+1, true, get...); _ = c.WriteRSTStream(round*2+1, 0) },
	"pings":               func(c *client, _ uint32) { _ = c.WritePing(false, [8]byte{}) },
	"settings":            func(c *client, _ uint32) { _ = c.WriteSettings() },
	"malformed requests":  func(c *client, round uint32) { c.headers(round*2+1, true, "a", "b") },
	"empty continuations": func(c *client, round uint32) { begin(c, round, nil) },
	"short continuations": func(c *client, round uint32) { begin(c, round, []byte{0x82}) },
	"endless headers":     func(c *client, round uint32) { begin(c, round, bytes.Repeat([]byte{0x82}, maxFrame)) },
	"refused streams":     func(c *client, round uint32) { c.headers(round*2+1, true, get...) },
	"empty data": func(c *client, round uint32) {
		if round == 0 {
			c.headers(1, false, post...)
		}
		_ = c.WriteData(1, false, nil)
	},
	"data on dead streams": func(c *client, round uint32) {
		if round == 0 {
			c.headers(1, true, get...)
			_ = c.WriteRSTStream(1, 0)
		}
		_ = c.WriteData(1, false, nil)
	},
	"wrong windows": func(c *client, round uint32) {
		c.headers(round*2+1, true, get...)
		_ = c.WriteRawFrame(xhttp2.FrameWindowUpdate, 0, round*2+1, make([]byte, 4))
	},
}

func begin(c *client, round uint32, fragment []byte) {
	if round == 0 {
		_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1})
		return
	}
	_ = c.WriteContinuation(1, false, fragment)
}

func TestFloodsEndTheConnection(t *testing.T) {
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			c, s := newClient(), newServer(testConfig())
			for round := uint32(0); s.err == nil; round++ {
				if round == maxBudget+10 {
					t.Fatal("goes on for ever")
				}
				flood(c, round)
				s.more(c)
				if out := len(s.Output(nil)); out > 100 {
					t.Fatalf("%d bytes of answer", out)
				}
			}
			if e := s.err.(*Error); e.Code != EnhanceYourCalm {
				t.Errorf("ended with %v", e)
			}
			if cap(s.block) > 2*testConfig().MaxHeaderBytes+3*maxFrame {
				t.Errorf("%d bytes of header block kept", cap(s.block))
			}
			s.Fail(s.err.(*Error))
			if got := fmt.Sprint(s.said(t)); !strings.Contains(got, "ENHANCE_YOUR_CALM") {
				t.Error(got)
			}
		})
	}
}

func TestTinyWindowsExhaustTheBudget(t *testing.T) {
	c := newClient(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
	c.headers(1, true, get...)
	s := newServer(testConfig())
	s.more(c)
	for round := 0; !s.Exhausted(); round++ {
		if round > maxBudget {
			t.Fatal("goes on for ever")
		}
		_ = c.WriteWindowUpdate(1, 1)
		_ = c.WriteWindowUpdate(0, 1)
		s.more(c)
		s.AppendData(nil, s.streams[1], make([]byte, 1000), false)
	}
	s.Refill(1)
	if s.Exhausted() {
		t.Error("time does not help")
	}
}

// A bomb is a small block that refers to one large entry of the table over and
// over (CVE-2016-6581).
func TestHeaderBombIsDefused(t *testing.T) {
	c := newClient()
	c.headers(1, true, with(get, "a", strings.Repeat("x", 3900))...)
	s := newServer(testConfig())
	s.more(c)
	_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 3, EndHeaders: true, EndStream: true, BlockFragment: bytes.Repeat([]byte{0x80 | 62}, 16000)})
	c.headers(5, true, get...)
	s.more(c)
	if got := s.logged(); !strings.Contains(got, "request 3 refused: 431") || !strings.Contains(got, "request 5 GET") {
		t.Error(got)
	}
	if cap(s.head.arena) > 64<<10 {
		t.Errorf("%d bytes of fields kept", cap(s.head.arena))
	}
}

func TestRequestAllocatesNothing(t *testing.T) {
	s := newServer(testConfig())
	c := newClient()
	s.more(c)
	c.headers(1, true, get...)
	s.more(c)
	s.Release(s.streams[1])
	out, block := make([]byte, 0, 1024), AppendField(AppendStatus(nil, 200), []byte("a"), []byte("b"))
	c.headers(3, true, get...)
	frame := bytes.Clone(c.buf.Bytes())
	id := uint32(3)
	body := []byte("hello")
	if n := testing.AllocsPerRun(500, func() {
		frame[5], frame[6], frame[7], frame[8] = byte(id>>24), byte(id>>16), byte(id>>8), byte(id)
		ev, _, err := s.Next(frame)
		if err != nil || ev.Kind != Request {
			t.Fatal(ev, err)
		}
		out = s.AppendHeaders(s.Output(out[:0]), ev.Stream, block, false)
		out, _ = s.AppendData(out, ev.Stream, body, true)
		s.Release(ev.Stream)
		id += 2
	}); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// http2Loop is a loop whose http listener speaks HTTP/2.
func http2Loop(t *testing.T, change func(*control.Limits)) *harness {
	return startLoop(t, func(c *control.Configuration) {
		ln := &c.Listeners[0]
		ln.HTTP2, ln.Limits.MaxStreams = true, 100
		if change != nil {
			change(&ln.Limits)
		}
	})
}

// browser is the client of the standard library, which knows nothing of ours.
func (h *harness) browser() *http.Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, h.address["http"])
	}}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 15 * time.Second}
}

// answer is what a client got.
type answer struct {
	status int
	body   string
	head   http.Header
	err    error
}

func (h *harness) fetch(client *http.Client, method, path string, body io.Reader) chan answer {
	got := make(chan answer, 1)
	request, err := http.NewRequest(method, "http://example.org"+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	go func() {
		response, err := client.Do(request)
		if err != nil {
			got <- answer{err: err}
			return
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		got <- answer{response.StatusCode, string(b), response.Header, err}
	}()
	return got
}

func TestHTTP2RequestsShareAConnection(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(100)
	client := h.browser()
	var waiting []chan answer
	for i := range 20 {
		waiting = append(waiting, h.fetch(client, "GET", fmt.Sprintf("/%d?q", i), nil))
	}
	requests := map[string]uint64{}
	for range waiting {
		m := w.expect(wire.OpReq)
		if m.n != wire.FlagHTTP2 || !strings.HasPrefix(m.head, "host: example.org\n") {
			t.Errorf("flags %d, head %q", m.n, m.head)
		}
		requests[m.path] = m.id
	}
	for i := len(waiting) - 1; i >= 0; i-- { // the last one first
		path := fmt.Sprintf("/%d", i)
		w.say(res(requests[path], 200, "you asked for "+path))
		if got := <-waiting[i]; got.status != 200 || got.body != "you asked for "+path || got.head.Get("Content-Type") != "text/plain" || got.err != nil {
			t.Errorf("%+v", got)
		}
	}
	h.do(func() {
		if n := h.loop.listeners[0].connections; n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestHTTP2BodiesGoBothWays(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(100)
	client := h.browser()
	for _, size := range []int{0, 1, 1000, 100_000, 2_000_000} { // up to one in a file
		for name, reader := range map[string]io.Reader{"announced": strings.NewReader(strings.Repeat("x", size)), "of unknown length": io.MultiReader(strings.NewReader(strings.Repeat("x", size)))} {
			got := h.fetch(client, "POST", "/", reader)
			m := w.expect(wire.OpReq)
			body := string(m.data)
			if m.n&wire.FlagBodyFile != 0 {
				var err error
				if body, err = readFile(body); err != nil {
					t.Fatal(err)
				}
			}
			if len(body) != size || strings.Trim(body, "x") != "" {
				t.Errorf("%s: %d bytes of %d", name, len(body), size)
			}
			body = body[:min(size, 500_000)] // fits one frame
			w.say(res(m.id, 200, body))
			if got := <-got; got.body != body || got.err != nil {
				t.Errorf("%s: %d bytes of %d came back, %v", name, len(got.body), size, got.err)
			}
		}
	}
}

func TestHTTP2StreamedAnswerWaitsForItsClient(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(2)
	client := h.browser()
	response := make(chan *http.Response, 1)
	go func() {
		r, err := client.Get("http://example.org/")
		if err != nil {
			t.Error(err)
			close(response)
			return
		}
		response <- r
	}()
	id := w.expect(wire.OpReq).id
	w.say(resStart(id, 200))
	r := <-response
	if r == nil {
		return
	}
	defer r.Body.Close()
	// Its handler gets credit only as the client reads.
	piece := strings.Repeat("x", 32<<10)
	sent := 0
	for ; sent < wire.StreamCredit; sent += len(piece) {
		w.say(withText(wire.OpResChunk, id, piece))
	}
	w.say(withText(wire.OpResEnd, id, "end"))
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) != sent+3 || !bytes.HasSuffix(body, []byte("end")) {
		t.Errorf("%d of %d bytes, %v", len(body), sent+3, err)
	}
}

func TestHTTP2HeadHasNoBody(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(1)
	got := h.fetch(h.browser(), "HEAD", "/", nil)
	w.say(res(w.expect(wire.OpReq).id, 200, "hello"), ack(1))
	if got := <-got; got.body != "" || got.head.Get("Content-Length") != "5" || got.err != nil {
		t.Errorf("%+v", got)
	}
}

func TestHTTP2CutAnswerIsSeenAsCut(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(2)
	client := h.browser()
	cut, whole := h.fetch(client, "GET", "/cut", nil), h.fetch(client, "GET", "/whole", nil)
	ids := map[string]uint64{}
	for range 2 {
		m := w.expect(wire.OpReq)
		ids[m.path] = m.id
	}
	w.say(resStart(ids["/cut"], 200), withText(wire.OpResChunk, ids["/cut"], "half of"), cutOff(ids["/cut"]), res(ids["/whole"], 200, "all"))
	var reset http2.StreamError
	if got := <-cut; !errors.As(got.err, &reset) || reset.Code != http2.ErrCodeInternal {
		t.Errorf("%+v", got)
	}
	if got := <-whole; got.body != "all" || got.err != nil {
		t.Errorf("%+v", got)
	}
}

// One handler dies: its requests are answered 502 or cut, the connection and
// the others' requests stay.
func TestHTTP2HandlerCrashHurtsItsStreamsOnly(t *testing.T) {
	h := http2Loop(t, nil)
	dying := h.worker(2)
	client := h.browser()
	waiting := h.fetch(client, "POST", "/waiting", strings.NewReader("x"))
	dying.expect(wire.OpReq) // two requests at once would dial twice
	begun := h.fetch(client, "GET", "/begun", nil)
	m := dying.expect(wire.OpReq)
	dying.say(resStart(m.id, 200), withText(wire.OpResChunk, m.id, "half"))
	living := h.worker(2)
	dying.exit("signal 11")
	if got := <-begun; got.err == nil {
		t.Errorf("%+v", got)
	}
	if got := <-waiting; got.status != 502 {
		t.Errorf("%+v", got)
	}
	after := h.fetch(client, "GET", "/after", nil)
	living.say(res(living.expect(wire.OpReq).id, 200, "alive"))
	if got := <-after; got.body != "alive" {
		t.Errorf("%+v", got)
	}
	h.do(func() {
		if n := h.loop.listeners[0].accepted; n != 1 {
			t.Errorf("%d connections were needed", n)
		}
	})
}

func TestHTTP2ClientGoneIsToldToTheHandler(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(2)
	client := h.browser()
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, "GET", "http://example.org/", nil)
	failed := make(chan error, 1)
	go func() {
		_, err := client.Do(request)
		failed <- err
	}()
	id := w.expect(wire.OpReq).id
	cancel()
	<-failed
	if m := w.expect(wire.OpAbort); m.id != id || m.n != wire.AbortClientGone {
		t.Errorf("%+v", m)
	}
}

func TestHTTP2StopsInGoodOrder(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(2)
	got := h.fetch(h.browser(), "GET", "/", nil)
	id := w.expect(wire.OpReq).id
	h.tell(&control.Message{Kind: control.Stop, Deadline: 10 * time.Second})
	w.say(res(id, 200, "to the end"))
	if got := <-got; got.body != "to the end" || got.err != nil {
		t.Errorf("%+v", got)
	}
	h.expect(control.Stopped)
}

// cutOff is RES_END of an answer that its handler could not complete.
func cutOff(id uint64) []byte {
	return append(wire.AppendUint(append(wire.AppendArray(nil, 3), byte(wire.OpResEnd)), id), 0xc0)
}

// raw is a client that sends frames as it likes.
type raw struct {
	*client
	*http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
}

func (h *harness) raw(settings ...http2.Setting) *raw {
	h.t.Helper()
	r := &raw{client: h.dial("http")}
	r.Framer = http2.NewFramer(r.client, r.client)
	r.Framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	r.encoder = hpack.NewEncoder(&r.block)
	r.write(http2.ClientPreface)
	r.must(r.WriteSettings(settings...))
	return r
}

func (r *raw) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) get(id uint32, path string) {
	r.t.Helper()
	r.head(id, true, ":method", "GET", ":scheme", "http", ":authority", "example.org", ":path", path)
}

func (r *raw) head(id uint32, end bool, fields ...string) {
	r.t.Helper()
	r.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		r.must(r.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	r.must(r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: r.block.Bytes(), EndStream: end, EndHeaders: true}))
}

// until reads frames to the first of a type.
func until[F http2.Frame](r *raw) F {
	r.t.Helper()
	for {
		frame, err := r.ReadFrame()
		if err != nil {
			r.t.Fatal(err)
		}
		if f, ok := frame.(F); ok {
			return f
		}
	}
}

func TestHTTP2LeavesInTwoSteps(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(2)
	r := h.raw()
	r.get(1, "/")
	first := w.expect(wire.OpReq).id
	h.tell(&control.Message{Kind: control.Stop})
	if f := until[*http2.GoAwayFrame](r); f.LastStreamID != 1<<31-1 || f.ErrCode != 0 {
		t.Errorf("%+v", f)
	}
	ping := until[*http2.PingFrame](r)
	r.get(3, "/crossed")
	second := w.expect(wire.OpReq).id
	r.must(r.WritePing(true, ping.Data))
	if f := until[*http2.GoAwayFrame](r); f.LastStreamID != 3 || f.ErrCode != 0 {
		t.Errorf("%+v", f)
	}
	r.get(5, "/ignored")
	w.say(res(first, 200, "a"), res(second, 200, "b"))
	for range 2 {
		until[*http2.DataFrame](r)
	}
	r.eofFrame()
	h.expect(control.Stopped)
}

// eofFrame wants the connection to end here.
func (r *raw) eofFrame() {
	r.t.Helper()
	for {
		if f, err := r.ReadFrame(); err == io.EOF {
			return
		} else if err != nil {
			r.t.Fatal(err)
		} else if _, ok := f.(*http2.DataFrame); ok {
			r.t.Fatalf("got %v", f)
		}
	}
}

func TestHTTP2StreamsTakeTurns(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(10)
	r := h.raw(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	r.must(r.WriteWindowUpdate(0, 1<<24))
	const streams, size = 4, 200 << 10
	for id := uint32(1); id < 2*streams; id += 2 {
		r.get(id, "/")
	}
	var answers [][]byte
	for range streams {
		answers = append(answers, res(w.expect(wire.OpReq).id, 200, strings.Repeat("x", size)))
	}
	w.say(answers...) // all at once
	left := map[uint32]int{}
	for id := uint32(1); id < 2*streams; id += 2 {
		left[id] = size
	}
	turns, last := 0, uint32(0)
	for len(left) > 0 {
		f := until[*http2.DataFrame](r)
		if f.StreamID != last {
			turns, last = turns+1, f.StreamID
		}
		if left[f.StreamID] -= len(f.Data()); left[f.StreamID] == 0 {
			delete(left, f.StreamID)
		}
	}
	if turns < size/(16<<10) {
		t.Errorf("streams changed %d times only", turns)
	}
}

func TestHTTP2ConnectionWindowIsShared(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(10)
	r := h.raw()
	r.get(1, "/")
	r.get(3, "/")
	for range 2 {
		w.say(res(w.expect(wire.OpReq).id, 200, strings.Repeat("x", 60_000)))
	}
	got := 0
	for got < 65_535 {
		got += len(until[*http2.DataFrame](r).Data())
	}
	r.must(r.WritePing(false, [8]byte{1}))
	until[*http2.PingFrame](r) // and no data before it
	r.must(r.WriteWindowUpdate(0, 1<<20))
	for got < 120_000 {
		got += len(until[*http2.DataFrame](r).Data())
	}
	if got != 120_000 {
		t.Errorf("%d bytes", got)
	}
}

func TestHTTP2ContinueIsSent(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(1)
	r := h.raw()
	r.head(1, false, ":method", "POST", ":scheme", "http", ":authority", "example.org", ":path", "/", "expect", "100-continue")
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "100" || f.StreamEnded() {
		t.Errorf("%v", f)
	}
	r.must(r.WriteData(1, true, []byte("hello")))
	m := w.expect(wire.OpReq)
	w.say(res(m.id, 200, string(m.data)))
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "200" {
		t.Errorf("%v", f)
	}
	if f := until[*http2.DataFrame](r); string(f.Data()) != "hello" || !f.StreamEnded() {
		t.Errorf("%v", f)
	}
}

func TestHTTP2TrailersEndABody(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(1)
	r := h.raw()
	r.head(1, false, ":method", "POST", ":scheme", "http", ":authority", "example.org", ":path", "/")
	r.must(r.WriteData(1, false, []byte("hello")))
	r.head(1, true, "checksum", "x")
	if m := w.expect(wire.OpReq); string(m.data) != "hello" {
		t.Errorf("%+v", m)
	}
}

func TestHTTP2RefusalsNameTheirStream(t *testing.T) {
	h := http2Loop(t, func(l *control.Limits) { l.MaxBodyBytes = 10; l.MaxHeaderBytes = 2000 })
	h.worker(1)
	r := h.raw()
	for i, test := range []struct {
		fields []string
		status string
	}{
		{[]string{":method", "GET", ":scheme", "http", ":path", "/"}, "400"},
		{[]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/", "a", strings.Repeat("a", 2000)}, "431"},
		{[]string{":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/", "content-length", "11"}, "413"},
		{[]string{":method", "TRACE", ":scheme", "http", ":authority", "h", ":path", "/"}, "405"},
		{[]string{":method", "CONNECT", ":authority", "h:1"}, "501"},
	} {
		id := uint32(2*i + 1)
		r.head(id, false, test.fields...)
		if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != test.status || f.StreamID != id {
			t.Errorf("%q: %v", test.fields, f.Fields)
		}
		if f := until[*http2.DataFrame](r); !f.StreamEnded() {
			t.Errorf("%q: %v", test.fields, f)
		}
		if f := until[*http2.RSTStreamFrame](r); f.ErrCode != http2.ErrCodeNo || f.StreamID != id { // the body is not wanted
			t.Errorf("%q: %v", test.fields, f)
		}
	}
}

func TestHTTP2BodyLongerThanMaxBodyIsRefused(t *testing.T) {
	h := http2Loop(t, func(l *control.Limits) { l.MaxBodyBytes = 1000 })
	h.worker(1)
	r := h.raw()
	r.head(1, false, ":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/")
	r.must(r.WriteData(1, false, make([]byte, 1001)))
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "413" {
		t.Errorf("%v", f.Fields)
	}
}

func TestHTTP2FloodIsCalmedAndCounted(t *testing.T) {
	h := http2Loop(t, nil)
	h.worker(1)
	r := h.raw()
	go func() { // resets as fast as it can (CVE-2023-44487), until the connection ends
		for id := uint32(1); ; id += 2 {
			if r.WriteRawFrame(http2.FrameHeaders, 5, id, []byte{0x82, 0x86, 0x84, 0x41, 1, 'h'}) != nil || r.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				return
			}
		}
	}()
	for {
		frame, err := r.ReadFrame()
		if err != nil {
			break // the RST of a connection that is still written to
		}
		if f, ok := frame.(*http2.GoAwayFrame); ok && f.ErrCode != http2.ErrCodeEnhanceYourCalm {
			t.Errorf("%v", f)
		}
	}
	h.do(func() {
		if n := h.loop.listeners[0].calmed; n != 1 {
			t.Errorf("%d counted", n)
		}
		for _, c := range h.loop.conns.conns {
			if c != nil && c.stream() != nil {
				t.Error("a stream is left")
			}
		}
	})
	if !strings.Contains(h.log.String(), "ENHANCE_YOUR_CALM") {
		t.Error("nothing in the log")
	}
}

func TestHTTP2StalledStreamIsGivenUp(t *testing.T) {
	h := http2Loop(t, func(l *control.Limits) { l.WriteTimeout = 200 * time.Millisecond })
	w := h.worker(2)
	r := h.raw(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	r.get(1, "/")
	w.say(res(w.expect(wire.OpReq).id, 200, "never taken"))
	until[*http2.MetaHeadersFrame](r)
	if f := until[*http2.RSTStreamFrame](r); f.StreamID != 1 {
		t.Errorf("%v", f)
	}
	h.do(func() {
		if ln := h.loop.listeners[0]; ln.slowClosed != 1 || ln.connections != 1 {
			t.Errorf("%d slow, %d connections", ln.slowClosed, ln.connections)
		}
	})
}

func TestHTTP2TimesOut(t *testing.T) {
	for name, test := range map[string]struct {
		limit func(*control.Limits)
		begin func(r *raw)
		code  http2.ErrCode
	}{
		"idle":           {func(l *control.Limits) { l.IdleTimeout = 200 * time.Millisecond }, func(*raw) {}, http2.ErrCodeNo},
		"half a frame":   {func(l *control.Limits) { l.HeaderTimeout = 200 * time.Millisecond }, func(r *raw) { r.write("\x00\x00\x05") }, http2.ErrCodeProtocol},
		"half a headers": {func(l *control.Limits) { l.HeaderTimeout = 200 * time.Millisecond }, func(r *raw) { r.must(r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})) }, http2.ErrCodeProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			h := http2Loop(t, test.limit)
			r := h.raw()
			test.begin(r)
			if f := until[*http2.GoAwayFrame](r); f.ErrCode != test.code {
				t.Errorf("%v", f)
			}
			r.eofFrame()
		})
	}
}

func TestHTTP2BodyTimeoutAnswersItsStream(t *testing.T) {
	h := http2Loop(t, func(l *control.Limits) { l.BodyTimeout = 200 * time.Millisecond })
	h.worker(1)
	r := h.raw()
	r.head(1, false, ":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/")
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "408" {
		t.Errorf("%v", f.Fields)
	}
}

func TestHTTP2IsOnlySpokenWhereConfigured(t *testing.T) {
	h := startLoop(t, nil)
	c := h.dial("http")
	c.write(http2.ClientPreface)
	if line := c.line(); !strings.HasPrefix(line, "HTTP/1.1 505 ") {
		t.Error(line)
	}
}

func TestPrefaceMayComeInPieces(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	for _, b := range []byte(http2.ClientPreface) {
		c.write(string(b))
		h.do(func() {})
	}
	framer := http2.NewFramer(c, c)
	_ = framer.WriteSettings()
	_ = framer.WriteRawFrame(http2.FrameHeaders, 5, 1, []byte{0x82, 0x86, 0x84, 0x41, 1, 'h'})
	if m := w.expect(wire.OpReq); m.path != "/" || m.meth != "GET" {
		t.Errorf("%+v", m)
	}
}

func TestNeitherHTTPIsClosedWithoutAnAnswer(t *testing.T) {
	h := http2Loop(t, nil)
	c := h.dial("http")
	c.write("INVALID CONNECTION PREFACE\r\n\r\n")
	c.eof()
	for _, line := range []string{"P", "PR", "PRI * HTTP/2.0\r\n\r\nXX", "GET / HTTP/7\r\n\r\n", "POST\r\n"} {
		c := h.dial("http")
		c.write(line + "\r\n\r\n")
		if got := c.line(); !strings.HasPrefix(got, "HTTP/1.1 ") {
			t.Errorf("%q: %q", line, got)
		}
	}
}

// Go's own client chooses by ALPN.
func TestHTTP2OverTLSIsChosenByALPN(t *testing.T) {
	for name, test := range map[string]struct {
		offered bool
		want    string
	}{"on": {true, "HTTP/2.0"}, "off": {false, "HTTP/1.1"}} {
		t.Run(name, func(t *testing.T) {
			s := startTLS(t, func(_ *secured, c *control.Configuration) {
				c.Listeners[0].HTTP2, c.Listeners[0].Limits.MaxStreams = test.offered, 10
			})
			w := s.worker(10)
			transport := &http.Transport{TLSClientConfig: s.trust(), ForceAttemptHTTP2: true,
				DialContext: func(_ context.Context, network, _ string) (net.Conn, error) {
					return net.Dial(network, s.address["http"])
				}}
			t.Cleanup(transport.CloseIdleConnections)
			client := &http.Client{Transport: transport, Timeout: 15 * time.Second}
			for _, size := range []int{3, 300_000} {
				answered := make(chan string, 1)
				go func() {
					r, err := client.Post("https://example.org/", "text/plain", strings.NewReader(strings.Repeat("x", size)))
					if err != nil {
						answered <- err.Error()
						return
					}
					defer r.Body.Close()
					body, err := io.ReadAll(r.Body)
					answered <- fmt.Sprint(r.Proto, " ", len(body), " ", err)
				}()
				m := w.expect(wire.OpReq)
				if m.n&wire.FlagTLS == 0 || (m.n&wire.FlagHTTP2 != 0) != test.offered {
					t.Errorf("flags %d", m.n)
				}
				w.say(res(m.id, 200, strings.Repeat("y", size)))
				if got := <-answered; got != fmt.Sprint(test.want, " ", size, " <nil>") {
					t.Error(got)
				}
			}
		})
	}
}

func TestConnectionsShowStreams(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(10)
	r := h.raw()
	r.get(1, "/")
	r.get(3, "/")
	w.expect(wire.OpReq)
	w.expect(wire.OpReq)
	h.tell(&control.Message{Kind: control.Query, Topic: control.TopicConnections})
	seen := map[string]string{}
	for _, row := range h.expect(control.Report).Connections {
		seen[row.Protocol] = row.State
		if row.Local != h.address["http"] || row.Peer != r.LocalAddr().String() || row.Protocol == "h2 http" && row.Worker != w.id {
			t.Errorf("%+v", row)
		}
	}
	if len(seen) != 2 || seen["h2"] != "streams 2" || seen["h2 http"] != "waiting" {
		t.Errorf("%v", seen)
	}
}

func (r *raw) connect(id uint32, more ...string) {
	r.t.Helper()
	r.head(id, false, append([]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "example.org", ":path", "/chat?q",
		"sec-websocket-version", "13", "origin", "http://example.org"}, more...)...)
}

// RFC 8441.
func TestWebSocketOverHTTP2(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(10, "request", "connect", "message", "close")
	r := h.raw()
	if f := until[*http2.SettingsFrame](r); !f.IsAck() {
		if v, ok := f.Value(http2.SettingEnableConnectProtocol); !ok || v != 1 {
			t.Error("the server does not say that it takes extended CONNECT")
		}
	}
	r.connect(1, "sec-websocket-protocol", "a, b")
	open := w.expect(wire.OpOpen)
	if open.path != "/chat" {
		t.Errorf("%+v", open)
	}
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "200" || f.StreamEnded() {
		t.Errorf("%v", f.Fields)
	}
	r.must(r.WriteData(1, false, []byte(frame(0x81, "hello"))))
	if m := w.expect(wire.OpMsg); m.id != open.id || string(m.data) != "hello" {
		t.Errorf("%+v", m)
	}
	w.say(send(open.id, strings.Repeat("y", 100)), done(open.id, 2))
	if f := until[*http2.DataFrame](r); string(f.Data()) != "\x81\x64"+strings.Repeat("y", 100) || f.StreamEnded() {
		t.Errorf("%q", f.Data())
	}
	// Requests go on beside it.
	r.get(3, "/")
	w.say(res(w.expect(wire.OpReq).id, 200, "beside"))
	if f := until[*http2.DataFrame](r); f.StreamID != 3 || string(f.Data()) != "beside" {
		t.Errorf("%v %q", f, f.Data())
	}
	r.must(r.WriteData(1, false, []byte(frame(0x88, "\x03\xe8bye"))))
	if f := until[*http2.DataFrame](r); f.StreamID != 1 || string(f.Data()) != "\x88\x02\x03\xe8" || !f.StreamEnded() {
		t.Errorf("%v %q", f, f.Data())
	}
	if m := w.expect(wire.OpClose); m.id != open.id || m.n != 1000 || string(m.data) != "bye" {
		t.Errorf("%+v", m)
	}
}

func TestWebSocketOverHTTP2EndsWithItsStream(t *testing.T) {
	for name, end := range map[string]func(r *raw) error{
		"reset": func(r *raw) error { return r.WriteRSTStream(1, http2.ErrCodeCancel) },
		"ended": func(r *raw) error { return r.WriteData(1, true, nil) },
		"gone":  func(r *raw) error { return r.client.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			h := http2Loop(t, nil)
			w := h.worker(10, "connect", "message", "close")
			r := h.raw()
			r.connect(1)
			open := w.expect(wire.OpOpen)
			r.must(end(r))
			if m := w.expect(wire.OpClose); m.id != open.id || m.n != 1006 {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestCloseOverHTTP2WaitsForTheAnswersBefore(t *testing.T) {
	for name, x := range map[string]struct {
		end, closing string
		ended        bool // the client ended its side with it, and still reads
	}{
		"fault":            {unmasked, notMasked, false},
		"close frame":      {frame(0x88, "\x03\xe8"), "\x03\xe8", false},
		"last close frame": {frame(0x88, "\x03\xe8"), "\x03\xe8", true},
	} {
		t.Run(name, func(t *testing.T) {
			h := http2Loop(t, nil)
			w := h.worker(10)
			r := h.raw()
			r.connect(1)
			r.must(r.WriteData(1, x.ended, []byte(frame(0x81, "before")+x.end)))
			cid := w.expect(wire.OpAttach).id
			w.expect(wire.OpMsg)
			h.eventually("it leaves", func() bool { return h.state(cid) == stateLeaving })
			w.say(send(cid, "answer"), done(cid, 1))
			want, got, ended := "\x81\x06answer\x88"+string(rune(len(x.closing)))+x.closing, "", false
			for !ended {
				f := until[*http2.DataFrame](r)
				got, ended = got+string(f.Data()), f.StreamEnded()
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestWebSocketOverHTTP2IsRefusedAsOverHTTP1(t *testing.T) {
	h := http2Loop(t, nil)
	h.worker(10, "connect", "message", "close")
	r := h.raw()
	r.head(1, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "example.org", ":path", "/", "sec-websocket-version", "12")
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "426" && f.PseudoValue("status") != "400" {
		t.Errorf("%v", f.Fields)
	}
	until[*http2.RSTStreamFrame](r)
	r.head(3, true, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "example.org", ":path", "/", "sec-websocket-version", "13")
	if f := until[*http2.MetaHeadersFrame](r); f.PseudoValue("status") != "400" {
		t.Errorf("%v", f.Fields)
	}
}

func TestWebSocketOverHTTP2IsHeldBack(t *testing.T) {
	h := http2Loop(t, nil)
	w := h.worker(1, "connect", "message", "close")
	r := h.raw()
	r.connect(1)
	open := w.expect(wire.OpOpen)
	until[*http2.MetaHeadersFrame](r)
	sent := 0
	for message := frame(0x82, strings.Repeat("z", 8000)); sent+len(message) < 65_535; sent += len(message) {
		r.must(r.WriteData(1, false, []byte(message))) // the worker has OPEN, and takes nothing more
	}
	w.say(done(open.id, 1))
	for taken := 0; taken+8014 < sent; taken += 8000 {
		m := w.expect(wire.OpMsg)
		w.say(done(m.id, 1))
	}
}

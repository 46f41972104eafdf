package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"gw/protocol/control"
	"gw/protocol/http1"
	"gw/protocol/wire"
)

func testCompression() *control.Compression {
	return &control.Compression{Encodings: []string{"zstd", "br", "gzip"}, Types: []string{"text/*", "application/json", "*+xml"}, MinBytes: 100, Level: "fast"}
}

func startPacking(t *testing.T) *harness {
	return startLoop(t, func(c *control.Configuration) { c.Listeners[0].Answers.Compression = testCompression() })
}

// head makes RES and RES_START. The fields are "name: value".
func head(op wire.Op, id uint64, status int, body string, fields ...string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 5), byte(op)), id)
	m = wire.AppendMap(wire.AppendUint(m, uint64(status)), len(fields))
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		m = wire.AppendStr(wire.AppendStr(m, name), value)
	}
	return wire.AppendStr(m, body)
}

// demand sends a GET with these fields, and returns what the handler gets.
func (c *client) demand(w *handler, fields string) received {
	c.t.Helper()
	c.write("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n")
	return w.expect(wire.OpReq)
}

// unpacked decodes a body as its Content-Encoding says.
func unpacked(t *testing.T, r *http.Response, body string) string {
	t.Helper()
	var out io.Reader
	var err error
	switch in := strings.NewReader(body); r.Header.Get("Content-Encoding") {
	case "gzip":
		out, err = gzip.NewReader(in)
	case "br":
		out = brotli.NewReader(in)
	case "zstd":
		out, err = zstd.NewReader(in)
	default:
		return body
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// prose compresses, but not to nothing.
func prose(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d has %x in it\n", i, i*i*7919)
	}
	return b.String()[:n]
}

func TestAnswersAreCompressedAsTheClientLikes(t *testing.T) {
	h := startPacking(t)
	w := h.worker(1)
	c := h.dial("http")
	for _, n := range []int{200, 5000, inlineBytes + 1, 256 << 10} {
		for accept, want := range map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "br", "gzip, deflate, br, zstd": "zstd", "br;q=0": "", "deflate": ""} {
			m := c.demand(w, "Accept-Encoding: "+accept+"\r\n")
			text := prose(n)
			w.say(head(wire.OpRes, m.id, 200, text, "content-type: text/html; charset=utf-8", `etag: "a"`, "accept-ranges: bytes", "vary: Cookie"), ack(1))
			r, body := c.response("GET")
			etag, ranges := `W/"a"`, ""
			if want == "" {
				etag, ranges = `"a"`, "bytes"
			}
			if r.Header.Get("Content-Encoding") != want || r.Header.Get("Etag") != etag || r.Header.Get("Accept-Ranges") != ranges || r.Header.Get("Vary") != "Cookie, accept-encoding" {
				t.Fatalf("%d bytes for %q: %v", n, accept, r.Header)
			}
			if unpacked(t, r, body) != text || want != "" && len(body) > n*2/3 {
				t.Fatalf("%d bytes for %q: another text, or %d bytes of it", n, accept, len(body))
			}
			if short := n <= inlineBytes; short != (r.ContentLength >= 0) && want != "" {
				t.Errorf("%d bytes: content-length %d", n, r.ContentLength)
			}
		}
	}
}

func TestWhatStaysAsItIs(t *testing.T) {
	h := startPacking(t)
	w := h.worker(1)
	text := prose(1000)
	for name, x := range map[string]struct {
		status int
		body   string
		fields []string
		vary   bool
	}{
		"another type":          {200, text, []string{"content-type: image/png"}, false},
		"a type alike":          {200, text, []string{"content-type: application/jsonp"}, false},
		"no type":               {200, text, nil, false},
		"short":                 {200, text[:99], []string{"content-type: text/plain"}, false},
		"encoded":               {200, text, []string{"content-type: text/plain", "Content-Encoding: deflate"}, false},
		"no-transform":          {200, text, []string{"content-type: text/plain", "cache-control: public, No-Transform"}, false},
		"part":                  {206, text, []string{"content-type: text/plain", "content-range: bytes 0-999/9999"}, false},
		"digest of the content": {200, text, []string{"content-type: text/plain", "Repr-Digest: sha-256=:AA==:"}, false},
		"nothing":               {204, "", []string{"content-type: text/plain"}, false},
		"reset content":         {205, "", []string{"content-type: text/plain"}, false},
		"what does not shrink":  {200, random(500), []string{"content-type: text/plain"}, true},
	} {
		c := h.dial("http")
		m := c.demand(w, "Accept-Encoding: gzip, br, zstd\r\n")
		w.say(head(wire.OpRes, m.id, x.status, x.body, x.fields...), ack(1))
		r, body := c.response("GET")
		if got := r.Header.Get("Content-Encoding"); got != "" && got != "deflate" || body != x.body || r.Header.Get("Etag") != "" && r.Header.Get("Etag") != `"a"` {
			t.Errorf("%s: %v", name, r.Header)
		}
		if vary := r.Header.Get("Vary") != ""; vary != x.vary {
			t.Errorf("%s: vary %q", name, r.Header.Get("Vary"))
		}
	}
}

// random does not compress.
func random(n int) string {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestTypesThatAreCompressed(t *testing.T) {
	k := configureCompression(testCompression())
	for media, want := range map[string]bool{
		"text/html": true, "TEXT/HTML": true, "text/": false, "text": false, "text/css;charset=utf-8": true, "text/css ; a=b": true, "application/json": true,
		"application/JSON": true, "application/jsonx": false, "image/svg+xml": true, "+xml": false, "application/xml": false, "image/png": false, "": false, ";": false,
	} {
		if got := k.takes([]byte(media)); got != want {
			t.Errorf("%q: %v", media, got)
		}
	}
}

// BREACH: who can make a victim's browser ask, and sees lengths, finds out
// secrets in answers that repeat the question.
func TestAnswersToCredentialsAreCompressedOnlyWhenThatIsSafe(t *testing.T) {
	text := prose(1000)
	for name, x := range map[string]struct {
		request, answer string
		private, want   bool
	}{
		"nobody":                   {"", "x: y", false, true},
		"cookie":                   {"Cookie: a=b\r\n", "x: y", false, false},
		"authorization":            {"Authorization: Basic YTpi\r\n", "x: y", false, false},
		"cookie, public":           {"Cookie: a=b\r\n", "cache-control: max-age=1, public", false, true},
		"cookie, private":          {"Cookie: a=b\r\n", "cache-control: private", false, false},
		"cookie, private is asked": {"Cookie: a=b\r\n", "x: y", true, true},
	} {
		h := startLoop(t, func(c *control.Configuration) {
			c.Listeners[0].Answers.Compression = testCompression()
			c.Listeners[0].Answers.Compression.Private = x.private
		})
		w, c := h.worker(1), h.dial("http")
		m := c.demand(w, "Accept-Encoding: gzip\r\n"+x.request)
		w.say(head(wire.OpRes, m.id, 200, text, "content-type: text/plain", x.answer), ack(1))
		r, body := c.response("GET")
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != x.want || unpacked(t, r, body) != text || r.Header.Get("Vary") == "" {
			t.Errorf("%s: %v", name, r.Header)
		}
	}
}

// A cache finds the answer it has by what stands in the 304.
func TestNotModifiedIsAboutTheCompressedAnswer(t *testing.T) {
	h := startPacking(t)
	w, c := h.worker(1), h.dial("http")
	for accept, etag := range map[string]string{"gzip": `W/"a"`, "deflate": `"a"`} {
		m := c.demand(w, "Accept-Encoding: "+accept+"\r\n")
		w.say(head(wire.OpRes, m.id, 304, "", `etag: "a"`), ack(1))
		if r, _ := c.response("GET"); r.Header.Get("Etag") != etag || r.Header.Get("Vary") != "accept-encoding" {
			t.Errorf("%s: %v", accept, r.Header)
		}
	}
}

func TestHeadHasTheHeadOfACompressedAnswer(t *testing.T) {
	h := startPacking(t)
	w, c := h.worker(1), h.dial("http")
	for _, body := range []string{prose(1000), ""} { // made, and not made
		c.write("HEAD / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n")
		w.say(head(wire.OpRes, w.expect(wire.OpReq).id, 200, body, "content-type: text/plain", "content-length: 1000"), ack(1))
		r, _ := c.response("HEAD")
		if r.Header.Get("Content-Encoding") != "br" || r.ContentLength != -1 || r.Header.Get("Vary") != "accept-encoding" {
			t.Errorf("%d %v", r.ContentLength, r.Header)
		}
	}
	m := c.demand(w, "")
	w.say(res(m.id, 200, "next"), ack(1))
	if _, body := c.response("GET"); body != "next" {
		t.Error(body)
	}
}

func TestOldClientsGetWhatHasALengthCompressed(t *testing.T) {
	h := startPacking(t)
	w := h.worker(1)
	for n, want := range map[int]string{1000: "gzip", 100_000: ""} {
		c := h.dial("http")
		c.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\nAccept-Encoding: gzip\r\n\r\n")
		text := prose(n)
		w.say(head(wire.OpRes, w.expect(wire.OpReq).id, 200, text, "content-type: text/plain"), ack(1))
		r, body := c.response("GET")
		if r.Header.Get("Content-Encoding") != want || unpacked(t, r, body) != text || r.ContentLength != int64(len(body)) || r.Close {
			t.Errorf("%d bytes: %v", n, r.Header)
		}
	}
}

// Every piece of a stream can be read before the next one is sent.
func TestStreamsAreCompressedPieceByPiece(t *testing.T) {
	for _, encoding := range []string{"gzip", "br", "zstd"} {
		t.Run(encoding, func(t *testing.T) {
			h := startPacking(t)
			w, c := h.worker(1), h.dial("http")
			m := c.demand(w, "Accept-Encoding: "+encoding+"\r\n")
			w.say(head(wire.OpResStart, m.id, 200, "first piece\n", "content-type: text/event-stream"))
			r, err := http.ReadResponse(c.r, nil)
			if err != nil || r.Header.Get("Content-Encoding") != encoding || r.TransferEncoding == nil {
				t.Fatal(r, err)
			}
			var in io.Reader
			switch encoding {
			case "gzip":
				in, err = gzip.NewReader(r.Body)
			case "br":
				in = brotli.NewReader(r.Body)
			case "zstd":
				in, err = zstd.NewReader(r.Body)
			}
			if err != nil {
				t.Fatal(err)
			}
			for n := range 20 {
				want := fmt.Sprintf("piece %d\n", n)
				if n == 0 {
					want = "first piece\n"
				} else {
					w.say(withText(wire.OpResChunk, m.id, want))
				}
				got := make([]byte, len(want))
				if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
					t.Fatalf("%q, %v", got, err)
				}
			}
			w.say(withText(wire.OpResEnd, m.id, "the end"), ack(1))
			if rest, err := io.ReadAll(in); err != nil || string(rest) != "the end" {
				t.Fatalf("%q, %v", rest, err)
			}
			m = c.demand(w, "")
			w.say(res(m.id, 200, "next"), ack(1))
			if _, body := c.response("GET"); body != "next" {
				t.Error(body)
			}
		})
	}
}

func TestACompressedStreamKeepsToTheLengthThatWasAnnounced(t *testing.T) {
	for body, whole := range map[string]bool{prose(1000): true, prose(999): false, prose(1001): false} {
		h := startPacking(t)
		w, c := h.worker(1), h.dial("http")
		m := c.demand(w, "Accept-Encoding: gzip\r\n")
		w.say(head(wire.OpResStart, m.id, 200, body[:500], "content-type: text/plain", "content-length: 1000"), withText(wire.OpResEnd, m.id, body[500:]), ack(1))
		r, err := http.ReadResponse(c.r, nil)
		if err == nil {
			_, err = io.ReadAll(r.Body)
		}
		if (err == nil) != whole {
			t.Errorf("%d bytes: %v", len(body), err)
		}
	}
}

// A source that the gateway reads itself, such as a file, is compressed too.
func TestSourcesAreCompressed(t *testing.T) {
	h := startPacking(t)
	w, c := h.worker(1), h.dial("http")
	c.write("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n")
	m := w.expect(wire.OpReq)
	s := &letters{left: 8 << 20}
	h.do(func() {
		r := h.loop.newReply(200)
		r.add("content-type", "text/plain")
		r.length = 8 << 20
		h.loop.replyFrom(h.loop.conns.find(m.id), r, s)
	})
	w.say(ack(1))
	r, body := c.response("GET")
	if r.Header.Get("Content-Encoding") != "br" || len(body) > 10_000 || len(unpacked(t, r, body)) != 8<<20 {
		t.Errorf("%d bytes, %v", len(body), r.Header)
	}
	h.do(func() {
		if s.closed != 1 || h.loop.packers.taken != 0 {
			t.Errorf("closed %d times, %d packers taken", s.closed, h.loop.packers.taken)
		}
	})
}

// Beyond maxPackers bodies go out as they are, and a client that leaves gives
// its packer back.
func TestPackersAreBounded(t *testing.T) {
	h := startPacking(t)
	w := h.worker(100)
	var streams []*client
	begin := func() string {
		c := h.dial("http")
		m := c.demand(w, "Accept-Encoding: gzip\r\n")
		w.say(head(wire.OpResStart, m.id, 200, "x", "content-type: text/plain"))
		r, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, c)
		return r.Header.Get("Content-Encoding")
	}
	for n := range maxPackers {
		if got := begin(); got != "gzip" {
			t.Fatalf("stream %d: %q", n, got)
		}
	}
	if got := begin(); got != "" {
		t.Errorf("beyond the bound: %q", got)
	}
	leave := func(c *client) {
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	leave(streams[3])
	w.expect(wire.OpAbort)
	h.eventually("the packer is back", func() bool { return h.loop.packers.taken == maxPackers-1 })
	if got := begin(); got != "gzip" {
		t.Errorf("when one is back: %q", got)
	}
	for _, c := range streams {
		leave(c)
	}
	h.eventually("all are back", func() bool { return h.loop.packers.taken == 0 && h.loop.packers.spare == sparePackers })
	h.do(func() {
		h.loop.packers.trim(h.loop.now + 2*spareTime)
		if h.loop.packers.spare != 0 {
			t.Error("spare packers are kept for ever")
		}
	})
}

// Long bodies are compressed in slices: other clients' answers go out between
// them.
func TestLongBodiesDoNotStopTheLoop(t *testing.T) {
	s := newStill(t)
	s.loop.listeners[0].compression = configureCompression(testCompression())
	_, handler := s.hire(100, "request")
	text := prose(60_000)
	var clients []*peer
	for range 4 {
		_, client := s.meet("http")
		client.write([]byte("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"))
		s.settle()
		handler.write(frameOf(head(wire.OpRes, lastID(t, handler.read(), wire.OpReq), 200, text, "content-type: text/plain")))
		clients = append(clients, client)
	}
	_, other := s.meet("http")
	other.write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	turns := 0
	for ; !bytes.Contains(other.read(), []byte("quick")); turns++ {
		if err := s.loop.turn(false); err != nil || turns > 1000 {
			t.Fatal(turns, err)
		}
		if s.loop.packers.bytes > turnBytes+sliceBytes {
			t.Fatalf("%d bytes in a turn", s.loop.packers.bytes)
		}
		if b := handler.read(); len(b) > 0 {
			handler.write(frameOf(res(lastID(t, b, wire.OpReq), 200, "quick")))
		}
	}
	if s.loop.packers.taken == 0 {
		t.Fatalf("the long answers were done before the short one, after %d turns", turns)
	}
	s.settle()
	for _, client := range clients {
		if !bytes.Contains(client.read(), []byte("content-encoding: gzip")) {
			t.Error("a long answer is missing")
		}
	}
}

// Where nothing is to be compressed, looking whether it is costs no allocation.
func TestAnAnswerThatStaysAsItIsAllocatesNothing(t *testing.T) {
	s := newStill(t)
	s.loop.listeners[0].compression = configureCompression(testCompression())
	_, handler := s.hire(1, "request")
	_, client := s.meet("http")
	requests := [][]byte{
		[]byte("GET / HTTP/1.1\r\nHost: example.org\r\nAccept-Encoding: deflate\r\n\r\n"),
		[]byte("GET / HTTP/1.1\r\nHost: example.org\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nCookie: a=b\r\n\r\n"),
	}
	body, answer := prose(1000), make([]byte, 0, 4096)
	for _, request := range requests {
		once := func() {
			client.write(request)
			s.settle()
			sid := lastID(t, handler.read(), wire.OpReq)
			b := append(answer[:0], make([]byte, wire.BatchHeaderLen)...)
			b = wire.AppendUint(wire.AppendUint(append(wire.AppendArray(b, 5), byte(wire.OpRes)), sid), 200)
			b = wire.AppendStr(wire.AppendStr(wire.AppendMap(b, 1), "content-type"), "text/plain")
			b = wire.AppendStr(b, body)
			b = wire.AppendUint(append(wire.AppendArray(b, 2), byte(wire.OpAck)), 1)
			wire.PutBatchHeader(b, 2)
			handler.write(b)
			s.settle()
			if !bytes.Contains(client.read(), []byte("vary: accept-encoding")) {
				t.Fatal("no answer")
			}
		}
		if n := testing.AllocsPerRun(1000, once); n > 0 {
			t.Errorf("%v allocations a request", n)
		}
	}
}

// BenchmarkWholeAnswer is what one more compressed answer costs the loop.
func BenchmarkWholeAnswer(b *testing.B) {
	for _, n := range []int{1 << 10, 20 << 10} {
		text := []byte(customers(n))
		for _, e := range []http1.Encoding{http1.Gzip, http1.Brotli, http1.Zstd} {
			for name, at := range levelNames {
				b.Run(fmt.Sprintf("%dKiB/%v/%s", n>>10, e, name), func(b *testing.B) {
					var s packerStore
					size := 0
					b.ReportAllocs()
					for b.Loop() {
						p := s.get(e, at, 0)
						size = len(p.finish(text))
						s.put(p)
					}
					b.ReportMetric(float64(size), "bytes")
				})
			}
		}
	}
}

// customers is JSON as an application answers it.
func customers(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"name":"Customer %d","email":"user%d@example.org","total":%d.%02d,"active":%v,"tags":["red","green","%d"]},`,
			i*7919%100003, i*31%977, i*17%5003, i*123%999, i*37%100, i%3 == 0, i%50)
	}
	return b.String()[:n]
}

func TestPackersAllocateNothingWhenWarm(t *testing.T) {
	text := []byte(prose(20_000))
	for _, e := range []http1.Encoding{http1.Gzip, http1.Brotli, http1.Zstd} {
		var s packerStore
		if n := testing.AllocsPerRun(20, func() {
			p := s.get(e, levelFast, 0)
			p.finish(text)
			s.put(p)
		}); n > 20 {
			t.Errorf("%v: %v allocations", e, n)
		}
	}
}

func TestEveryLevelCompressesDigits(t *testing.T) {
	var digits []byte
	for n := range 20_000 {
		digits = append(strconv.AppendInt(digits, int64(n), 10), '\n')
	}
	for _, encoding := range []http1.Encoding{http1.Gzip, http1.Brotli, http1.Zstd} {
		for n := range levels {
			if size := len(newPacker(encoding, n).pack(digits, true)); size > len(digits)*4/5 {
				t.Errorf("%v at level %d: %d of %d bytes", encoding, n, size, len(digits))
			}
		}
	}
}

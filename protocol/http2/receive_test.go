package http2

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// conversations are what clients send and what becomes of it, in order.
var conversations = map[string]struct {
	send func(c *client)
	want string
}{
	"a request": {func(c *client) { c.headers(1, true, get...) }, "request 1 GET /a?b host=example.org length=-1 host=example.org end"},
	"a body": {func(c *client) {
		c.headers(1, false, with(post, "content-length", "5")...)
		_ = c.WriteData(1, false, []byte("hel"))
		_ = c.WriteData(1, true, []byte("lo"))
	}, "request 1 POST /? host=example.org length=5 host=example.org content-length=5\nbody 1 of 5 bytes"},
	"a body that ends with an empty frame": {func(c *client) {
		c.headers(1, false, post...)
		_ = c.WriteData(1, false, []byte("hello"))
		_ = c.WriteData(1, true, nil)
	}, "request 1 POST /? host=example.org length=-1 host=example.org\nbody 1 of 5 bytes"},
	"padding": {func(c *client) {
		_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode(post...), EndHeaders: true, PadLength: 7})
		_ = c.WriteDataPadded(1, false, []byte("hello"), make([]byte, 255))
		_ = c.WriteDataPadded(1, false, nil, make([]byte, 3))
		_ = c.WriteDataPadded(1, true, nil, make([]byte, 9))
	}, "request 1 POST /? host=example.org length=-1 host=example.org\nbody 1 of 5 bytes"},
	"trailers": {func(c *client) {
		c.headers(1, false, post...)
		_ = c.WriteData(1, false, []byte("hello"))
		c.headers(1, true, "checksum", "1")
	}, "request 1 POST /? host=example.org length=-1 host=example.org\nbody 1 of 5 bytes"},
	"a head in pieces": {func(c *client) {
		block := c.encode(get...)
		_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:3], EndStream: true, Priority: xhttp2.PriorityParam{StreamDep: 3, Weight: 1}})
		_ = c.WriteContinuation(1, false, block[3:5])
		_ = c.WriteContinuation(1, true, block[5:])
	}, "request 1 GET /a?b host=example.org length=-1 host=example.org end"},
	"cookies in crumbs": {func(c *client) { c.headers(1, true, with(get, "cookie", "a=1", "x", "y", "cookie", "b=2")...) },
		"request 1 GET /a?b host=example.org length=-1 host=example.org x=y cookie=a=1; b=2 end"},
	"host instead of authority": {func(c *client) { c.headers(1, true, ":method", "GET", ":scheme", "http", ":path", "/", "host", "h:1") },
		"request 1 GET /? host=h:1 length=-1 host=h:1 end"},
	"what is ignored": {func(c *client) {
		_ = c.WritePriority(1, xhttp2.PriorityParam{StreamDep: 3})
		_ = c.WriteRawFrame(0x77, 0xff, 9, []byte("unknown"))
		_ = c.WriteSettings(xhttp2.Setting{ID: 0x99, Val: 1})
		_ = c.WriteSettingsAck()
		_ = c.WriteGoAway(0, 0x5555, []byte("bye"))
		c.headers(1, true, get...)
	}, "goaway unknown error code\nrequest 1 GET /a?b host=example.org length=-1 host=example.org end"},
	"a reset": {func(c *client) {
		c.headers(1, false, post...)
		_ = c.WriteRSTStream(1, xhttp2.ErrCodeCancel)
		_ = c.WriteRSTStream(1, xhttp2.ErrCodeCancel)
		_ = c.WriteWindowUpdate(1, 5)
	}, "request 1 POST /? host=example.org length=-1 host=example.org\nreset 1 CANCEL"},
	"no reset of what was never open": {func(c *client) { _ = c.WriteRSTStream(1, 0) }, "error PROTOCOL_ERROR"},
	"no body longer than its content-length": {func(c *client) {
		c.headers(1, false, with(post, "content-length", "2")...)
		_ = c.WriteData(1, false, []byte("hello"))
	}, "request 1 POST /? host=example.org length=2 host=example.org content-length=2\nreset 1 PROTOCOL_ERROR"},
	"no body shorter than its content-length": {func(c *client) {
		c.headers(1, false, with(post, "content-length", "7")...)
		_ = c.WriteData(1, true, []byte("hello"))
	}, "request 1 POST /? host=example.org length=7 host=example.org content-length=7\nreset 1 PROTOCOL_ERROR"},
	"no content-length without a body": {func(c *client) { c.headers(1, true, with(post, "content-length", "7")...) }, ""},
	"no trailers before the content-length is there": {func(c *client) {
		c.headers(1, false, with(post, "content-length", "7")...)
		c.headers(1, true, "a", "b")
	}, "request 1 POST /? host=example.org length=7 host=example.org content-length=7\nreset 1 PROTOCOL_ERROR"},
	"no second head": {func(c *client) {
		c.headers(1, false, post...)
		c.headers(1, false, post...)
	}, "request 1 POST /? host=example.org length=-1 host=example.org\nreset 1 PROTOCOL_ERROR"},
	"no data behind the end": {func(c *client) {
		c.headers(1, true, get...)
		_ = c.WriteData(1, true, []byte("x"))
	}, "request 1 GET /a?b host=example.org length=-1 host=example.org end\nreset 1 STREAM_CLOSED"},
	"no even stream":  {func(c *client) { c.headers(2, true, get...) }, "error PROTOCOL_ERROR"},
	"no older stream": {func(c *client) { c.headers(5, true, get...); c.headers(3, true, get...) }, "request 5 GET /a?b host=example.org length=-1 host=example.org end\nerror PROTOCOL_ERROR"},
	"no frame between": {func(c *client) {
		_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1})
		_ = c.WritePing(false, [8]byte{})
	}, "error PROTOCOL_ERROR"},
	"no push": {func(c *client) {
		_ = c.WritePushPromise(xhttp2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
	}, "error PROTOCOL_ERROR"},
	"no broken compression": {func(c *client) {
		_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x80}, EndHeaders: true})
	}, "error COMPRESSION_ERROR"},
	"no cut compression": {func(c *client) {
		_ = c.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x00, 0x05, 'a'}, EndHeaders: true})
	}, "error COMPRESSION_ERROR"},
	"no long frame":         {func(c *client) { _ = c.WriteRawFrame(xhttp2.FrameType(0x77), 0, 0, make([]byte, maxFrame+1)) }, "error FRAME_SIZE_ERROR"},
	"no window of nothing":  {func(c *client) { _ = c.WriteRawFrame(xhttp2.FrameWindowUpdate, 0, 0, make([]byte, 4)) }, "error PROTOCOL_ERROR"},
	"no window without end": {func(c *client) { _ = c.WriteWindowUpdate(0, maxWindow) }, "error FLOW_CONTROL_ERROR"},
	"no odd settings":       {func(c *client) { _ = c.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingEnablePush, Val: 2}) }, "error PROTOCOL_ERROR"},
	"no giant window": {func(c *client) {
		_ = c.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 31})
	}, "error FLOW_CONTROL_ERROR"},
	"no tiny frame setting": {func(c *client) { _ = c.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 100}) }, "error PROTOCOL_ERROR"},
	"no more padding than payload": {func(c *client) {
		c.headers(1, false, post...)
		_ = c.WriteRawFrame(xhttp2.FrameData, xhttp2.FlagDataPadded, 1, []byte{5, 0, 0})
	}, "request 1 POST /? host=example.org length=-1 host=example.org\nerror PROTOCOL_ERROR"},
}

func TestWhatClientsSendIsUnderstood(t *testing.T) {
	for name, test := range conversations {
		t.Run(name, func(t *testing.T) {
			c := newClient()
			test.send(c)
			for _, size := range []int{0, 1, 2, 7, 100} {
				s := newServer(testConfig())
				if rest := s.take(c.buf.Bytes(), size); len(rest) > 0 && s.err == nil {
					t.Errorf("pieces of %d: %d bytes left", size, len(rest))
				}
				if got := s.logged(); got != test.want {
					t.Errorf("pieces of %d:\n%s\nwant\n%s", size, got, test.want)
				}
			}
		})
	}
}

func TestConnectionBeginsWithPrefaceAndSettings(t *testing.T) {
	for name, input := range map[string]string{
		"HTTP/1":         "GET / HTTP/1.1\r\n",
		"another":        "PRI * HTTP/2.0\r\n\r\nXX",
		"no settings":    Preface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00",
		"settings ack":   Preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
		"settings of 1":  Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x01",
		"settings cut":   Preface + "\x00\x00\x05\x04\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05",
		"acked, payload": Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x04\x01\x00\x00\x00\x00\x00",
	} {
		s := newServer(testConfig())
		if s.take([]byte(input), 1); s.err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s := newServer(testConfig())
	if !s.Pending() {
		t.Error("a connection that has said nothing is not pending")
	}
	s.take(newClient().buf.Bytes(), 1)
	if s.err != nil || s.Pending() {
		t.Errorf("%v, pending %v", s.err, s.Pending())
	}
}

// malformed requests are reset and reach nobody (RFC 9113 8.1.1).
var malformed = map[string][]string{
	"no method":                {":scheme", "http", ":authority", "a", ":path", "/"},
	"no scheme":                {":method", "GET", ":authority", "a", ":path", "/"},
	"no path":                  {":method", "GET", ":scheme", "http", ":authority", "a"},
	"empty path":               {":method", "GET", ":scheme", "http", ":authority", "a", ":path", ""},
	"two methods":              with(get, ":method", "GET"),
	"two paths":                with(get, ":path", "/a?b"),
	"a status":                 with(get, ":status", "200"),
	"unknown pseudo-header":    with(get, ":a", "b"),
	"pseudo-header behind":     {":method", "GET", ":scheme", "http", "a", "b", ":authority", "a", ":path", "/"},
	"upper case":               with(get, "Accept", "*/*"),
	"a space in a name":        with(get, "a b", "c"),
	"an empty name":            with(get, "", "c"),
	"a line end in a value":    with(get, "a", "b\r\nc: d"),
	"a NUL in a value":         with(get, "a", "b\x00"),
	"a line end in the path":   {":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/\r\nx: y"},
	"a space before a value":   with(get, "a", " b"),
	"a tab behind a value":     with(get, "a", "b\t"),
	"connection":               with(get, "connection", "close"),
	"keep-alive":               with(get, "keep-alive", "5"),
	"proxy-connection":         with(get, "proxy-connection", "close"),
	"transfer-encoding":        with(get, "transfer-encoding", "chunked"),
	"upgrade":                  with(get, "upgrade", "websocket"),
	"te":                       with(get, "te", "gzip"),
	"two content-lengths":      with(get, "content-length", "0", "content-length", "0"),
	"content-length of no sum": with(get, "content-length", "+1"),
	"two hosts":                with(get[:4], ":path", "/", "host", "a", "host", "a"),
	"another host":             with(get, "host", "example.com"),
	"CONNECT with a path":      {":method", "CONNECT", ":authority", "a", ":path", "/"},
	"CONNECT without a host":   {":method", "CONNECT"},
	"protocol without CONNECT": with(get, ":protocol", "websocket"),
	"CONNECT without a scheme": {":method", "CONNECT", ":protocol", "websocket", ":authority", "a", ":path", "/"},
}

func TestMalformedRequestsAreReset(t *testing.T) {
	for name, fields := range malformed {
		c := newClient()
		c.headers(1, true, fields...)
		c.headers(3, true, get...)
		s := newServer(testConfig())
		s.take(c.buf.Bytes(), 0)
		if got := s.logged(); got != "request 3 GET /a?b host=example.org length=-1 host=example.org end" {
			t.Errorf("%s: %s", name, got)
		}
		if got := strings.Join(s.said(t), ", "); !strings.Contains(got, "reset 1 PROTOCOL_ERROR") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What is well-formed and yet not to be served is answered with a status.
func TestFaultsOfARequestGetAStatus(t *testing.T) {
	for name, test := range map[string]struct {
		fields []string
		want   string
	}{
		"no host":             {[]string{":method", "GET", ":scheme", "http", ":path", "/"}, "400: missing, repeated or invalid Host"},
		"user in the host":    {[]string{":method", "GET", ":scheme", "http", ":authority", "u@h", ":path", "/"}, "400: missing, repeated or invalid Host"},
		"a relative path":     {[]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "a"}, "400: invalid request target"},
		"an absolute path":    {[]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "http://h/"}, "400: invalid request target"},
		"a fragment":          {[]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/#a"}, "400: invalid request target"},
		"a star":              {[]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "*"}, "400: invalid request target"},
		"a space in the path": {[]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/a b"}, "400: invalid request target"},
		"a method of blanks":  {[]string{":method", "G T", ":scheme", "http", ":authority", "h", ":path", "/"}, "400: method is not a token"},
		"a long path":         {[]string{":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/" + strings.Repeat("a", 1000)}, "414: request target too long"},
		"a long list":         {with(get, "a", strings.Repeat("a", 9000)), "431: request head too large"},
		"many fields":         {with(get, strings.Split(strings.Repeat("a ", 20)+"a", " ")...), "431: too many header fields"},
		"an expectation":      {with(get, "expect", "coffee"), "417: only 100-continue can be expected"},
		"CONNECT":             {[]string{":method", "CONNECT", ":authority", "a:1"}, "501: CONNECT is not implemented"},
		"another protocol":    {with(get[2:], ":method", "CONNECT", ":protocol", "connect-udp"), "501: only the protocol websocket can be connected to"},
	} {
		config := testConfig()
		config.MaxTarget, config.MaxFields = 500, 10
		c := newClient()
		if len(test.fields)%2 == 1 {
			test.fields = append(test.fields, "a")
		}
		c.headers(1, true, test.fields...)
		s := newServer(config)
		s.take(c.buf.Bytes(), 0)
		if got := s.logged(); got != "request 1 refused: "+test.want+" end" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWebSocketRequestLooksAsInHTTP1(t *testing.T) {
	c := newClient()
	c.headers(1, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "h", ":path", "/chat", "sec-websocket-version", "13")
	s := newServer(testConfig())
	s.take(c.buf.Bytes(), 0)
	if got := s.logged(); got != "request 1 GET /chat? host=h length=-1 host=h sec-websocket-version=13" || !s.head.Request.Upgrade {
		t.Errorf("%s, upgrade %v", got, s.head.Request.Upgrade)
	}
}

// Package http2 is the server's half of HTTP/2 as bytes (RFC 9113, RFC 7541, RFC 8441): it takes a client's frames apart
// into requests, body bytes and what else a server must know, keeps the state and the windows of connection and streams,
// and writes frames.
//
// It knows nothing of sockets, time, goroutines or handlers. Invariants:
//
//   - The events do not depend on where the input was cut into pieces.
//   - Body bytes are views into the caller's buffer; no part of a DATA frame is ever held here. What is held of the input is
//     at most one header block, bounded by MaxHeaderBytes.
//   - What a frame makes us do is answered or paid for: every frame that causes work without being part of a request takes
//     from a budget, and a connection that has used it up is closed with ENHANCE_YOUR_CALM.
//   - An *Error ends the connection, and is always the client's fault. The fault of one stream ends that stream.
package http2

import "golang.org/x/net/http2/hpack"

// Preface is what a client sends first (RFC 9113 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// What the protocol begins with, or allows at most (RFC 9113 4.2, 6.9.1, 6.9.2).
const (
	maxFrame      = 16384 // the least a peer must take; we never ask for more, nor send more
	defaultWindow = 65535
	maxWindow     = 1<<31 - 1
	maxStreamID   = 1<<31 - 1
	maxTable      = 4096 // of the client's HPACK encoder, in the size of RFC 7541 4.1
)

// Config is what a server grants. It may be shared by connections and must not change.
type Config struct {
	MaxStreams     int   // open at once; one more is refused
	MaxHeaderBytes int   // of a header list, counted as in RFC 7541 4.1; beyond it 431
	MaxFields      int   // of a request; beyond it 431
	MaxTarget      int   // bytes of a target; beyond it 414
	StreamWindow   int32 // body bytes a client may send ahead of Taken on a stream, once its body is taken at all
	Window         int32 // and on the connection; at least 65535
}

// EventKind says what an Event tells.
type EventKind uint8

const (
	None    EventKind = iota // the frame needed nothing of the caller
	Request                  // a request began on Stream; its head is in the connection's Head. End: it has no body
	Data                     // body bytes of Stream; End: and they are the last
	Reset                    // Stream ended before its time; Code says why
	Window                   // more may be sent on Stream, or, if that is nil, on the connection
	Windows                  // more may be sent on any stream
	GoAway                   // the client opens no more streams
)

// Event is what one frame, or a part of a DATA frame, means. Data is a view into the buffer given to Next.
type Event struct {
	Kind   EventKind
	End    bool
	Stream *Stream
	Data   []byte
	Code   Code
}

// Conn is the server's end of one connection.
type Conn struct {
	config  *Config
	head    *Head
	decoder *hpack.Decoder // nil before the first request

	out     []byte // frames that answer frames
	streams []*Stream
	closed  recent

	block  []byte // fragments of a header block that CONTINUATION goes on with
	within uint32 // the stream it is of, 0: none
	blocks uint16 // its CONTINUATION frames so far
	ended  bool   // its HEADERS frame had END_STREAM

	data     *Stream // of the DATA frame whose payload comes in; nil: it is thrown away
	dataLeft int32
	padLeft  int32
	dataEnd  bool

	greeted    bool // preface seen
	configured bool // first SETTINGS seen
	tableNews  bool // the next header block says that we use no dynamic table
	leaving    leaving
	gone       bool // the client sent GOAWAY

	lastID        uint32 // highest stream the client opened
	initialWindow int64  // of the client, for new streams
	sendWindow    int64  // may not go below 0
	recvWindow    int64
	unreturned    int64 // received bytes of which the window was not given back
	budget        int32
}

// leaving is how far a graceful end has come (RFC 9113 6.8).
type leaving uint8

const (
	staying leaving = iota
	warned          // GOAWAY without a last stream was sent, and a PING behind it
	left            // GOAWAY with the last stream was sent: newer ones are ignored
)

// NewConn begins a connection; our SETTINGS are its first output. The Head may be shared by connections that are worked on
// in turn.
func NewConn(config *Config, head *Head) *Conn {
	c := &Conn{config: config, head: head, initialWindow: defaultWindow, sendWindow: defaultWindow, recvWindow: defaultWindow, budget: maxBudget}
	c.out = appendSettings(c.out, config)
	if more := int64(config.Window) - defaultWindow; more > 0 {
		c.out = appendWindowUpdate(c.out, 0, uint32(more))
		c.recvWindow += more
	}
	return c
}

// Output appends what is to be sent in answer to frames, and forgets it.
func (c *Conn) Output(dst []byte) []byte {
	dst = append(dst, c.out...)
	if cap(c.out) > 512 {
		c.out = nil
	} else {
		c.out = c.out[:0]
	}
	return dst
}

// HasOutput reports that Output would append something.
func (c *Conn) HasOutput() bool { return len(c.out) > 0 }

// Open is how many streams are open.
func (c *Conn) Open() int { return len(c.streams) }

// Pending reports that the client has begun something it must go on with: preface, SETTINGS or a header block.
func (c *Conn) Pending() bool { return !c.configured || c.within != 0 }

// Warned reports that the client was asked to leave and has not answered.
func (c *Conn) Warned() bool { return c.leaving == warned }

// Leaving reports that the connection is to be closed when no stream is open any more.
func (c *Conn) Leaving() bool { return c.leaving == left || c.gone }

// Shutdown begins a graceful end: the client hears that it should open no more streams; those it opened before it heard of
// it are served. Once it has answered, Leaving is true (RFC 9113 6.8).
func (c *Conn) Shutdown() {
	if c.leaving == staying {
		c.leaving = warned
		c.out = appendGoAway(c.out, maxStreamID, NoError, "")
		c.out = appendPing(c.out, farewell, 0)
	}
}

// farewell is the payload of the PING whose answer tells that the client has read our first GOAWAY.
var farewell = [8]byte{'g', 'w', ' ', 'l', 'e', 'a', 'v', 'e'}

// Leave is the second step of Shutdown, without waiting for an answer: streams the client opens from now on are ignored.
func (c *Conn) Leave() {
	if c.leaving != left {
		c.leaving = left
		c.out = appendGoAway(c.out, c.lastID, NoError, "")
	}
}

// Fail tells the client why the connection ends.
func (c *Conn) Fail(err *Error) {
	c.leaving = left
	c.out = appendGoAway(c.out, c.lastID, err.Code, err.Reason)
}

// Package accesslog writes a request as one line of an access log: combined, as Apache and nginx have it, or JSON.
//
// It knows nothing of files and clocks. Invariants:
//
//   - A record is one line: whatever a client sent, no byte of it ends the line or a quoted text early.
//   - A line is ASCII or, in JSON, valid UTF-8 without control characters, so that a terminal that shows it obeys nobody.
//   - A line is shorter than MaxLine.
//   - Nothing is allocated but the room of the destination.
package accesslog

// MaxLine is above the length of any line.
const MaxLine = 48 << 10

// What is kept of texts a client chooses.
const (
	maxTarget = 4 << 10
	maxText   = 1 << 10
)

// Record is what is told of one request. Views: nothing of it is kept.
type Record struct {
	Moment Moment
	ID     uint64 // of the exchange, as handlers and gw's own log have it

	RequestID []byte // X-Request-Id of a trusted proxy
	Listener  string
	Remote    []byte // address of the client, without a port
	Proxy     []byte // of the trusted proxy it came through

	Method, Target []byte // nil: the request was not understood
	Protocol       string // HTTP/1.1
	Scheme         string
	Host           []byte
	Referer, Agent []byte
	Upgrade        string // websocket

	Status    int
	Sent      int64 // bytes of the answer's body; of a WebSocket all
	Received  int64 // bytes of the request's body; of a WebSocket all
	CloseCode int   // of a WebSocket

	// Microseconds: from the request's head to the end of the answer, of them in the queue and at the handler.
	Took, Queued, Handled int64

	Pool   string
	Slot   int
	Worker uint64 // 0: none had it
}

// Moment is when the answer was complete, in the pieces that lines are made of; a caller makes the texts once a second.
type Moment struct {
	Common []byte // 22/Nov/2026:02:39:14 +0000
	Second []byte // 2026-11-22T02:39:14
	Zone   []byte // Z, or +01:00
	Milli  int
}

func cut(b []byte, most int) []byte { return b[:min(len(b), most)] }

const hex = "0123456789abcdef"

package load

import "io"

// Variants is how many different requests or messages a protocol prepares, so
// that a server gains nothing from remembering the last ones.
const Variants = 4096

// Protocol is what a load speaks: prepared requests and a check of the answers.
// A connection sends the requests of one numbering in order and expects the
// answers in the same order. Implementations hold no state of a connection, so
// one serves them all, but only from one goroutine.
type Protocol interface {
	// Greet makes a fresh blocking connection ready, such as by a WebSocket
	// handshake. The bytes a server sends before the first request are an error.
	Greet(c io.ReadWriter) error
	// Request returns the bytes of request i; the caller must not change them.
	Request(i uint32) []byte
	// Answer looks for the answer to request i at the beginning of data.
	Answer(data []byte, i uint32) (Answer, error)
}

// Answer is what [Protocol.Answer] found.
type Answer struct {
	Size  int    // bytes used up; 0: more must arrive first
	Reply []byte // to be sent at once (a pong); valid until the next call
	Done  bool   // the request is answered; false with Size > 0: a message of its own, such as a ping
}

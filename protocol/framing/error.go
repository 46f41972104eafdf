// Package framing cuts a byte stream into messages and puts messages on one: lines (text) and length-prefixed frames.
//
// It knows nothing of sockets, time, goroutines or handlers. Invariants: the messages do not depend on where the stream was
// cut into pieces; a message is a view into the caller's buffer; a peer that announces or sends too much is refused before
// the excess is buffered.
package framing

// Error says that the peer's bytes cannot be cut into messages; where the next message begins is unknown.
type Error struct {
	Reason string
}

func (e *Error) Error() string { return e.Reason }

var (
	ErrLineTooLong   = &Error{"line longer than allowed"}
	ErrFrameTooShort = &Error{"frame length does not count itself"}
	ErrFrameTooLong  = &Error{"frame longer than allowed"}
)

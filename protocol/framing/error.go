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

package wire

import "fmt"

// Error says that the other side broke the protocol.
type Error struct {
	Reason string
	Dump   string // first bytes of what was refused, quoted
}

func (e *Error) Error() string {
	if e.Dump == "" {
		return "protocol violation: " + e.Reason
	}
	return "protocol violation: " + e.Reason + ", got " + e.Dump
}

// dump shows at most 48 bytes: text reads as text, so a stray echo is recognised.
func dump(b []byte) string {
	if len(b) > 48 {
		return fmt.Sprintf("%q...", b[:48])
	}
	return fmt.Sprintf("%q", b)
}

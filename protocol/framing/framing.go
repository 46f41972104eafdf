// Package framing cuts a byte stream into messages and puts messages on one: text that ends with a delimiter, frames that
// begin with their length, or bytes as they come.
//
// It knows nothing of sockets, time, goroutines or handlers. Invariants: the messages do not depend on where the stream was
// cut into pieces (but for Raw, which has none); a message is a view into the caller's buffer; a peer that announces or
// sends too much is refused before the excess is buffered.
package framing

// Framing is how messages stand on a byte stream. It has no state: one serves any number of connections.
type Framing interface {
	// Next returns the first message of buf. n is its length on the wire. n == 0 and no error: it is incomplete; call again
	// with more, scanned being the length of buf now. scanned is how many bytes an earlier call has searched already, 0 at
	// first. A message of more than max bytes is an *Error, as soon as that is known. The bytes of buf before n are the
	// message's from then on.
	Next(buf []byte, scanned, max int) (msg []byte, n int, err error)
	// Append appends msg as it stands on the wire. It must be one that fits.
	Append(dst, msg []byte) []byte
	// Fits reports that msg can be said in this framing.
	Fits(msg []byte) bool
}

package framing

// Raw has no messages: what arrives together is taken for one.
type Raw struct{}

// Next returns what is there, at most max bytes of it.
func (Raw) Next(buf []byte, _, max int) (msg []byte, n int, err error) {
	n = min(len(buf), max)
	return buf[:n:n], n, nil
}

// Append appends msg.
func (Raw) Append(dst, msg []byte) []byte { return append(dst, msg...) }

// Fits is true for every message.
func (Raw) Fits([]byte) bool { return true }

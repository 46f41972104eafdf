package websocket

import (
	"bytes"

	"github.com/klauspost/compress/flate"
)

// deflateTail ends what a flush of DEFLATE writes, and is left out on the wire (RFC 7692 7.2.1).
const deflateTail = "\x00\x00\xff\xff"

// Window is what was compressed last in one direction of a connection that takes its context over (RFC 7692 7.2.3.2). The
// zero value is empty. It costs what was written to it, up to the size given.
type Window struct{ recent []byte }

// Write keeps the last 1<<bits bytes.
func (w *Window) Write(message []byte, bits uint8) {
	size := 1 << bits
	if len(message) >= size {
		w.recent = append(w.recent[:0], message[len(message)-size:]...)
		return
	}
	if over := len(w.recent) + len(message) - size; over > 0 {
		w.recent = append(w.recent[:0], w.recent[over:]...)
	}
	w.recent = append(w.recent, message...)
}

// Bytes is the content, oldest first. It must not be changed.
func (w *Window) Bytes() []byte { return w.recent }

// Deflater compresses messages, of any number of connections one after the other: what connections keep are their windows,
// so a compressor exists once for each size of window and not for each connection. The zero value is ready.
type Deflater struct {
	writers [maxWindowBits + 1]*flate.Writer // some 800 KiB each, made when the first message needs it
	out     sink
}

// sink is an io.Writer into a slice.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// AppendMessage appends the payload of message compressed behind a window of earlier ones (RFC 7692 7.2.1). No reference
// goes back further than 1<<bits bytes.
func (d *Deflater) AppendMessage(dst, message []byte, bits uint8, window []byte) []byte {
	if len(message) == 0 {
		return append(dst, 0) // RFC 7692 7.2.3.6
	}
	w := d.writers[bits]
	if w == nil {
		w, _ = flate.NewWriterWindow(nil, 1<<bits) // fails only for sizes that 8 to 15 bits are not
		d.writers[bits] = w
	}
	d.out.b = dst
	w.ResetDict(&d.out, window)
	_, _ = w.Write(message) // a sink takes everything
	_ = w.Flush()
	out := d.out.b
	d.out.b = nil
	w.ResetDict(nil, nil)
	return bytes.TrimSuffix(out, []byte(deflateTail))
}

// AppendDeflated appends a server's frame with a compressed message, or an ordinary one when compression makes it no
// smaller; compressed tells which.
func (d *Deflater) AppendDeflated(dst []byte, op Opcode, message []byte, bits uint8, window []byte) (frame []byte, compressed bool) {
	begin := len(dst)
	var room [10]byte
	dst = append(dst, room[:len(AppendHeader(room[:0], op, len(message)))]...)
	at := len(dst)
	dst = d.AppendMessage(dst, message, bits, window)
	size := len(dst) - at
	if size >= len(message) {
		return AppendFrame(dst[:begin], op, message), false
	}
	head := AppendHeader(room[:0], op, size)
	head[0] |= bitRSV1
	copy(dst[begin+len(head):], dst[at:])
	copy(dst[begin:], head)
	return dst[:begin+len(head)+size], true
}

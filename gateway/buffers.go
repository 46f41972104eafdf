package gateway

import "slices"

// buffers are free lists of output and leftover-input buffers, one list for
// each size. What goes through the gateway in pieces is held in buffers that are
// used again: one that grew by append would be garbage after each piece, and a
// download of 1 GiB through TLS made 3 GiB of it.
type buffers struct {
	free [len(bufferSizes)][][]byte
	low  [len(bufferSizes)]int // as itemStore's

	dropped int64 // bytes left to the garbage collector, see memory
}

// bufferSizes: the first is what a connection gets that begins to wait, the
// others hold one to five pieces of 64 KiB with what goes around them. A buffer
// is at most twice as long as what first needed it, or 20 KiB.
var bufferSizes = [...]int{bufferBytes, 20 << 10, 40 << 10, 80 << 10, 160 << 10, 320 << 10}

// spareBuffers is how many of each size are kept: 2 MiB at most.
var spareBuffers = [...]int{512, 64, 48, 24, 12, 6}

const bufferBytes = 4 << 10

// get returns an empty buffer.
func (b *buffers) get() []byte { return b.take(0) }

func (b *buffers) take(k int) []byte {
	free := b.free[k]
	n := len(free)
	if n == 0 {
		return make([]byte, 0, bufferSizes[k])
	}
	b.free[k] = free[:n-1]
	b.low[k] = min(b.low[k], n-1)
	return free[n-1]
}

// room returns buf, or a longer buffer with the same content, that n bytes can
// be appended to. What buf was then belongs to somebody else.
func (b *buffers) room(buf []byte, n int) []byte {
	if cap(buf)-len(buf) >= n {
		return buf
	}
	for k, size := range bufferSizes {
		if size >= len(buf)+n {
			longer := append(b.take(k), buf...)
			b.put(buf)
			return longer
		}
	}
	return slices.Grow(buf, n)
}

// put takes a buffer back; one of another size is left to the garbage collector.
func (b *buffers) put(buf []byte) {
	for k, size := range bufferSizes {
		if cap(buf) == size {
			if len(b.free[k]) < spareBuffers[k] {
				b.free[k] = append(b.free[k], buf[:0])
				return
			}
		}
	}
	b.dropped += int64(cap(buf))
}

// trim lets go of what was not needed since the last time.
func (b *buffers) trim() {
	for k, free := range b.free {
		keep := len(free) - b.low[k]
		b.dropped += int64(b.low[k] * bufferSizes[k])
		clear(free[keep:])
		b.free[k], b.low[k] = free[:keep], keep
	}
}

package wire

import (
	"encoding/binary"
	"math"
)

// maxDepth bounds nesting of a value that is passed over.
const maxDepth = 8

// Reader takes msgpack values off a byte slice. The first fault sticks: later
// calls return zero values and Err tells it.
type Reader struct {
	b   []byte
	off int
	err *Error
}

// NewReader reads b.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Err is the first fault, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Len is the number of unread bytes.
func (r *Reader) Len() int { return len(r.b) - r.off }

func (r *Reader) fail(reason string) {
	if r.err == nil {
		r.err = &Error{Reason: reason, Dump: dump(r.b[min(r.off, len(r.b)):])}
		r.off = len(r.b)
	}
}

// take returns the next n bytes; big-endian numbers and payloads alike.
func (r *Reader) take(n int) []byte {
	if n < 0 || n > len(r.b)-r.off {
		r.fail("message cut short")
		return nil
	}
	b := r.b[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

func (r *Reader) byte() byte {
	if r.off >= len(r.b) {
		r.fail("message cut short")
		return 0xc1 // never used by msgpack
	}
	c := r.b[r.off]
	r.off++
	return c
}

// number reads an n-byte big-endian number.
func (r *Reader) number(n int) uint64 {
	b := r.take(n)
	if b == nil {
		return 0
	}
	switch n {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	}
	return binary.BigEndian.Uint64(b)
}

// Uint reads an integer 0 … 2^53-1, or text of digits (PHP array keys).
func (r *Reader) Uint() uint64 {
	c := r.byte()
	var v uint64
	switch {
	case c < 0x80:
		return uint64(c)
	case c >= 0xcc && c <= 0xcf:
		v = r.number(1 << (c - 0xcc))
	case c >= 0xd0 && c <= 0xd3:
		v = r.signed(c)
	case c >= 0xa0 && c < 0xc0, c == 0xd9:
		r.off--
		v = r.digits(r.Bytes())
	default:
		r.off--
		r.fail("expected an integer")
		return 0
	}
	if v >= 1<<53 {
		r.fail("integer out of range")
		return 0
	}
	return v
}

// signed reads int8 … int64; negative ones come out as huge and are refused.
func (r *Reader) signed(c byte) uint64 {
	size := 1 << (c - 0xd0)
	v := r.number(size)
	return uint64(int64(v<<(64-8*size)) >> (64 - 8*size))
}

// Bool reads a truth value.
func (r *Reader) Bool() bool {
	switch r.byte() {
	case 0xc2:
		return false
	case 0xc3:
		return true
	}
	r.off--
	r.fail("expected true or false")
	return false
}

func (r *Reader) digits(b []byte) uint64 {
	var v uint64
	if len(b) == 0 || len(b) > 16 {
		r.fail("expected an integer")
		return 0
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			r.fail("expected an integer")
			return 0
		}
		v = v*10 + uint64(c-'0')
	}
	return v
}

// Array reads the header of an array.
func (r *Reader) Array() int {
	c := r.byte()
	var n uint64
	switch {
	case c&0xf0 == 0x90:
		return int(c & 0x0f)
	case c == 0xdc:
		n = r.number(2)
	case c == 0xdd:
		n = r.number(4)
	default:
		r.off--
		r.fail("expected an array")
		return 0
	}
	return r.count(n)
}

// count refuses more elements than bytes are left: a length bomb.
func (r *Reader) count(n uint64) int {
	if n > uint64(r.Len()) {
		r.fail("more elements than bytes")
		return 0
	}
	return int(n)
}

// Bytes reads bin or str.
func (r *Reader) Bytes() []byte {
	c := r.byte()
	switch {
	case c&0xe0 == 0xa0:
		return r.take(int(c & 0x1f))
	case c >= 0xc4 && c <= 0xc6:
		return r.take(int(r.number(1 << (c - 0xc4))))
	case c >= 0xd9 && c <= 0xdb:
		return r.take(int(r.number(1 << (c - 0xd9))))
	}
	r.off--
	r.fail("expected bytes")
	return nil
}

// BytesOrNil reads bytes, or nil as ok == false.
func (r *Reader) BytesOrNil() (b []byte, ok bool) {
	if r.off < len(r.b) && r.b[r.off] == 0xc0 {
		r.off++
		return nil, false
	}
	return r.Bytes(), r.err == nil
}

// Raw passes over one value and returns its bytes.
func (r *Reader) Raw() []byte {
	start := r.off
	r.skip(maxDepth)
	if r.err != nil {
		return nil
	}
	return r.b[start:r.off:r.off]
}

func (r *Reader) skip(depth int) {
	if depth == 0 {
		r.fail("nested too deeply")
		return
	}
	c := r.byte()
	switch {
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
	case c&0xf0 == 0x80:
		r.skipMany(2*uint64(c&0x0f), depth)
	case c&0xf0 == 0x90:
		r.skipMany(uint64(c&0x0f), depth)
	case c&0xe0 == 0xa0, c >= 0xc4 && c <= 0xc6, c >= 0xd9 && c <= 0xdb:
		r.off--
		r.Bytes()
	case c == 0xca:
		r.take(4)
	case c == 0xcb:
		r.take(8)
	case c >= 0xcc && c <= 0xcf:
		r.take(1 << (c - 0xcc))
	case c >= 0xd0 && c <= 0xd3:
		r.take(1 << (c - 0xd0))
	case c == 0xdc, c == 0xdd:
		r.skipMany(r.number(2<<(c-0xdc)), depth)
	case c == 0xde, c == 0xdf:
		r.skipMany(2*r.number(2<<(c-0xde)), depth)
	default:
		r.off--
		r.fail("type not allowed on the wire")
	}
}

func (r *Reader) skipMany(n uint64, depth int) {
	if n > math.MaxInt32 {
		r.fail("more elements than bytes")
	}
	for i := r.count(n); i > 0 && r.err == nil; i-- {
		r.skip(depth - 1)
	}
}

// Map reads the header of a map. PHP packs an empty map as an empty array.
func (r *Reader) Map() int {
	c := r.byte()
	var n uint64
	switch {
	case c == 0x90:
		return 0
	case c&0xf0 == 0x80:
		return int(c & 0x0f)
	case c == 0xde:
		n = r.number(2)
	case c == 0xdf:
		n = r.number(4)
	default:
		r.off--
		r.fail("expected a map")
		return 0
	}
	return r.count(n)
}

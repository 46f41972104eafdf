package wire

import "strconv"

// Headers is the raw value of a handler's response headers: a map name →
// value or array of values, an array of [name, value] pairs, or an empty array.
type Headers []byte

// Walk begins a walk through the fields.
func (h Headers) Walk() HeaderWalk {
	w := HeaderWalk{r: NewReader(h)}
	if len(h) == 0 {
		return w
	}
	switch c := h[0]; {
	case c&0xf0 == 0x80, c == 0xde, c == 0xdf:
		w.left = w.r.Map()
	default:
		w.pairs = true
		w.left = w.r.Array()
	}
	return w
}

// HeaderWalk yields one field after the other.
type HeaderWalk struct {
	r      Reader
	pairs  bool
	left   int
	values int // more values of name
	name   []byte
}

// Next returns the next field as views into the message.
func (w *HeaderWalk) Next() (name, value []byte, ok bool) {
	for w.values == 0 {
		if w.left == 0 || w.r.err != nil {
			return nil, nil, false
		}
		w.left--
		w.begin()
	}
	w.values--
	value = w.r.scalar()
	return w.name, value, w.r.err == nil
}

// Err tells of a header value that is neither text nor number.
func (w *HeaderWalk) Err() error { return w.r.Err() }

// begin reads a name and how many values follow.
func (w *HeaderWalk) begin() {
	w.values = 1
	if w.pairs {
		if w.r.Array() != 2 {
			w.r.fail("header pair needs a name and a value")
		}
		w.name = w.r.scalar()
		return
	}
	w.name = w.r.scalar()
	if w.r.off < len(w.r.b) {
		if c := w.r.b[w.r.off]; c&0xf0 == 0x90 || c == 0xdc || c == 0xdd {
			w.values = w.r.Array()
		}
	}
}

// scalar reads text or bytes, or an integer as its digits: PHP turns numeric
// array keys into integers, and handlers give numbers as values.
func (r *Reader) scalar() []byte {
	if r.off < len(r.b) {
		if c := r.b[r.off]; c < 0x80 || c >= 0xcc && c <= 0xd3 {
			return strconv.AppendUint(nil, r.Uint(), 10)
		}
	}
	return r.Bytes()
}

package http1

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Field is one header line: views into the buffer that was parsed. Name is lower-case already (changed in place in the
// buffer), Value has no whitespace around it.
type Field struct {
	Name, Value []byte
}

// AppendFields appends the block in which request headers travel to a handler: one "name: value\n" per field, in the order
// of arrival. Hop-by-hop fields stay in. The block cannot be forged: Parse lets no LF into a value and no colon into a name.
func AppendFields(dst []byte, fields []Field) []byte {
	size := 0
	for i := range fields {
		size += len(fields[i].Name) + len(fields[i].Value) + len(": \n")
	}
	dst = slices.Grow(dst, size)
	for i := range fields {
		dst = append(dst, fields[i].Name...)
		dst = append(dst, ':', ' ')
		dst = append(dst, fields[i].Value...)
		dst = append(dst, '\n')
	}
	return dst
}

// ValidName reports whether b may be sent as the name of a header field: a token (RFC 9110 5.1, 5.6.2).
func ValidName(b []byte) bool {
	for _, c := range b {
		if lowerToken[c] == 0 {
			return false
		}
	}
	return len(b) > 0
}

// ValidValue reports whether b may be sent as the value of a header field: no control characters but HTAB, so nothing that
// could end the line (RFC 9110 5.5). Bytes from 0x80 on pass as opaque data.
func ValidValue(b []byte) bool { return valueEnd(b, 0) == len(b) }

// lowerToken maps a tchar (RFC 9110 5.6.2) to itself in lower case and every other byte to 0.
var lowerToken = func() (table [256]byte) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz" {
		table[c] = byte(c)
	}
	for c := 'A'; c <= 'Z'; c++ {
		table[c] = byte(c) | 0x20
	}
	return table
}()

// Eight equal bytes, for arithmetic on eight bytes of input at once.
const (
	eight01 = 0x0101010101010101
	eight20 = 0x2020202020202020
	eight21 = 0x2121212121212121
	eight80 = 0x8080808080808080
)

// valueEnd returns the index of the first byte of b from i on that cannot stand in a field value, or len(b).
//
// Eight bytes at a time: subtracting 0x20 from each lane borrows into its top bit for a byte below 0x20, adding 1 carries
// into it for 0x7f; lanes of 0x80 and more are masked out. A carry or borrow out of a lane can only flag a harmless byte
// further up, never hide a harmful one, so the flagged byte is looked at itself before it counts.
func valueEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		v := binary.LittleEndian.Uint64(b[i:])
		flagged := ((v - eight20) | (v + eight01)) &^ v & eight80
		if flagged == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(flagged) >> 3
		if isControl(b[i]) {
			return i
		}
		i++
	}
	for i < len(b) && !isControl(b[i]) {
		i++
	}
	return i
}

// isControl tells the bytes that no field value holds (RFC 9110 5.5): the controls, HTAB excepted.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// targetEnd returns the index of the first byte of b from i on that is a control, a space or not ASCII, or len(b).
// The lanes work as in valueEnd, only that bytes of 0x80 and more are flagged too.
func targetEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		v := binary.LittleEndian.Uint64(b[i:])
		flagged := ((v - eight21) | (v + eight01) | v) & eight80
		if flagged != 0 {
			return i + bits.TrailingZeros64(flagged)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] > ' ' && b[i] < 0x7f {
		i++
	}
	return i
}

// trim cuts optional whitespace (OWS, RFC 9110 5.6.3) off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares b with an all lower-case ASCII word, letters in any case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// nextElement cuts the first element off a comma-separated list (RFC 9110 5.6.1).
func nextElement(list []byte) (element, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:]
		}
	}
	return trim(list), nil
}

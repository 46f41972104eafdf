package framing

// Frame is messages behind a length field.
//
//	header (Offset bytes) , length (Size bytes) , payload
//
// The message is header and payload, without the field.
type Frame struct {
	Size    int  // of the length field: 1, 2, 4 or 8 bytes
	Little  bool // least significant byte first
	Payload bool // the length counts the payload alone, not the whole frame
	Offset  int  // bytes before the length field
}

// Workerman is the frame of Workerman's Frame protocol: 4 bytes, big-endian, counting themselves.
var Workerman = &Frame{Size: 4}

// Next returns the first frame without its length field. A length that does not count the frame's own beginning, though it
// should, is an *Error.
func (f *Frame) Next(buf []byte, _, max int) (msg []byte, n int, err error) {
	head := f.Offset + f.Size
	if len(buf) < head {
		return nil, 0, nil
	}
	length := f.length(buf[f.Offset:head])
	if !f.Payload {
		if length < uint64(head) {
			return nil, 0, ErrFrameTooShort
		}
		length -= uint64(head)
	}
	switch {
	case max < f.Offset || length > uint64(max-f.Offset):
		return nil, 0, ErrFrameTooLong
	case length > uint64(len(buf)-head):
		return nil, 0, nil
	}
	n = head + int(length)
	copy(buf[f.Size:head], buf[:f.Offset]) // closes the gap that the field leaves
	return buf[f.Size:n:n], n, nil
}

func (f *Frame) length(field []byte) (length uint64) {
	for i := range field {
		b := field[i]
		if f.Little {
			b = field[len(field)-1-i]
		}
		length = length<<8 | uint64(b)
	}
	return length
}

// Append appends msg as one frame.
func (f *Frame) Append(dst, msg []byte) []byte {
	dst = append(dst, msg[:f.Offset]...)
	length := f.count(msg)
	for i := range f.Size {
		if !f.Little {
			i = f.Size - 1 - i
		}
		dst = append(dst, byte(length>>(8*i)))
	}
	return append(dst, msg[f.Offset:]...)
}

// Fits reports that msg has a header and is not longer than the length field can say.
func (f *Frame) Fits(msg []byte) bool {
	return len(msg) >= f.Offset && (f.Size == 8 || f.count(msg)>>(8*f.Size) == 0)
}

// count is what the length field says of msg.
func (f *Frame) count(msg []byte) uint64 {
	if f.Payload {
		return uint64(len(msg) - f.Offset)
	}
	return uint64(len(msg) + f.Size)
}

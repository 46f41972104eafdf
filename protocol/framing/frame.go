package framing

import "encoding/binary"

// lengthSize is the size of the length field: 4 bytes, big-endian, counting themselves (as Workerman's Frame protocol does).
const lengthSize = 4

// NextFrame returns the first frame of buf without its length field. n is its length on the wire. n == 0 and no error: the
// frame is incomplete; call again with more. A length that does not count itself, or announces a message of more than max
// bytes, is an *Error.
func NextFrame(buf []byte, max int) (msg []byte, n int, err error) {
	if len(buf) < lengthSize {
		return nil, 0, nil
	}
	length := int64(binary.BigEndian.Uint32(buf))
	switch {
	case length < lengthSize:
		return nil, 0, ErrFrameTooShort
	case length-lengthSize > int64(max):
		return nil, 0, ErrFrameTooLong
	case length > int64(len(buf)):
		return nil, 0, nil
	}
	n = int(length)
	return buf[lengthSize:n:n], n, nil
}

// AppendFrame appends msg as one frame. msg must be shorter than 4 GiB - 4, what the length field can say.
func AppendFrame(dst, msg []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(msg)+lengthSize))
	return append(dst, msg...)
}

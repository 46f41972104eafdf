package http2

import "encoding/binary"

// headLen is the length of a frame's head (RFC 9113 4.1).
const headLen = 9

// frameType (RFC 9113 6). Types not named here are ignored (RFC 9113 5.5).
type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameReset        frameType = 0x3
	frameSettings     frameType = 0x4
	framePush         frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// frameHead is the head of a frame.
type frameHead struct {
	length int32
	kind   frameType
	flags  uint8
	stream uint32
}

func (h *frameHead) has(flag uint8) bool { return h.flags&flag != 0 }

// readHead reads the head at the beginning of b, which has at least headLen bytes.
func readHead(b []byte) frameHead {
	_ = b[8]
	return frameHead{
		length: int32(b[0])<<16 | int32(b[1])<<8 | int32(b[2]),
		kind:   frameType(b[3]),
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxStreamID,
	}
}

func appendHead(dst []byte, length int, kind frameType, flags uint8, stream uint32) []byte {
	dst = append(dst, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags)
	return binary.BigEndian.AppendUint32(dst, stream)
}

func appendReset(dst []byte, stream uint32, code Code) []byte {
	return binary.BigEndian.AppendUint32(appendHead(dst, 4, frameReset, 0, stream), uint32(code))
}

func appendWindowUpdate(dst []byte, stream, increment uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHead(dst, 4, frameWindowUpdate, 0, stream), increment)
}

func appendPing(dst []byte, payload [8]byte, flags uint8) []byte {
	return append(appendHead(dst, len(payload), framePing, flags, 0), payload[:]...)
}

func appendGoAway(dst []byte, lastID uint32, code Code, reason string) []byte {
	dst = appendHead(dst, 8+len(reason), frameGoAway, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, lastID)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, reason...)
}

// unpad cuts padding, and with HEADERS the priority, off a whole payload.
func unpad(h *frameHead, payload []byte) ([]byte, error) {
	padding := 0
	if h.has(flagPadded) {
		if len(payload) == 0 {
			return nil, errWrongSize
		}
		padding, payload = int(payload[0]), payload[1:]
	}
	if h.kind == frameHeaders && h.has(flagPriority) {
		if len(payload) < 5 {
			return nil, errWrongSize
		}
		if binary.BigEndian.Uint32(payload)&maxStreamID == h.stream {
			return nil, errDependency
		}
		payload = payload[5:]
	}
	if padding > len(payload) {
		return nil, errPadding
	}
	return payload[:len(payload)-padding], nil
}

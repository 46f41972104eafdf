package websocket

import "encoding/binary"

// Opcode says what a frame carries (RFC 6455 5.2, 11.8).
type Opcode byte

const (
	OpContinuation Opcode = 0
	OpText         Opcode = 1
	OpBinary       Opcode = 2
	OpClose        Opcode = 8
	OpPing         Opcode = 9
	OpPong         Opcode = 10
)

const (
	maxControl = 125 // payload of a control frame (RFC 6455 5.5)

	bitFin    = 0x80
	bitsRSV   = 0x70
	bitRSV1   = 0x40 // the message is compressed (RFC 7692 6)
	bitsOp    = 0x0f
	bitMask   = 0x80
	bitsLen   = 0x7f
	bitCtrl   = 0x08 // of an opcode
	length16  = 126  // two bytes of length follow
	length64  = 127  // eight bytes of length follow
	maskBytes = 4
)

// header is the head of a client's frame.
type header struct {
	length     int64
	key        [maskBytes]byte
	op         Opcode
	fin        bool
	compressed bool
}

// parseHeader reads the head of a masked frame (RFC 6455 5.2). n == 0 and no error: incomplete. A fault is found with the
// byte that makes it, so that nothing more is waited for.
func parseHeader(b []byte, inMessage, deflate bool) (h header, n int, err error) {
	if len(b) == 0 {
		return h, 0, nil
	}
	h.op, h.fin, h.compressed = Opcode(b[0]&bitsOp), b[0]&bitFin != 0, b[0]&bitRSV1 != 0
	if err = h.check(b[0], inMessage, deflate); err != nil || len(b) == 1 {
		return h, 0, err
	}
	if b[1]&bitMask == 0 {
		return h, 0, ErrUnmasked
	}
	h.length = int64(b[1] & bitsLen)
	if h.op.isControl() && h.length > maxControl {
		return h, 0, ErrControlTooLong
	}
	n, err = h.extend(b)
	if err != nil || n == 0 || len(b) < n+maskBytes {
		return h, 0, err
	}
	h.key = [maskBytes]byte(b[n:])
	return h, n + maskBytes, nil
}

// check judges the first byte. RSV1 belongs to permessage-deflate: allowed on the first frame of a message of a connection
// that negotiated it, and nowhere else (RFC 7692 6).
func (h *header) check(first byte, inMessage, deflate bool) error {
	reserved := first & bitsRSV
	if deflate && !inMessage && !h.op.isControl() {
		reserved &^= bitRSV1
	}
	if reserved != 0 {
		return ErrReserved
	}
	switch h.op {
	case OpContinuation:
		if !inMessage {
			return ErrContinuation
		}
	case OpText, OpBinary:
		if inMessage {
			return ErrMessageInterrupted
		}
	case OpClose, OpPing, OpPong:
		if !h.fin {
			return ErrControlFragmented
		}
	default:
		return ErrOpcode
	}
	return nil
}

// extend reads a length of 16 or 64 bits, which must not fit in less (RFC 6455 5.2). It returns the index behind it, or 0
// when it is incomplete.
func (h *header) extend(b []byte) (int, error) {
	switch h.length {
	case length16:
		if len(b) < 4 {
			return 0, nil
		}
		h.length = int64(binary.BigEndian.Uint16(b[2:]))
		if h.length < length16 {
			return 0, ErrLength
		}
		return 4, nil
	case length64:
		if len(b) < 10 {
			return 0, nil
		}
		h.length = int64(binary.BigEndian.Uint64(b[2:]))
		if h.length <= 0xffff { // the top bit makes it negative
			return 0, ErrLength
		}
		return 10, nil
	}
	return 2, nil
}

func (op Opcode) isControl() bool { return op&bitCtrl != 0 }

// AppendHeader appends the head of a server's frame: final, not masked (RFC 6455 5.1).
func AppendHeader(dst []byte, op Opcode, length int) []byte {
	first := bitFin | byte(op)
	switch {
	case length < length16:
		return append(dst, first, byte(length))
	case length <= 0xffff:
		return append(dst, first, length16, byte(length>>8), byte(length))
	}
	dst = append(dst, first, length64)
	return binary.BigEndian.AppendUint64(dst, uint64(length))
}

// AppendFrame appends a whole frame of a server. A control frame holds at most 125 bytes: what is more is cut off.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	if op.isControl() && len(payload) > maxControl {
		payload = payload[:maxControl]
	}
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

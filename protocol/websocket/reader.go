// Package websocket is the server's half of the WebSocket protocol as bytes (RFC 6455): it checks handshakes, assembles
// clients' frames into messages and writes frames.
//
// It knows nothing of sockets, time, goroutines or handlers. Invariants:
//
//   - The events do not depend on where the stream was cut into pieces.
//   - A frame that lies whole in the caller's buffer is neither copied nor allocated for; only the beginning of a message
//     whose end has not arrived is held, and never more of it than was received.
//   - A fault is found with the byte that makes it. An error is always the peer's fault, is an *Error, and carries the close
//     code to answer with.
package websocket

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Event is a complete message or control frame. Data is a view into the buffer given to Next or into the Reader's assembly,
// valid until the next call.
type Event struct {
	Op         Opcode // OpText, OpBinary: a whole message. OpPing, OpPong, OpClose
	Data       []byte // of OpClose: the reason
	Code       uint16 // of OpClose: 1005 when the frame was empty
	Compressed bool   // Data is for an Inflater; its text was not checked
}

// Reader assembles a client's frames into messages. The zero value is ready. Between two messages it is one nil pointer.
type Reader struct {
	message *message
	Deflate bool // permessage-deflate was negotiated: messages may be compressed
}

// message is what must be known in the middle of a message only.
type message struct {
	data   []byte // unmasked payload so far
	left   int64  // of the current frame's payload
	length int64  // of the current frame's payload, whole
	key    [maskBytes]byte
	op     Opcode
	fin    bool // the current frame ends the message
	text   UTF8

	compressed bool
}

// Next takes the next event out of buf, unmasking in place. n bytes of buf were used.
//
// ok is false when no event is complete: the n bytes were taken into the assembly; call again with buf[n:] (the head of a
// frame or an incomplete control frame, at most 130 bytes) and more behind it. maxMessage is how many bytes a message may
// have. An error is an *Error, and the connection is to be closed: what follows has no meaning.
func (r *Reader) Next(buf []byte, maxMessage int) (ev Event, n int, ok bool, err error) {
	for {
		if m := r.message; m != nil && m.left > 0 {
			taken, err := m.take(buf[n:])
			n += taken
			if err != nil {
				return Event{}, n, false, err
			}
			if m.left > 0 {
				return Event{}, n, false, nil
			}
			if m.fin {
				ev, err = r.finish()
				return ev, n, err == nil, err
			}
		}
		h, size, err := parseHeader(buf[n:], r.message != nil, r.Deflate)
		if err != nil || size == 0 {
			return Event{}, n, false, err
		}
		payload := buf[n+size:]
		whole := h.length <= int64(len(payload))
		if whole {
			payload = payload[:h.length:h.length]
		}
		switch {
		case h.op.isControl():
			if !whole {
				return Event{}, n, false, nil
			}
			ev, err = control(&h, payload)
			return ev, n + size + len(payload), err == nil, err
		case h.length > int64(r.limit(&h, maxMessage)-r.Buffered()):
			return Event{}, n, false, ErrMessageTooLong
		case whole && h.fin && r.message == nil:
			ev, err = single(&h, payload)
			return ev, n + size + len(payload), err == nil, err
		}
		n += size
		if r.begin(&h); h.length == 0 && h.fin {
			ev, err = r.finish()
			return ev, n, err == nil, err
		}
	}
}

// limit is how long a message may be. What is compressed has its true length told by the inflater; as it stands it may be
// longer than its text by what DEFLATE adds in the worst case, nine bits for a byte (RFC 1951 3.2.6).
func (r *Reader) limit(h *header, maxMessage int) int {
	if h.compressed || r.message != nil && r.message.compressed {
		return maxMessage + maxMessage/8 + 64
	}
	return maxMessage
}

// Buffered is how many bytes of an unfinished message are held.
func (r *Reader) Buffered() int {
	if r.message == nil {
		return 0
	}
	return len(r.message.data)
}

// messageBytes is the size of a saved message, its data excepted.
const messageBytes = 8 + 8 + maskBytes + 3

// AppendBinary appends the state, so that another process can go on in the middle of a message: nothing between two
// messages. It never fails.
func (r *Reader) AppendBinary(b []byte) ([]byte, error) {
	m := r.message
	if m == nil {
		return b, nil
	}
	b = binary.BigEndian.AppendUint64(b, uint64(m.left))
	b = binary.BigEndian.AppendUint64(b, uint64(m.length))
	b = append(b, m.key[:]...)
	b = append(b, byte(m.op), 0, byte(m.text.state))
	if m.fin {
		b[len(b)-2] |= 1
	}
	if m.compressed {
		b[len(b)-2] |= 2
	}
	return append(b, m.data...), nil
}

// UnmarshalBinary takes over a state that AppendBinary saved. Deflate is not part of it.
func (r *Reader) UnmarshalBinary(b []byte) error {
	r.message = nil
	if len(b) == 0 {
		return nil
	}
	if len(b) < messageBytes || b[22] >= byte(utf8States) {
		return errors.New("websocket reader: invalid saved state")
	}
	m := &message{
		left:   int64(binary.BigEndian.Uint64(b)),
		length: int64(binary.BigEndian.Uint64(b[8:])),
		key:    [maskBytes]byte(b[16:]),
		op:     Opcode(b[20]),
		fin:    b[21]&1 != 0,
		text:   UTF8{utf8State(b[22])},
		data:   slices.Clone(b[messageBytes:]),

		compressed: b[21]&2 != 0,
	}
	if m.compressed && !r.Deflate || m.left < 0 || m.left > m.length || m.op != OpText && m.op != OpBinary {
		return errors.New("websocket reader: invalid saved state")
	}
	r.message = m
	return nil
}

// control reads a whole control frame, which may stand between the fragments of a message (RFC 6455 5.5).
func control(h *header, payload []byte) (ev Event, err error) {
	Unmask(payload, h.key, 0)
	ev = Event{Op: h.op, Data: payload}
	if h.op == OpClose {
		ev.Code, ev.Data, err = parseClose(payload)
	}
	return ev, err
}

// single reads a message of one frame that lies whole in the caller's buffer.
func single(h *header, payload []byte) (Event, error) {
	Unmask(payload, h.key, 0)
	if h.op == OpText && !h.compressed && !ValidUTF8(payload) {
		return Event{}, ErrText
	}
	return Event{Op: h.op, Data: payload, Compressed: h.compressed}, nil
}

// begin starts a frame that goes into the assembly.
func (r *Reader) begin(h *header) {
	if r.message == nil {
		r.message = &message{op: h.op, compressed: h.compressed}
	}
	m := r.message
	m.left, m.length, m.key, m.fin = h.length, h.length, h.key, h.fin
}

// take moves what buf has of the current frame's payload into the assembly.
func (m *message) take(buf []byte) (int, error) {
	part := buf[:min(m.left, int64(len(buf)))]
	Unmask(part, m.key, int(m.length-m.left)&3)
	if m.op == OpText && !m.compressed && !m.text.Write(part) {
		return len(part), ErrText
	}
	m.grow(len(part))
	m.data = append(m.data, part...)
	m.left -= int64(len(part))
	return len(part), nil
}

// leastGrowth is how much room may be made for bytes that have not come yet.
const leastGrowth = 1 << 10

// grow makes room for more bytes: at least double, but no more than the frame still brings. The announced length alone
// reserves next to nothing, or a header of ten bytes would cost maxMessage.
func (m *message) grow(more int) {
	if free := cap(m.data) - len(m.data); free < more {
		want := min(int64(max(more, len(m.data), leastGrowth)), m.left)
		m.data = slices.Grow(m.data, int(want))
	}
}

// finish delivers the assembled message and forgets it.
func (r *Reader) finish() (Event, error) {
	m := r.message
	r.message = nil
	if m.op == OpText && !m.text.Complete() {
		return Event{}, ErrText
	}
	return Event{Op: m.op, Data: m.data, Compressed: m.compressed}, nil
}

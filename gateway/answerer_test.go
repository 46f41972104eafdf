package gateway

import (
	"io"
	"testing"

	"gw/protocol/wire"
)

// answerer is a handler that allocates nothing: it answers every work message
// at once, as the SDKs' loops do, all that one read brought in one frame.
type answerer struct {
	*peer
	t     testing.TB
	body  []byte // of answers to requests; nil: the request's query
	group string // where messages are published; empty: they are sent back
	out   []byte

	served, said int // messages since begin
}

// serve answers what has arrived and returns how many messages it was.
func (a *answerer) serve() (served int) {
	a.begin()
	for in := a.read(); len(in) > 0; {
		n, whole, err := wire.FrameLength(in, wire.FrameCap)
		if err != nil || !whole || len(in) < wire.HeaderLen+n {
			a.t.Fatalf("not a frame: %x, %v", in, err)
		}
		a.take(in[wire.HeaderLen : wire.HeaderLen+n])
		in = in[wire.HeaderLen+n:]
	}
	if a.served > 0 {
		a.write(a.end())
	}
	return a.served
}

// run is the life of a handler of several loops, until its pipe is closed.
func (a *answerer) run(w *handler) {
	var head [wire.HeaderLen]byte
	payload := make([]byte, 256<<10)
	for {
		if _, err := io.ReadFull(w.r, head[:]); err != nil {
			return
		}
		n, _, err := wire.FrameLength(head[:], len(payload))
		if err != nil {
			return
		}
		if _, err := io.ReadFull(w.r, payload[:n]); err != nil {
			return
		}
		a.begin()
		a.take(payload[:n])
		if a.served == 0 {
			continue
		}
		if _, err := w.out.Write(a.end()); err != nil {
			return
		}
	}
}

func (a *answerer) begin() {
	a.out = append(a.out[:0], make([]byte, wire.BatchHeaderLen)...)
	a.served, a.said = 0, 0
}

// take answers the messages of one frame.
func (a *answerer) take(payload []byte) {
	batch := wire.NewReader(payload)
	for left := batch.Array(); left > 0; left-- {
		work, answers := a.answer(batch.Raw())
		a.served += work
		a.said += answers
	}
}

// end is the frame that says it all.
func (a *answerer) end() []byte {
	a.out = wire.AppendUint(append(wire.AppendArray(a.out, 2), byte(wire.OpAck)), uint64(a.served))
	wire.PutBatchHeader(a.out, a.said+1)
	return a.out
}

// answer appends the answer to one message. work is 1 for what must be
// acknowledged.
func (a *answerer) answer(message []byte) (work, answers int) {
	m := wire.NewReader(message)
	m.Array()
	switch op := wire.Op(m.Uint()); op {
	case wire.OpReq:
		a.answerRequest(&m)
		return 1, 1
	case wire.OpMsg:
		id, flags, data := m.Uint(), m.Uint(), m.Bytes()
		if a.group != "" {
			a.out = wire.AppendStr(append(wire.AppendArray(a.out, 5), byte(wire.OpPublish)), a.group)
			a.out = wire.AppendArray(wire.AppendBin(wire.AppendUint(a.out, flags), data), 0)
		} else {
			a.out = wire.AppendUint(append(wire.AppendArray(a.out, 4), byte(wire.OpSend)), id)
			a.out = wire.AppendBin(wire.AppendUint(a.out, flags), data)
		}
		return 1, 1
	case wire.OpDgram:
		lid, peer, data, local := m.Uint(), m.Bytes(), m.Bytes(), m.Bytes()
		a.out = wire.AppendUint(append(wire.AppendArray(a.out, 5), byte(wire.OpDgramSend)), lid)
		a.out = wire.AppendBin(wire.AppendBin(wire.AppendBin(a.out, peer), data), local)
		return 1, 1
	case wire.OpOpen, wire.OpClose:
		return 1, 0
	case wire.OpAttach, wire.OpDetach:
	default:
		a.t.Fatalf("a message nobody expected: %#x", op)
	}
	return 0, 0
}

func (a *answerer) answerRequest(m *wire.Reader) {
	id := m.Uint()
	m.Uint()
	m.Uint()
	m.Bytes()
	m.Bytes()
	m.Bytes()
	body := m.Bytes()
	if a.body != nil {
		body = a.body
	}
	a.out = wire.AppendUint(append(wire.AppendArray(a.out, 5), byte(wire.OpRes)), id)
	a.out = wire.AppendMap(wire.AppendUint(a.out, 200), 1)
	a.out = wire.AppendStr(wire.AppendStr(a.out, "content-type"), "text/plain")
	a.out = wire.AppendBin(a.out, body)
}

// lastID reads the sid or cid of the message that ends a frame.
func lastID(t testing.TB, frame []byte, op wire.Op) uint64 {
	batch := wire.NewReader(frame[wire.HeaderLen:])
	for n := batch.Array(); n > 0; n-- {
		m := wire.NewReader(batch.Raw())
		m.Array()
		if wire.Op(m.Uint()) == op {
			return m.Uint()
		}
	}
	t.Fatalf("no message %#x in %x", op, frame)
	return 0
}

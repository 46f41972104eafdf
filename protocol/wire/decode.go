package wire

import "bytes"

// Batch walks through the messages of one frame's payload.
type Batch struct {
	r    Reader
	left int
}

// OpenBatch begins a payload: exactly one array of messages.
func OpenBatch(payload []byte) (Batch, error) {
	b := Batch{r: NewReader(payload)}
	b.left = b.r.Array()
	return b, b.r.Err()
}

// Message is one message of a handler. Which fields hold something depends on
// Op; all slices are views into the frame.
type Message struct {
	Op      Op
	ID      uint64 // sid, cid, did, rid; lid of BROADCAST and DGRAM_SEND
	N       uint64 // count of ACK and DONE, bytes of BODY_CREDIT, started of BYE, version of READY
	Status  int    // RES, RES_START, EVENTS
	Flags   uint64
	Code    uint64 // CLOSE
	Text    []byte // reason, group, uid, level, CALL name, subprotocol, first blocks of EVENTS, peer of DGRAM_SEND
	Local   []byte // DGRAM_SEND: the address of ours to send from; may be empty
	Data    []byte // body, payload, session, log text
	Cut     bool   // RES_END with nil: the answer was cut off
	Choose  bool   // ACCEPT with nil for the subprotocol: the gateway chooses
	Headers Headers
	UID     []byte // ACCEPT, EVENTS
	IDs     IDs    // SENDMANY, and the exceptions of PUBLISH and BROADCAST
	Value   []byte // READY map, CALL args, Names of the groups of ACCEPT and EVENTS: raw msgpack
}

// Next decodes the next message into m. false: the frame is used up or faulty,
// see Err.
func (b *Batch) Next(m *Message) bool {
	for b.left > 0 && b.r.err == nil {
		b.left--
		n := b.r.Array()
		if n < 1 {
			b.r.fail("empty message")
			return false
		}
		op := b.r.Uint()
		used := b.decode(m, Op(op), op, n)
		for ; used < n && b.r.err == nil; used++ {
			b.r.skip(maxDepth)
		}
		if op < 0x80 {
			return b.r.err == nil
		}
	}
	if b.r.err == nil && b.r.Len() > 0 {
		b.r.fail("bytes behind the batch")
	}
	return false
}

// Err is the violation that ended the batch, or nil.
func (b *Batch) Err() error { return b.r.Err() }

// decode fills m and returns how many elements it used, op included.
func (b *Batch) decode(m *Message, op Op, wide uint64, n int) int {
	r := &b.r
	if wide >= 0x80 {
		return 1
	}
	need, known := elements(op)
	if !known {
		r.fail("unknown op")
		return n
	}
	if n < need {
		r.fail("message has too few elements")
		return n
	}
	*m = Message{Op: op}
	switch op {
	case OpAck, OpPong:
		m.N = r.Uint()
	case OpDone, OpBodyCredit:
		m.ID, m.N = r.Uint(), r.Uint()
	case OpRes, OpResStart, OpResFile:
		m.ID, m.Status = r.Uint(), int(r.Uint())
		m.Headers = Headers(r.Raw())
		m.Data = r.Bytes()
	case OpResChunk:
		m.ID, m.Data = r.Uint(), r.Bytes()
	case OpResEnd:
		m.ID = r.Uint()
		data, ok := r.BytesOrNil()
		m.Data, m.Cut = data, !ok
	case OpAccept:
		return b.decodeAccept(m, n)
	case OpEvents:
		return b.decodeEvents(m, n)
	case OpSend:
		m.ID, m.Flags, m.Data = r.Uint(), r.Uint(), r.Bytes()
	case OpCloseConn:
		m.ID, m.Code, m.Text = r.Uint(), r.Uint(), r.Bytes()
	case OpSendMany:
		m.IDs, m.Flags, m.Data = r.ids(), r.Uint(), r.Bytes()
	case OpJoin, OpLeave, OpBind:
		m.ID, m.Text = r.Uint(), r.Bytes()
	case OpPublish:
		m.Text, m.Flags, m.Data, m.IDs = r.Bytes(), r.Uint(), r.Bytes(), r.ids()
	case OpBroadcast:
		m.ID, m.Flags, m.Data, m.IDs = r.Uint(), r.Uint(), r.Bytes(), r.ids()
	case OpSession:
		m.ID, m.Data = r.Uint(), r.Bytes()
	case OpSendUID:
		m.Text, m.Flags, m.Data = r.Bytes(), r.Uint(), r.Bytes()
	case OpDgramSend:
		m.ID, m.Text, m.Data = r.Uint(), r.Bytes(), r.Bytes()
		if n > need {
			m.Local = r.Bytes()
			need++
		}
	case OpReady:
		m.N, m.Value = r.Uint(), r.Raw()
	case OpBye:
		m.Text, m.N = r.Bytes(), r.Uint()
	case OpLog:
		m.Text, m.Data = r.Bytes(), r.Bytes()
	case OpCall:
		m.ID, m.Text, m.Value = r.Uint(), r.Bytes(), r.Raw()
	}
	return need
}

// decodeAccept reads ACCEPT, whose session, uid and groups may be left out.
func (b *Batch) decodeAccept(m *Message, n int) int {
	r := &b.r
	m.ID = r.Uint()
	text, ok := r.BytesOrNil()
	m.Text, m.Choose = text, !ok
	m.Headers = Headers(r.Raw())
	if n < 7 {
		return 4
	}
	m.Data, m.UID, m.Value = r.Bytes(), r.Bytes(), r.names()
	return 7
}

// decodeEvents reads EVENTS, whose session, uid and groups may be left out.
func (b *Batch) decodeEvents(m *Message, n int) int {
	r := &b.r
	m.ID, m.Status = r.Uint(), int(r.Uint())
	m.Headers, m.Text = Headers(r.Raw()), r.Bytes()
	if n < 8 {
		return 5
	}
	m.Data, m.UID, m.Value = r.Bytes(), r.Bytes(), r.names()
	return 8
}

// elements is the number of elements a handler's message must have.
func elements(op Op) (n int, known bool) {
	switch op {
	case OpAck, OpPong:
		return 2, true
	case OpDone, OpBodyCredit, OpResChunk, OpResEnd, OpJoin, OpLeave, OpBind, OpSession, OpReady, OpBye, OpLog:
		return 3, true
	case OpAccept, OpSend, OpCloseConn, OpSendMany, OpSendUID, OpCall, OpDgramSend:
		return 4, true
	case OpRes, OpResStart, OpResFile, OpEvents, OpPublish, OpBroadcast:
		return 5, true
	}
	return 0, false
}

// IDs is a raw array of connection ids.
type IDs []byte

func (r *Reader) ids() IDs {
	start := r.off
	for n := r.Array(); n > 0 && r.err == nil; n-- {
		r.Uint()
	}
	if r.err != nil {
		return nil
	}
	return IDs(r.b[start:r.off:r.off])
}

// Has reports whether id is in the array. Made for the handful of exceptions
// of a PUBLISH.
func (ids IDs) Has(id uint64) bool {
	r := NewReader(ids)
	for n := r.Array(); n > 0; n-- {
		if r.Uint() == id {
			return true
		}
	}
	return false
}

// Walk begins a walk through the array.
func (ids IDs) Walk() IDWalk {
	if len(ids) == 0 {
		return IDWalk{}
	}
	w := IDWalk{r: NewReader(ids)}
	w.left = w.r.Array()
	return w
}

// IDWalk yields ids one by one.
type IDWalk struct {
	r    Reader
	left int
}

// Next returns the next id; ok is false behind the last.
func (w *IDWalk) Next() (id uint64, ok bool) {
	if w.left == 0 {
		return 0, false
	}
	w.left--
	return w.r.Uint(), true
}

// Names is a raw array of texts.
type Names []byte

func (r *Reader) names() []byte {
	start := r.off
	for n := r.Array(); n > 0 && r.err == nil; n-- {
		r.Bytes()
	}
	if r.err != nil {
		return nil
	}
	return r.b[start:r.off:r.off]
}

// Each calls f with one text after the other.
func (names Names) Each(f func(name []byte)) {
	if len(names) == 0 {
		return
	}
	r := NewReader(names)
	for n := r.Array(); n > 0; n-- {
		f(r.Bytes())
	}
}

// Ready is the map of READY.
type Ready struct {
	PID             int
	Language        string
	LanguageVersion string
	SDK             string
	Concurrency     int
	Events          Events
	StreamBody      bool // takes long bodies piece by piece
}

// Events is the set of events a handler wants.
type Events struct{ Request, Connect, Message, Close, Buffer, Handshake, Datagram bool }

// DecodeReady reads the map of a READY.
func DecodeReady(value []byte) (Ready, error) {
	ready := Ready{Concurrency: 1}
	r := NewReader(value)
	for n := r.Map(); n > 0 && r.err == nil; n-- {
		switch string(r.Bytes()) {
		case "pid":
			ready.PID = int(r.Uint())
		case "language":
			ready.Language = string(r.Bytes())
		case "language_version":
			ready.LanguageVersion = string(r.Bytes())
		case "sdk":
			ready.SDK = string(r.Bytes())
		case "concurrency":
			ready.Concurrency = max(1, int(r.Uint()))
		case "events":
			ready.Events = r.events()
		case "stream_body":
			ready.StreamBody = r.Bool()
		default:
			r.skip(maxDepth)
		}
	}
	return ready, r.Err()
}

func (r *Reader) events() (e Events) {
	for n := r.Array(); n > 0 && r.err == nil; n-- {
		switch string(r.Bytes()) {
		case "request":
			e.Request = true
		case "connect":
			e.Connect = true
		case "message":
			e.Message = true
		case "close":
			e.Close = true
		case "buffer":
			e.Buffer = true
		case "handshake":
			e.Handshake = true
		case "datagram":
			e.Datagram = true
		}
	}
	return e
}

// Clone copies a message that is to outlive the buffer it was read from.
func (m *Message) Clone() *Message {
	c := *m
	for _, b := range []*[]byte{&c.Text, &c.Local, &c.Data, &c.UID, &c.Value, (*[]byte)(&c.IDs)} {
		*b = bytes.Clone(*b)
	}
	c.Headers = Headers(bytes.Clone(c.Headers))
	return &c
}

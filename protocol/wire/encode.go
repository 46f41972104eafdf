package wire

// Listener is how HELLO names a listener.
type Listener struct {
	ID      int
	Name    string
	Scheme  string
	Address string
}

// Hello is what a handler learns first.
type Hello struct {
	Worker     uint64
	Slot       int
	Pool       string
	Listeners  []Listener
	MaxFrame   int
	MaxMessage int
	Debug      bool
	Sendfile   []string // folders of files that the gateway sends for it
	UID        int      // of the gateway
}

// AppendHello writes HELLO.
func AppendHello(dst []byte, h *Hello) []byte {
	dst = AppendArray(dst, 4)
	dst = append(dst, byte(OpHello), Version, Version)
	dst = AppendMap(dst, 10)
	dst = AppendUint(AppendStr(dst, "worker"), h.Worker)
	dst = AppendUint(AppendStr(dst, "slot"), uint64(h.Slot))
	dst = AppendStr(AppendStr(dst, "pool"), h.Pool)
	dst = AppendArray(AppendStr(dst, "listeners"), len(h.Listeners))
	for _, l := range h.Listeners {
		dst = AppendUint(AppendArray(dst, 4), uint64(l.ID))
		dst = AppendStr(AppendStr(AppendStr(dst, l.Name), l.Scheme), l.Address)
	}
	dst = AppendUint(AppendStr(dst, "max_frame"), uint64(h.MaxFrame))
	dst = AppendUint(AppendStr(dst, "max_message"), uint64(h.MaxMessage))
	dst = AppendUint(AppendStr(dst, "stream_credit"), StreamCredit)
	dst = AppendBool(AppendStr(dst, "debug"), h.Debug)
	dst = AppendUint(AppendStr(dst, "uid"), uint64(h.UID))
	dst = AppendArray(AppendStr(dst, "sendfile"), len(h.Sendfile))
	for _, folder := range h.Sendfile {
		dst = AppendStr(dst, folder)
	}
	return dst
}

// AppendPing writes PING.
func AppendPing(dst []byte, n uint64) []byte {
	return AppendUint(append(AppendArray(dst, 2), byte(OpPing)), n)
}

// AppendDrain writes DRAIN.
func AppendDrain(dst []byte, deadlineMillis uint64, reason string) []byte {
	dst = append(AppendArray(dst, 3), byte(OpDrain))
	return AppendStr(AppendUint(dst, deadlineMillis), reason)
}

// AppendReply begins REPLY; the caller appends the value.
func AppendReply(dst []byte, rid uint64, ok bool) []byte {
	dst = append(AppendArray(dst, 4), byte(OpReply))
	return AppendBool(AppendUint(dst, rid), ok)
}

// Request is one REQ. Headers is the block `name: value\n...`.
type Request struct {
	ID                  uint64
	Flags               uint64
	Listener            int
	Peer                string
	Method, Path, Query []byte
	Headers             []byte
	Body                []byte
}

// AppendRequest writes REQ.
func AppendRequest(dst []byte, r *Request) []byte {
	dst = append(AppendArray(dst, 10), byte(OpReq))
	dst = AppendUint(AppendUint(AppendUint(dst, r.ID), r.Flags), uint64(r.Listener))
	dst = AppendStr(AppendStr(dst, r.Peer), r.Method)
	dst = AppendBin(AppendBin(dst, r.Path), r.Query)
	return AppendBin(AppendBin(dst, r.Headers), r.Body)
}

// AppendCredit writes CREDIT.
func AppendCredit(dst []byte, sid uint64, n int) []byte {
	dst = append(AppendArray(dst, 3), byte(OpCredit))
	return AppendUint(AppendUint(dst, sid), uint64(n))
}

// AppendBody writes BODY, a piece of a request's body. last: nothing follows.
func AppendBody(dst []byte, sid uint64, data []byte, last bool) []byte {
	dst = append(AppendArray(dst, 4), byte(OpBody))
	dst = AppendBin(AppendUint(dst, sid), data)
	if last {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendAbort writes ABORT.
func AppendAbort(dst []byte, sid uint64, code uint64) []byte {
	dst = append(AppendArray(dst, 3), byte(OpAbort))
	return AppendUint(AppendUint(dst, sid), code)
}

// Connection is how OPEN and ATTACH describe a connection.
type Connection struct {
	ID                   uint64
	Listener             int
	Peer, Kind           string
	Path, Query, Headers []byte
	Flags                uint64 // FlagTLS, FlagHTTP2
	Session              []byte
	UID                  string
}

func appendConnection(dst []byte, c *Connection) []byte {
	dst = AppendUint(AppendUint(dst, c.ID), uint64(c.Listener))
	dst = AppendStr(AppendStr(dst, c.Peer), c.Kind)
	return AppendBin(AppendBin(AppendBin(dst, c.Path), c.Query), c.Headers)
}

// AppendOpen writes OPEN.
func AppendOpen(dst []byte, c *Connection) []byte {
	dst = appendConnection(append(AppendArray(dst, 11), byte(OpOpen)), c)
	return AppendStr(AppendBin(AppendUint(dst, c.Flags), c.Session), c.UID)
}

// AppendAttach writes ATTACH.
func AppendAttach(dst []byte, c *Connection) []byte {
	dst = appendConnection(append(AppendArray(dst, 11), byte(OpAttach)), c)
	return AppendUint(AppendStr(AppendBin(dst, c.Session), c.UID), c.Flags)
}

// AppendMessage writes MSG.
func AppendMessage(dst []byte, cid uint64, flags uint64, data []byte) []byte {
	dst = append(AppendArray(dst, 4), byte(OpMsg))
	return AppendBin(AppendUint(AppendUint(dst, cid), flags), data)
}

// AppendClose writes CLOSE of a connection that ended.
func AppendClose(dst []byte, cid uint64, code uint64, reason string) []byte {
	dst = append(AppendArray(dst, 4), byte(OpClose))
	return AppendStr(AppendUint(AppendUint(dst, cid), code), reason)
}

// AppendBuf writes BUF: full or drained.
func AppendBuf(dst []byte, cid uint64, full bool) []byte {
	state := byte(0)
	if full {
		state = 1
	}
	dst = append(AppendArray(dst, 3), byte(OpBuf))
	return append(AppendUint(dst, cid), state)
}

// AppendDetach writes DETACH.
func AppendDetach(dst []byte, cid uint64) []byte {
	return AppendUint(append(AppendArray(dst, 2), byte(OpDetach)), cid)
}

// AppendDatagram writes DGRAM. local is the address of ours it came to, if the
// listener has several.
func AppendDatagram(dst []byte, lid int, peer, data, local []byte, did uint64) []byte {
	dst = AppendUint(append(AppendArray(dst, 6), byte(OpDgram)), uint64(lid))
	dst = AppendBin(AppendStr(dst, peer), data)
	return AppendUint(AppendStr(dst, local), did)
}

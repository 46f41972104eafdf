package http2

// Stream is one request and its answer. It belongs to its Conn; User is the caller's.
type Stream struct {
	User any

	id           uint32
	localEnded   bool // we sent END_STREAM, or it was reset
	remoteEnded  bool // the client sent END_STREAM, or it was reset
	live         bool // in Conn.streams
	sendWindow   int64
	recvWindow   int64
	unreturned   int64 // received bytes of which the window was not given back
	expectedBody int64 // what content-length leaves, -1: it said nothing
	next         *Stream
}

// ID is the stream's number.
func (s *Stream) ID() uint32 { return s.id }

// Live reports that the stream was neither completed nor reset.
func (s *Stream) Live() bool { return s.live }

// LocalEnded reports that we send no more on the stream.
func (s *Stream) LocalEnded() bool { return s.localEnded }

// RemoteEnded reports that the client sends no more on the stream.
func (s *Stream) RemoteEnded() bool { return s.remoteEnded }

// open makes a stream for a request. Numbers only grow, so the list stays in order.
func (c *Conn) open(id uint32) *Stream {
	s := c.head.spare
	if s != nil {
		c.head.spare, c.head.spares = s.next, c.head.spares-1
	} else {
		s = new(Stream)
	}
	*s = Stream{id: id, live: true, sendWindow: c.initialWindow, recvWindow: defaultWindow, expectedBody: -1}
	c.streams = append(c.streams, s)
	return s
}

// find returns the open stream with this number, or nil.
func (c *Conn) find(id uint32) *Stream {
	if i, ok := c.search(id); ok {
		return c.streams[i]
	}
	return nil
}

func (c *Conn) search(id uint32) (int, bool) {
	low, high := 0, len(c.streams)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if c.streams[middle].id < id {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(c.streams) && c.streams[low].id == id
}

// remove ends a stream. byUs: frames of it may still be on their way.
func (c *Conn) remove(s *Stream, byUs bool) {
	i, ok := c.search(s.id)
	if !ok || !s.live {
		return
	}
	copy(c.streams[i:], c.streams[i+1:])
	c.streams[len(c.streams)-1] = nil
	c.streams = c.streams[:len(c.streams)-1]
	if len(c.streams) == 0 && cap(c.streams) > 16 {
		c.streams = nil
	}
	s.live, s.localEnded, s.remoteEnded = false, true, true
	c.closed.add(s.id, byUs)
	if c.data == s {
		c.data = nil
	}
	c.giveBack(s.unreturned)
	s.unreturned = 0
}

// half notes that one side has ended; both: the stream is complete.
func (c *Conn) half(s *Stream) {
	if s.localEnded && s.remoteEnded {
		c.remove(s, false)
	}
}

// Reset ends a stream before its time. Nothing happens when it has ended already.
func (c *Conn) Reset(s *Stream, code Code) {
	if s.live {
		c.out = appendReset(c.out, s.id, code)
		c.remove(s, true)
	}
}

// Release gives a stream back that the caller has no more use for; one that still lives is reset. An answer that was sent
// whole before the request was ends with NO_ERROR: the client need not send the rest (RFC 9113 8.1).
func (c *Conn) Release(s *Stream) {
	code := Cancel
	if s.localEnded {
		code = NoError
	}
	c.Reset(s, code)
	if c.head.spares < maxSpares {
		*s = Stream{next: c.head.spare}
		c.head.spare = s
		c.head.spares++
	}
}

// maxSpares bounds the free list of streams.
const maxSpares = 256

// recent remembers how the last streams ended, so that what still comes of them can be told from a fault.
type recent struct {
	ids  []uint32 // lowest bit: reset by us. Numbers of clients' streams are odd, so the bit is free
	next int
}

const recentStreams = 64

func (r *recent) add(id uint32, byUs bool) {
	id &^= 1
	if byUs {
		id |= 1
	}
	if len(r.ids) < recentStreams {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % recentStreams
}

// find tells whether a stream was open, and whether we reset it.
func (r *recent) find(id uint32) (known, byUs bool) {
	for _, each := range r.ids {
		if each&^1 == id&^1 {
			return true, each&1 != 0
		}
	}
	return false, false
}

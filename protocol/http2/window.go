package http2

import "encoding/binary"

// takeWindowUpdate lets us send more.
func (c *Conn) takeWindowUpdate(h *frameHead, payload []byte) (Event, error) {
	if h.length != 4 {
		return Event{}, errWrongSize
	}
	increment := int64(binary.BigEndian.Uint32(payload) & maxWindow)
	if h.stream == 0 {
		if increment == 0 {
			return Event{}, errIncrement
		}
		if c.sendWindow += increment; c.sendWindow > maxWindow {
			return Event{}, errOverflow
		}
		return Event{Kind: Window}, nil
	}
	s := c.find(h.stream)
	if s == nil {
		return Event{}, c.notIdle(h.stream)
	}
	if increment == 0 {
		return c.streamFault(s, ProtocolError)
	}
	if s.sendWindow += increment; s.sendWindow > maxWindow {
		return c.streamFault(s, FlowControlError)
	}
	return Event{Kind: Window, Stream: s}, nil
}

// notIdle: frames may come late for a stream that was open, not early for one that was never.
func (c *Conn) notIdle(id uint32) error {
	if id%2 == 0 || id > c.lastID && c.leaving != left { // those begun after our GOAWAY are ignored
		return errIdle
	}
	return nil
}

// streamFault resets a stream that the client broke.
func (c *Conn) streamFault(s *Stream, code Code) (Event, error) {
	if err := c.charge(costReset); err != nil {
		return Event{}, err
	}
	c.Reset(s, code)
	return Event{Kind: Reset, Stream: s, Code: code}, nil
}

// Taken says that the caller has done with n body bytes of a stream: the client may send as many more. The whole window
// opens only for a body that is being taken; its beginning has the default.
func (c *Conn) Taken(s *Stream, n int) {
	if n <= 0 || !s.live {
		return
	}
	s.unreturned -= int64(n)
	c.giveBack(int64(n))
	if s.remoteEnded || s.expectedBody >= 0 && s.expectedBody <= s.recvWindow {
		return // the rest of the body fits already
	}
	if room := int64(c.config.StreamWindow) - s.recvWindow - s.unreturned; room >= int64(c.config.StreamWindow)/2 {
		c.out = appendWindowUpdate(c.out, s.id, uint32(room))
		s.recvWindow += room
	}
}

// Hold says that the caller still holds n of the body bytes it was given of a stream, and has done with the others.
func (c *Conn) Hold(s *Stream, n int) { c.Taken(s, int(s.unreturned)-n) }

// giveBack opens the window of the connection, in large steps.
func (c *Conn) giveBack(n int64) {
	c.unreturned -= n
	if room := int64(c.config.Window) - c.recvWindow - c.unreturned; room >= int64(c.config.Window)/2 {
		c.out = appendWindowUpdate(c.out, 0, uint32(room))
		c.recvWindow += room
	}
}

// Room is how many body bytes may be sent on a stream now.
func (c *Conn) Room(s *Stream) int { return int(max(0, min(s.sendWindow, c.sendWindow))) }

// Stalled reports that the stream's own window is used up, so that only a Window event for it helps.
func (s *Stream) Stalled() bool { return s.sendWindow <= 0 }

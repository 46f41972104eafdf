package http2

import "encoding/binary"

// Next takes one frame, or what there is of a DATA frame, off buf. n bytes of buf were used; n == 0 and no error: the next
// frame is not complete, call again with the same bytes and more behind them. An error is an *Error.
func (c *Conn) Next(buf []byte) (ev Event, n int, err error) {
	switch {
	case c.dataLeft > 0:
		ev, n = c.takeData(buf)
		return ev, n, nil
	case c.padLeft > 0:
		n = min(int(c.padLeft), len(buf))
		c.padLeft -= int32(n)
		return Event{}, n, nil
	case !c.greeted:
		return c.takePreface(buf)
	case len(buf) < headLen:
		return Event{}, 0, nil
	}
	h := readHead(buf)
	if err := c.admit(&h); err != nil {
		return Event{}, 0, err
	}
	if h.kind == frameData {
		return c.beginData(&h, buf)
	}
	size := headLen + int(h.length)
	if len(buf) < size {
		return Event{}, 0, nil
	}
	ev, err = c.take(&h, buf[headLen:size:size])
	return ev, size, err
}

func (c *Conn) takePreface(buf []byte) (Event, int, error) {
	if n := min(len(buf), len(Preface)); string(buf[:n]) != Preface[:n] {
		return Event{}, 0, errPreface
	}
	if len(buf) < len(Preface) {
		return Event{}, 0, nil
	}
	c.greeted = true
	return Event{}, len(Preface), nil
}

// admit judges a frame by its head alone, before it is waited for.
func (c *Conn) admit(h *frameHead) error {
	switch {
	case h.length > maxFrame:
		return errFrameSize
	case !c.configured && (h.kind != frameSettings || h.has(flagAck)):
		return errNoSettings
	case c.within != 0 && (h.kind != frameContinuation || h.stream != c.within):
		return errInterrupted
	case c.within == 0 && h.kind == frameContinuation:
		return errContinuation
	}
	return nil
}

// take acts on a whole frame.
func (c *Conn) take(h *frameHead, payload []byte) (Event, error) {
	switch h.kind {
	case frameHeaders:
		return c.takeHeaders(h, payload)
	case frameContinuation:
		return c.takeContinuation(h, payload)
	case frameReset:
		return c.takeReset(h, payload)
	case frameSettings:
		return c.takeSettings(h, payload)
	case frameWindowUpdate:
		return c.takeWindowUpdate(h, payload)
	case framePing:
		return c.takePing(h, payload)
	case frameGoAway:
		switch {
		case h.stream != 0:
			return Event{}, errOnStream
		case h.length < 8:
			return Event{}, errWrongSize
		}
		c.gone = true
		return Event{Kind: GoAway, Code: Code(binary.BigEndian.Uint32(payload[4:]))}, nil
	case framePriority:
		return Event{}, checkPriority(h, payload)
	case framePush:
		return Event{}, errPush
	}
	return Event{}, nil
}

// checkPriority: priorities are not followed (RFC 9113 5.3.2), but judged.
func checkPriority(h *frameHead, payload []byte) error {
	switch {
	case h.stream == 0:
		return errOnConnection
	case h.length != 5:
		return errWrongSize
	case binary.BigEndian.Uint32(payload)&maxStreamID == h.stream:
		return errDependency
	}
	return nil
}

func (c *Conn) takePing(h *frameHead, payload []byte) (Event, error) {
	switch {
	case h.stream != 0:
		return Event{}, errOnStream
	case h.length != 8:
		return Event{}, errWrongSize
	case !h.has(flagAck):
		c.out = appendPing(c.out, [8]byte(payload), flagAck)
		return Event{}, c.charge(costPing)
	case c.leaving == warned && [8]byte(payload) == farewell:
		c.Leave()
	}
	return Event{}, nil
}

func (c *Conn) takeReset(h *frameHead, payload []byte) (Event, error) {
	switch {
	case h.stream == 0:
		return Event{}, errOnConnection
	case h.length != 4:
		return Event{}, errWrongSize
	}
	s := c.find(h.stream)
	if s == nil {
		return Event{}, c.notIdle(h.stream)
	}
	c.remove(s, false)
	if err := c.charge(costReset); err != nil {
		return Event{}, err
	}
	return Event{Kind: Reset, Stream: s, Code: Code(binary.BigEndian.Uint32(payload))}, nil
}

// beginData acts on the head of a DATA frame, and on the length of its padding.
func (c *Conn) beginData(h *frameHead, buf []byte) (Event, int, error) {
	n, padding := headLen, int32(0)
	if h.has(flagPadded) {
		if h.length == 0 {
			return Event{}, 0, errWrongSize
		}
		if len(buf) == n {
			return Event{}, 0, nil
		}
		padding = int32(buf[n]) + 1
		n++
	}
	switch {
	case h.stream == 0:
		return Event{}, 0, errOnConnection
	case c.notIdle(h.stream) != nil:
		return Event{}, 0, errIdle
	case padding > h.length:
		return Event{}, 0, errPadding
	}
	if c.recvWindow -= int64(h.length); c.recvWindow < 0 {
		return Event{}, 0, errWindow
	}
	s := c.find(h.stream)
	c.data, c.dataLeft, c.padLeft, c.dataEnd = s, h.length-padding, max(padding-1, 0), h.has(flagEndStream)
	ev, err := c.checkData(h, s)
	if err != nil || ev.Kind != None || c.data == nil {
		c.data = nil
		c.giveBack(0)
		return ev, n, err
	}
	s.recvWindow -= int64(h.length)
	s.unreturned += int64(c.dataLeft)
	c.unreturned += int64(c.dataLeft)
	if c.dataLeft == 0 {
		return c.emptyData(s), n, nil
	}
	ev, more := c.takeData(buf[n:])
	return ev, n + more, nil
}

// checkData judges a DATA frame as part of its stream. With a nil c.data its payload is thrown away.
func (c *Conn) checkData(h *frameHead, s *Stream) (Event, error) {
	switch {
	case s == nil:
		if _, byUs := c.closed.find(h.stream); byUs || h.stream > c.lastID {
			return Event{}, nil // it was on its way
		}
		c.out = appendReset(c.out, h.stream, StreamClosed)
		return Event{}, c.charge(costReset)
	case s.remoteEnded:
		return c.streamFault(s, StreamClosed)
	case s.recvWindow < int64(h.length):
		return c.streamFault(s, FlowControlError)
	}
	if s.expectedBody >= 0 {
		s.expectedBody -= int64(c.dataLeft)
		if s.expectedBody < 0 || c.dataEnd && s.expectedBody > 0 {
			return c.streamFault(s, ProtocolError) // RFC 9113 8.1.1
		}
	}
	if c.dataLeft == 0 && !c.dataEnd {
		return Event{}, c.charge(costEmpty)
	}
	return Event{}, nil
}

func (c *Conn) emptyData(s *Stream) Event {
	c.data = nil
	if !c.dataEnd {
		return Event{}
	}
	s.remoteEnded = true
	c.half(s)
	return Event{Kind: Data, Stream: s, End: true}
}

// takeData hands on what buf has of a DATA frame's payload.
func (c *Conn) takeData(buf []byte) (ev Event, n int) {
	n = min(int(c.dataLeft), len(buf))
	if n == 0 {
		return Event{}, 0
	}
	c.dataLeft -= int32(n)
	s := c.data
	if s == nil {
		return Event{}, n
	}
	ev = Event{Kind: Data, Stream: s, Data: buf[:n:n]}
	if c.dataLeft == 0 {
		c.data = nil
		if ev.End = c.dataEnd; ev.End {
			s.remoteEnded = true
			c.half(s)
		}
	}
	return ev, n
}

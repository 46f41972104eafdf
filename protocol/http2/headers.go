package http2

import "golang.org/x/net/http2/hpack"

// takeHeaders begins a header block, which most often is all of it.
func (c *Conn) takeHeaders(h *frameHead, payload []byte) (Event, error) {
	switch {
	case h.stream == 0:
		return Event{}, errOnConnection
	case h.stream%2 == 0:
		return Event{}, errStreamID
	}
	fragment, err := unpad(h, payload)
	if err != nil {
		return Event{}, err
	}
	c.ended = h.has(flagEndStream)
	if h.has(flagEndHeaders) {
		return c.endHeaders(h.stream, fragment)
	}
	c.block = append(c.block[:0], fragment...)
	c.within, c.blocks = h.stream, 0
	return Event{}, c.checkBlock(len(fragment))
}

func (c *Conn) takeContinuation(h *frameHead, payload []byte) (Event, error) {
	c.block = append(c.block, payload...)
	c.blocks++
	if err := c.checkBlock(len(payload)); err != nil {
		return Event{}, err
	}
	if !h.has(flagEndHeaders) {
		return Event{}, nil
	}
	block := c.block
	c.within, c.block = 0, nil
	return c.endHeaders(h.stream, block)
}

// maxContinuations is how many frames a header block may come in beyond those its length needs.
const maxContinuations = 16

// checkBlock bounds a block that does not end: what is twice as long as the list may be can be of no use any more, and need
// not be decoded for the sake of the compression state, because the connection ends.
func (c *Conn) checkBlock(fragment int) error {
	switch {
	case len(c.block) > 2*c.config.MaxHeaderBytes+maxFrame:
		return errBlockSize
	case int(c.blocks) > maxContinuations+len(c.block)/1024:
		return errBlockFrames
	case fragment == 0:
		return c.charge(costEmpty)
	}
	return nil
}

// endHeaders acts on a whole header block. It is decoded in any case, for the next one builds on its state.
func (c *Conn) endHeaders(id uint32, block []byte) (Event, error) {
	s := c.find(id)
	c.head.begin(c.config, s != nil)
	if err := c.decode(block); err != nil {
		return Event{}, err
	}
	switch {
	case s != nil:
		return c.takeTrailers(s)
	case id > c.lastID:
		return c.takeRequest(id)
	}
	switch known, byUs := c.closed.find(id); {
	case byUs:
		return Event{}, nil // they were on their way
	case known:
		return Event{}, errStreamClosed
	}
	return Event{}, errStreamID
}

func (c *Conn) decode(block []byte) error {
	if c.decoder == nil {
		c.decoder = hpack.NewDecoder(maxTable, nil)
		// One string longer than this cannot be part of a list we take, and is not worth decoding.
		c.decoder.SetMaxStringLength(2*c.config.MaxHeaderBytes + maxFrame)
	}
	c.decoder.SetEmitFunc(c.head.emit)
	if _, err := c.decoder.Write(block); err != nil {
		return errCompression
	}
	if err := c.decoder.Close(); err != nil {
		return errCompression
	}
	return nil
}

// takeTrailers is the second header block of a stream, which ends it. Trailers are checked and thrown away.
func (c *Conn) takeTrailers(s *Stream) (Event, error) {
	switch {
	case s.remoteEnded:
		return c.streamFault(s, StreamClosed)
	case !c.ended, c.head.malformed, s.expectedBody > 0:
		return c.streamFault(s, ProtocolError)
	}
	s.remoteEnded = true
	c.half(s)
	return Event{Kind: Data, Stream: s, End: true}, nil
}

func (c *Conn) takeRequest(id uint32) (Event, error) {
	if c.leaving == left {
		return Event{}, nil // it was told that nothing happens on it
	}
	c.lastID = id
	if len(c.streams) >= c.config.MaxStreams {
		return Event{}, c.refuse(id, RefusedStream)
	}
	if c.head.conclude(c.ended); c.head.malformed {
		return Event{}, c.refuse(id, ProtocolError) // RFC 9113 8.1.1
	}
	s := c.open(id)
	s.remoteEnded = c.ended
	s.expectedBody = c.head.Request.ContentLength
	return Event{Kind: Request, Stream: s, End: c.ended}, nil
}

// refuse resets a stream before it was opened.
func (c *Conn) refuse(id uint32, code Code) error {
	c.out = appendReset(c.out, id, code)
	c.closed.add(id, true)
	return c.charge(costReset)
}

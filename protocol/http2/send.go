package http2

// AppendHeaders writes a header block as HEADERS and CONTINUATION frames. end: nothing follows on the stream. block is made
// of AppendStatus and AppendField. Nothing is written on a stream that has ended.
func (c *Conn) AppendHeaders(dst []byte, s *Stream, block []byte, end bool) []byte {
	if s.localEnded {
		return dst
	}
	at := len(dst)
	dst = append(dst, make([]byte, headLen)...)
	if c.tableNews {
		c.tableNews = false
		dst = append(dst, 0x20) // the dynamic table has no room (RFC 7541 6.3)
	}
	part := block[:min(len(block), maxFrame-1)]
	rest := block[len(part):]
	dst = append(dst, part...)
	var flags uint8
	if end {
		flags |= flagEndStream
	}
	if len(rest) == 0 {
		flags |= flagEndHeaders
	}
	appendHead(dst[:at], len(dst)-at-headLen, frameHeaders, flags, s.id)
	for len(rest) > 0 {
		part, flags = rest[:min(len(rest), maxFrame)], 0
		if rest = rest[len(part):]; len(rest) == 0 {
			flags = flagEndHeaders
		}
		dst = append(appendHead(dst, len(part), frameContinuation, flags, s.id), part...)
	}
	if end {
		c.endLocal(s)
	}
	return dst
}

// AppendData writes one DATA frame with as much of body as the windows and the size of a frame allow, n bytes. end: body is
// the last there is; the frame that takes the rest of it ends the stream. n == 0 without an end: no window.
func (c *Conn) AppendData(dst []byte, s *Stream, body []byte, end bool) (out []byte, n int) {
	if s.localEnded {
		return dst, len(body)
	}
	n = min(len(body), maxFrame, c.Room(s))
	if n == 0 && (len(body) > 0 || !end) {
		return dst, 0
	}
	if n < tiny && n < len(body) {
		c.budget -= costTiny
	}
	var flags uint8
	if end = end && n == len(body); end {
		flags = flagEndStream
	}
	dst = append(appendHead(dst, n, frameData, flags, s.id), body[:n]...)
	s.sendWindow -= int64(n)
	c.sendWindow -= int64(n)
	if end {
		c.endLocal(s)
	}
	return dst, n
}

func (c *Conn) endLocal(s *Stream) {
	s.localEnded = true
	c.half(s)
}

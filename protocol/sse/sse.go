// Package sse is the text of server-sent events, as bytes.
//
// It writes what a gateway sends and finds the data in what a handler made
// itself. It knows no connection and keeps nothing.
//
// Invariant: whatever the data is, it cannot end its event or forge a field of
// another: every line of it stands behind "data: ".
//
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
package sse

import "bytes"

// Heartbeat is a comment: it keeps the stream alive and is no event.
const Heartbeat = ":\n\n"

// AppendData writes an event that has nothing but data. LF, CR and CRLF all end
// a line of the format, so each of them begins a new line of data.
func AppendData(dst, data []byte) []byte {
	for {
		line, rest, more := cutLine(data)
		dst = append(append(append(dst, "data: "...), line...), '\n')
		if !more {
			return append(dst, '\n')
		}
		data = rest
	}
}

// AppendBlock writes an event that is complete but perhaps for the empty line
// behind it.
func AppendBlock(dst, block []byte) []byte {
	dst = append(dst, block...)
	switch {
	case bytes.HasSuffix(block, []byte("\n\n")):
		return dst
	case bytes.HasSuffix(block, []byte("\n")):
		return append(dst, '\n')
	}
	return append(dst, "\n\n"...)
}

// AppendText appends the data of a block, its lines joined by LF: what a client
// would be told. ok is false when it has none.
func AppendText(dst, block []byte) (out []byte, ok bool) {
	for more := true; more; {
		var line []byte
		line, block, more = cutLine(block)
		value, found := bytes.CutPrefix(line, []byte("data"))
		switch {
		case !found, len(value) > 0 && value[0] != ':':
			continue
		case len(value) > 0:
			value = bytes.TrimPrefix(value[1:], []byte(" "))
		}
		if ok {
			dst = append(dst, '\n')
		}
		dst, ok = append(dst, value...), true
	}
	return dst, ok
}

// cutLine splits behind the first line end.
func cutLine(b []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		return b, nil, false
	}
	end := i + 1
	if b[i] == '\r' && end < len(b) && b[end] == '\n' {
		end++
	}
	return b[:i], b[end:], true
}

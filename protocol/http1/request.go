// Package http1 is HTTP/1.0 and HTTP/1.1 as bytes (RFC 9112, RFC 9110): it parses request heads, decodes chunked bodies and
// writes the few parts of a response that have a syntax of their own.
//
// It knows nothing of sockets, time, goroutines or handlers. Invariants:
//
//   - What is parsed does not depend on where the stream was cut into pieces.
//   - What the RFCs leave open to two readings is refused, so no proxy before us can see other requests than we do.
//   - Nothing is allocated once Request.Fields has grown; results are views into the caller's buffer.
//   - An error is always the peer's fault, is an *Error, and carries the status to answer with.
package http1

import (
	"bytes"
	"encoding/binary"
)

// What Limits mean by zero.
const (
	defaultMaxBytes  = 16 << 10
	defaultMaxFields = 100
	defaultMaxTarget = 8 << 10
	maxMethod        = 32
)

// Limits of a request head.
type Limits struct {
	MaxBytes  int // whole head, leading and closing empty lines included; beyond it 431. 0: 16 KiB
	MaxFields int // header lines; beyond it 431. 0: 100
	MaxTarget int // request target; beyond it 414. 0: 8 KiB
}

// Request is one request head. Its byte slices are views into the buffer given to Parse and valid until that changes.
// It is meant to be used again: Parse resets it and keeps the room of Fields.
type Request struct {
	Method []byte
	Target []byte // as sent
	Path   []byte // without the query, still percent-encoded; "*" for OPTIONS *
	Query  []byte // without the "?"; nil when there was none
	Host   []byte // of the target in absolute form, else the Host field, case as sent; nil: HTTP/1.0 without Host

	Minor         int   // HTTP/1.Minor, 0 or 1
	ContentLength int64 // -1: none
	Chunked       bool  // the body is chunked; ContentLength is -1 then
	KeepAlive     bool  // by version and Connection
	Expect100     bool  // the client waits for 100 (Continue) before it sends the body
	Upgrade       bool  // asks for websocket, in Connection and in Upgrade

	Fields []Field
}

// Parse reads one request head from the beginning of buf. n is its length, leading empty lines included (RFC 9112 2.2).
// n == 0 and no error: the head is not complete; call again with the same bytes and more behind them. Limits are applied to
// an incomplete head too, and faults are found with the byte that makes them. Names of header fields are lower-cased
// in buf. An error is an *Error.
func (r *Request) Parse(buf []byte, limits Limits) (n int, err error) {
	limits = limits.orDefault()
	*r = Request{ContentLength: -1, Fields: r.Fields[:0]}
	over := len(buf) >= limits.MaxBytes
	if over {
		buf = buf[:limits.MaxBytes]
	}
	n, err = r.parse(buf, &limits)
	switch {
	case err != nil:
		return 0, err
	case n == 0 && over:
		return 0, ErrHeadTooLarge
	}
	return n, nil
}

// Incomplete reports that buf cannot hold a complete head, given that Parse found its first scanned bytes incomplete: no
// line has ended since. It spares a client that sends its head byte by byte from being parsed again for every byte.
func Incomplete(buf []byte, scanned int, limits Limits) bool {
	limits = limits.orDefault()
	return len(buf) < limits.MaxBytes && scanned <= len(buf) && bytes.IndexByte(buf[scanned:], '\n') < 0
}

// Header returns the first value of a field, or nil. The name must be lower-case.
func (r *Request) Header(name string) []byte {
	for i := range r.Fields {
		if string(r.Fields[i].Name) == name {
			return r.Fields[i].Value
		}
	}
	return nil
}

// Combined returns the values of all lines of a field, joined by ", " (RFC 9110 5.3), or nil. It copies only when there is
// more than one line. The name must be lower-case.
func (r *Request) Combined(name string) []byte {
	var value []byte
	found := 0
	for i := range r.Fields {
		if string(r.Fields[i].Name) != name {
			continue
		}
		switch found++; found {
		case 1:
			value = r.Fields[i].Value
		case 2:
			value = append([]byte(nil), value...)
			fallthrough
		default:
			value = append(append(value, ", "...), r.Fields[i].Value...)
		}
	}
	return value
}

func (l Limits) orDefault() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = defaultMaxBytes
	}
	if l.MaxFields <= 0 {
		l.MaxFields = defaultMaxFields
	}
	if l.MaxTarget <= 0 {
		l.MaxTarget = defaultMaxTarget
	}
	return l
}

func (r *Request) parse(buf []byte, limits *Limits) (n int, err error) {
	i, err := skipEmptyLines(buf)
	if err != nil {
		return 0, err
	}
	var h head
	i, err = r.parseLine(buf, i, &h, limits.MaxTarget)
	if i == 0 || err != nil {
		return 0, err
	}
	i, err = r.parseFields(buf, i, &h, limits.MaxFields)
	if i == 0 || err != nil {
		return 0, err
	}
	return i, r.conclude(&h)
}

// skipEmptyLines passes over CRLFs before the request line, which some clients send after a body (RFC 9112 2.2).
func skipEmptyLines(buf []byte) (int, error) {
	i := 0
	for i < len(buf) && (buf[i] == '\r' || buf[i] == '\n') {
		if buf[i] == '\n' || i+1 < len(buf) && buf[i+1] != '\n' {
			return 0, ErrLineEnd
		}
		i = min(i+2, len(buf))
	}
	return i, nil
}

// parseLine reads "method SP request-target SP HTTP-version CRLF" (RFC 9112 3) from index i on and returns the index behind
// it, or 0 when it is incomplete.
func (r *Request) parseLine(buf []byte, i int, h *head, maxTarget int) (int, error) {
	start := i
	for i < len(buf) && lowerToken[buf[i]] != 0 && i-start <= maxMethod {
		i++
	}
	if i-start > maxMethod {
		return 0, ErrMethodTooLong
	}
	if i == len(buf) {
		return 0, nil
	}
	if buf[i] != ' ' || i == start {
		return 0, ErrMethod
	}
	r.Method = buf[start:i:i]
	i++

	start = i
	i = targetEnd(buf, i)
	if i-start > maxTarget {
		return 0, ErrTargetTooLong
	}
	if i == len(buf) {
		return 0, nil
	}
	if buf[i] != ' ' || i == start {
		return 0, ErrTarget
	}
	r.Target = buf[start:i:i]
	i++

	next, err := r.parseVersion(buf[i:])
	if next == 0 || err != nil {
		return 0, err
	}
	return i + next, r.parseTarget(h)
}

const (
	versionLine = "HTTP/1.1\r\n"
	http10      = uint64('H') | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '0'<<56
	http11      = http10 | 1<<56
)

// parseVersion reads the rest of the request line and returns its length, or 0 when it is incomplete. A minor version above
// ours is spoken to in ours (RFC 9110 6.2).
func (r *Request) parseVersion(b []byte) (int, error) {
	if len(b) >= len(versionLine) && b[8] == '\r' && b[9] == '\n' {
		switch binary.LittleEndian.Uint64(b) {
		case http11:
			r.Minor = 1
			return len(versionLine), nil
		case http10:
			return len(versionLine), nil
		}
	}
	for i := range min(len(b), len(versionLine)) {
		c := b[i]
		if want := versionLine[i]; c != want && (want != '1' || c < '0' || c > '9') {
			return 0, ErrRequestLine
		}
		if i == len("HTTP/1") && b[5] != '1' {
			return 0, ErrVersion
		}
	}
	if len(b) < len(versionLine) {
		return 0, nil
	}
	r.Minor = min(int(b[7]-'0'), 1)
	return len(versionLine), nil
}

// parseFields reads header lines up to and with the empty line that ends the head (RFC 9112 5) and returns the index behind
// it, or 0 when they are incomplete. A line that begins with whitespace (obs-fold) has no valid name and is refused.
func (r *Request) parseFields(buf []byte, i int, h *head, maxFields int) (int, error) {
	for i < len(buf) {
		start := i
		for i < len(buf) {
			c := lowerToken[buf[i]]
			if c == 0 {
				break
			}
			buf[i] = c
			i++
		}
		if i == len(buf) {
			return 0, nil
		}
		if i == start {
			return endOfHead(buf, i)
		}
		if buf[i] != ':' {
			return 0, ErrFieldName
		}
		name := buf[start:i:i]
		start = i + 1
		i = valueEnd(buf, start)
		if i == len(buf) {
			return 0, nil
		}
		if buf[i] != '\r' {
			return 0, controlError(buf[i])
		}
		if i+1 == len(buf) {
			return 0, nil
		}
		if buf[i+1] != '\n' {
			return 0, ErrLineEnd
		}
		if len(r.Fields) == maxFields {
			return 0, ErrTooManyFields
		}
		value := trim(buf[start:i:i])
		r.Fields = append(r.Fields, Field{name, value})
		i += 2
		if err := r.note(name, value, h); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// endOfHead is the place of a name that has no characters: the empty line, or a fault.
func endOfHead(buf []byte, i int) (int, error) {
	switch {
	case buf[i] == '\n':
		return 0, ErrLineEnd
	case buf[i] != '\r':
		return 0, ErrFieldName
	case i+1 == len(buf):
		return 0, nil
	case buf[i+1] != '\n':
		return 0, ErrLineEnd
	}
	return i + 2, nil
}

func controlError(c byte) error {
	if c == '\n' {
		return ErrLineEnd
	}
	return ErrFieldValue
}

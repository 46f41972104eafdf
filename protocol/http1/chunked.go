package http1

import (
	"encoding/binary"
	"errors"
	"math"
)

// LastChunk ends a chunked body without trailers (RFC 9112 7.1).
const LastChunk = "0\r\n\r\n"

// Bounds on what a chunked body may carry beside its payload.
const (
	maxSizeDigits = 16      // of a chunk size, leading zeros included
	maxExtensions = 4 << 10 // bytes of extensions more than payload bytes: streaming signatures pass, a flood does not
	maxTrailer    = 8 << 10 // bytes of the trailer section
)

type chunkState uint8

// Where in a chunked body the next byte stands.
const (
	chunkSize    chunkState = iota // a hex digit, or what follows the size
	chunkSpace                     // whitespace before the semicolon of an extension
	extStart                       // the name of an extension, or whitespace before it
	extName                        // within the name
	extNamed                       // whitespace behind the name
	extEquals                      // the value, or whitespace before it
	extToken                       // within a value that is a token
	extQuoted                      // within a value in quotes
	extEscaped                     // the character behind a backslash
	extQuoteEnd                    // behind the closing quote
	chunkSizeLF                    // LF of the line with the size
	chunkData                      // payload
	chunkDataCR                    // CR behind the payload
	chunkDataLF                    // LF behind the payload
	trailerStart                   // a trailer line, or the CR of the empty line
	trailerName                    // within a name
	trailerValue                   // within a value
	trailerLF                      // LF of a trailer line
	chunkFinalLF                   // LF of the empty line
	chunkDone                      // nothing: the body is complete
)

// Chunked decodes a chunked request body (RFC 9112 7.1), in pieces of any size. The zero value is ready for one body. It
// holds no buffer. Extensions are ignored within a bound (RFC 9112 7.1.1), trailers are checked and discarded.
type Chunked struct {
	left    int64 // of the payload of the current chunk; its size as far as read
	extra   int32 // bytes of extensions no payload has paid for
	trailer int32 // bytes of trailer section
	digits  uint8
	state   chunkState
}

// Left is how much of the current chunk is still to come, so that an announced excess is refused before it arrives.
// 0 between two chunks.
func (c *Chunked) Left() int64 {
	if c.state == chunkData || c.state == chunkSizeLF {
		return c.left
	}
	return 0
}

// Decode appends the payload found in src to dst and returns how many bytes of src it used: all of them, unless the body
// ended (done) or is malformed. dst may be src[:0]: payload never overtakes what is read. An error is an *Error; the decoder is of no use afterwards.
func (c *Chunked) Decode(dst, src []byte) (out []byte, n int, done bool, err error) {
	for n < len(src) && c.state != chunkDone {
		if c.state == chunkData {
			take := int(min(c.left, int64(len(src)-n)))
			dst = append(dst, src[n:n+take]...)
			n += take
			c.left -= int64(take)
			c.extra = int32(max(0, int64(c.extra)-int64(take)))
			if c.left == 0 {
				c.state = chunkDataCR
			}
			continue
		}
		if err = c.step(src[n]); err != nil {
			return dst, n, false, err
		}
		n++
	}
	return dst, n, c.state == chunkDone, nil
}

// chunkedBytes is the size of a saved Chunked.
const chunkedBytes = 8 + 4 + 4 + 1 + 1

// AppendBinary appends the state, so that another process can go on in the middle of a body. It never fails.
func (c *Chunked) AppendBinary(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, uint64(c.left))
	b = binary.BigEndian.AppendUint32(b, uint32(c.extra))
	b = binary.BigEndian.AppendUint32(b, uint32(c.trailer))
	return append(b, c.digits, byte(c.state)), nil
}

// UnmarshalBinary takes over a state that AppendBinary saved.
func (c *Chunked) UnmarshalBinary(b []byte) error {
	if len(b) != chunkedBytes || b[17] > byte(chunkDone) || b[0] > math.MaxInt8 {
		return errors.New("chunked: invalid saved state")
	}
	*c = Chunked{
		left:    int64(binary.BigEndian.Uint64(b)),
		extra:   int32(binary.BigEndian.Uint32(b[8:])),
		trailer: int32(binary.BigEndian.Uint32(b[12:])),
		digits:  b[16],
		state:   chunkState(b[17]),
	}
	return nil
}

// step takes one byte that is not payload.
func (c *Chunked) step(b byte) error {
	switch {
	case c.state >= trailerStart:
		return c.stepTrailer(b)
	case c.state >= extStart && c.state <= extQuoteEnd:
		return c.stepExtension(b)
	}
	switch c.state {
	case chunkSize:
		if digit := hexValue[b]; digit < 16 {
			return c.addDigit(digit)
		}
		if c.digits == 0 {
			return ErrChunkSize
		}
		return c.endSize(b)
	case chunkSpace:
		if b == '\r' {
			return ErrChunkSize // whitespace stands only before an extension
		}
		return c.endSize(b)
	case chunkSizeLF:
		if b != '\n' {
			return ErrChunkSize
		}
		c.state, c.digits = chunkData, 0
		if c.left == 0 {
			c.state = trailerStart
		}
	case chunkDataCR:
		if b != '\r' {
			return ErrChunkEnd
		}
		c.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return ErrChunkEnd
		}
		c.state = chunkSize
	}
	return nil
}

func (c *Chunked) addDigit(digit byte) error {
	if c.digits == maxSizeDigits || c.left > math.MaxInt64>>4 {
		return ErrChunkSize
	}
	c.digits++
	c.left = c.left<<4 | int64(digit)
	return nil
}

// endSize takes a byte behind the digits of a chunk size.
func (c *Chunked) endSize(b byte) error {
	switch b {
	case '\r':
		c.state = chunkSizeLF
		return nil
	case ';':
		c.state = extStart
	case ' ', '\t': // bad whitespace, to be accepted before an extension (RFC 9112 7.1.1)
		c.state = chunkSpace
	default:
		return ErrChunkSize
	}
	return c.countExtension()
}

// stepExtension takes one byte of an extension. Its grammar is checked although nobody reads it: servers that skip to the
// next line end, each in its own way, are what smugglers live on (RFC 9112 7.1.1).
func (c *Chunked) stepExtension(b byte) error {
	token, blank := lowerToken[b] != 0, b == ' ' || b == '\t'
	switch state := c.state; {
	case state == extQuoted && b == '"':
		c.state = extQuoteEnd
	case state == extQuoted && b == '\\':
		c.state = extEscaped
	case state == extQuoted && !isControl(b):
	case state == extEscaped && !isControl(b):
		c.state = extQuoted
	case state == extStart && token:
		c.state = extName
	case state == extEquals && token:
		c.state = extToken
	case state == extEquals && b == '"':
		c.state = extQuoted
	case (state == extStart || state == extEquals || state == extNamed) && blank:
	case (state == extName || state == extToken) && token:
	case state == extName && blank:
		c.state = extNamed
	case (state == extName || state == extNamed) && b == '=':
		c.state = extEquals
	case state == extName || state == extToken || state == extQuoteEnd:
		return c.endExtension(b)
	case state == extNamed && b == ';':
		c.state = extStart
	default:
		return ErrChunkExtension
	}
	return c.countExtension()
}

// endExtension takes a byte behind a whole extension.
func (c *Chunked) endExtension(b byte) error {
	switch b {
	case '\r':
		c.state = chunkSizeLF
		return nil
	case ';':
		c.state = extStart
	case ' ', '\t':
		c.state = chunkSpace
	default:
		return ErrChunkExtension
	}
	return c.countExtension()
}

func (c *Chunked) countExtension() error {
	if c.extra++; c.extra > maxExtensions {
		return ErrChunkExtension
	}
	return nil
}

// stepTrailer takes one byte of the trailer section (RFC 9112 7.1.2).
func (c *Chunked) stepTrailer(b byte) error {
	if c.trailer++; c.trailer > maxTrailer {
		return ErrTrailerTooLarge
	}
	token := lowerToken[b] != 0
	switch {
	case c.state == trailerStart && b == '\r':
		c.state = chunkFinalLF
	case c.state == trailerStart && token:
		c.state = trailerName
	case c.state == trailerName && b == ':':
		c.state = trailerValue
	case c.state == trailerName && token:
	case c.state == trailerValue && b == '\r':
		c.state = trailerLF
	case c.state == trailerValue && !isControl(b):
	case c.state == trailerLF && b == '\n':
		c.state = trailerStart
	case c.state == chunkFinalLF && b == '\n':
		c.state = chunkDone
	default:
		return ErrTrailer
	}
	return nil
}

// AppendChunk appends payload as one chunk. Nothing for an empty payload, which would end the body.
func AppendChunk(dst, payload []byte) []byte {
	if len(payload) == 0 {
		return dst
	}
	dst = appendHex(dst, uint64(len(payload)))
	dst = append(dst, '\r', '\n')
	dst = append(dst, payload...)
	return append(dst, '\r', '\n')
}

func appendHex(dst []byte, v uint64) []byte {
	shift := 0
	for v>>shift > 15 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[v>>shift&15])
	}
	return dst
}

// hexValue maps a hex digit to its value and every other byte to 255.
var hexValue = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i, c := range "0123456789abcdef" {
		table[c] = byte(i)
	}
	for i, c := range "ABCDEF" {
		table[c] = byte(10 + i)
	}
	return table
}()

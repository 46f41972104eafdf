package websocket

import (
	"bytes"
	"errors"

	"github.com/klauspost/compress/flate"
)

// inflateEnd completes a message: the tail that was left out, and an empty final block that ends the stream.
const inflateEnd = deflateTail + "\x01\x00\x00\xff\xff"

// keptOutput is how much memory an idle Inflater holds on to for its next message.
const keptOutput = 64 << 10

// Inflater expands messages, of any number of connections one after the other. The zero value is ready.
type Inflater struct {
	flate inflater
	in    bytes.Reader
	whole []byte // the message with inflateEnd behind it
	out   []byte
}

type inflater interface {
	Read([]byte) (int, error)
	flate.Resetter
}

// endOfInput is what a reader of the standard library says at its end. This package reads nothing itself, so it does not
// import io for it.
var endOfInput = func() error {
	_, err := new(bytes.Reader).ReadByte()
	return err
}()

// finalBlocks is how many blocks with BFINAL set a message may have. Such a block is allowed and ends nothing (RFC 7692
// 7.2.1), but each costs a restart with up to 32 KiB of window: 128,000 of them would hold everybody up for a second.
func finalBlocks(payload []byte) int { return 16 + len(payload)/1024 }

// Message expands the payload of a compressed message behind a window of earlier ones (RFC 7692 7.2.2). It stops as soon as
// there are more than maxMessage bytes. What it returns is valid until the next call. An error is an *Error.
func (i *Inflater) Message(payload, window []byte, maxMessage int) ([]byte, error) {
	i.whole = append(append(i.whole[:0], payload...), inflateEnd...)
	i.in.Reset(i.whole)
	i.restart(window)
	out, err := i.expand(i.out[:0], window, maxMessage, finalBlocks(payload))
	if i.out = out; cap(out) > keptOutput {
		i.out = nil
	}
	if cap(i.whole) > keptOutput {
		i.whole = nil
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// expand reads the prepared input to its end.
func (i *Inflater) expand(out, window []byte, maxMessage, restarts int) ([]byte, error) {
	for {
		out = grow(out, maxMessage)
		n, err := i.flate.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > maxMessage:
			return out, ErrMessageTooLong
		case err == nil:
		case !errors.Is(err, endOfInput):
			return out, ErrDeflate
		case i.in.Len() == 0:
			return out, nil
		case restarts == 0:
			return out, ErrDeflate
		default:
			restarts--
			i.restart(behind(window, out))
		}
	}
}

// behind is the window that a stream sees which begins behind out.
func behind(window, out []byte) []byte {
	if len(out) >= 1<<maxWindowBits {
		return out[len(out)-1<<maxWindowBits:]
	}
	return append(bytes.Clone(window), out...) // too much of it is cut off from the front
}

// restart begins a stream at the next byte of the input.
func (i *Inflater) restart(window []byte) {
	if i.flate == nil {
		i.flate = flate.NewReader(&i.in).(inflater)
	}
	_ = i.flate.Reset(&i.in, window) // never fails
}

// grow makes room for what comes next, and for one byte more than is allowed, so that this is noticed.
func grow(out []byte, maxMessage int) []byte {
	const step = 512
	if free := cap(out) - len(out); free >= min(step, maxMessage+1-len(out)) {
		return out
	}
	wider := make([]byte, len(out), max(min(max(2*cap(out), 2*step), maxMessage+1), len(out)+1))
	copy(wider, out)
	return wider
}

package websocket

import "encoding/binary"

// UTF8 checks text that arrives in pieces (RFC 3629): it fails with the first byte that no valid continuation could mend, as
// RFC 6455 8.1 lets a server do. The zero value is ready.
type UTF8 struct {
	state utf8State
}

// utf8State is what the next byte must be.
type utf8State uint8

const (
	utf8Start   utf8State = iota // the beginning of a rune
	utf8Tail1                    // one more continuation byte
	utf8Tail2                    // two more
	utf8Tail3                    // three more
	utf8AfterE0                  // then A0..BF, anything lower is overlong
	utf8AfterED                  // then 80..9F, anything higher is a surrogate
	utf8AfterF0                  // then 90..BF, anything lower is overlong
	utf8AfterF4                  // then 80..8F, anything higher is beyond U+10FFFF
	utf8Bad
	utf8States
)

// Write takes the next piece. false: the text is not UTF-8, and stays so.
func (u *UTF8) Write(b []byte) bool {
	u.state = u.state.after(b)
	return u.state != utf8Bad
}

// ValidUTF8 reports whether b is UTF-8 text.
func ValidUTF8(b []byte) bool { return utf8Start.after(b) == utf8Start }

const (
	utf8Shift = 6 // bits of a state in an entry of utf8Steps
	highBits  = 0x8080808080808080
)

// after is the state behind b. One table entry holds what each state becomes with a byte, so a step is a load and a shift
// whatever the text is: for all but ASCII, which goes by words, two to three times as fast as unicode/utf8.
func (state utf8State) after(b []byte) utf8State {
	s := uint64(state) * utf8Shift
	for len(b) >= 8 {
		if s&63 == 0 {
			for len(b) >= 32 && (word(b)|word(b[8:])|word(b[16:])|word(b[24:]))&highBits == 0 {
				b = b[32:]
			}
			if len(b) >= 8 && word(b)&highBits == 0 {
				b = b[8:]
				continue
			}
			if len(b) < 8 {
				break
			}
		}
		eight := b[:8]
		s = utf8Steps[eight[0]] >> (s & 63)
		s = utf8Steps[eight[1]] >> (s & 63)
		s = utf8Steps[eight[2]] >> (s & 63)
		s = utf8Steps[eight[3]] >> (s & 63)
		s = utf8Steps[eight[4]] >> (s & 63)
		s = utf8Steps[eight[5]] >> (s & 63)
		s = utf8Steps[eight[6]] >> (s & 63)
		s = utf8Steps[eight[7]] >> (s & 63)
		if s&63 == uint64(utf8Bad)*utf8Shift {
			return utf8Bad
		}
		b = b[8:]
	}
	for _, c := range b {
		s = utf8Steps[c] >> (s & 63)
	}
	return utf8State(s & 63 / utf8Shift)
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// Complete reports that the text does not end within a rune.
func (u *UTF8) Complete() bool { return u.state == utf8Start }

// utf8Steps has, for each byte, the next state of every state, each times utf8Shift and at its state's place.
var utf8Steps = func() (steps [256]uint64) {
	for b := range steps {
		for state := range utf8States {
			steps[b] |= uint64(utf8Next[state][b]) * utf8Shift << (uint64(state) * utf8Shift)
		}
	}
	return steps
}()

// utf8Next is the table of transitions (RFC 3629 4).
var utf8Next = func() (next [utf8States][256]utf8State) {
	for state := range next {
		for b := range next[state] {
			next[state][b] = utf8Bad
		}
	}
	set := func(from utf8State, low, high int, to utf8State) {
		for b := low; b <= high; b++ {
			next[from][b] = to
		}
	}
	set(utf8Start, 0x00, 0x7f, utf8Start)
	set(utf8Start, 0xc2, 0xdf, utf8Tail1)
	set(utf8Start, 0xe0, 0xe0, utf8AfterE0)
	set(utf8Start, 0xe1, 0xef, utf8Tail2)
	set(utf8Start, 0xed, 0xed, utf8AfterED)
	set(utf8Start, 0xf0, 0xf0, utf8AfterF0)
	set(utf8Start, 0xf1, 0xf3, utf8Tail3)
	set(utf8Start, 0xf4, 0xf4, utf8AfterF4)
	set(utf8Tail1, 0x80, 0xbf, utf8Start)
	set(utf8Tail2, 0x80, 0xbf, utf8Tail1)
	set(utf8Tail3, 0x80, 0xbf, utf8Tail2)
	set(utf8AfterE0, 0xa0, 0xbf, utf8Tail1)
	set(utf8AfterED, 0x80, 0x9f, utf8Tail1)
	set(utf8AfterF0, 0x90, 0xbf, utf8Tail2)
	set(utf8AfterF4, 0x80, 0x8f, utf8Tail2)
	return next
}()

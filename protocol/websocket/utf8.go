package websocket

import "unicode/utf8"

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
//
// The table only sees the ends of a piece, where a rune may be cut; between them unicode/utf8 is up to four times as fast.
func (u *UTF8) Write(b []byte) bool {
	for len(b) > 0 && u.state != utf8Start {
		if !u.step(b[0]) {
			return false
		}
		b = b[1:]
	}
	whole := lastRune(b)
	if !utf8.Valid(b[:whole]) {
		u.state = utf8Bad
		return false
	}
	for _, c := range b[whole:] {
		if !u.step(c) {
			return false
		}
	}
	return u.state != utf8Bad
}

// Complete reports that the text does not end within a rune.
func (u *UTF8) Complete() bool { return u.state == utf8Start }

func (u *UTF8) step(b byte) bool {
	u.state = utf8Next[u.state][b]
	return u.state != utf8Bad
}

// lastRune returns where the last rune of b begins if its end may be missing, else len(b).
func lastRune(b []byte) int {
	for i := len(b) - 1; i >= 0 && i > len(b)-utf8.UTFMax; i-- {
		if b[i] >= 0xc0 {
			return i
		}
		if b[i] < utf8.RuneSelf {
			break
		}
	}
	return len(b)
}

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

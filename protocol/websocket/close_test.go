package websocket

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValidCloseCode(t *testing.T) {
	for code := range 1 << 16 {
		want := code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006 || code >= 3000 && code <= 4999
		if got := ValidCloseCode(uint16(code)); got != want {
			t.Errorf("%d: %v", code, got)
		}
	}
}

func TestAppendClose(t *testing.T) {
	for name, test := range map[string]struct {
		code   uint16
		reason string
		want   string
	}{
		"no code":                     {0, "ignored", "\x88\x00"},
		"no status":                   {1005, "ignored", "\x88\x00"},
		"code only":                   {1000, "", "\x88\x02\x03\xe8"},
		"code and reason":             {1001, "bye", "\x88\x05\x03\xe9bye"},
		"longest reason":              {1000, strings.Repeat("x", 123), "\x88\x7d\x03\xe8" + strings.Repeat("x", 123)},
		"reason too long":             {1000, strings.Repeat("x", 124), "\x88\x7d\x03\xe8" + strings.Repeat("x", 123)},
		"cut between runes":           {1000, strings.Repeat("x", 122) + "ä", "\x88\x7c\x03\xe8" + strings.Repeat("x", 122)},
		"cut between longer runes":    {1000, strings.Repeat("𐍈", 31), "\x88\x7a\x03\xe8" + strings.Repeat("𐍈", 30)},
		"a rune that fits is not cut": {1000, strings.Repeat("x", 121) + "äö", "\x88\x7d\x03\xe8" + strings.Repeat("x", 121) + "ä"},
	} {
		if got := AppendClose(nil, test.code, test.reason); string(got) != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestAppendCloseStaysUTF8(t *testing.T) {
	for prefix := range 8 {
		for _, r := range []string{"x", "ä", "€", "𐍈"} {
			frame := AppendClose(nil, 1000, strings.Repeat("x", prefix)+strings.Repeat(r, 130))
			if reason := frame[4:]; !utf8.Valid(reason) || len(frame) > 2+maxControl || len(reason) < 120 {
				t.Errorf("%q after %d: %q", r, prefix, reason)
			}
		}
	}
}

package websocket

import (
	"bytes"
	standard "compress/flate"
	"strings"
	"testing"
)

// The examples of RFC 7692 7.2.3.
func TestInflaterReadsTheExamplesOfTheRFC(t *testing.T) {
	var window Window
	window.Write([]byte("Hello"), 15)
	for name, test := range map[string]struct {
		payload, window string
		want            string
	}{
		"7.2.3.1 one message":         {"\xf2\x48\xcd\xc9\xc9\x07\x00", "", "Hello"},
		"7.2.3.2 the window shared":   {"\xf2\x00\x11\x00\x00", "Hello", "Hello"},
		"7.2.3.3 no compression":      {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "", "Hello"},
		"7.2.3.4 BFINAL set":          {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "", "Hello"},
		"7.2.3.5 two blocks":          {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "", "Hello"},
		"7.2.3.6 empty":               {"\x00", "", ""},
		"BFINAL set, then more":       {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "", "HelloHello"},
		"BFINAL, then the window":     {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00", "", "HelloHello"},
		"empty blocks in front of it": {"\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff\xf2\x48\xcd\xc9\xc9\x07\x00", "", "Hello"},
	} {
		var i Inflater
		got, err := i.Message([]byte(test.payload), []byte(test.window), 100)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestInflaterRefusesDamage(t *testing.T) {
	var i Inflater
	good := deflateStandard(bytes.Repeat([]byte("Hello World "), 50), nil, 6)
	for name, payload := range map[string]string{
		"nothing":                "", // an empty message is 00, see 7.2.3.6
		"reserved block type":    "\x07",
		"stored length":          "\x00\x05\x00\x00\x00Hello",
		"cut short":              string(good[:len(good)/2]),
		"distance to nowhere":    "\xf2\x00\x11\x00\x00",
		"bytes behind the end":   "\xf3\x48\xcd\xc9\xc9\x07\x00\xff",
		"thousands of BFINAL":    strings.Repeat("\x03\x00", 4000),
		"text that is no DEFLAT": "just some text",
	} {
		if got, err := i.Message([]byte(payload), nil, 1<<20); err != ErrDeflate {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, err := i.Message(good, nil, 1<<20); err != nil || len(got) != 600 {
			t.Errorf("after %s: %d bytes, %v", name, len(got), err)
		}
	}
}

// TestDecompressionBomb: a message of 1 GiB in 1 MiB costs no more than what is allowed.
func TestDecompressionBomb(t *testing.T) {
	var bomb bytes.Buffer
	w, _ := standard.NewWriter(&bomb, 9)
	for range 64 {
		w.Write(make([]byte, 1<<20))
	}
	w.Flush()
	var i Inflater
	for _, most := range []int{0, 1, 100, 65536, 1 << 20} {
		var err error
		if n := testing.AllocsPerRun(1, func() { _, err = i.Message(bomb.Bytes(), nil, most) }); err != ErrMessageTooLong {
			t.Errorf("at most %d: %v, %v allocations", most, err, n)
		}
		if cap(i.out) > keptOutput || cap(i.whole) > keptOutput {
			t.Errorf("at most %d: %d and %d bytes kept", most, cap(i.out), cap(i.whole))
		}
	}
}

func TestInflaterTakesExactlyWhatIsAllowed(t *testing.T) {
	var i Inflater
	for _, m := range messages {
		payload := deflateStandard(m, nil, 6)
		if got, err := i.Message(payload, nil, len(m)); err != nil || !bytes.Equal(got, m) {
			t.Errorf("%d bytes: %v", len(m), err)
		}
		if _, err := i.Message(payload, nil, len(m)-1); len(m) > 0 && err != ErrMessageTooLong {
			t.Errorf("%d bytes, one fewer allowed: %v", len(m), err)
		}
	}
}

// FuzzInflater: no input does harm, and what the standard library's DEFLATE makes of it is what comes out.
func FuzzInflater(f *testing.F) {
	for _, m := range messages[:5] {
		f.Add(deflateStandard(m, nil, 6), []byte(nil), true)
		f.Add(m, []byte("Hello"), false)
	}
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"), []byte("x"), false)
	f.Fuzz(func(t *testing.T, b, window []byte, whole bool) {
		window = window[:min(len(window), 1<<maxWindowBits)]
		var i Inflater
		got, err := i.Message(b, window, 1<<16)
		if err == nil && len(got) > 1<<16 || err != nil && err != ErrDeflate && err != ErrMessageTooLong {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		if !whole {
			return
		}
		b = b[:min(len(b), 1<<16)]
		got, err = i.Message(deflateStandard(b, window, 1+len(b)%9), window, len(b))
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes became %d, %v", len(b), len(got), err)
		}
		var d Deflater
		bits := uint8(8 + len(window)%8)
		if got := inflateStandard(t, d.AppendMessage(nil, b, bits, window), window); !bytes.Equal(got, b) {
			t.Fatalf("%d bytes became %d", len(b), len(got))
		}
	})
}

package websocket

import (
	"bytes"
	standard "compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// inflateStandard expands with the standard library's DEFLATE, which is not the one in use.
func inflateStandard(t testing.TB, payload, window []byte) []byte {
	t.Helper()
	r := standard.NewReaderDict(io.MultiReader(bytes.NewReader(payload), strings.NewReader(inflateEnd)), window)
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("not DEFLATE: %v", err)
	}
	return b
}

// deflateStandard compresses as a client might.
func deflateStandard(message, window []byte, level int) []byte {
	var b bytes.Buffer
	w, _ := standard.NewWriterDict(&b, level, window)
	w.Write(message)
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte(deflateTail))
}

func noise(n int) []byte {
	b := make([]byte, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

var messages = [][]byte{
	nil, []byte("x"), []byte("Hello"), bytes.Repeat([]byte("a"), 100), []byte(strings.Repeat(`{"id":1,"name":"Tom"},`, 300)),
	noise(10), noise(300), noise(70000), bytes.Repeat([]byte("0123456789abcdef"), 10000),
}

func TestDeflatedMessagesAreUnderstood(t *testing.T) {
	var d Deflater
	for bits := uint8(8); bits <= 15; bits++ {
		for _, m := range messages {
			if got := inflateStandard(t, d.AppendMessage(nil, m, bits, nil), nil); !bytes.Equal(got, m) {
				t.Fatalf("%d bits: %d bytes became %d", bits, len(m), len(got))
			}
		}
	}
}

func TestTakeoverRefersToEarlierMessages(t *testing.T) {
	var d Deflater
	var i Inflater
	for bits := uint8(8); bits <= 15; bits++ {
		var ours, theirs Window
		total := 0
		for n := range 50 {
			m := fmt.Appendf(nil, `{"event":"price","number":%d,"noise":"%x"}`, n%5, noise(60+n%5*20))
			payload := d.AppendMessage(nil, m, bits, ours.Bytes())
			got, err := i.Message(payload, theirs.Bytes(), 1<<20)
			if err != nil || !bytes.Equal(got, m) {
				t.Fatalf("%d bits, message %d: %v", bits, n, err)
			}
			total += len(m)
			ours.Write(m, bits)
			theirs.Write(got, bits)
			if n > 5 && bits > 10 && len(payload) > len(m)/3 {
				t.Errorf("%d bits: %d bytes for %d that were sent before", bits, len(payload), len(m))
			}
		}
		if len(ours.Bytes()) != min(1<<bits, total) {
			t.Errorf("a window of %d bytes for %d bits", len(ours.Bytes()), bits)
		}
	}
}

// TestSmallWindowsAreKept: what lies further back than the window is not referred to.
func TestSmallWindowsAreKept(t *testing.T) {
	var d Deflater
	for bits := uint8(8); bits <= 14; bits++ {
		part := noise(1<<bits + 8)
		twice := append(bytes.Clone(part), part...)
		if got := len(d.AppendMessage(nil, twice, bits, nil)); got < len(twice) {
			t.Errorf("%d bits: %d bytes became %d", bits, len(twice), got)
		}
		near := noise(1<<bits - 64)
		twice = append(bytes.Clone(near), near...)
		if got := len(d.AppendMessage(nil, twice, bits, nil)); got > len(twice)*9/10 {
			t.Errorf("%d bits: the window is not used: %d bytes became %d", bits, len(twice), got)
		}
	}
}

func TestWindowKeepsTheLastBytes(t *testing.T) {
	var w Window
	all := noise(5000)
	for at := 0; at < len(all); {
		n := min(at%700+1, len(all)-at)
		w.Write(all[at:at+n], 9)
		at += n
		if want := all[max(0, at-512):at]; !bytes.Equal(w.Bytes(), want) {
			t.Fatalf("%d bytes at %d", len(w.Bytes()), at)
		}
	}
	if cap(w.recent) > 1024 {
		t.Errorf("%d bytes for a window of 512", cap(w.recent))
	}
}

func TestDeflatedFrame(t *testing.T) {
	var d Deflater
	m := bytes.Repeat([]byte("Hello "), 100)
	frame, compressed := d.AppendDeflated([]byte("-"), OpText, m, 15, nil)
	if !compressed || string(frame[:2]) != "-\xc1" || int(frame[2]) != len(frame)-3 {
		t.Fatalf("%v %x", compressed, frame)
	}
	if got := inflateStandard(t, frame[3:], nil); !bytes.Equal(got, m) {
		t.Errorf("%q", got)
	}
	frame, compressed = d.AppendDeflated([]byte("-"), OpBinary, noise(200), 15, nil)
	if want := AppendFrame([]byte("-"), OpBinary, noise(200)); compressed || !bytes.Equal(frame, want) {
		t.Errorf("what cannot be compressed: %v %x", compressed, frame)
	}
	long := bytes.Repeat(noise(1000), 100)
	frame, compressed = d.AppendDeflated(nil, OpBinary, long, 15, nil)
	if size := int(binary.BigEndian.Uint16(frame[2:])); !compressed || frame[1] != 126 || size != len(frame)-4 {
		t.Errorf("a length of 16 bits: %x of %d", frame[:4], len(frame))
	}
}

func TestDeflaterAllocatesNothing(t *testing.T) {
	var d Deflater
	var i Inflater
	m := []byte(strings.Repeat(`{"id":1,"name":"Tom"},`, 100))
	out := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		out, _ = d.AppendDeflated(out[:0], OpText, m, 15, nil)
		if _, err := i.Message(out[2:], nil, 1<<20); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func BenchmarkDeflater(b *testing.B) {
	for _, size := range []int{256, 1024, 16 << 10} {
		m := []byte(strings.Repeat(`{"id":12345,"user":"alpha","text":"bravo charlie"},`, size/50+1))[:size]
		for _, window := range []int{0, 4096} {
			b.Run(fmt.Sprintf("%d behind %d", size, window), func(b *testing.B) {
				var d Deflater
				var out []byte
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					out, _ = d.AppendDeflated(out[:0], OpText, m, 12, make([]byte, window))
				}
			})
		}
	}
}

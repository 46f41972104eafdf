package websocket

import (
	"bytes"
	"fmt"
	"testing"
)

func unmaskNaively(b []byte, key [4]byte, offset int) {
	for i := range b {
		b[i] ^= key[(offset+i)%4]
	}
}

// TestUnmaskAtEveryLengthOffsetAndAlignment covers each of the widths the work is done in.
func TestUnmaskAtEveryLengthOffsetAndAlignment(t *testing.T) {
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	room := make([]byte, 128)
	for i := range room {
		room[i] = byte(i * 7)
	}
	for length := range 100 {
		for offset := range 9 {
			for start := range 8 {
				got, want := bytes.Clone(room), bytes.Clone(room)
				Unmask(got[start:start+length], key, offset)
				unmaskNaively(want[start:start+length], key, offset)
				if !bytes.Equal(got, want) {
					t.Fatalf("length %d, offset %d, start %d", length, offset, start)
				}
			}
		}
	}
}

func BenchmarkUnmask(b *testing.B) {
	for _, size := range []int{32, 125, 1024, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			buf := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				Unmask(buf, [4]byte{1, 2, 3, 4}, 0)
			}
		})
	}
}

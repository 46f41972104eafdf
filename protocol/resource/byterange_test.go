package resource

import (
	"iter"
	"slices"
	"strings"
	"testing"
)

func linesOf(text string) iter.Seq[string] { return strings.SplitSeq(text, "\n") }

func cut(s, sep string) (before, after string, found bool) { return strings.Cut(s, sep) }

func TestRangesOfTheRFC(t *testing.T) {
	many := "bytes=0-0" + strings.Repeat(",2-2", maxRanges)
	for _, test := range []struct {
		field string
		size  int64
		want  int
		parts []Range
	}{
		// RFC 9110 section 14.1.2, the representation has 10000 bytes.
		{"bytes=0-499", 10000, 206, []Range{{0, 500}}},
		{"bytes=500-999", 10000, 206, []Range{{500, 500}}},
		{"bytes=-500", 10000, 206, []Range{{9500, 500}}},
		{"bytes=9500-", 10000, 206, []Range{{9500, 500}}},
		{"bytes=0-0,-1", 10000, 206, []Range{{0, 1}, {9999, 1}}},
		{"bytes= 0-999, 4500-5499, -1000", 10000, 206, []Range{{0, 1000}, {4500, 1000}, {9000, 1000}}},
		{"bytes=500-600,601-999", 10000, 206, []Range{{500, 500}}},
		{"bytes=500-700,601-999", 10000, 206, []Range{{500, 500}}},

		{"BYTES=0-1", 10, 206, []Range{{0, 2}}},
		{"bytes=0-", 10, 206, []Range{{0, 10}}},
		{"bytes=0-9", 10, 206, []Range{{0, 10}}},
		{"bytes=0-10000", 10, 206, []Range{{0, 10}}},
		{"bytes=-10000", 10, 206, []Range{{0, 10}}},
		{"bytes=9-9", 10, 206, []Range{{9, 1}}},
		{"bytes=3-99999999999999999999999999", 10, 206, []Range{{3, 7}}},
		{"bytes=-99999999999999999999999999", 10, 206, []Range{{0, 10}}},
		{"bytes=5-6,1-2", 10, 206, []Range{{5, 2}, {1, 2}}}, // in the order asked
		{"bytes=8-9,0-1,1-8", 10, 200, nil},                 // together the whole
		{"bytes=6-7,0-1,1-3", 10, 206, []Range{{6, 2}, {0, 4}}},
		{"bytes=0-1,0-1,0-1", 10, 206, []Range{{0, 2}}},
		{"bytes=0-,0-,0-,0-", 10, 200, nil},
		{"bytes=0-1,99-", 10, 206, []Range{{0, 2}}}, // what cannot be had is left out
		{"bytes=,0-1,, ,3-4,", 10, 206, []Range{{0, 2}, {3, 2}}},
		{many, 10, 200, nil},

		{"bytes=10-", 10, 416, nil},
		{"bytes=10-20", 10, 416, nil},
		{"bytes=99999999999999999999-", 10, 416, nil},
		{"bytes=-0", 10, 416, nil},
		{"bytes=-0,11-", 10, 416, nil},
		{"bytes=0-0", 0, 416, nil},
		{"bytes=0-", 0, 416, nil},
		{"bytes=-5", 0, 200, nil},

		// Not valid, so ignored.
		{"", 10, 200, nil},
		{"bytes", 10, 200, nil},
		{"bytes=", 10, 200, nil},
		{"bytes=,", 10, 200, nil},
		{"bytes=-", 10, 200, nil},
		{"bytes=a-b", 10, 200, nil},
		{"bytes=5-2", 10, 200, nil},
		{"bytes=0-1,5-2", 10, 200, nil},
		{"bytes=0 - 1", 10, 200, nil},
		{"bytes=0-1 2-3", 10, 200, nil},
		{"bytes=0--1", 10, 200, nil},
		{"bytes=--1", 10, 200, nil},
		{"bytes=+1-2", 10, 200, nil},
		{"bytes=0x1-2", 10, 200, nil},
		{"bytes 0-1", 10, 200, nil},
		{"bytes:0-1", 10, 200, nil},
		{"items=0-1", 10, 200, nil},
		{"bytes=0-1, items=0-1", 10, 200, nil},
	} {
		status, parts := parseRanges([]byte(test.field), test.size, nil)
		if status != test.want || !slices.Equal(parts, test.parts) {
			t.Errorf("%q of %d bytes: %d %v, want %d %v", test.field, test.size, status, parts, test.want, test.parts)
		}
	}
}

func checkRanges(t *testing.T, parts []Range, size int64) {
	t.Helper()
	if len(parts) > maxRanges {
		t.Fatalf("%d parts", len(parts))
	}
	for i, r := range parts {
		if r.Start < 0 || r.Length < 1 || r.Start > size-r.Length {
			t.Fatalf("%v is outside of %d bytes", r, size)
		}
		for _, other := range parts[:i] {
			if r.Start <= other.end() && other.Start <= r.end() {
				t.Fatalf("%v overlaps or touches %v", r, other)
			}
		}
	}
}

func FuzzRange(f *testing.F) {
	f.Add([]byte("bytes=0-499,-5,7-"), int64(1000))
	f.Add([]byte("bytes=8-9,0-1,1-8"), int64(10))
	f.Fuzz(func(t *testing.T, field []byte, size int64) {
		if size < 0 {
			return
		}
		status, parts := parseRanges(field, size, nil)
		if status == 206 {
			checkRanges(t, parts, size)
		}
	})
}

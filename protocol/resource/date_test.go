package resource

import (
	"testing"
	"time"
)

const imf = "Mon, 02 Jan 2006 15:04:05 GMT"

func TestDatesOfAllThreeForms(t *testing.T) {
	const now = 1767225600 // 1 January 2026
	for _, test := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777, true}, // the examples of RFC 9110 section 5.6.7
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777, true},
		{"Sun Nov  6 08:49:37 1994", 784111777, true},
		{"Sat Jul 16 08:49:37 2022", 1657961377, true},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0, true},
		{"Wednesday, 01-Jan-70 00:00:00 GMT", 3155760000, true},
		{"Tuesday, 01-Jan-75 00:00:00 GMT", 3313526400, true}, // 2075 is 49 years ahead, not 50
		{"Friday, 01-Jan-77 00:00:00 GMT", 220924800, true},   // 2077 would be 51
		{"Tue, 29 Feb 2000 12:00:00 GMT", 951825600, true},
		{"Mon, 31 Dec 9999 23:59:59 GMT", 253402300799, true},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800, true}, // a leap second
		{"", 0, false},
		{"now", 0, false},
		{"0", 0, false},
		{"Sun, 06 Nov 1994 08:49:37", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 UTC", 0, false},
		{"Sun, 06 Nov 1994 08:49:37 GMT ", 0, false},
		{"Sun, 6 Nov 1994 08:49:37 GMT", 0, false},
		{"sun, 06 nov 1994 08:49:37 gmt", 0, false},
		{"Sun, 31 Nov 1994 08:49:37 GMT", 0, false},
		{"Tue, 29 Feb 1900 12:00:00 GMT", 0, false},
		{"Sun, 00 Nov 1994 08:49:37 GMT", 0, false},
		{"Sun, 06 Nov 1994 24:00:00 GMT", 0, false},
		{"Sun, 06 Nov 1994 08:60:00 GMT", 0, false},
		{"Sun, 06 Nov 1994 08:49:61 GMT", 0, false},
		{"Sun, 06 Nov -994 08:49:37 GMT", 0, false},
	} {
		got, ok := ParseDate([]byte(test.text), now)
		if ok != test.ok || ok && got != test.want {
			t.Errorf("%q: %d %v, want %d %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestDatesAreThoseOfTheTimePackage(t *testing.T) {
	for seconds := int64(-62135596800); seconds < 253402300800; seconds += 86399*97 + 12345 {
		want := time.Unix(seconds, 0).UTC().Format(imf)
		got := string(AppendDate(nil, seconds))
		if got != want {
			t.Fatalf("%d: %q, want %q", seconds, got, want)
		}
		if back, ok := ParseDate([]byte(got), 0); !ok || back != seconds {
			t.Fatalf("%q: %d %v, want %d", got, back, ok, seconds)
		}
	}
}

func FuzzDate(f *testing.F) {
	for _, text := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		seconds, ok := ParseDate(b, 1767225600)
		if !ok {
			return
		}
		sent := AppendDate(nil, seconds)
		if again, ok := ParseDate(sent, 0); !ok || again != seconds {
			t.Fatalf("%q is %d, sent as %q, read as %d %v", b, seconds, sent, again, ok)
		}
	})
}

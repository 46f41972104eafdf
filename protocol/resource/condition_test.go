package resource

import (
	"slices"
	"testing"
)

const (
	changed = 784111777 // Sun, 06 Nov 1994 08:49:37 GMT
	before  = "Sun, 06 Nov 1994 08:49:36 GMT"
	exactly = "Sun, 06 Nov 1994 08:49:37 GMT"
	after   = "Sun, 06 Nov 1994 08:49:38 GMT"
)

// The order is RFC 9110 section 13.2.2, the meaning of each field 13.1.
func TestConditionsAreJudgedInTheOrderOfTheRFC(t *testing.T) {
	const tag, weak, other = `"xyzzy"`, `W/"xyzzy"`, `"r2d2xxxx"`
	for _, test := range []struct {
		name string
		with string // the fields, one a line
		etag string // of the file; default tag
		want int
	}{
		{"nothing asked", "", "", 200},

		{"if-match the tag", "if-match: " + tag, "", 200},
		{"if-match a list", `if-match: "a", "c,d" ,, "xyzzy"`, "", 200},
		{"if-match any", "if-match: *", "", 200},
		{"if-match any, no tag", "if-match: *", "none", 200},
		{"if-match another", "if-match: " + other, "", 412},
		{"if-match weakly named", "if-match: " + weak, "", 412}, // strong comparison
		{"if-match, file is weak", "if-match: " + weak, weak, 412},
		{"if-match garbage", "if-match: xyzzy", "", 412},
		{"if-match empty", "if-match: ", "", 412},
		{"if-match open quote", `if-match: "xyzzy`, "", 412},
		{"if-match star in a list", `if-match: "a", *`, "", 412},
		{"if-match wins over if-unmodified-since", "if-match: " + tag + "\nif-unmodified-since: " + before, "", 200},

		{"if-unmodified-since before", "if-unmodified-since: " + before, "", 412},
		{"if-unmodified-since exactly", "if-unmodified-since: " + exactly, "", 200},
		{"if-unmodified-since after", "if-unmodified-since: " + after, "", 200},
		{"if-unmodified-since is no date", "if-unmodified-since: yesterday", "", 200},

		{"if-none-match the tag", "if-none-match: " + tag, "", 304},
		{"if-none-match weakly named", "if-none-match: " + weak, "", 304}, // weak comparison
		{"if-none-match, file is weak", "if-none-match: " + tag, weak, 304},
		{"if-none-match any", "if-none-match: *", "", 304},
		{"if-none-match a list", `if-none-match: "a",W/"b", W/"xyzzy"`, "", 304},
		{"if-none-match another", "if-none-match: " + other, "", 200},
		{"if-none-match garbage", "if-none-match: xyzzy", "", 200},
		{"if-none-match part of the tag", `if-none-match: "xyzz"`, "", 200},
		{"if-none-match with another case", `if-none-match: "XYZZY"`, "", 200},
		{"if-none-match, file has none", `if-none-match: ""`, "none", 200},
		{"if-none-match wins over if-modified-since", "if-none-match: " + other + "\nif-modified-since: " + after, "", 200},
		{"if-none-match wins the other way", "if-none-match: " + tag + "\nif-modified-since: " + before, "", 304},
		{"if-match true, if-none-match true", "if-match: " + tag + "\nif-none-match: " + tag, "", 304},
		{"if-match false goes first", "if-match: " + other + "\nif-none-match: " + tag, "", 412},

		{"if-modified-since before", "if-modified-since: " + before, "", 200},
		{"if-modified-since exactly", "if-modified-since: " + exactly, "", 304},
		{"if-modified-since after", "if-modified-since: " + after, "", 304},
		{"if-modified-since in asctime", "if-modified-since: Sun Nov  6 08:49:37 1994", "", 304},
		{"if-modified-since is two dates", "if-modified-since: " + exactly + ", " + exactly, "", 200},
		{"if-unmodified-since false goes first", "if-unmodified-since: " + before + "\nif-modified-since: " + after, "", 412},

		{"range", "range: bytes=0-9", "", 206},
		{"range of an unchanged file", "range: bytes=0-9\nif-none-match: " + tag, "", 304},
		{"range with a false if-match", "range: bytes=0-9\nif-match: " + other, "", 412},
		{"range behind the end", "range: bytes=1000-", "", 416},
		{"range behind the end of an unchanged file", "range: bytes=1000-\nif-none-match: *", "", 304},

		{"if-range the tag", "range: bytes=0-9\nif-range: " + tag, "", 206},
		{"if-range weakly named", "range: bytes=0-9\nif-range: " + weak, "", 200},
		{"if-range, both weak", "range: bytes=0-9\nif-range: " + weak, weak, 200},
		{"if-range another", "range: bytes=0-9\nif-range: " + other, "", 200},
		{"if-range another, range behind the end", "range: bytes=1000-\nif-range: " + other, "", 200},
		{"if-range the date", "range: bytes=0-9\nif-range: " + exactly, "", 206},
		{"if-range a later date", "range: bytes=0-9\nif-range: " + after, "", 200}, // exact match only
		{"if-range an earlier date", "range: bytes=0-9\nif-range: " + before, "", 200},
		{"if-range garbage", "range: bytes=0-9\nif-range: xyzzy", "", 200},
		{"if-range a list", `range: bytes=0-9` + "\n" + `if-range: "xyzzy", "a"`, "", 200},
		{"if-range without range", "if-range: " + other, "", 200},
	} {
		r := Representation{ETag: []byte(tag), Modified: changed, Size: 1000}
		if test.etag != "" {
			r.ETag = []byte(test.etag)
		}
		if test.etag == "none" {
			r.ETag = nil
		}
		q := conditions(test.with)
		if got, _ := q.Judge(&r, true, changed+3600, nil); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestHeadHasConditionsButNoRange(t *testing.T) {
	r := Representation{ETag: []byte(`"a"`), Modified: changed, Size: 10}
	for with, want := range map[string]int{"range: bytes=0-1": 200, "range: bytes=99-": 200, `if-none-match: "a"`: 304, `if-match: "b"`: 412} {
		q := conditions(with)
		if got, _ := q.Judge(&r, false, changed, nil); got != want {
			t.Errorf("HEAD with %s: %d, want %d", with, got, want)
		}
	}
}

// RFC 9110 section 8.8.2.2: within the second a file may change once more.
func TestDateOfThisSecondResumesNothing(t *testing.T) {
	r := Representation{Modified: changed, Size: 10}
	q := conditions("range: bytes=5-\nif-range: " + exactly)
	if got, _ := q.Judge(&r, true, changed, nil); got != 200 {
		t.Errorf("in the same second: %d, want 200", got)
	}
	if got, _ := q.Judge(&r, true, changed+1, nil); got != 206 {
		t.Errorf("a second later: %d, want 206", got)
	}
}

func TestUnknownTimeIsNoCondition(t *testing.T) {
	for _, with := range []string{"if-modified-since: " + exactly, "if-unmodified-since: " + before, "range: bytes=0-1\nif-range: Thu, 01 Jan 1970 00:00:00 GMT"} {
		q := conditions(with)
		if got, _ := q.Judge(&Representation{Size: 10}, true, changed, nil); got != 200 {
			t.Errorf("%s: %d, want 200", with, got)
		}
	}
}

// conditions reads fields written one a line.
func conditions(text string) (q Conditions) {
	for line := range linesOf(text) {
		name, value, _ := cut(line, ": ")
		switch name {
		case "if-match":
			q.IfMatch = []byte(value)
		case "if-unmodified-since":
			q.IfUnmodifiedSince = []byte(value)
		case "if-none-match":
			q.IfNoneMatch = []byte(value)
		case "if-modified-since":
			q.IfModifiedSince = []byte(value)
		case "if-range":
			q.IfRange = []byte(value)
		case "range":
			q.Range = []byte(value)
		}
	}
	return q
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte(`"a"`), []byte(before), []byte(`W/"b", "c"`), []byte(after), []byte(exactly), []byte("bytes=0-1,5-,-3"), int64(100))
	f.Add([]byte("*"), []byte(nil), []byte(nil), []byte(nil), []byte(`"x"`), []byte("bytes=9223372036854775808-"), int64(0))
	f.Fuzz(func(t *testing.T, match, unmodified, none, modified, ifRange, ranges []byte, size int64) {
		if size < 0 {
			return
		}
		q := Conditions{match, unmodified, none, modified, ifRange, ranges}
		r := Representation{ETag: []byte(`"x"`), Modified: changed, Size: size}
		status, parts := q.Judge(&r, true, changed+10, nil)
		if !slices.Contains([]int{200, 206, 304, 412, 416}, status) {
			t.Fatalf("status %d", status)
		}
		if (status == 206) != (len(parts) > 0) {
			t.Fatalf("status %d with ranges %v", status, parts)
		}
		checkRanges(t, parts, size)
		if head, _ := q.Judge(&r, false, changed+10, nil); head != status && status != 206 && status != 416 {
			t.Fatalf("GET gets %d, HEAD %d", status, head)
		}
	})
}

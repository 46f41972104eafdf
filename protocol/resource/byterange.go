package resource

import (
	"math"
	"slices"
)

// Range is a part of a representation: Length bytes from Start on.
type Range struct {
	Start, Length int64
}

func (r Range) end() int64 { return r.Start + r.Length }

// maxRanges bounds what one request may ask for: each part costs a head of its
// own, so many small ones are a way to make an answer of nothing but heads
// (RFC 9110 section 14.2 lets a server ignore them).
const maxRanges = 16

// parseRanges reads a Range field for a representation of size bytes. What is
// not a valid set of byte ranges, or too many, is ignored: 200.
func parseRanges(field []byte, size int64, ranges []Range) (status int, _ []Range) {
	specs, ok := cutUnit(field)
	if !ok {
		return 200, nil
	}
	seen := 0
	for specs = skip(specs); len(specs) > 0; specs = skip(specs) {
		var spec []byte
		spec, specs = cutElement(specs)
		one, valid := parseRange(spec, size)
		if seen++; !valid || seen > maxRanges {
			return 200, nil
		}
		if one.Length > 0 {
			ranges = include(ranges, one)
		} else if one.Start < 0 { // the last bytes of nothing: satisfiable, and all there is (section 14.1.2)
			return 200, nil
		}
	}
	switch {
	case seen == 0:
		return 200, nil
	case len(ranges) == 0:
		return 416, nil
	case len(ranges) == 1 && ranges[0].Length == size && seen > 1: // they made the whole
		return 200, nil
	}
	return 206, ranges
}

// cutUnit takes "bytes=" off; names of units are case-insensitive.
func cutUnit(b []byte) (specs []byte, ok bool) {
	const unit = "bytes="
	if len(b) < len(unit) {
		return nil, false
	}
	for i := range len(unit) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != unit[i] {
			return nil, false
		}
	}
	return b[len(unit):], true
}

// cutElement cuts up to the next comma, whitespace behind it trimmed.
func cutElement(list []byte) (element, rest []byte) {
	end := 0
	for end < len(list) && list[end] != ',' {
		end++
	}
	element, rest = list[:end], list[end:]
	for len(element) > 0 && (element[len(element)-1] == ' ' || element[len(element)-1] == '\t') {
		element = element[:len(element)-1]
	}
	return element, rest
}

// parseRange reads "first-last", "first-" or "-suffix". One that lies behind
// the end has no length; a suffix of an empty representation has Start -1.
func parseRange(spec []byte, size int64) (Range, bool) {
	first, rest, some := cutNumber(spec)
	if len(rest) == 0 || rest[0] != '-' {
		return Range{}, false
	}
	last, rest, bounded := cutNumber(rest[1:])
	switch {
	case len(rest) > 0 || !some && !bounded:
		return Range{}, false
	case !some && last == 0:
		return Range{}, true
	case !some && size == 0:
		return Range{Start: -1}, true
	case !some:
		length := min(last, size)
		return Range{size - length, length}, true
	case bounded && last < first:
		return Range{}, false
	case first >= size:
		return Range{}, true
	case !bounded || last >= size:
		last = size - 1
	}
	return Range{first, last - first + 1}, true
}

// cutNumber reads digits; what does not fit is as good as infinite.
func cutNumber(b []byte) (n int64, rest []byte, some bool) {
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		digit := int64(b[i] - '0')
		if n > (math.MaxInt64-digit)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + digit
	}
	return n, b[i:], i > 0
}

// include adds r; with those it overlaps or touches it becomes one, in the
// place of the first of them (RFC 9110 section 15.3.7.2). So no byte is sent
// twice, however a client asks.
func include(ranges []Range, r Range) []Range {
	place := len(ranges)
	for i := 0; i < len(ranges); {
		other := ranges[i]
		if other.Start > r.end() || r.Start > other.end() {
			i++
			continue
		}
		start := min(r.Start, other.Start)
		r = Range{start, max(r.end(), other.end()) - start}
		ranges = slices.Delete(ranges, i, i+1)
		place = min(place, i)
		i = 0 // it grew, and may touch one that it passed by
	}
	return slices.Insert(ranges, min(place, len(ranges)), r)
}

package resource

// An entity tag is kept as it is sent: "xyzzy" in quotes, or W/"xyzzy" when it
// is weak (RFC 9110 section 8.8.3).

// AppendETag makes the tag of a file. What identifies the content goes in
// mixed: the numbers themselves, an inode's above all, are nobody's business.
// A file that changed within the last second may change again without its time
// telling, so its tag is weak until then (section 8.8.1).
func AppendETag(dst []byte, inode uint64, size, modifiedNanoseconds int64, weak bool) []byte {
	if weak {
		dst = append(dst, "W/"...)
	}
	h := mix(mix(mix(0x9e3779b97f4a7c15^inode)^uint64(size)) ^ uint64(modifiedNanoseconds))
	dst = append(dst, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[h>>shift&15])
	}
	return append(dst, '"')
}

// mix is the finalizer of splitmix64: every bit of x changes half of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// ValidETag tells whether b is one entity tag and nothing else.
func ValidETag(b []byte) bool {
	_, rest, ok := cutETag(b)
	return ok && len(rest) == 0
}

func weakTag(tag []byte) bool { return len(tag) > 0 && tag[0] == 'W' }

// sameTag compares two tags (RFC 9110 section 8.8.3.2).
func sameTag(a, b []byte, strong bool) bool {
	if strong {
		return !weakTag(a) && string(a) == string(b)
	}
	return string(opaque(a)) == string(opaque(b))
}

func opaque(tag []byte) []byte {
	if weakTag(tag) {
		return tag[len("W/"):]
	}
	return tag
}

// listed reports whether tag is among the tags of a field's list, or the list
// is "*". A list stops at what is no tag: what stands behind it counts as absent.
func listed(list, tag []byte, strong bool) bool {
	if len(list) == 1 && list[0] == '*' {
		return true
	}
	if len(tag) == 0 {
		return false
	}
	for {
		list = skip(list)
		one, rest, ok := cutETag(list)
		if !ok {
			return false
		}
		if sameTag(one, tag, strong) {
			return true
		}
		list = rest
	}
}

// cutETag cuts a tag off the front of b. Commas may stand inside the quotes.
func cutETag(b []byte) (tag, rest []byte, ok bool) {
	i := 0
	if len(b) >= 2 && b[0] == 'W' && b[1] == '/' {
		i = 2
	}
	if i >= len(b) || b[i] != '"' {
		return nil, b, false
	}
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[:i+1], b[i+1:], true
		case c < 0x21 || c == 0x7f:
			return nil, b, false
		}
	}
	return nil, b, false
}

// skip passes over whitespace and empty elements of a list.
func skip(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == ',') {
		b = b[1:]
	}
	return b
}

package resource

// maxName is what the kernel takes as a path (PATH_MAX, its NUL included).
const maxName = 4095

// FilePath appends the name of the file that path, the path of a request still
// percent-encoded, stands for: relative, decoded once. dir: it ends in a slash.
// ok is false for what no file is called here. Nothing is repaired: a path with
// "//", "." or ".." segments, plain or encoded, an encoded slash, a backslash or
// a control character has no file. Two servers that clean such a path in two ways
// are how files are read that nobody meant to serve.
func FilePath(dst, path []byte) (name []byte, dir, ok bool) {
	if len(path) == 0 || path[0] != '/' {
		return dst, false, false
	}
	begin := len(dst)
	segment := begin
	for i := 1; i < len(path); i++ {
		c := path[i]
		if c == '/' {
			if !validSegment(dst[segment:]) {
				return dst, false, false
			}
			dst = append(dst, '/')
			segment = len(dst)
			continue
		}
		if c == '%' {
			if i+2 >= len(path) {
				return dst, false, false
			}
			high, low := unhex(path[i+1]), unhex(path[i+2])
			if high > 15 || low > 15 {
				return dst, false, false
			}
			c = high<<4 | low
			i += 2
		}
		if c < ' ' || c == 0x7f || c == '/' || c == '\\' {
			return dst, false, false
		}
		dst = append(dst, c)
	}
	if len(dst) > segment && !validSegment(dst[segment:]) || len(dst)-begin > maxName {
		return dst, false, false
	}
	if segment == len(dst) && segment > begin {
		dst = dst[:segment-1] // without the slash at its end
	}
	return dst, path[len(path)-1] == '/', true
}

func validSegment(s []byte) bool {
	return len(s) > 0 && string(s) != "." && string(s) != ".."
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// Hidden tells a name with a segment that begins with a dot: .env, .git/config.
// The folder .well-known at the top is made to be seen (RFC 8615).
func Hidden(name []byte) bool {
	const wellKnown = ".well-known"
	if len(name) >= len(wellKnown) && string(name[:len(wellKnown)]) == wellKnown && (len(name) == len(wellKnown) || name[len(wellKnown)] == '/') {
		name = name[len(wellKnown):]
	}
	for i, c := range name {
		if c == '.' && (i == 0 || name[i-1] == '/') {
			return true
		}
	}
	return false
}

// EndsIn tells whether name ends in one of the lower-case endings, in any case:
// some file systems do not tell A from a.
func EndsIn(name []byte, endings []string) bool {
	for _, ending := range endings {
		if len(name) >= len(ending) && foldEqual(name[len(name)-len(ending):], ending) {
			return true
		}
	}
	return false
}

func foldEqual(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

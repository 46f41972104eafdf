package accesslog

import "strconv"

// AppendCombined appends the line that Apache calls combined, and nginx too:
//
//	192.0.2.1 - - [22/Nov/2026:02:39:14 +0000] "GET /a?b HTTP/1.1" 200 5 "https://example.org/" "curl/8.0"
func AppendCombined(dst []byte, r *Record) []byte {
	dst = appendEscaped(dst, r.Remote, maxText)
	dst = append(dst, " - - ["...)
	dst = append(dst, r.Moment.Common...)
	dst = append(dst, `] "`...)
	if r.Method == nil {
		dst = append(dst, '-')
	} else {
		dst = append(appendEscaped(dst, r.Method, maxText), ' ')
		dst = append(appendEscaped(dst, r.Target, maxTarget), ' ')
		dst = append(dst, r.Protocol...)
	}
	dst = append(dst, `" `...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, r.Sent, 10)
	dst = append(dst, ` "`...)
	dst = appendOrDash(dst, r.Referer)
	dst = append(dst, `" "`...)
	dst = appendOrDash(dst, r.Agent)
	return append(dst, "\"\n"...)
}

func appendOrDash(dst, b []byte) []byte {
	if len(b) == 0 {
		return append(dst, '-')
	}
	return appendEscaped(dst, b, maxText)
}

// appendEscaped writes what is not printable ASCII, the quote and the backslash as \xXX, as nginx does.
func appendEscaped(dst, b []byte, most int) []byte {
	b = cut(b, most)
	plain := 0
	for i, c := range b {
		if plainCombined[c] {
			continue
		}
		dst = append(append(dst, b[plain:i]...), '\\', 'x', hex[c>>4], hex[c&15])
		plain = i + 1
	}
	return append(dst, b[plain:]...)
}

var plainCombined = func() (table [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

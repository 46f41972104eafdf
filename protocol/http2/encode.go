package http2

import (
	"strconv"
	"unsafe"

	"golang.org/x/net/http2/hpack"
)

// Answers are encoded without a dynamic table: a block does not depend on those before it, so it may be made before it is
// known when it is sent, and a connection has no encoder to keep. Names come from the static table, text is
// Huffman-coded.

// AppendStatus appends :status, which must come first (RFC 9113 8.3.2).
func AppendStatus(dst []byte, status int) []byte {
	if status < 100 || status > 999 {
		status = 500
	}
	switch status {
	case 200:
		return append(dst, 0x80|8)
	case 204:
		return append(dst, 0x80|9)
	case 206:
		return append(dst, 0x80|10)
	case 304:
		return append(dst, 0x80|11)
	case 400:
		return append(dst, 0x80|12)
	case 404:
		return append(dst, 0x80|13)
	case 500:
		return append(dst, 0x80|14)
	}
	return strconv.AppendInt(append(dst, 8, 3), int64(status), 10)
}

// AppendField appends a field. The name is sent in lower case.
func AppendField(dst, name, value []byte) []byte {
	var room [64]byte
	lower := lowered(room[:0], name)
	index, ok := staticNames[string(lower)]
	pattern := byte(0) // without indexing (RFC 7541 6.2.2)
	if secret(lower) {
		pattern = 0x10 // never, by nobody on the way (RFC 7541 6.2.3, 7.1.3)
	}
	if ok {
		dst = appendInteger(dst, pattern, 4, uint64(index))
	} else {
		dst = appendString(append(dst, pattern), lower)
	}
	return appendString(dst, value)
}

func secret(name []byte) bool {
	return string(name) == "set-cookie" || string(name) == "authorization"
}

func lowered(dst, name []byte) []byte {
	for _, b := range name {
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		dst = append(dst, b)
	}
	return dst
}

// appendInteger writes an integer with a prefix of n bits (RFC 7541 5.1).
func appendInteger(dst []byte, pattern byte, n uint, v uint64) []byte {
	limit := uint64(1)<<n - 1
	if v < limit {
		return append(dst, pattern|byte(v))
	}
	dst = append(dst, pattern|byte(limit))
	for v -= limit; v >= 128; v >>= 7 {
		dst = append(dst, 0x80|byte(v))
	}
	return append(dst, byte(v))
}

// appendString writes a string in the shorter of its two forms (RFC 7541 5.2).
func appendString(dst, b []byte) []byte {
	s := unsafe.String(unsafe.SliceData(b), len(b)) // hpack only reads it
	if n := hpack.HuffmanEncodeLength(s); n < uint64(len(b)) {
		return hpack.AppendHuffmanString(appendInteger(dst, 0x80, 7, n), s)
	}
	return append(appendInteger(dst, 0, 7, uint64(len(b))), b...)
}

// staticNames are the first entries of the static table with each name (RFC 7541 appendix A), those of answers.
var staticNames = map[string]uint8{
	"accept-charset": 15, "accept-encoding": 16, "accept-language": 17, "accept-ranges": 18, "accept": 19, "access-control-allow-origin": 20,
	"age": 21, "allow": 22, "authorization": 23, "cache-control": 24, "content-disposition": 25, "content-encoding": 26, "content-language": 27,
	"content-length": 28, "content-location": 29, "content-range": 30, "content-type": 31, "cookie": 32, "date": 33, "etag": 34, "expect": 35,
	"expires": 36, "from": 37, "host": 38, "if-match": 39, "if-modified-since": 40, "if-none-match": 41, "if-range": 42, "if-unmodified-since": 43,
	"last-modified": 44, "link": 45, "location": 46, "max-forwards": 47, "proxy-authenticate": 48, "proxy-authorization": 49, "range": 50,
	"referer": 51, "refresh": 52, "retry-after": 53, "server": 54, "set-cookie": 55, "strict-transport-security": 56, "transfer-encoding": 57,
	"user-agent": 58, "vary": 59, "via": 60, "www-authenticate": 61,
}

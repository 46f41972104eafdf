package resource

import "strconv"

// The pieces of an answer with ranges (RFC 9110 sections 14.4, 14.6, 15.3.7).

// AppendContentRange appends the value of Content-Range for a part:
// "bytes 0-499/1234".
func AppendContentRange(dst []byte, r Range, size int64) []byte {
	dst = strconv.AppendInt(append(dst, "bytes "...), r.Start, 10)
	dst = strconv.AppendInt(append(dst, '-'), r.Start+r.Length-1, 10)
	return strconv.AppendInt(append(dst, '/'), size, 10)
}

// AppendUnsatisfied appends the value of Content-Range for a 416.
func AppendUnsatisfied(dst []byte, size int64) []byte {
	return strconv.AppendInt(append(dst, "bytes */"...), size, 10)
}

// AppendPartHead appends what stands before the bytes of a part.
func AppendPartHead(dst []byte, boundary, mediaType string, r Range, size int64) []byte {
	dst = append(append(append(dst, "\r\n--"...), boundary...), "\r\n"...)
	if mediaType != "" {
		dst = append(append(append(dst, "content-type: "...), mediaType...), "\r\n"...)
	}
	dst = AppendContentRange(append(dst, "content-range: "...), r, size)
	return append(dst, "\r\n\r\n"...)
}

// AppendLastBoundary appends what stands behind the last part.
func AppendLastBoundary(dst []byte, boundary string) []byte {
	return append(append(append(dst, "\r\n--"...), boundary...), "--\r\n"...)
}

// MultipartLength is how long a body of these parts is.
func MultipartLength(boundary, mediaType string, ranges []Range, size int64) int64 {
	var scratch [512]byte
	length := int64(len(AppendLastBoundary(scratch[:0], boundary)))
	for _, r := range ranges {
		length += int64(len(AppendPartHead(scratch[:0], boundary, mediaType, r, size))) + r.Length
	}
	return length
}

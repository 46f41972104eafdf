package framing

import "bytes"

// NextLine returns the first line of buf without its "\n" and without a "\r" before that. n is its length on the wire.
// n == 0 and no error: the line is incomplete; call again with more, scanned being the length of buf now. scanned is how
// many bytes an earlier call has searched already, 0 at first. A line of more than max bytes is an *Error, as soon as that
// much has arrived.
func NextLine(buf []byte, scanned int, max int) (msg []byte, n int, err error) {
	window := buf[:min(len(buf), max+len("\r\n"))]
	scanned = min(scanned, len(window))
	end := bytes.IndexByte(window[scanned:], '\n')
	if end < 0 {
		if len(cutCR(window)) > max {
			return nil, 0, ErrLineTooLong
		}
		return nil, 0, nil
	}
	end += scanned
	msg = cutCR(buf[:end:end])
	if len(msg) > max {
		return nil, 0, ErrLineTooLong
	}
	return msg, end + 1, nil
}

// AppendLine appends msg as one line. A msg that holds "\n" arrives as several.
func AppendLine(dst, msg []byte) []byte {
	return append(append(dst, msg...), '\n')
}

func cutCR(line []byte) []byte {
	if last := len(line) - 1; last >= 0 && line[last] == '\r' {
		return line[:last]
	}
	return line
}

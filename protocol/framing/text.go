package framing

import "bytes"

// Text is messages that each end with a delimiter.
type Text struct {
	delimiter []byte
	lines     bool // a "\r" before the end belongs to the end
}

// Lines is text where a message is a line: it ends with "\n", or as telnet has it with "\r\n".
var Lines = NewText("\n")

// NewText makes the framing of a delimiter of at least one byte. With "\n" it is Lines.
func NewText(delimiter string) *Text {
	return &Text{delimiter: []byte(delimiter), lines: delimiter == "\n"}
}

// Next returns the first message without its delimiter.
func (t *Text) Next(buf []byte, scanned, max int) (msg []byte, n int, err error) {
	window := buf[:min(len(buf), t.longest(max))]
	from := min(scanned, len(window)) - (len(t.delimiter) - 1) // a part of it may have been there
	if from < 0 {
		from = 0
	}
	end := bytes.Index(window[from:], t.delimiter)
	if end < 0 {
		if len(t.cut(window)) > max+len(t.delimiter)-1 {
			return nil, 0, ErrLineTooLong
		}
		return nil, 0, nil
	}
	end += from
	msg = t.cut(buf[:end:end])
	if len(msg) > max {
		return nil, 0, ErrLineTooLong
	}
	return msg, end + len(t.delimiter), nil
}

// longest is the most that a message of max bytes takes on the wire.
func (t *Text) longest(max int) int {
	if t.lines {
		max++
	}
	return max + len(t.delimiter)
}

// Append ends msg with the delimiter. A msg that holds it arrives as several.
func (t *Text) Append(dst, msg []byte) []byte {
	return append(append(dst, msg...), t.delimiter...)
}

// Fits is true for every message.
func (t *Text) Fits([]byte) bool { return true }

// cut takes the "\r" off a line.
func (t *Text) cut(line []byte) []byte {
	if last := len(line) - 1; t.lines && last >= 0 && line[last] == '\r' {
		return line[:last]
	}
	return line
}

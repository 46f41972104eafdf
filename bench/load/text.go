package load

import (
	"bytes"
	"fmt"
	"io"
)

// Text sends lines and expects each back unchanged.
type Text struct{ lines [][]byte }

// NewText prepares [Variants] different lines of [MessageBytes], line end included.
func NewText() *Text {
	t := &Text{}
	for i := range Variants {
		line := message(i)
		line[MessageBytes-1] = '\n'
		t.lines = append(t.lines, line)
	}
	return t
}

// Greet does nothing: a line protocol has no opening.
func (t *Text) Greet(io.ReadWriter) error { return nil }

// Request returns line i.
func (t *Text) Request(i uint32) []byte { return t.lines[i%Variants] }

// Answer checks one line.
func (t *Text) Answer(data []byte, i uint32) (Answer, error) {
	want := t.lines[i%Variants]
	if bytes.HasPrefix(data, want) {
		return Answer{Size: len(want), Done: true}, nil
	}
	if !bytes.HasPrefix(want, data) {
		return Answer{}, fmt.Errorf("wrong line: got %q, want %q", clip(data), want)
	}
	return Answer{}, nil
}

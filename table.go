package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// table prints rows under titles, every column as wide as its widest cell.
type table struct {
	titles []string
	right  map[string]bool // titles of columns that hold numbers
	rows   [][]string
	footer []string // a last row, apart from the others
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer, p palette) error {
	widths := t.widths()
	var b strings.Builder
	t.line(&b, t.titles, widths, func(text string) string { return p.paint(bold, text) })
	for _, row := range t.rows {
		t.line(&b, row, widths, func(text string) string { return p.paint(stateColours[strings.TrimSpace(text)], text) })
	}
	if t.footer != nil {
		t.line(&b, t.footer, widths, func(text string) string { return p.paint(bold, text) })
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) widths() []int {
	widths := make([]int, len(t.titles))
	for _, row := range append([][]string{t.titles, t.footer}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// line pads before it paints, and leaves no blanks at the end of a line.
func (t *table) line(b *strings.Builder, cells []string, widths []int, paint func(string) string) {
	var text strings.Builder
	for i, cell := range cells {
		if i > 0 {
			text.WriteString("  ")
		}
		gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		switch {
		case t.right[t.titles[i]]:
			text.WriteString(gap + paint(cell))
		case i == len(cells)-1:
			text.WriteString(paint(cell))
		default:
			text.WriteString(paint(cell) + gap)
		}
	}
	b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
}

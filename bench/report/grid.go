package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Grid is a table that is Markdown and reads well in a terminal too.
type Grid struct {
	Headings []string
	Lines    [][]string
}

// Add appends a line.
func (g *Grid) Add(cells ...string) { g.Lines = append(g.Lines, cells) }

// Write pads every cell to the width of its column.
func (g *Grid) Write(w io.Writer) error {
	widths := make([]int, len(g.Headings))
	for _, line := range append([][]string{g.Headings}, g.Lines...) {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
	}
	line(g.Headings)
	for _, width := range widths {
		b.WriteString("|" + strings.Repeat("-", width+2))
	}
	b.WriteString("|\n")
	for _, cells := range g.Lines {
		line(cells)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

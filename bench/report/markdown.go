package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the tables as docs/performance.md shows them.
func (r *Report) WriteMarkdown(w io.Writer) {
	fmt.Fprint(w, "# Every figure of gw and others\n\n[Performance](performance.md) says how to read them. Written by `make bench-peers`:\n")
	fmt.Fprintf(w, "`%s`\n\n", r.Command)
	for _, line := range r.Settings() {
		fmt.Fprintln(w, line)
	}
	if len(r.Rows) > 0 {
		r.writeRows(w)
	}
	if len(r.Idle) > 0 {
		fmt.Fprint(w, "\n### Memory of idle connections\n\n")
		writeLine(w, idleHeadings)
		writeRule(w, len(idleHeadings))
		for _, idle := range r.Idle {
			writeLine(w, idle.cells())
		}
	}
}

// writeRows writes a table for each scenario.
func (r *Report) writeRows(w io.Writer) {
	scenario := ""
	for _, row := range r.Rows {
		if row.Scenario != scenario {
			scenario = row.Scenario
			fmt.Fprintf(w, "\n### %s\n\n", scenario)
			writeLine(w, headings)
			writeRule(w, len(headings))
		}
		writeLine(w, r.cells(row))
	}
}

func writeLine(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

func writeRule(w io.Writer, columns int) {
	fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", columns))
}

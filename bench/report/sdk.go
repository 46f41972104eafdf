package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// SDKRun is one measurement of an SDK's loop and, right before and behind it,
// of what it is compared with: µs of processor time a message.
type SDKRun struct {
	SDK    float64
	Bare   float64
	Beside float64 // another version of the SDK; 0: none
	Rate   float64 // messages a second
	Noise  float64 // share of the machine used by others
}

// SDKRow is all runs of a handler under a work.
type SDKRow struct {
	Work, Handler string
	Budget        float64 // µs; 0: none is stated
	Runs          []SDKRun
}

var sdkHeadings = []string{"work", "handler", "CPU µs", "best", "bare loop", "÷ bare", "budget", "÷ budget", "messages/s", "noise"}

// WriteSDKTable prints rows for a terminal.
func WriteSDKTable(w io.Writer, rows []SDKRow) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, cells := range sdkCells(rows) {
		fmt.Fprintf(t, "%s\t\n", strings.Join(cells, "\t"))
	}
	t.Flush()
}

// WriteSDKMarkdown prints them for the documentation.
func WriteSDKMarkdown(w io.Writer, rows []SDKRow) {
	for i, cells := range sdkCells(rows) {
		writeLine(w, cells)
		if i == 0 {
			writeRule(w, len(cells))
		}
	}
}

// sdkCells is a table with its headings; two more columns where there is
// another version beside.
func sdkCells(rows []SDKRow) [][]string {
	beside := slices.ContainsFunc(rows, func(r SDKRow) bool {
		return slices.ContainsFunc(r.Runs, func(run SDKRun) bool { return run.Beside > 0 })
	})
	headings := sdkHeadings
	if beside {
		headings = slices.Concat(headings, []string{"beside", "÷ beside"})
	}
	cells := [][]string{headings}
	for _, row := range rows {
		line := row.cells()
		if beside {
			line = append(line, fmt.Sprintf("%.2f", middle(row.Runs, SDKRun.beside)), fmt.Sprintf("%.2f", middle(row.Runs, SDKRun.overBeside)))
		}
		cells = append(cells, line)
	}
	return cells
}

func (r SDKRow) cells() []string {
	us, best, mark := middle(r.Runs, SDKRun.sdk), r.Runs[0].SDK, ""
	for _, run := range r.Runs {
		best = min(best, run.SDK)
	}
	noise := middle(r.Runs, func(run SDKRun) float64 { return run.Noise })
	if noise > NoiseLimit {
		mark = "~"
	}
	budget, ratio := "", ""
	if r.Budget > 0 {
		budget, ratio = fmt.Sprintf("%.2f", r.Budget), fmt.Sprintf("%s%.2f", mark, us/r.Budget)
	}
	return []string{
		r.Work, r.Handler, fmt.Sprintf("%s%.2f", mark, us), fmt.Sprintf("%.2f", best),
		fmt.Sprintf("%s%.2f", mark, middle(r.Runs, func(run SDKRun) float64 { return run.Bare })), fmt.Sprintf("%.2f", middle(r.Runs, SDKRun.overBare)),
		budget, ratio, Thousands(middle(r.Runs, func(run SDKRun) float64 { return run.Rate })), fmt.Sprintf("%.0f %%", 100*noise),
	}
}

func (r SDKRun) sdk() float64        { return r.SDK }
func (r SDKRun) beside() float64     { return r.Beside }
func (r SDKRun) overBare() float64   { return r.SDK / r.Bare }
func (r SDKRun) overBeside() float64 { return r.SDK / r.Beside }

// middle is the median. Ratios are taken within a run first: the machine drifts
// by more than they differ.
func middle(runs []SDKRun, of func(SDKRun) float64) float64 {
	values := make([]float64, 0, len(runs))
	for _, run := range runs {
		values = append(values, of(run))
	}
	slices.SortFunc(values, cmp.Compare)
	return values[(len(values)-1)/2]
}

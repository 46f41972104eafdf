package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The marks in a page between which [Report.Insert] writes.
const (
	pageBegin = "<!-- figures of make bench-peers -->\n"
	pageEnd   = "<!-- end of the figures -->\n"
)

// WriteGlance writes one table of all servers and scenarios: processor time per
// request at [BudgetConnections] with one worker, and what that is of the gw it
// is compared with.
func (r *Report) WriteGlance(w io.Writer) error {
	var scenarios, peers []string
	cells := map[[2]string]string{}
	for _, row := range r.Rows {
		if row.Connections != BudgetConnections || row.Workers != 1 || row.FixedRate > 0 {
			continue
		}
		if !slices.Contains(scenarios, row.Scenario) {
			scenarios = append(scenarios, row.Scenario)
		}
		if !slices.Contains(peers, row.Peer) {
			peers = append(peers, row.Peer)
		}
		cell := fmt.Sprintf("%.1f", row.Median.Total())
		if ratio, known := r.Ratio(row); known {
			cell += fmt.Sprintf(" (%.2f)", ratio)
		}
		if row.Median.Noisy() {
			cell = "~" + cell
		}
		cells[[2]string{row.Peer, row.Scenario}] = cell
	}
	g := Grid{Headings: append([]string{""}, scenarios...)}
	for _, peer := range peers {
		line := []string{peer}
		for _, scenario := range scenarios {
			line = append(line, cells[[2]string{peer, scenario}])
		}
		g.Add(line...)
	}
	return g.Write(w)
}

// Insert returns a page with the settings and the glance between its marks.
func (r *Report) Insert(page []byte) ([]byte, error) {
	begin, end := bytes.Index(page, []byte(pageBegin)), bytes.Index(page, []byte(pageEnd))
	if begin < 0 || end < begin {
		return nil, errors.New("the page has no place for the figures between " + pageBegin[:len(pageBegin)-1] + " and " + pageEnd[:len(pageEnd)-1])
	}
	var b bytes.Buffer
	b.Write(page[:begin+len(pageBegin)])
	fmt.Fprintln(&b)
	if err := r.WriteGlance(&b); err != nil {
		return nil, err
	}
	fmt.Fprintln(&b)
	for _, line := range r.Settings() {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintf(&b, "By `%s`.\n\n", r.Command)
	b.Write(page[end:])
	return b.Bytes(), nil
}

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gw/bench/gauge"
)

// Report is everything one run of the benchmark found.
type Report struct {
	Command string             `json:"command"`
	Machine gauge.Machine      `json:"machine"`
	Absent  map[string]string  `json:"absent"`                // peer -> why it was not measured
	Alone   map[string]float64 `json:"json_handler_alone_us"` // interpreter -> µs of the json handler without a server
	Rows    []Row              `json:"rows"`
	Idle    []Idle             `json:"idle"`
}

// Settings tells in lines what the figures depend on.
func (r *Report) Settings() (lines []string) {
	lines = append(lines, fmt.Sprintf("%v.", r.Machine))
	if len(r.Alone) > 0 {
		line := "The json handler alone:"
		for _, interpreter := range slices.Sorted(maps.Keys(r.Alone)) {
			line += fmt.Sprintf(" %s %.1f µs,", interpreter, r.Alone[interpreter])
		}
		lines = append(lines, strings.TrimSuffix(line, ",")+".")
	}
	for _, peer := range slices.Sorted(maps.Keys(r.Absent)) {
		lines = append(lines, fmt.Sprintf("Not measured: %s (%s).", peer, r.Absent[peer]))
	}
	return lines
}

// Failed counts everything that went wrong in any run.
func (r *Report) Failed() (failed uint64) {
	for _, row := range r.Rows {
		failed += row.Median.Failed
	}
	for _, idle := range r.Idle {
		failed += uint64(idle.Lost)
	}
	return failed
}

// Ratio is the row's processor time over that of the gw it is compared with, in
// the same setting; false when that was not measured.
func (r *Report) Ratio(row Row) (float64, bool) {
	for _, gw := range r.Rows {
		if gw.Peer == row.Beside && gw.Scenario == row.Scenario && gw.Workers == row.Workers && gw.Connections == row.Connections && gw.Median.Total() > 0 {
			return row.Median.Total() / gw.Median.Total(), true
		}
	}
	return 0, false
}

// WriteJSON writes all of it.
func (r *Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

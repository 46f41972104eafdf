// Package report turns single runs into medians, and medians into a table for
// the terminal, Markdown for the documentation and JSON for programs. It
// measures nothing.
package report

import (
	"cmp"
	"slices"
	"time"

	"gw/bench/gauge"
)

// NoiseLimit is the share of the machine that others may use during a run
// before its figures are no longer trusted.
const NoiseLimit = 0.12

// Run is one measurement of one server under one load.
type Run struct {
	Rate     float64                `json:"requests_per_second"`
	P50      time.Duration          `json:"p50_ns"`
	P99      time.Duration          `json:"p99_ns"`
	CPU      map[gauge.Role]float64 `json:"cpu_us_per_request"`
	LoadCPU  float64                `json:"load_cpu_us_per_request"`
	Noise    float64                `json:"noise"` // share of the machine used by others
	Done     uint64                 `json:"-"`     // all requests of the run, those before and after what was measured too
	Failed   uint64                 `json:"failed"`
	FirstErr string                 `json:"first_error,omitempty"`
}

// Total is the processor time of all the server's processes, µs per request.
func (r Run) Total() (sum float64) {
	for _, us := range r.CPU {
		sum += us
	}
	return sum
}

// Noisy tells whether the run is not to be trusted.
func (r Run) Noisy() bool { return r.Noise > NoiseLimit }

// Row is one setting and all its runs.
type Row struct {
	Scenario    string  `json:"scenario"`
	Peer        string  `json:"peer"`
	Beside      string  `json:"beside,omitempty"` // the peer of gw that it is compared with
	Workers     int     `json:"workers"`
	Connections int     `json:"connections"`
	Depth       int     `json:"under_way_per_connection"`
	FixedRate   float64 `json:"fixed_rate,omitempty"` // requests per second; 0: closed loop
	Runs        []Run   `json:"runs"`
	Median      Run     `json:"median"`
}

// Settle computes the median, of each figure by itself, over the quiet runs or,
// when there is none, over all of them.
func (r *Row) Settle() {
	quiet := slices.DeleteFunc(slices.Clone(r.Runs), Run.Noisy)
	if len(quiet) == 0 {
		quiet = r.Runs
	}
	r.Median = Run{
		Rate:    median(quiet, func(r Run) float64 { return r.Rate }),
		P50:     median(quiet, func(r Run) time.Duration { return r.P50 }),
		P99:     median(quiet, func(r Run) time.Duration { return r.P99 }),
		LoadCPU: median(quiet, func(r Run) float64 { return r.LoadCPU }),
		Noise:   median(quiet, func(r Run) float64 { return r.Noise }),
		CPU:     map[gauge.Role]float64{},
	}
	for _, role := range []gauge.Role{gauge.Master, gauge.Gateway, gauge.Handler} {
		if us := median(quiet, func(r Run) float64 { return r.CPU[role] }); us > 0 {
			r.Median.CPU[role] = us
		}
	}
	for _, run := range r.Runs {
		r.Median.Failed += run.Failed
		r.Median.FirstErr = cmp.Or(r.Median.FirstErr, run.FirstErr)
	}
}

// median is 0 when there is no run.
func median[T cmp.Ordered](runs []Run, of func(Run) T) (m T) {
	var values []T
	for _, r := range runs {
		values = append(values, of(r))
	}
	if len(values) == 0 {
		return m
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

package main

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// report is what a run came to.
type report struct {
	seed     uint64
	load     time.Duration
	took     time.Duration
	begin    time.Time
	ledger   *ledger
	causes   *causes
	retried  uint64
	recovery time.Duration
	outage   time.Duration
	peak     int64
	stalls   stalls
}

func newReport(w *world, o options, peak int64) *report {
	return &report{seed: o.seed, load: o.time, begin: w.begin, ledger: w.ledger, causes: w.causes, retried: w.gauges.retried(),
		recovery: w.gauges.recovery.value, outage: w.gauges.outage.value, peak: peak, stalls: w.stalls}
}

// clean: no fault.
func (r *report) clean() bool { return r.ledger.faulty() == 0 && r.unaccounted() == 0 }

// unaccounted is how many messages have no fate: a fault of ours.
func (r *report) unaccounted() int64 {
	l := r.ledger
	return l.count(sent) - l.count(answered) - l.count(excused) - l.count(cut) - l.count(lost) - l.count(wrong)
}

func (r *report) print(out io.Writer) {
	for _, f := range r.ledger.faults {
		fmt.Fprintf(out, "%8s  FAULT %s\n", clock(f.at.Sub(r.begin)), f.text)
	}
	if n := r.unaccounted(); n != 0 {
		fmt.Fprintf(out, "%d messages have no fate: chaos itself is faulty\n", n)
	}
	fmt.Fprintln(out, r.line())
}

// line is the whole run in one line.
func (r *report) line() string {
	n := func(f fate) string { return thousands(r.ledger.count(f)) }
	line := fmt.Sprintf("seed %d, %.0f s: sent %s answered %s retried %d failed-as-allowed %s lost %s duplicated %s out-of-order %s unexpected closes %s wrong %s",
		r.seed, r.load.Seconds(), n(sent), n(answered), r.retried, n(excused), n(lost), n(duplicated), n(disordered), n(closed), n(wrong))
	if r.outage > 0 {
		line += fmt.Sprintf(", gateway kill cut %s requests and messages, back after %.2f s", n(cut), r.outage.Seconds())
	}
	if r.stalls.count > 0 {
		line += fmt.Sprintf(", machine stood still %d times, up to %.1f s", r.stalls.count, r.stalls.longest.Seconds())
	}
	if r.ledger.other > 0 {
		line += fmt.Sprintf(", other faults %d", r.ledger.other)
	}
	return line + fmt.Sprintf(", slowest recovery %.2f s, peak gateway memory %d MiB", r.recovery.Seconds(), r.peak>>20)
}

// thousands writes 183204 as 183,204.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

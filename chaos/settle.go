package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// settle looks for what must not be left when the load is over, and stops gw.
func (w *world) settle(o options) *report {
	w.awaitQuiet()
	peak := w.gauges.highest()
	if err := w.gw.stop(); err != nil {
		w.ledger.fail("%v", err)
	}
	w.findExcess()
	w.findOrphans()
	w.findFiles()
	return newReport(w, o, peak)
}

// awaitQuiet: nothing under way, nothing waiting, nobody connected, every
// worker there.
func (w *world) awaitQuiet() {
	last := "no status"
	quiet := func() bool {
		s, err := w.gw.status()
		if err != nil {
			last = err.Error()
			return false
		}
		w.gauges.look(s)
		last = s.busy()
		return last == ""
	}
	if !w.gw.await(context.Background(), patience, quiet) {
		w.ledger.fail("after the load: %s", last)
	}
}

// busy says what is not at rest; empty: nothing.
func (s *status) busy() string {
	var left []string
	if !s.ready() {
		for _, w := range s.Workers {
			if w.State != "active" {
				left = append(left, fmt.Sprintf("%s#%d is %s", w.Pool, w.Slot, w.State))
			}
		}
		left = append(left, "not every worker is active, gw is "+s.State)
	}
	for _, w := range s.Workers {
		if w.InFlight > 0 {
			left = append(left, fmt.Sprintf("%d in flight at %s#%d pid %d", w.InFlight, w.Pool, w.Slot, w.PID))
		}
	}
	for _, p := range s.Pools {
		if p.Queued > 0 {
			left = append(left, fmt.Sprintf("%d queued in %s", p.Queued, p.Name))
		}
	}
	for _, l := range s.Listeners {
		if l.Connections > 0 {
			left = append(left, fmt.Sprintf("%d connections at %s", l.Connections, l.Name))
		}
	}
	if s.Totals.InFlight > 0 {
		left = append(left, fmt.Sprintf("%d in flight in all", s.Totals.InFlight))
	}
	return strings.Join(left, ", ")
}

// findOrphans: no process may outlive gw stop for more than a moment.
func (w *world) findOrphans() {
	deadline := time.Now().Add(5 * time.Second)
	for len(processes(w.gw.mark())) > 0 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	for _, pid := range processes(w.gw.mark()) {
		w.ledger.fail("left behind by gw stop: %s", commandLine(pid))
	}
}

// findFiles: a stopped gw leaves nothing but the SDKs it wrote out, its log, and
// messages that it set aside.
func (w *world) findFiles() {
	for _, dir := range []string{w.gw.site.state(), w.gw.site.temp()} {
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				w.ledger.fail("%v", err)
			case entry.IsDir() && (strings.HasPrefix(entry.Name(), "sdk-") || entry.Name() == "set-aside"):
				return fs.SkipDir
			case !entry.IsDir():
				text, _ := os.ReadFile(path)
				w.ledger.fail("file left behind: %s, %d bytes %.80q", path, len(text), text)
			}
			return nil
		})
	}
}

// findExcess: a hang costs the connection that it happened on, and one more when
// it happened behind an answer that was not written yet. Two deaths cost one.
func (w *world) findExcess() {
	end, hung, died := now(), 0, 0
	for _, pool := range poolNames {
		hung += w.causes.count(pool, w.begin, end, hangs)
		died += w.causes.count(pool, w.begin, end, kills)
	}
	if closed := w.ledger.count(excusedEnd); closed > int64(2*hung+died/2) {
		w.ledger.fail("%d connections were closed for %d hangs and %d deaths", closed, hung, died)
	}
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"

	"gw/bench/gauge"
	"gw/bench/peer"
	"gw/bench/report"
	"gw/bench/sdk"
)

const (
	// guardFile keeps what was counted before.
	guardFile = "bench/guard.json"
	// guardTolerance is what may come with nobody's fault. Two counts differ by
	// less than a hundredth, but now and then one is higher, when something that
	// goes by the clock fell into it: so what seems worse is counted again.
	guardTolerance = 0.05
	guardAttempts  = 3
)

// guardBatches is what is counted, by handler: a message alone has all that a
// wake-up takes, of four that come together each has a quarter of it.
var guardBatches = map[string][]int{"php-opcache": {1, 4}, "python": {1, 4}, "asgi": {1}}

// guardWorks are the kinds of messages.
var guardWorks = []string{"hello", "http", "ws"}

// counts are instructions a message, by what was counted. They are only worth
// comparing with those of the same interpreters.
type counts struct {
	PHP          string             `json:"php"`
	Python       string             `json:"python"`
	Instructions map[string]float64 `json:"instructions_per_message"`
}

// guardAll counts and compares. It fails where an SDK takes more than before.
func guardAll(ctx context.Context, o options, kit *peer.Kit, w io.Writer) error {
	if _, err := exec.LookPath("valgrind"); err != nil {
		return fmt.Errorf("instructions are counted by valgrind: %w", err)
	}
	before, err := readCounts()
	if err != nil {
		return err
	}
	b := &sdkBench{options: o, kit: kit}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	machine := gauge.ReadMachine()
	now := counts{PHP: machine.PHP, Python: machine.Python, Instructions: map[string]float64{}}
	comparable := before.PHP == now.PHP && before.Python == now.Python
	g := report.Grid{Headings: []string{"work", "handler", "at a time", "instructions", "before", "ratio"}}
	var worse []string
	err = b.eachCount(ctx, before, func(name string, cells []string, instructions float64) {
		now.Instructions[name] = instructions
		was, known := before.Instructions[name]
		then, ratio := "", ""
		if known {
			then, ratio = report.Thousands(was), fmt.Sprintf("%.3f", instructions/was)
		}
		if known && instructions/was > 1+guardTolerance {
			worse = append(worse, name)
		}
		g.Add(append(cells, report.Thousands(instructions), then, ratio)...)
	})
	if err := cmp.Or(err, g.Write(w)); err != nil {
		return err
	}
	switch {
	case o.update:
		return writeFile(guardFile, func(w io.Writer) error {
			out := json.NewEncoder(w)
			out.SetIndent("", "  ")
			return out.Encode(now)
		})
	case !comparable:
		_, err := fmt.Fprintf(w, "\nThose before were counted with PHP %s and Python %s: nothing is judged.\n", before.PHP, before.Python)
		return err
	case len(worse) > 0:
		return fmt.Errorf("more instructions than before, by over %.0f %%: %q; -update if that is as it should be", 100*guardTolerance, worse)
	}
	return nil
}

// eachCount counts everything that can run here and -only selects.
func (b *sdkBench) eachCount(ctx context.Context, before counts, tell func(name string, cells []string, instructions float64)) error {
	for _, work := range sdk.Works() {
		for _, s := range sdk.Subjects() {
			if !slices.Contains(guardWorks, work.Name) || !s.Does(work.Name) || !b.options.only.MatchString(work.Name+" "+s.Name) {
				continue
			}
			if len(guardBatches[s.Name]) == 0 || s.Absent() != "" {
				continue
			}
			for _, batch := range guardBatches[s.Name] {
				name := fmt.Sprintf("%s %s %d", work.Name, s.Name, batch)
				instructions, err := b.count(ctx, s, work, batch, before.Instructions[name])
				if err != nil {
					return err
				}
				tell(name, []string{work.Name, s.Name, fmt.Sprint(batch)}, instructions)
			}
		}
	}
	return nil
}

// count returns the least of several counts, the first that is no more than was.
func (b *sdkBench) count(ctx context.Context, s sdk.Subject, work sdk.Work, batch int, was float64) (least float64, err error) {
	for attempt := range guardAttempts {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		job, err := b.kit.NewJob(work.Name, 1)
		if err != nil {
			return 0, err
		}
		n, err := sdk.Count(s, &work, batch, job.Dir, b.sdks)
		if err != nil {
			return 0, err
		}
		if attempt == 0 || n < least {
			least = n
		}
		if least <= was*(1+guardTolerance) {
			break
		}
	}
	return least, nil
}

func readCounts() (c counts, err error) {
	text, err := os.ReadFile(guardFile)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	return c, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"

	"gw/bench/peer"
	"gw/bench/report"
	"gw/bench/sdk"
)

// sdkWindow is how many messages are under way, as many as the gateway gives a
// quick handler at most.
const sdkWindow = 64

// sdkBench measures the loops of the SDKs alone: no socket, no gateway, only a
// handler process and its two pipes.
type sdkBench struct {
	options options
	kit     *peer.Kit
	sdks    string // folder of this tree's SDKs
	beside  string // of those to compare with, "" for none
}

// sdkAll measures what -only selects and prints a table for each work.
func sdkAll(ctx context.Context, o options, kit *peer.Kit, w io.Writer) error {
	b := &sdkBench{options: o, kit: kit}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	undo, err := setNice(o.nice)
	defer func() { undo() }()
	if err != nil {
		return err
	}
	subjects := sdk.Subjects()
	absent := map[string]string{}
	subjects = slices.DeleteFunc(subjects, func(s sdk.Subject) bool {
		absent[s.Name] = s.Absent()
		return absent[s.Name] != ""
	})
	for _, s := range sdk.Subjects() {
		if why := absent[s.Name]; why != "" {
			fmt.Fprintf(w, "Not measured: %s (%s).\n", s.Name, why)
		}
	}
	all, err := b.measureAll(ctx, subjects, w)
	if err != nil {
		return err
	}
	return writeFile(o.markdown, func(w io.Writer) error { report.WriteSDKMarkdown(w, all); return nil })
}

// prepare has the gw binaries write out their SDKs.
func (b *sdkBench) prepare(ctx context.Context) error {
	if err := b.kit.Build(ctx, true); err != nil {
		return err
	}
	binaries := []string{b.kit.GW, b.options.beside}
	for i, folder := range []*string{&b.sdks, &b.beside} {
		if binaries[i] == "" {
			continue
		}
		*folder = filepath.Join(b.kit.Dir, fmt.Sprintf("sdks-%d", i))
		if text, err := exec.CommandContext(ctx, binaries[i], "sdk", *folder).CombinedOutput(); err != nil {
			return fmt.Errorf("%s sdk: %w\n%s", binaries[i], err, text)
		}
	}
	return nil
}

func (b *sdkBench) measureAll(ctx context.Context, subjects []sdk.Subject, w io.Writer) (all []report.SDKRow, err error) {
	for _, work := range sdk.Works() {
		var rows []report.SDKRow
		for _, s := range subjects {
			if !s.Does(work.Name) || !b.options.only.MatchString(work.Name+" "+s.Name) {
				continue
			}
			runs, err := b.measure(ctx, s, work)
			if err != nil {
				return nil, err
			}
			rows = append(rows, report.SDKRow{Work: work.Name, Handler: s.Name, Budget: s.Budgets[work.Name], Runs: runs})
		}
		if len(rows) > 0 {
			fmt.Fprintln(w)
			report.WriteSDKTable(w, rows)
		}
		all = append(all, rows...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing matches -only %v", b.options.only)
	}
	return all, nil
}

// measure lets the SDK, the bare loop and the other version take turns.
func (b *sdkBench) measure(ctx context.Context, s sdk.Subject, work sdk.Work) (runs []report.SDKRun, err error) {
	var handlers []*sdk.Handler
	defer func() {
		for _, h := range handlers {
			err = errors.Join(err, h.Close())
		}
	}()
	for i, sdks := range []string{b.sdks, b.sdks, b.beside} {
		if sdks == "" {
			continue
		}
		h, err := b.start(s, work, i == 1, sdks)
		if err != nil {
			return nil, err
		}
		handlers = append(handlers, h)
	}
	for range b.options.runs {
		run, err := b.round(ctx, handlers)
		for again := 0; err == nil && run.Noise > report.NoiseLimit && again < b.options.retries; again++ {
			run, err = b.round(ctx, handlers)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", work.Name, s.Name, err)
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (b *sdkBench) start(s sdk.Subject, work sdk.Work, bare bool, sdks string) (*sdk.Handler, error) {
	job, err := b.kit.NewJob(work.Name, 1)
	if err != nil {
		return nil, err
	}
	h, err := sdk.Start(s, &work, bare, job.Dir, sdks)
	if err != nil {
		return nil, err
	}
	if err := h.Connect(sdkWindow); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// round measures each handler once.
func (b *sdkBench) round(ctx context.Context, handlers []*sdk.Handler) (round report.SDKRun, err error) {
	cpu := [3]float64{}
	for i, h := range handlers {
		if err := ctx.Err(); err != nil {
			return round, err
		}
		run, err := h.Measure(warmUp, b.options.time)
		if err != nil {
			return round, err
		}
		if cpu[i] = run.CPU; i == 0 {
			round.Rate = run.Rate
		}
		round.Noise = max(round.Noise, run.Noise)
	}
	round.SDK, round.Bare, round.Beside = cpu[0], cpu[1], cpu[2]
	return round, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"gw/bench/peer"
	"gw/bench/report"
)

const (
	// startRounds is how often each command runs; they take turns.
	startRounds = 21
	// slowRounds is how often those run that wait for slowBoot several times.
	slowRounds = 5
	slowBoot   = 300 * time.Millisecond
	// reloadWorkers are replaced by a reload.
	reloadWorkers = 8
)

// command is something whose time is measured. Its median is shown as a ratio to
// that of another.
type command struct {
	name   string
	rounds int
	beside int    // index of the command it is compared with
	boots  string // how many programs it loads one after the other
	run    func(context.Context) (time.Duration, error)
	took   []time.Duration
}

func (c *command) median() time.Duration {
	slices.Sort(c.took)
	return c.took[len(c.took)/2]
}

// startAll measures how long it takes to start gw and to reload it, beside what
// the interpreter takes by itself.
func (b *bench) startAll(ctx context.Context, w io.Writer) (err error) {
	commands, daemons, err := b.commands()
	if err != nil {
		return err
	}
	for _, d := range daemons {
		if _, err := d.Start(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.Stop()) }()
	}
	for round := range startRounds {
		for i := range commands {
			c := &commands[(i+round)%len(commands)]
			if round >= c.rounds {
				continue
			}
			took, err := c.run(ctx)
			if err != nil {
				return err
			}
			c.took = append(c.took, took)
		}
	}
	g := report.Grid{Headings: []string{"command", "rounds", "median ms", "fastest", "programs loaded in a row", "ratio", "to"}}
	for i := range commands {
		c := &commands[i]
		beside := &commands[c.beside]
		ms := func(d time.Duration) string { return fmt.Sprintf("%.0f", d.Seconds()*1000) }
		ratio, to := fmt.Sprintf("%.1f", c.median().Seconds()/beside.median().Seconds()), beside.name
		if c == beside {
			ratio, to = "", ""
		}
		g.Add(c.name, fmt.Sprint(len(c.took)), ms(c.median()), ms(slices.Min(c.took)), c.boots, ratio, to)
	}
	return g.Write(w)
}

// commands are what is measured. The daemons are to run meanwhile.
func (b *bench) commands() (list []command, daemons []*peer.Daemon, err error) {
	const bare, plain = 0, 1
	list = []command{
		{name: "php -n -r ''", rounds: startRounds, beside: bare, run: timed("php", "-n", "-r", "")},
		{name: "php -r ''", rounds: startRounds, beside: plain, run: timed("php", "-r", "")},
		{name: "gw version", rounds: startRounds, beside: plain, run: timed(b.kit.GW, "version")},
	}
	single, err := b.kit.NewDaemon(peer.DaemonOptions{Workers: 1, ReloadParallel: 1})
	if err != nil {
		return nil, nil, err
	}
	list = append(list, command{name: "gw start -d, one PHP worker", rounds: startRounds, beside: plain, boots: "1", run: func(ctx context.Context) (time.Duration, error) {
		took, err := single.Start(ctx)
		return took, errors.Join(err, single.Stop())
	}})
	for _, boot := range []time.Duration{0, slowBoot} {
		rounds := startRounds
		if boot > 0 {
			rounds = slowRounds
		}
		alone := len(list)
		for _, parallel := range []int{1, 4} {
			d, err := b.kit.NewDaemon(peer.DaemonOptions{Workers: reloadWorkers, ReloadParallel: parallel, Boot: boot})
			if err != nil {
				return nil, nil, err
			}
			daemons = append(daemons, d)
			if len(list) == alone {
				list = append(list, command{name: fmt.Sprintf("a program that takes %d ms to load, without gw", boot.Milliseconds()), rounds: rounds, beside: alone, boots: "1", run: d.Alone})
			}
			// The first of the new workers has to prove the code by itself.
			boots := 1 + (reloadWorkers-1+parallel-1)/parallel
			list = append(list, command{name: fmt.Sprintf("gw reload of %d of them, reload_parallel %d", reloadWorkers, parallel),
				rounds: rounds, beside: alone, boots: fmt.Sprint(boots), run: d.Reload})
		}
	}
	return list, daemons, nil
}

// timed runs a program to its end.
func timed(program string, arguments ...string) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		err := exec.CommandContext(ctx, program, arguments...).Run()
		return time.Since(began), err
	}
}

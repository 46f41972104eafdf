package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"gw/master/api"
)

func restartCommand() *cli.Command {
	return &cli.Command{
		Name:      "restart",
		Usage:     "stop, then start as it ran before",
		ArgsUsage: "[FILE]",
		Description: "A faulty configuration is told before anything is stopped. gw reload takes new code over without an\n" +
			"interruption; restart is for a new gw.\n\nExample:\n   gw restart -d",
		Flags: append([]cli.Flag{configFlag(),
			&cli.BoolFlag{Name: "daemon", Aliases: []string{"d"}, Usage: "start in the background, whatever it was"}}, stopFlags()...),
		Action: restart,
	}
}

func restart(ctx *cli.Context) error {
	name, err := namedFile(ctx)
	if err != nil {
		return err
	}
	t, err := runningTarget(name)
	if err != nil {
		return err
	}
	if i, err := readInstance(t.state()); err == nil && i.ConfigFile == t.file {
		t.options = i.options()
	}
	if _, err := t.load(); err != nil {
		return err
	}
	daemon := ctx.Bool("daemon")
	running, err := newClient(t.control()).status(ctx.Context)
	var f *failure
	switch {
	case errors.As(err, &f) && f.code == exitNotRunning:
		fmt.Fprintln(ctx.App.Writer, "gw was not running")
	case err != nil:
		return err
	case bySystemd(running):
		return &failure{exitFailure, "systemd passed gw its sockets, and only systemd can pass them again", "systemctl restart gw does it; clients wait meanwhile. For new code gw reload is enough"}
	default:
		daemon = daemon || running.Mode == "daemon"
		if err := stopTarget(ctx, t); err != nil {
			return err
		}
		fmt.Fprintln(ctx.App.Writer, "stopped")
	}
	return startAs(ctx, t, daemon)
}

// bySystemd: a gw that we start has none of the sockets this one was passed.
func bySystemd(s *api.Status) bool {
	return slices.ContainsFunc(s.Listeners, func(l api.Listener) bool { return l.Passed })
}

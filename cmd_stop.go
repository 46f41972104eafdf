package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"gw/master/api"
)

// stopReserve is what the master itself needs beyond its handlers' deadline.
const stopReserve = 5 * time.Second

func stopCommand() *cli.Command {
	return &cli.Command{
		Name:      "stop",
		Usage:     "let the handlers finish, then end",
		ArgsUsage: "[FILE]",
		Description: "Handlers that do not finish within the deadline (each pool's stop_timeout, or --timeout) are killed.\n\n" +
			"Example:\n   gw stop --timeout 30s",
		Flags:  append([]cli.Flag{configFlag()}, stopFlags()...),
		Action: stop,
	}
}

func stopFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "graceful", Aliases: []string{"g"}, Usage: "wait without a deadline"},
		&cli.DurationFlag{Name: "timeout", Usage: "deadline for all handlers, such as `30s`"},
	}
}

func stop(ctx *cli.Context) error {
	name, err := namedFile(ctx)
	if err != nil {
		return err
	}
	t, err := runningTarget(name)
	if err != nil {
		return err
	}
	if err := stopTarget(ctx, t); err != nil {
		return err
	}
	_, err = fmt.Fprintln(ctx.App.Writer, "stopped")
	return err
}

// stopTarget returns when the master of t is gone.
func stopTarget(ctx *cli.Context, t *target) error {
	timeout, graceful := ctx.Duration("timeout"), ctx.Bool("graceful")
	if graceful && timeout > 0 {
		return usage("leave one of them out", "--graceful waits without a deadline, --timeout sets one")
	}
	if timeout < 0 {
		return usage("write --timeout 30s", "--timeout must be more than 0")
	}
	c := newClient(t.control())
	running, err := c.version(ctx.Context)
	if err != nil {
		return err
	}
	master := watch(c.control, running.PID)
	defer master.close()
	if err := c.stop(ctx.Context, api.StopRequest{Graceful: graceful, Timeout: timeout.Seconds()}); err != nil {
		return err
	}
	wait := ctx.Context
	if !graceful {
		deadline := t.stopTimeout(timeout) + stopReserve
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(wait, deadline)
		defer cancel()
	}
	if master.gone(wait) {
		return nil
	}
	return stillRunning(c, running.PID)
}

// stopTimeout is the longest time the handlers may take.
func (t *target) stopTimeout(asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	longest := 10 * time.Second // stop_timeout's default
	if c, err := t.reload(); err == nil {
		for _, pool := range c.Pools {
			longest = max(longest, pool.StopTimeout)
		}
	}
	return longest
}

func stillRunning(c *client, pid int) error {
	text := fmt.Sprintf("gw has not stopped in time: the master (pid %d) still runs", pid)
	// The deadline is over, and so is the context of the command's wait.
	if s, err := c.status(context.Background()); err == nil && len(s.Workers) > 0 {
		var list []string
		for _, w := range s.Workers {
			if w.PID > 0 {
				list = append(list, fmt.Sprintf("%s#%d (pid %d, %s)", w.Pool, w.Slot, w.PID, w.State))
			}
		}
		text += ", and " + strings.Join(list, ", ")
	}
	return &failure{exitTimeout, text, fmt.Sprintf("look into the log; kill -9 %d ends it at once", pid)}
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"gw/master"
	"gw/master/api"
	"gw/master/config"
)

func startCommand() *cli.Command {
	return &cli.Command{
		Name:      "start",
		Usage:     "start gw in the foreground, or with -d as a daemon",
		ArgsUsage: "[FILE]",
		Description: "FILE is a gw.yaml, or a handler: then it listens on " + config.DefaultListen + " unless --listen\n" +
			"says otherwise. -d returns when everything is ready, or tells why it is not.\n\n" +
			"Examples:\n   gw start\n   gw start -d\n   gw start app.py --listen http://:9000 --workers 4",
		Flags:  startFlags(),
		Action: start,
	}
}

func startFlags() []cli.Flag {
	return append(handlerFlags(), &cli.BoolFlag{Name: "daemon", Aliases: []string{"d"}, Usage: "run in the background"})
}

// handlerFlags say what a gw.yaml would.
func handlerFlags() []cli.Flag {
	return []cli.Flag{
		configFlag(),
		&cli.StringSliceFlag{Name: "listen", Aliases: []string{"l"}, Usage: "`ADDRESS` where the handler FILE listens, such as http://:8080; may be repeated"},
		&cli.IntFlag{Name: "workers", Aliases: []string{"w"}, Usage: "how many of the handler FILE run", DefaultText: "1"},
		&cli.BoolFlag{Name: "debug", Usage: "error pages of the handler FILE show tracebacks"},
	}
}

func start(ctx *cli.Context) error {
	t, err := startTarget(ctx)
	if err != nil {
		return err
	}
	return startAs(ctx, t, ctx.Bool("daemon"))
}

// startTarget is what gw start is told to start.
func startTarget(ctx *cli.Context) (*target, error) {
	name, err := namedFile(ctx)
	if err != nil {
		return nil, err
	}
	if name == "" {
		if name = defaultFile; !exists(name) {
			return nil, &failure{exitConfig, "there is no gw.yaml here", "name a handler, such as gw start app.py, or write a first project with gw init"}
		}
	}
	t := newTarget(name)
	t.options = config.HandlerOptions{Listen: ctx.StringSlice("listen"), Workers: ctx.Int("workers"), Debug: ctx.Bool("debug")}
	if isYAML(t.file) {
		for _, flag := range []string{"listen", "workers", "debug"} {
			if ctx.IsSet(flag) {
				return nil, usage("write it into "+t.name, "--%s is for a handler that has no gw.yaml", flag)
			}
		}
	}
	if ctx.IsSet("workers") && t.options.Workers < 1 {
		return nil, usage("leave it out for one", "--workers must be at least 1")
	}
	return t, nil
}

// startAs starts t and returns when it has stopped, or when the daemon is ready.
func startAs(ctx *cli.Context, t *target, daemon bool) error {
	c, err := t.load()
	if err != nil {
		return err
	}
	if running, err := newClient(c.Control).version(ctx.Context); err == nil {
		return alreadyRunning(running.PID)
	}
	if daemon {
		return startDaemon(ctx, t, c)
	}
	return startForeground(ctx.App.Writer, t, c, passedSockets())
}

func startForeground(out io.Writer, t *target, c *config.Config, sockets []master.Socket) error {
	state, err := openState(c)
	if err != nil {
		return err
	}
	log, err := openLog(c, false)
	if err != nil {
		state.leave(nil, err)
		return err
	}
	defer log.close()
	return runMaster(t, c, state, log, master.Options{
		Output: out, Stdout: os.Stdout, Sockets: sockets,
		Ready: func(s api.Status) {
			printBanner(out, paletteFor(out), &s)
			fmt.Fprintln(out, "\nEverything is ready. Press Ctrl-C to stop.")
		},
	})
}

// runMaster is the life of a master, with what the other commands find it by
// around it.
func runMaster(t *target, c *config.Config, state *stateFolder, log *logbook, o master.Options) (err error) {
	i := &instance{ConfigFile: c.File, Dir: c.Dir, PID: os.Getpid(), Control: c.Control,
		Listen: t.options.Listen, Workers: t.options.Workers, Debug: t.options.Debug}
	defer func() { state.leave(i, err) }()
	carried, err := writeSDK(c.StateDir)
	if err != nil {
		return err
	}
	if err := i.write(c.StateDir); err != nil {
		return err
	}
	if o.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("own binary: %w", err)
	}
	carried.join(c)
	o.Config, o.Version, o.Environment = c, version, carried.environment()
	o.Logger, o.LogOutput, o.LogFormat, o.Reopen = log.logger, log.output, log.format, log.reopen
	o.Reread = func() (*config.Config, error) {
		again, err := t.reload()
		if err == nil {
			applyDaemonLog(again, o.Daemon)
			carried.join(again)
		}
		return again, err
	}
	ready := o.Ready
	o.Ready = func(s api.Status) {
		state.kept.Store(true)
		ready(s)
	}
	return master.Run(context.Background(), o)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

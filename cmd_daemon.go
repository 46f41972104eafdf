package main

import "github.com/urfave/cli/v2"

// daemonVerb is what gw start -d starts; people never do.
const daemonVerb = "daemon"

func daemonCommand() *cli.Command {
	return &cli.Command{
		Name:   daemonVerb,
		Usage:  "be the daemon of gw start -d",
		Hidden: true,
		Flags:  handlerFlags(),
		Action: func(ctx *cli.Context) error {
			t, err := startTarget(ctx)
			if err != nil {
				return err
			}
			return runDaemon(t)
		},
	}
}

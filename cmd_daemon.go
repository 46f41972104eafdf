package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"gw/master"
)

// daemonVerb is what gw start -d starts; people never do.
const daemonVerb = "daemon"

// socketsFlag names the sockets that follow readyPipe.
const socketsFlag = "sockets"

func daemonCommand() *cli.Command {
	return &cli.Command{
		Name:   daemonVerb,
		Usage:  "be the daemon of gw start -d",
		Hidden: true,
		Flags:  append(handlerFlags(), &cli.StringFlag{Name: socketsFlag}),
		Action: func(ctx *cli.Context) error {
			t, err := startTarget(ctx)
			if err != nil {
				return err
			}
			var sockets []master.Socket
			if names := ctx.String(socketsFlag); names != "" {
				list := strings.Split(names, ":")
				sockets = socketsFrom(readyPipe+1, len(list), list)
			}
			return runDaemon(t, sockets)
		},
	}
}

package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"gw/master/config"
)

const exitCodesTopic = "exit-codes"

func helpCommand() *cli.Command {
	return &cli.Command{
		Name:        "help",
		Aliases:     []string{"h"},
		Usage:       "show how to use a command",
		ArgsUsage:   "[COMMAND]",
		Description: "gw help exit-codes lists the exit codes.\n\nExample:\n   gw help start",
		Action:      help,
	}
}

func help(ctx *cli.Context) error {
	topic := ctx.Args().First()
	if topic == "" {
		return cli.ShowAppHelp(ctx)
	}
	if topic == exitCodesTopic {
		_, err := fmt.Fprint(ctx.App.Writer, exitCodes())
		return err
	}
	if ctx.App.Command(topic) == nil {
		hint := "gw help lists the commands"
		if near := config.Suggest(topic, append(verbs(ctx.App), exitCodesTopic)); near != "" {
			hint = fmt.Sprintf("did you mean gw help %s?", near)
		}
		return usage(hint, "unknown command %q", topic)
	}
	parent := ctx.Lineage()[1]
	return cli.ShowCommandHelp(parent, topic)
}

func exitCodes() string {
	var b strings.Builder
	for code, meaning := range exitMeanings {
		fmt.Fprintf(&b, "%2d  %s\n", code, meaning)
	}
	return b.String()
}

// Command gw is a process manager and socket gateway for handlers written in
// any language.
//
// The files of this folder are its command line: one cmd_*.go per verb. They
// know the configuration, the control API and how to start a master; they own
// no socket and no process but the ones they start.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/urfave/cli/v2"

	"gw/master/config"
)

// version is set by the release build: -ldflags "-X main.version=1.2.3".
var version = "0.1.0"

func main() {
	keepInherited()
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run is gw with these arguments. It returns the exit code.
func run(args []string, out, complaints io.Writer) int {
	app := newApp(out, complaints)
	if err := app.Run(arrange(app, args)); err != nil {
		f := explain(err)
		fmt.Fprint(complaints, report(err, f))
		return f.code
	}
	return exitOK
}

func newApp(out, complaints io.Writer) *cli.App {
	app := &cli.App{
		Name:      "gw",
		Usage:     "process manager and socket gateway for handlers in any language",
		UsageText: "gw [--config FILE] COMMAND [options] [FILE]",
		Description: "FILE is a gw.yaml (default: the one in the current folder), or a handler itself:\n" +
			"gw start app.py, gw start app.php. Flags may stand before or behind it.\n" +
			"gw help COMMAND shows an example. gw help exit-codes lists the exit codes.",
		Version:                version,
		HideVersion:            true,
		HideHelpCommand:        true,
		EnableBashCompletion:   true,
		UseShortOptionHandling: true,
		Writer:                 out,
		ErrWriter:              complaints,
		Flags:                  []cli.Flag{configFlag(), &cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version"}},
		Commands:               commands(),
		Action:                 noCommand,
		OnUsageError:           badFlag,
		ExitErrHandler:         func(*cli.Context, error) {}, // run does it
	}
	for _, c := range app.Commands {
		c.HideHelpCommand = true
		c.UseShortOptionHandling = true
		c.OnUsageError = badFlag
		withoutDefaults(c.Flags)
	}
	withoutDefaults(app.Flags)
	return app
}

// withoutDefaults: that a switch is off by default goes without saying.
func withoutDefaults(flags []cli.Flag) {
	for _, f := range flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
}

func commands() []*cli.Command {
	return []*cli.Command{
		startCommand(), stopCommand(), restartCommand(), reloadCommand(), statusCommand(), connectionsCommand(),
		checkCommand(), initCommand(), sdkCommand(), versionCommand(), completionCommand(), helpCommand(), daemonCommand(), gatewayCommand(),
	}
}

func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "gw.yaml or handler `FILE`"}
}

func jsonFlag() cli.Flag { return &cli.BoolFlag{Name: "json", Usage: "print JSON"} }

// noCommand answers gw without a verb, and with one that does not exist.
func noCommand(ctx *cli.Context) error {
	word := ctx.Args().First()
	if ctx.Bool("version") {
		return printVersion(ctx)
	}
	if word == "" {
		return cli.ShowAppHelp(ctx)
	}
	hint := "gw help lists the commands"
	if near := config.Suggest(word, verbs(ctx.App)); near != "" {
		hint = fmt.Sprintf("did you mean gw %s?", near)
	} else if _, err := os.Stat(word); err == nil {
		hint = fmt.Sprintf("to start it write gw start %s", word)
	}
	return usage(hint, "unknown command %q", word)
}

func verbs(app *cli.App) []string {
	var list []string
	for _, c := range app.Commands {
		if !c.Hidden {
			list = append(list, c.Names()...)
		}
	}
	return list
}

var notDefined = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)

// badFlag answers a flag that does not exist or cannot be read.
func badFlag(ctx *cli.Context, err error, _ bool) error {
	if errors.Is(err, flag.ErrHelp) { // only of gw itself, whose help is a command
		return cli.ShowAppHelp(ctx)
	}
	command, hint := "gw", "gw help lists the flags"
	flags := ctx.App.Flags
	if ctx.Command != nil && ctx.Command.Name != "" && ctx.Command.Name != "gw" {
		command, hint = "gw "+ctx.Command.Name, "gw help "+ctx.Command.Name+" lists the flags"
		flags = ctx.Command.Flags
	}
	m := notDefined.FindStringSubmatch(err.Error())
	if m == nil {
		return usage(hint, "%s: %v", command, err)
	}
	if near := config.Suggest(m[1], flagNames(flags)); near != "" {
		hint = fmt.Sprintf("did you mean --%s?", near)
	}
	dashes := "--"
	if len(m[1]) == 1 {
		dashes = "-"
	}
	return usage(hint, "unknown flag %s%s of %s", dashes, m[1], command)
}

func flagNames(flags []cli.Flag) []string {
	var list []string
	for _, f := range flags {
		for _, name := range f.Names() {
			if len(name) > 1 {
				list = append(list, name)
			}
		}
	}
	return list
}

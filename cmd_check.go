package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"gw/master/config"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:        "check",
		Usage:       "look for faults in a configuration, all at once",
		ArgsUsage:   "[FILE]",
		Description: "--effective prints every value with its default.\n\nExample:\n   gw check --effective gw.yaml",
		Flags:       []cli.Flag{configFlag(), &cli.BoolFlag{Name: "effective", Usage: "print every value with its default"}, jsonFlag()},
		Action:      check,
	}
}

// verdict is what gw check --json prints.
type verdict struct {
	File     string        `json:"file"`
	OK       bool          `json:"ok"`
	Faults   config.Faults `json:"faults"`
	Warnings config.Faults `json:"warnings,omitempty"`
}

func check(ctx *cli.Context) error {
	name, err := namedFile(ctx)
	if err != nil {
		return err
	}
	if name == "" {
		name = defaultFile
	}
	t := newTarget(name)
	c, err := t.load()
	if ctx.Bool("json") {
		return printVerdict(ctx, t.name, c, err)
	}
	if err != nil {
		return err
	}
	for _, w := range c.Warnings {
		fmt.Fprintln(ctx.App.ErrWriter, "warning: "+w.String())
	}
	if ctx.Bool("effective") {
		_, err = ctx.App.Writer.Write(c.Effective())
		return err
	}
	_, err = fmt.Fprintf(ctx.App.Writer, "%s: ok, %s, %s\n", t.name, count(len(c.Pools), "pool"), count(len(c.Listeners), "listener"))
	return err
}

func printVerdict(ctx *cli.Context, name string, c *config.Config, err error) error {
	v := verdict{File: name, OK: err == nil, Faults: config.Faults{}}
	if errors.As(err, &v.Faults); c != nil {
		v.Warnings = c.Warnings
	}
	if printed := printJSON(ctx.App.Writer, v); printed != nil {
		return printed
	}
	if err != nil {
		return &failure{code: exitConfig} // they stand in the JSON
	}
	return nil
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

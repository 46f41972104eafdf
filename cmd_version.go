package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"gw/master/api"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version",
		Description: "Example:\n   gw version --json",
		Flags:       []cli.Flag{jsonFlag()},
		Action:      printVersion,
	}
}

func printVersion(ctx *cli.Context) error {
	if ctx.Bool("json") {
		return printJSON(ctx.App.Writer, api.Version{Version: version, Go: runtime.Version()})
	}
	_, err := fmt.Fprintf(ctx.App.Writer, "gw %s  %s  %s\n", version, goVersion(), kernel())
	return err
}

func goVersion() string { return "Go " + strings.TrimPrefix(runtime.Version(), "go") }

// kernel is the name and release of the running system, such as Linux 6.12.1.
func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return runtime.GOOS
	}
	return unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
}

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

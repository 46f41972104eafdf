package main

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

func sdkCommand() *cli.Command {
	return &cli.Command{
		Name:      "sdk",
		Usage:     "write the PHP and Python SDKs out, for editors and images",
		ArgsUsage: "[DIR]",
		Description: "Handlers that gw starts have them anyway. DIR is gw-sdk unless named.\n\n" +
			"Example:\n   gw sdk vendor/gw",
		Flags:  []cli.Flag{forceFlag()},
		Action: sdk,
	}
}

func forceFlag() cli.Flag { return &cli.BoolFlag{Name: "force", Usage: "overwrite what is there"} }

func sdk(ctx *cli.Context) error {
	dir := ctx.Args().First()
	if dir == "" {
		dir = "gw-sdk"
	}
	if exists(dir) && !ctx.Bool("force") {
		return &failure{exitFailure, fmt.Sprintf("%s is already there", dir), "name another folder, or add --force"}
	}
	if err := plainSDK().write(dir); err != nil {
		return err
	}
	_, err := fmt.Fprintf(ctx.App.Writer, "PHP:     require '%s';\nPython:  PYTHONPATH=%s\n",
		filepath.Join(dir, "php", "autoload.php"), filepath.Join(dir, "python"))
	return err
}

package main

import (
	"fmt"
	"os/exec"
	"strings"

	"github.com/urfave/cli/v2"
)

// starters are the projects gw init writes, by language.
var starters = map[string]fileTree{
	"php": {
		"gw.yaml":   []byte(starterYAML("[php, app.php]")),
		"README.md": []byte(starterReadme("app.php")),
		"app.php": []byte(`<?php

declare(strict_types=1);

$worker = new Gw\Worker();

$worker->onRequest = fn(Gw\Request $request) => new Gw\Response(200, [], "Hello from {$request->path}\n");

$worker->onMessage = function (Gw\Connection $connection, string $data): void {
    $connection->send('Hello ' . $data);
};

$worker->run();
`),
	},
	"python": {
		"gw.yaml":   []byte(starterYAML("[python3, app.py]")),
		"README.md": []byte(starterReadme("app.py")),
		"app.py": []byte(`import gw

app = gw.Worker()


@app.on_request
def index(request):
    return f"Hello from {request.path}\n"


@app.on_message
async def greet(connection, data):
    await connection.send("Hello " + data)


app.run()
`),
	},
}

func starterYAML(command string) string {
	return `# gw check looks for faults, gw check --effective prints every default.
pools:
  web:
    command: ` + command + `
    workers: 2                  # or auto: one per processor
    # user: www-data            # when gw runs as root
    # env: {APP_ENV: prod}
    # max_requests: 10000       # replace a worker after so many
    # request_timeout: 30s
listeners:
  - listen: http://0.0.0.0:8080 # HTTP and WebSocket
    pool: web
`
}

func starterReadme(file string) string {
	return `# A project for gw

    gw start            # in the foreground, Ctrl-C stops it
    curl http://127.0.0.1:8080/

    gw start -d         # in the background
    gw status
    gw reload           # after a change of ` + file + `; no request is lost
    gw stop
`
}

func initCommand() *cli.Command {
	return &cli.Command{
		Name:        "init",
		Usage:       "write a first project",
		ArgsUsage:   "[DIR]",
		Description: "Nothing is overwritten without --force.\n\nExample:\n   gw init hello --language python",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "language", Aliases: []string{"l"}, Usage: "`php` or python; default: the one that is installed"},
			forceFlag(),
		},
		Action: initProject,
	}
}

func initProject(ctx *cli.Context) error {
	language := ctx.String("language")
	if language == "" {
		language = installedLanguage()
	}
	files, known := starters[language]
	if !known {
		return usage("write --language php or --language python", "there is no project for %q", language)
	}
	dir := ctx.Args().First()
	if dir == "" {
		dir = "."
	}
	if there := files.existing(dir); len(there) > 0 && !ctx.Bool("force") {
		return &failure{exitFailure, strings.Join(there, ", ") + ": already there", "name another folder, or add --force"}
	}
	if err := files.write(dir); err != nil {
		return err
	}
	next := "gw start"
	if dir != "." {
		next = "cd " + dir + " && " + next
	}
	_, err := fmt.Fprintf(ctx.App.Writer, "wrote %s\nnext: %s\n", strings.Join(files.paths(dir), ", "), next)
	return err
}

func installedLanguage() string {
	if _, err := exec.LookPath("php"); err != nil {
		if _, err := exec.LookPath("python3"); err == nil {
			return "python"
		}
	}
	return "php"
}

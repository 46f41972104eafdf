package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"gw/master/config"
)

// defaultFile is looked up in the current folder.
const defaultFile = "gw.yaml"

// target is the configuration, or the handler, that a command is about.
type target struct {
	name    string // as it was written
	file    string // absolute
	options config.HandlerOptions
}

// load reads the configuration under its written name, for messages.
func (t *target) load() (*config.Config, error) { return t.loadAs(t.name) }

// reload reads it by its absolute path, whatever the current folder is.
func (t *target) reload() (*config.Config, error) { return t.loadAs(t.file) }

func (t *target) loadAs(path string) (*config.Config, error) {
	if isYAML(t.file) {
		return config.Load(path)
	}
	return config.ForHandler(path, t.options)
}

// state is the folder of the instance.
func (t *target) state() string { return config.StateDir(t.file) }

// control is where the instance listens: where it said it would, else where
// the configuration says, else the default.
func (t *target) control() string {
	if i, err := readInstance(t.state()); err == nil && i.Control != "" && i.ConfigFile == t.file {
		return i.Control
	}
	if c, err := t.reload(); err == nil {
		return c.Control
	}
	return filepath.Join(t.state(), "control.sock")
}

// newTarget is the target for a written name; a folder stands for its gw.yaml.
func newTarget(name string) *target {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, defaultFile)
	}
	file, err := filepath.Abs(name)
	if err != nil {
		file = filepath.Clean(name)
	}
	return &target{name: name, file: file}
}

// namedFile is the FILE of a command: its argument or --config.
func namedFile(ctx *cli.Context) (string, error) {
	name := configFlagOf(ctx)
	switch args := ctx.Args().Slice(); {
	case len(args) > 1:
		return "", usage("gw help "+ctx.Command.Name+" shows how to call it", "too many arguments: %s", strings.Join(args[1:], " "))
	case len(args) == 1 && name != "" && name != args[0]:
		return "", usage("name one of them", "two configurations: %s and %s", name, args[0])
	case len(args) == 1:
		return args[0], nil
	}
	return name, nil
}

// configFlagOf finds --config before or behind the verb.
func configFlagOf(ctx *cli.Context) string {
	for _, c := range ctx.Lineage() {
		if c.IsSet("config") {
			return c.String("config")
		}
	}
	return ""
}

// runningTarget is the target of a command for a running gw. Without a name it
// is the gw.yaml of this folder, else the only handler that was started here.
func runningTarget(name string) (*target, error) {
	if name != "" {
		return newTarget(name), nil
	}
	if _, err := os.Stat(defaultFile); !errors.Is(err, fs.ErrNotExist) {
		return newTarget(defaultFile), nil
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	list := handlersHere(here)
	switch len(list) {
	case 0:
		return newTarget(defaultFile), nil
	case 1:
		t := newTarget(list[0].ConfigFile)
		t.options = list[0].options()
		return t, nil
	}
	return nil, usage("name one of them", "several handlers run here: %s", handlerNames(list))
}

// handlersHere: with $GW_STATE_DIR there is one instance, whatever its folder.
func handlersHere(dir string) []*instance {
	if state := os.Getenv("GW_STATE_DIR"); state != "" {
		own, err := readInstance(state)
		if err != nil {
			return nil
		}
		return []*instance{own}
	}
	return handlersIn(config.StateRoot(), dir)
}

func handlerNames(list []*instance) string {
	names := make([]string, len(list))
	for i, instance := range list {
		names[i] = filepath.Base(instance.ConfigFile)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func isYAML(file string) bool {
	ext := filepath.Ext(file)
	return ext == ".yaml" || ext == ".yml"
}

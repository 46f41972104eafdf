package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"gw/master/config"
)

// instance is what a running gw leaves in its state folder (instance.json), so
// that the other commands find it even when its gw.yaml is broken by now, and
// restart can start it as it was started.
type instance struct {
	ConfigFile string   `json:"config_file"`
	Dir        string   `json:"dir"`
	PID        int      `json:"pid"`
	Control    string   `json:"control"`
	Listen     []string `json:"listen,omitempty"`
	Workers    int      `json:"workers,omitempty"`
	Debug      bool     `json:"debug,omitempty"`
}

const instanceFile = "instance.json"

// write replaces the file at once, so that nobody reads half of it.
func (i *instance) write(state string) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("instance file: %w", err)
	}
	path := filepath.Join(state, instanceFile)
	draft := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(draft, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("instance file: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		os.Remove(draft)
		return fmt.Errorf("instance file: %w", err)
	}
	return nil
}

func readInstance(state string) (*instance, error) {
	text, err := os.ReadFile(filepath.Join(state, instanceFile))
	if err != nil {
		return nil, err
	}
	i := new(instance)
	if err := json.Unmarshal(text, i); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(state, instanceFile), err)
	}
	return i, nil
}

// options are what the handler was started with.
func (i *instance) options() config.HandlerOptions {
	return config.HandlerOptions{Listen: i.Listen, Workers: i.Workers, Debug: i.Debug}
}

// handlersIn lists the running instances below root whose handler, started
// without a gw.yaml, lies in dir.
func handlersIn(root, dir string) []*instance {
	files, _ := filepath.Glob(filepath.Join(root, "*", instanceFile))
	var list []*instance
	for _, file := range files {
		i, err := readInstance(filepath.Dir(file))
		if err == nil && i.Dir == dir && !isYAML(i.ConfigFile) && answers(i.Control) {
			list = append(list, i)
		}
	}
	return list
}

package master

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mergeEnvironment joins lists of NAME=value; a later one wins.
func mergeEnvironment(layers ...[]string) []string {
	place := map[string]int{}
	var merged []string
	for _, layer := range layers {
		for _, entry := range layer {
			name, _, _ := strings.Cut(entry, "=")
			if at, ok := place[name]; ok {
				merged[at] = entry
				continue
			}
			place[name] = len(merged)
			merged = append(merged, entry)
		}
	}
	return merged
}

// variables lists a map as NAME=value, in a stable order.
func variables(values map[string]string) []string {
	list := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, name+"="+values[name])
	}
	return list
}

// findProgram resolves the first word of a command as a shell in folder dir
// would, with the PATH of the handler and not ours. It is done at every start:
// a deploy may have moved the program.
func findProgram(name, dir string, environment []string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, executable(name)
	}
	for _, folder := range filepath.SplitList(lookupVariable(environment, "PATH")) {
		if !filepath.IsAbs(folder) {
			continue
		}
		if path := filepath.Join(folder, name); executable(path) == nil {
			return path, nil
		}
	}
	return "", &os.PathError{Op: "command", Path: name, Err: os.ErrNotExist}
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return &os.PathError{Op: "command", Path: path, Err: os.ErrPermission}
	}
	return nil
}

func lookupVariable(environment []string, name string) string {
	for _, entry := range slices.Backward(environment) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

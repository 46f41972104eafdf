package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// fileTree is files by slash-separated path.
type fileTree map[string][]byte

// write puts the files below dir.
func (t fileTree) write(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.WriteFile(file, t[name], 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// openToAll undoes the umask: handlers may run as other users.
func openToAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if entry.IsDir() {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}

// hash tells two versions apart, released or not.
func (t fileTree) hash() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(t[name]), t[name])
	}
	return hex.EncodeToString(sum.Sum(nil)[:4])
}

// paths lists the files as they are or will be below dir.
func (t fileTree) paths(dir string) []string {
	var list []string
	for name := range t {
		list = append(list, filepath.Join(dir, name))
	}
	slices.Sort(list)
	return list
}

// existing lists those that are there already.
func (t fileTree) existing(dir string) []string {
	return slices.DeleteFunc(t.paths(dir), func(path string) bool { return !exists(path) })
}

package master

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"gw/protocol/control"
)

// removeSpools removes the request bodies that a dead gateway had in files. The
// folder may be shared: those of others stay.
func removeSpools(dir string, pid int) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), control.SpoolPrefix(pid)) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return err
}

package master

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The gateway's user must get through to its own folder, whatever the umask.
func TestFoldersAboveCanBePassedThrough(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	top := t.TempDir()
	path := filepath.Join(top, "gw", "shop", "tmp")
	if err := makeFolder(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, mode := range map[string]os.FileMode{path: 0o700, filepath.Dir(path): 0o711, filepath.Join(top, "gw"): 0o711} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want %v", dir, info.Mode(), err, mode)
		}
	}
}

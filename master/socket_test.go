package master

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSocketFileHasItsModeWhateverTheUmask(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	old := unix.Umask(0o777)
	fd, file, err := listenUnix(path, access{0o640, -1, -1}, 1)
	unix.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	info, _ := os.Lstat(path)
	if info.Mode().Perm() != 0o640 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	file.remove()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestRemoveLeavesAnotherSocketAlone(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	fd, file, err := listenUnix(path, ownerOnly, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	os.Rename(path, path+".old")
	os.WriteFile(path, nil, 0o600)
	file.remove()
	if _, err := os.Lstat(path); err != nil {
		t.Error("somebody else's file was removed")
	}
}

func TestStaleSocketIsRemovedAndALiveOneIsNot(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	if err := removeStaleSocket(path); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := removeStaleSocket(path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("live: %v", err)
	}
	l.Close()
	if err := removeStaleSocket(path); err != nil {
		t.Errorf("stale: %v", err)
	}
	os.WriteFile(path, nil, 0o600)
	if err := removeStaleSocket(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("file: %v", err)
	}
}

func TestLongPathOfASocketIsExplained(t *testing.T) {
	if _, _, err := listenUnix("/tmp/"+strings.Repeat("x", 200), ownerOnly, 1); err == nil || !strings.Contains(err.Error(), "longer than 107 bytes") {
		t.Errorf("got %v", err)
	}
}

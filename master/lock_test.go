package master

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

func TestStalePIDFileDoesNotMatter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.pid")
	os.WriteFile(path, []byte("1\nrubbish"), 0o600)
	l, err := acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	text, _ := os.ReadFile(path)
	if string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("holds %q", text)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o644 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestOneOfManyStartsWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.pid")
	var wait sync.WaitGroup
	var mu sync.Mutex
	var won []*lock
	for range 16 {
		wait.Go(func() {
			l, err := acquire(path)
			mu.Lock()
			defer mu.Unlock()
			var running *AlreadyRunningError
			switch {
			case err == nil:
				won = append(won, l)
			case !errors.As(err, &running) || running.PID != os.Getpid():
				t.Errorf("got %v", err)
			}
		})
	}
	wait.Wait()
	if len(won) != 1 {
		t.Fatalf("%d won", len(won))
	}
	won[0].release()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestPIDOfADeadHolderIsNotTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.pid")
	os.WriteFile(path, []byte("4194305\n"), 0o644) // above the kernel's largest pid
	if pid := holder(path); pid != 0 {
		t.Errorf("told %d", pid)
	}
}

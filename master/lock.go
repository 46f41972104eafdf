package master

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pidWait is how long the loser of two simultaneous starts waits for the
// winner's pid to appear in the file.
const pidWait = time.Second

// lock is the pid file, held by flock(2) for the whole life of the master. The
// kernel drops the lock however the master ends, so a file left behind means
// nothing.
type lock struct {
	file *os.File
	path string
}

// acquire takes the lock and writes our pid, or returns *AlreadyRunningError.
func acquire(path string) (*lock, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("pid file: %w", err)
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, &AlreadyRunningError{PID: holder(path)}
			}
			return nil, fmt.Errorf("pid file %s: lock: %w", path, err)
		}
		// The former holder may have removed the file between our open and our
		// lock; then we hold a file that nobody else will find.
		if !sameFile(file, path) {
			file.Close()
			continue
		}
		l := &lock{file: file, path: path}
		return l, l.write(os.Getpid())
	}
}

func (l *lock) write(pid int) error {
	err := l.file.Truncate(0)
	if err == nil {
		_, err = l.file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	}
	if err == nil {
		err = l.file.Chmod(0o644) // whatever the umask: others may read who runs
	}
	if err != nil {
		l.release()
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}

// release removes the file while it is still locked, then lets go of it.
func (l *lock) release() {
	os.Remove(l.path)
	l.file.Close()
}

func sameFile(file *os.File, path string) bool {
	ours, err := file.Stat()
	if err != nil {
		return false
	}
	theirs, err := os.Stat(path)
	return err == nil && os.SameFile(ours, theirs)
}

// holder reads the pid of the running master. A pid without a process is the
// one of a former master: the present one has not written its own yet.
func holder(path string) int {
	for deadline := time.Now().Add(pidWait); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err == nil && pid > 0 && !errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			return pid
		}
	}
	return 0
}

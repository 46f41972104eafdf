package master

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// socketFile is the path of a unix socket of ours, remembered with its inode so
// that we never remove somebody else's.
type socketFile struct {
	path string
	info os.FileInfo
}

// access is who may connect to a unix socket.
type access struct {
	mode     os.FileMode
	uid, gid int // -1: ours
}

// ownerOnly is the access of a socket that is nobody else's business.
var ownerOnly = access{mode: 0o600, uid: -1, gid: -1}

// give sets it on the file at path.
func (a access) give(path string) error {
	if a.uid >= 0 || a.gid >= 0 {
		if err := os.Lchown(path, a.uid, a.gid); err != nil {
			return fmt.Errorf("owner of the socket file: %w", err)
		}
	}
	return os.Chmod(path, a.mode)
}

// listenUnix binds a unix socket and returns its descriptor, non-blocking and
// closed on exec. The access is set between bind and listen: until listen nobody
// can connect, so there is no moment with the wrong one.
func listenUnix(path string, a access, backlog int) (int, *socketFile, error) {
	if limit := len(unix.RawSockaddrUnix{}.Path) - 1; len(path) > limit {
		return -1, nil, fmt.Errorf("path of a unix socket is longer than %d bytes", limit)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return -1, nil, os.NewSyscallError("bind", err)
	}
	file := &socketFile{path: path}
	err = a.give(path)
	if err == nil {
		file.info, err = os.Lstat(path)
	}
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, backlog))
	}
	if err != nil {
		unix.Close(fd)
		os.Remove(path)
		return -1, nil, err
	}
	return fd, file, nil
}

// ours reports that no other file has taken its place.
func (f *socketFile) ours() bool {
	info, err := os.Lstat(f.path)
	return err == nil && os.SameFile(info, f.info)
}

// remove removes the file if it is ours.
func (f *socketFile) remove() {
	if f != nil && f.ours() {
		os.Remove(f.path)
	}
}

// removeStaleSocket removes the file of a socket nobody listens on. Only a
// refused connection proves that: a full backlog or missing rights do not.
func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("%s exists and is not a socket", path)
	}
	connection, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		connection.Close()
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return os.NewSyscallError("bind", unix.EADDRINUSE)
	}
	return os.Remove(path)
}

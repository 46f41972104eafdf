package gateway

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// folder is a directory whose files clients may have, and nothing outside of it.
//
// The kernel sees to that (openat2 with RESOLVE_BENEATH) while it looks the name
// up, so there is no moment between a check and its use in which a symlink could
// be put in place.
type folder struct {
	path     string
	symlinks string // inside, follow, never
	handle   *dirHandle
	checked  time.Duration
	told     bool // the log knows that it cannot be opened
}

// dirHandle is an open directory; jobs of the disk share it with its folder.
type dirHandle struct {
	fd   int
	refs int // counted in the loop
}

func (h *dirHandle) release() {
	if h == nil {
		return
	}
	if h.refs--; h.refs == 0 {
		closeFD(h.fd)
	}
}

// folderAge is how long a directory stays open without a look at its path: a
// deploy that swaps a symlink must be followed, without a system call for each
// component of the path in each request.
const folderAge = time.Second

// open returns f's directory, nil when it cannot be had.
func (f *folder) open(now time.Duration, log *slog.Logger) *dirHandle {
	if f.handle != nil && now-f.checked < folderAge {
		return f.handle
	}
	f.checked = now
	fd, err := unix.Open(f.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	f.handle.release()
	if err != nil {
		f.handle = nil
		if !f.told {
			f.told = true
			log.Error("Cannot open a folder of files: does it exist, and may the gateway's account enter it and all folders above?",
				"folder", f.path, "uid", os.Getuid(), "err", err)
		}
		return nil
	}
	f.told, f.handle = false, &dirHandle{fd: fd, refs: 1}
	return f.handle
}

func (f *folder) close() {
	f.handle.release()
	f.handle = nil
}

// realPath is where the directory is, behind all symlinks.
func (h *dirHandle) realPath() string {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(h.fd))
	if err != nil {
		return ""
	}
	return path
}

// inside is the part of an absolute path that lies in the folder called root.
func inside(root string, path []byte) ([]byte, bool) {
	if root == "" || !bytes.HasPrefix(path, view(root)) {
		return nil, false
	}
	rest := path[len(root):]
	if root == "/" {
		return rest, len(rest) > 0
	}
	return bytes.TrimPrefix(rest, []byte("/")), len(rest) > 1 && rest[0] == '/'
}

// opener opens names in a directory.
type opener struct {
	fd       int
	symlinks string
	// cached: answer out of memory, or with errWouldWait. An opener of the loop
	// is, one of a disk job is not.
	cached bool
}

// resolveCached is RESOLVE_CACHED of Linux 5.12.
const resolveCached = 0x20

// errWouldWait: the answer is not in memory, ask again from a job of the disk.
var errWouldWait = errors.New("would wait for the disk")

// open opens name, relative and checked by resource.FilePath, for reading. The
// empty name is the directory itself. A FIFO does not hold it up, a terminal
// does not become ours.
func (o opener) open(name []byte) (int, error) {
	if len(name) == 0 {
		name = []byte(".")
	}
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	how := unix.OpenHow{Flags: flags}
	switch o.symlinks {
	case "follow":
		how.Resolve = unix.RESOLVE_NO_MAGICLINKS
	case "never":
		how.Resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS
	default:
		how.Resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS
	}
	if o.cached {
		how.Resolve |= resolveCached
	}
	for attempt := 0; ; attempt++ {
		fd, err := o.openat2(name, &how)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && o.cached:
			return -1, errWouldWait
		case err == unix.EAGAIN && attempt < 8: // something in the path was renamed meanwhile
		case err == unix.ENOSYS, err == unix.EPERM, err == unix.EINVAL && o.cached:
			return o.openPlainly(name, flags)
		default:
			return fd, err
		}
	}
}

func (o opener) openat2(name []byte, how *unix.OpenHow) (int, error) {
	var path [256]byte
	buf := path[:0]
	if len(name) >= len(path) {
		buf = make([]byte, 0, len(name)+1)
	}
	buf = append(append(buf, name...), 0)
	var fd uintptr
	var errno unix.Errno
	if o.cached {
		fd, _, errno = unix.RawSyscall6(unix.SYS_OPENAT2, uintptr(o.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(unsafe.Pointer(how)), unix.SizeofOpenHow, 0, 0)
	} else {
		fd, _, errno = unix.Syscall6(unix.SYS_OPENAT2, uintptr(o.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(unsafe.Pointer(how)), unix.SizeofOpenHow, 0, 0)
	}
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// openPlainly is for kernels before 5.6 and for sandboxes that do not let
// openat2 through: one component at a time, and no symlink is followed, for
// only the kernel could tell where it leads before it is there.
func (o opener) openPlainly(name []byte, flags int) (int, error) {
	if o.cached {
		return -1, errWouldWait
	}
	if o.symlinks == "follow" {
		return unix.Openat(o.fd, string(name), flags, 0)
	}
	dir := o.fd
	parts := strings.Split(string(name), "/")
	for _, part := range parts[:len(parts)-1] {
		next, err := unix.Openat(dir, part, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if dir != o.fd {
			closeFD(dir)
		}
		if err != nil {
			return -1, err
		}
		dir = next
	}
	fd, err := unix.Openat(dir, parts[len(parts)-1], flags|unix.O_NOFOLLOW, 0)
	if dir != o.fd {
		closeFD(dir)
	}
	return fd, err
}

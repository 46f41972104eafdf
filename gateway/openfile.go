package gateway

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// openFile is a regular file that is being sent. What it was when it was opened
// is what its head says.
type openFile struct {
	fd      int
	size    int64
	seconds int64 // of the last change, since 1970
	nanos   int64
	inode   uint64
	blind   bool // its file system cannot say whether a page is in memory
}

// fileKind is what a name turned out to be.
type fileKind uint8

const (
	kindOther fileKind = iota // FIFO, socket, device: nothing to send
	kindRegular
	kindDirectory
)

// examine fills f from its descriptor.
func (f *openFile) examine(fd int) (fileKind, error) {
	var st unix.Stat_t
	// fstat of an open file waits for nobody, but on a network file system; and
	// there the open, which came first, was left to the disk.
	if _, _, errno := unix.RawSyscall(unix.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0); errno != 0 {
		return kindOther, errno
	}
	f.fd, f.size, f.inode = fd, st.Size, st.Ino
	f.seconds, f.nanos = int64(st.Mtim.Sec), int64(st.Mtim.Nsec)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return kindRegular, nil
	case unix.S_IFDIR:
		return kindDirectory, nil
	}
	return kindOther, nil
}

// pread reads at an offset. With cached it returns errWouldWait for what is not
// in memory.
func (f *openFile) pread(b []byte, offset int64, cached bool) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	iov := unix.Iovec{Base: unsafe.SliceData(b)}
	iov.SetLen(len(b))
	for {
		var n uintptr
		var errno unix.Errno
		if cached && !f.blind {
			n, _, errno = unix.RawSyscall6(unix.SYS_PREADV2, uintptr(f.fd), uintptr(unsafe.Pointer(&iov)), 1, uintptr(offset), 0, unix.RWF_NOWAIT)
		} else {
			n, _, errno = unix.Syscall6(unix.SYS_PREAD64, uintptr(f.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(offset), 0, 0)
		}
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errWouldWait
		case unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL:
			if f.blind || !cached {
				return 0, errno
			}
			f.blind = true
		default:
			return 0, errno
		}
	}
}

// sendfile moves bytes from the file to a socket inside the kernel. errAgain:
// the socket has no room.
func (f *openFile) sendfile(socket int, offset int64, n int) (int, error) {
	for {
		sent, _, errno := unix.RawSyscall6(unix.SYS_SENDFILE, uintptr(socket), uintptr(f.fd), uintptr(unsafe.Pointer(&offset)), uintptr(n), 0, 0)
		switch errno {
		case 0:
			return int(sent), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errAgain
		default:
			return 0, errno
		}
	}
}

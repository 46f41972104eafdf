package ipc

import (
	"os"

	"golang.org/x/sys/unix"
)

// NewFile wraps a descriptor in a File that Go's poller never watches.
//
// os.NewFile registers a non-blocking descriptor with the poller, and then
// every event on it wakes this process: the master on each connection that a
// client opens, the gateway twice for each frame, since its loops watch the
// descriptors themselves. A blocking one is left alone, so the flag (it belongs
// to the open file description, see fcntl(2)) is off while the File is made.
func NewFile(fd int, name string) *os.File {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		return os.NewFile(uintptr(fd), name)
	}
	unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags&^unix.O_NONBLOCK)
	f := os.NewFile(uintptr(fd), name)
	unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	return f
}

// descriptor returns the number of f's descriptor without touching its mode.
func descriptor(f *os.File) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	number := -1
	err = raw.Control(func(fd uintptr) { number = int(fd) })
	return number, err
}

package gateway

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller waits for a loop's descriptors.
//
// The epoll descriptor is itself parked in Go's netpoller: a waiting loop
// blocks no thread, and a busy one never leaves its thread. A thread of our
// own with a blocking epoll_wait costs twice the context switches at low load
// (measured: 4.3 a request against 2.0).
type poller struct {
	fd   int
	file *os.File
	raw  syscall.RawConn
	step func(uintptr) bool // one poll; kept, so that waiting allocates nothing

	events [256]unix.EpollEvent
	n      int
	err    error

	mayBeEager bool             // on one processor a busy wait keeps away what it waits for
	average    [3]time.Duration // by mood: how long the last waits took, the latest counts most
}

// mood is what the loop waits for: what a wait will take differs.
type mood uint8

const (
	moodIdle  mood = iota // something new from clients
	moodOwing             // an answer of a handler, among others
	moodCrowd             // many of them: what comes while we sleep saves turns
)

// crowd is how many items are under way then. Answers come in batches by then:
// busy waits cost a tenth more processor time at 64 connections, as they end with
// the first of a batch; at 8 connections they save a third (measured).
const crowd = 20

// eagerTime is how long a wait stays busy before it parks. To be woken costs
// more than that on most machines, and 15 to 30 µs of latency across the cores
// of a virtual one; so waiting busy costs no processor time as long as the
// event comes. (The idea is that of halt polling in KVM.)
//
// A wait is begun busy while those before it took less than eagerBelow on
// average. The last one alone says too little: of requests that come at random,
// every 50 µs on average, it has three of five waits begun busy, and two of five
// of these park in the end.
const (
	eagerTime  = 50 * time.Microsecond
	eagerBelow = eagerTime * 4 / 5
	waitLimit  = eagerTime * 4 // as which longer waits count
)

// What an event is about: the upper four bits of its Pad.
const (
	aboutConn int32 = iota
	aboutListener
	aboutWorkerIn  // we may write to a handler
	aboutWorkerOut // a handler has written
	aboutMailbox
	aboutTimer
	aboutDatagrams // a udp listener
)

const (
	aboutShift = 28
	pairMask   = 1<<aboutShift - 1
)

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // makes os.NewFile hand it to the netpoller
		return nil, fmt.Errorf("epoll descriptor: %w", err)
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), mayBeEager: runtime.NumCPU() > 1}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return nil, fmt.Errorf("epoll descriptor: %w", err)
	}
	p.step = func(uintptr) bool {
		p.poll()
		return p.n != 0 || p.err != nil
	}
	return p, nil
}

// poll collects what is ready without waiting.
func (p *poller) poll() {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
	switch errno {
	case 0:
		p.n, p.err = int(n), nil
	case unix.EINTR:
		p.n, p.err = 0, nil
	default:
		p.n, p.err = 0, errno
	}
}

// wait returns the ready events; with block it waits for the first.
func (p *poller) wait(block bool, m mood) ([]unix.EpollEvent, error) {
	p.poll()
	if p.n == 0 && p.err == nil && block {
		if err := p.await(m); err != nil {
			return nil, fmt.Errorf("epoll wait: %w", err)
		}
	}
	return p.events[:p.n], p.err
}

func (p *poller) await(m mood) error {
	begin := time.Now()
	if p.eager(m) {
		for p.n == 0 && p.err == nil && time.Since(begin) < eagerTime {
			p.poll()
		}
	}
	if p.n == 0 && p.err == nil {
		if err := p.raw.Read(p.step); err != nil {
			return err
		}
	}
	p.waited(m, time.Since(begin))
	return nil
}

// eager reports that a wait should begin busy.
func (p *poller) eager(m mood) bool {
	return p.mayBeEager && m != moodCrowd && p.average[m] < eagerBelow
}

// waited takes in how long a wait took.
func (p *poller) waited(m mood, took time.Duration) {
	p.average[m] += (min(took, waitLimit) - p.average[m]) / 4
}

func (p *poller) add(fd int, events uint32, about, index int32, pair uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, events, about, index, pair)
}

func (p *poller) modify(fd int, events uint32, about, index int32, pair uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, events, about, index, pair)
}

func (p *poller) control(op, fd int, events uint32, about, index int32, pair uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: index, Pad: about<<aboutShift | int32(pair&pairMask)}
	if _, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&ev)), 0, 0); errno != 0 {
		return fmt.Errorf("epoll_ctl: %w", errno)
	}
	return nil
}

// remove forgets fd. Closing the last copy of a descriptor does the same;
// this is for descriptors that stay open.
func (p *poller) remove(fd int) {
	_, _, _ = unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), unix.EPOLL_CTL_DEL, uintptr(fd), 0, 0, 0)
}

func (p *poller) close() { _ = p.file.Close() }

// errAgain: nothing to read, or no room to write, at the moment.
var errAgain = errors.New("would block")

// The calls below never block, so the scheduler need not know of them: with
// Syscall a request cost twice the CPU at low load (measured).

// read reads once. n == 0 with a nil error is end of file.
func read(fd int, b []byte) (int, error) { return immediate(unix.SYS_READ, fd, b, 0) }

// readSocket is read for a socket, without the way through the file system: a
// request costs 3 % less so (measured, with writeSocket).
func readSocket(fd int, b []byte) (int, error) {
	return immediate(unix.SYS_RECVFROM, fd, b, unix.MSG_DONTWAIT)
}

// peek is readSocket, and leaves the bytes where they are.
func peek(fd int, b []byte) (int, error) {
	return immediate(unix.SYS_RECVFROM, fd, b, unix.MSG_DONTWAIT|unix.MSG_PEEK)
}

// write writes once; n may be short.
func write(fd int, b []byte) (int, error) { return immediate(unix.SYS_WRITE, fd, b, 0) }

// writeSocket is write for a socket.
func writeSocket(fd int, b []byte) (int, error) {
	return immediate(unix.SYS_SENDTO, fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

func immediate(trap uintptr, fd int, b []byte, flags uintptr) (int, error) {
	return immediately(trap, fd, unsafe.Pointer(unsafe.SliceData(b)), len(b), flags)
}

// immediately makes a system call whose arguments are a descriptor, an address,
// a length or count, and flags, and tries again when a signal came.
func immediately(trap uintptr, fd int, p unsafe.Pointer, count int, flags uintptr) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(p), uintptr(count), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errAgain
		default:
			return 0, errno
		}
	}
}

func closeFD(fd int) {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}

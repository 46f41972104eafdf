// Command rawepoll ADDRESS SCENARIO is an epoll loop that answers every read
// without looking: a fixed HTTP answer (hello), or the bytes themselves (text).
// It does far less than a server and shows what the machine costs by itself.
// It ends when its standard input does.
package main

import (
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

var hello = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!")

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: rawepoll ADDRESS hello|text")
	}
	go func() { io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	listener, err := listen(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	debug.SetGCPercent(-1) // the loop allocates nothing, and blocks its thread
	runtime.LockOSThread()
	if err := loop(listener, os.Args[2] == "text"); err != nil {
		log.Fatal(err)
	}
}

// listen lets the net package do the work and takes its descriptor.
func listen(address string) (int, error) {
	ln, err := net.Listen("tcp4", address)
	if err != nil {
		return -1, err
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		return -1, err
	}
	defer file.Close()
	fd, err := unix.Dup(int(file.Fd()))
	if err != nil {
		return -1, err
	}
	return fd, unix.SetNonblock(fd, true)
}

func loop(listener int, echo bool) error {
	epoll, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	if err := watch(epoll, listener); err != nil {
		return err
	}
	events, buffer := make([]unix.EpollEvent, 256), make([]byte, 64<<10)
	for {
		n, err := unix.EpollWait(epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == listener {
				accept(epoll, listener)
			} else if !answer(int(e.Fd), buffer, echo) {
				unix.Close(int(e.Fd))
			}
		}
	}
}

func accept(epoll, listener int) {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK)
		if err != nil {
			return
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if watch(epoll, fd) != nil {
			unix.Close(fd)
		}
	}
}

// answer takes one read for one request, which holds for small requests that
// wait for their answer. False: close the connection.
func answer(fd int, buffer []byte, echo bool) bool {
	n, err := syscall.Read(fd, buffer)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	reply := hello
	if echo {
		reply = buffer[:n]
	}
	_, err = syscall.Write(fd, reply)
	return err == nil
}

func watch(epoll, fd int) error {
	return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

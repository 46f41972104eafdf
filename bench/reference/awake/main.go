// Command awake keeps every core from sleeping by spinning at idle priority,
// until its standard input ends. A virtual machine's core needs some 50 µs to
// wake up, several times what a single request takes.
package main

import (
	"io"
	"log"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

func main() {
	cores := runtime.NumCPU()
	runtime.GOMAXPROCS(cores + 1)
	for range cores {
		go spin()
	}
	io.Copy(io.Discard, os.Stdin)
}

func spin() {
	runtime.LockOSThread()
	// SCHED_IDLE, sched(7): runs only when nothing else wants the core.
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		log.Fatal(err)
	}
	//lint:ignore SA5002 spinning is what this program is for
	for {
	}
}

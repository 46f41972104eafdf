package main

import (
	"math"

	"golang.org/x/sys/unix"
)

// firstInherited is the first descriptor behind the three standard ones.
const firstInherited = 3

// keepInherited marks what our caller left open to be closed in the programs we
// start. Otherwise a shell's pipe or a lock of a deploy script would stay open
// in every handler for as long as gw runs, and whoever waits for its end would
// wait for ever. Kernels before 5.11 do not know the flag: there it stays as it
// is (close_range(2)).
func keepInherited() {
	_ = unix.CloseRange(firstInherited, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}

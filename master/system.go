package master

import (
	"math/rand/v2"
	"os"

	"gw/ipc"
	"gw/master/config"
)

// system is the operating system as the owner loop sees it. Time is not in it:
// testing/synctest replaces the clock itself.
type system struct {
	start  func(*command) (*process, error)
	pipes  func() (*ipc.HandlerPipes, error)
	pair   func() (channel, *os.File, error)
	bind   func(config.Listener) (*listener, error)
	memory func(pid int) int64
	load   func() [3]float64
	random func() float64 // in [0, 1)
}

// linux returns the real one, and what must be called when it is done with.
func linux() (system, func()) {
	plain, confined := newSpawner(false), newSpawner(true)
	start := func(c *command) (*process, error) {
		if c.confined {
			return start(confined, c)
		}
		return start(plain, c)
	}
	pair := func() (channel, *os.File, error) {
		c, file, err := ipc.Pair()
		if err != nil {
			return nil, nil, err // and not a channel that holds a nil pointer
		}
		return c, file, nil
	}
	real := system{
		start: start, pipes: ipc.Pipes, pair: pair, bind: bind,
		memory: residentBytes, load: loadAverage, random: rand.Float64,
	}
	return real, func() {
		plain.close()
		confined.close()
	}
}

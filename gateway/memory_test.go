package gateway

import (
	"testing"
	"time"
)

// frugal is a loop whose memory only counts how often it is given back.
func frugal(t *testing.T) (s *still, given func() int) {
	s = newStill(t)
	n := 0
	s.memory.held = func() uint64 { return leastHeld }
	s.memory.give = func() { n++ }
	return s, func() int {
		s.memory.work.Wait()
		return n
	}
}

// load is so many seconds of work.
func (s *still) load(seconds int) {
	for range seconds {
		s.rest.turns += 2 * restTurns
		s.later(time.Second)
	}
}

// quiet is so many seconds without.
func (s *still) quiet(seconds int) {
	for range seconds {
		s.later(time.Second)
	}
}

func TestMemoryIsGivenBackOnceAfterAPeak(t *testing.T) {
	s, given := frugal(t)
	s.load(10)
	if given() != 0 {
		t.Fatal("under load")
	}
	s.quiet(restSeconds - 1)
	if given() != 0 {
		t.Fatal("in a short pause")
	}
	s.quiet(1)
	if given() != 1 {
		t.Fatal("nothing was given back")
	}
	s.quiet(600)
	if given() != 1 {
		t.Fatalf("%d times, for nothing", given())
	}
	s.load(10)
	s.quiet(restSeconds)
	if given() != 2 {
		t.Fatal("not after the second peak")
	}
}

func TestMemoryIsGivenBackSeldom(t *testing.T) {
	s, given := frugal(t)
	for range 20 {
		s.load(1)
		s.quiet(restSeconds + 1)
		given() // no time passes meanwhile
	}
	if n := given(); n < 5 || n > 10 {
		t.Fatalf("%d times in 100 seconds with 20 peaks", n)
	}
	s.quiet(30)
	if s.needsTick() {
		t.Fatal("something of the last peak is still due")
	}
}

func TestBuffersThatARestingLoopLetsGoAreGivenBack(t *testing.T) {
	s, given := frugal(t)
	s.quiet(10)
	for range leastDropped / (1 << 20) { // in a handful of turns, as when stalled clients go on
		s.buffers.put(make([]byte, 1<<20))
	}
	s.quiet(1)
	if given() != 1 {
		t.Fatal("nothing was given back")
	}
}

func TestLittleMemoryIsKept(t *testing.T) {
	s, given := frugal(t)
	s.memory.held = func() uint64 { return leastHeld - 1 }
	s.load(10)
	s.quiet(10)
	if given() != 0 || s.needsTick() {
		t.Fatal("a collection for next to nothing")
	}
}

func TestMemoryWaitsUntilAllLoopsRest(t *testing.T) {
	s, given := frugal(t)
	s.memory.awake.Add(1) // another loop
	s.load(10)
	s.quiet(10)
	if given() != 0 {
		t.Fatal("under load of another loop")
	}
	s.memory.awake.Add(-1)
	s.quiet(1)
	if given() != 1 {
		t.Fatal("nothing was given back")
	}
}

func TestRestingLoopLetsGoOfLongBuffersToWorkers(t *testing.T) {
	s, _ := frugal(t)
	w, _ := s.hire(1)
	w.out = make([]byte, 0, maxUnwritten)
	s.quiet(restSeconds)
	if cap(w.out) > bufferBytes {
		t.Fatalf("%d bytes kept", cap(w.out))
	}
}

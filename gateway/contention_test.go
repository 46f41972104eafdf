package gateway

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const (
	contendingLoops = 2
	// contendingClients are enough for every loop to have work at any time.
	contendingClients = 32
)

// contend keeps several loops busy with so many requests altogether.
func contend(h *harness, requests int) {
	var handlers, clients sync.WaitGroup
	crew := crew(h, 1, "request")
	for _, w := range crew {
		handlers.Go(func() { (&answerer{t: h.t, body: []byte("Hello, World!")}).run(w) })
	}
	for i := range contendingClients {
		c := h.dial("http")
		share := requests / contendingClients
		if i < requests%contendingClients {
			share++
		}
		clients.Go(func() {
			if err := c.repeat(share); err != nil {
				h.t.Error(err)
			}
		})
	}
	clients.Wait()
	for _, w := range crew {
		w.exit("end")
	}
	handlers.Wait()
}

// repeat makes the same request again and again.
func (c *client) repeat(requests int) error {
	request := []byte("GET /hello HTTP/1.1\r\nHost: example.org\r\n\r\n")
	answer := make([]byte, 4096)
	for range requests {
		if _, err := c.Write(request); err != nil {
			return err
		}
		for n := 0; !bytes.HasSuffix(answer[:n], []byte("Hello, World!")); {
			got, err := c.Read(answer[n:])
			if err != nil {
				return err
			}
			n += got
		}
	}
	return nil
}

// BenchmarkLoops is for profiles of what loops share: see docs/performance.md.
func BenchmarkLoops(b *testing.B) {
	h := startLoops(b, contendingLoops, nil)
	b.ResetTimer()
	contend(h, b.N)
}

// Loops wait for each other at most when workers, connections or errands move
// from one to another. One lock around the events of a loop makes over a hundred
// waits of these requests, on two busy cores.
func TestRequestsShareNoLock(t *testing.T) {
	const requests = 10_000
	mutexes := runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	defer func() {
		runtime.SetMutexProfileFraction(mutexes)
		runtime.SetBlockProfileRate(0)
	}()
	h := startLoops(t, contendingLoops, nil)
	before := waitsOfLoops(t)
	contend(h, requests)
	if waits := waitsOfLoops(t) - before; waits > requests/250 {
		t.Errorf("loops waited %d times for a lock or a channel in %d requests", waits, requests)
	}
}

// waitsOfLoops counts how often a loop has waited for another goroutine so far,
// or made another wait for a lock it held.
func waitsOfLoops(t *testing.T) (count int64) {
	t.Helper()
	for _, profile := range []func([]runtime.BlockProfileRecord) (int, bool){runtime.MutexProfile, runtime.BlockProfile} {
		records := make([]runtime.BlockProfileRecord, 4096)
		n, whole := profile(records)
		if !whole {
			t.Fatal("the profile has more than 4096 places")
		}
		for _, r := range records[:n] {
			if ofLoop(r.Stack()) {
				count += r.Count
			}
		}
	}
	return count
}

// ofLoop: the stack is that of a loop's goroutine.
func ofLoop(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "gateway.(*loop).turn") {
			return true
		}
		if !more {
			return false
		}
	}
}

package tests

import (
	"strings"
	"sync"
	"testing"
)

// The handler is blocked writing megabytes while the gateway wants to write
// megabytes to it: both pipes are full, and everything arrives all the same.
func TestFullPipesInBothDirections(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "bulk", workers: 1, listen: []string{"websocket"},
			listener: "limits: {max_message: 2MiB, send_buffer: 64MiB}"})
		const messages = 8
		megabyte := strings.Repeat("m", 1<<20)
		var clients sync.WaitGroup
		for range 3 {
			w := openWebSocket(g, "websocket", "/")
			clients.Go(func() {
				for range messages {
					w.send(megabyte)
				}
			})
			clients.Go(func() {
				for n := range messages {
					if got := w.receive(); len(got) != 2<<20 {
						t.Errorf("answer %d has %d bytes", n, len(got))
					}
				}
			})
		}
		clients.Wait()
		memory := g.status().Gateway.MemoryBytes
		t.Logf("the gateway has %d MiB", memory>>20)
		if memory > 192<<20 {
			t.Errorf("the gateway has grown to %d MiB", memory>>20)
		}
	})
}

// 2,000 messages of 64 KiB to a client that does not read: it is closed and
// counted, memory stays, and the others are served.
func TestClientThatDoesNotReadCostsBoundedMemory(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "bulk", workers: 2, listen: []string{"websocket"}})
		slow, other := openWebSocket(g, "websocket", "/"), openWebSocket(g, "websocket", "/")
		other.ask("warm")
		before := g.status().Gateway.MemoryBytes
		slow.send("2000 65536")
		eventually(t, patience, "the slow client is closed and counted", func() bool {
			if got := other.ask("me"); got != "meme" {
				t.Errorf("answer %q", got)
			}
			return g.status().Listeners[0].SlowClosed == 1
		})
		grown := g.status().Gateway.MemoryBytes - before
		t.Logf("grown by %d MiB", grown>>20)
		if grown > 64<<20 {
			t.Errorf("grown by %d MiB", grown>>20)
		}
	})
}

package tests

import (
	"sync"
	"testing"

	"gw/conformance/http1"
)

// Every vector of the HTTP/1.1 suite: the answers, what the handler saw, and
// what became of the connection are exactly those that gw promises.
func TestHTTP1Vectors(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "record", workers: 2})
		play := http1.Play{Network: "tcp", Address: g.addresses["http"], Patience: patience}
		eachVector(t, func(v http1.Vector) {
			seen, err := play.Observe(v)
			if err != nil || !v.Exact(seen) {
				t.Errorf("%s: %s (%s), %v\n got %.300v\nwant %.300v", v.Chapter, v.Name, v.Rule, err, seen, v.Outcomes[0])
			}
		})
		if restarts := g.status().Totals.Restarts; restarts != 0 {
			t.Errorf("handlers were replaced %d times", restarts)
		}
	})
}

// The same, every byte in a segment of its own: where the stream is cut means
// nothing. Only what may be answered early differs: 100 (Continue).
func TestHTTP1VectorsByteByByte(t *testing.T) {
	t.Parallel()
	g := start(t, setup{language: python, handler: "record", workers: 2})
	play := http1.Play{Network: "tcp", Address: g.addresses["http"], Patience: patience, Apart: true}
	eachVector(t, func(v http1.Vector) {
		if v.Size() > 4096 {
			return
		}
		seen, err := play.Observe(v)
		if err != nil || !v.Right(seen) || seen.Fooled() {
			t.Errorf("%s: %s (%s), %v\n got %.300v\nwant %.300v", v.Chapter, v.Name, v.Rule, err, seen, v.Outcomes)
		}
	})
}

// eachVector plays vectors beside each other: most of the time is waiting.
func eachVector(t *testing.T, play func(http1.Vector)) {
	t.Helper()
	vectors, err := http1.Load()
	if err != nil {
		t.Fatal(err)
	}
	const beside = 16
	queue := make(chan http1.Vector)
	var players sync.WaitGroup
	for range beside {
		players.Go(func() {
			for v := range queue {
				play(v)
			}
		})
	}
	for _, v := range vectors {
		queue <- v
	}
	close(queue)
	players.Wait()
}

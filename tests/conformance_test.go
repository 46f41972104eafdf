package tests

import (
	"sync"
	"testing"

	"gw/conformance/http1"
)

// Every vector of the HTTP/1.1 suite: the answers, what the handler saw, and
// what became of the connection are exactly those that gw promises.
func TestHTTP1Vectors(t *testing.T) {
	vectors, err := http1.Load()
	if err != nil {
		t.Fatal(err)
	}
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, handler: "record", workers: 2})
		eachVector(vectors, func(v http1.Vector) {
			seen, err := http1.Observe("tcp", g.addresses["http"], v, patience)
			switch {
			case err != nil:
				t.Errorf("%s: %s: %v", v.Chapter, v.Name, err)
			case !v.Exact(seen):
				t.Errorf("%s: %s (%s)\n got %.300v\nwant %.300v", v.Chapter, v.Name, v.Rule, seen, v.Outcomes[0])
			}
		})
		if restarts := g.status().Totals.Restarts; restarts != 0 {
			t.Errorf("handlers were replaced %d times", restarts)
		}
	})
}

// eachVector plays vectors beside each other: most of the time is waiting.
func eachVector(vectors []http1.Vector, play func(http1.Vector)) {
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

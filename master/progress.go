package master

import (
	"sync"

	"gw/master/api"
)

// progress is what a reload has done so far. The owner loop adds, any number of
// clients read at their own pace; its length is bounded by the number of slots.
type progress struct {
	mu      sync.Mutex
	events  []api.ReloadEvent // guarded by mu; the last one has Result
	changed chan struct{}     // guarded by mu; closed at the next event
}

func newProgress() *progress { return &progress{changed: make(chan struct{})} }

func (p *progress) add(e api.ReloadEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
	close(p.changed)
	p.changed = make(chan struct{})
}

// from returns the events after the first n, and a channel that closes when
// there are more.
func (p *progress) from(n int) ([]api.ReloadEvent, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.events[n:], p.changed
}

package gateway

import (
	"cmp"
	"sync/atomic"

	"gw/protocol/wire"
)

// shares is what the loops have in common. A loop looks in here only while it
// takes over a configuration, which they do one after the other; the parts are
// safe for all at any time.
type shares struct {
	listeners map[int]*listenerShare
	pools     map[string]*poolShare
}

func newShares() *shares {
	return &shares{listeners: make(map[int]*listenerShare), pools: make(map[string]*poolShare)}
}

func (s *shares) listener(id int) *listenerShare {
	share := s.listeners[id]
	if share == nil {
		share = new(listenerShare)
		s.listeners[id] = share
	}
	return share
}

func (s *shares) pool(name string) *poolShare {
	share := s.pools[name]
	if share == nil {
		share = new(poolShare)
		s.pools[name] = share
	}
	return share
}

// listenerShare is what all loops know of a listener.
type listenerShare struct {
	connections [maxLoops]atomic.Int32 // in each loop, those on their way to it included
	callers     callers
	tls         *tlsSettings // nil: plain; of the first loop, as shares says
}

func (s *listenerShare) total() (n int) {
	for i := range s.connections {
		n += int(s.connections[i].Load())
	}
	return n
}

// poolShare is what all loops know of a pool. Sets of loops have a bit for each.
type poolShare struct {
	hungry atomic.Uint32 // work waits there, see balance.go
	bare   atomic.Uint32 // and those of them where no worker goes on
	idle   atomic.Uint32 // a worker there has nothing to do
	queued [maxLoops]atomic.Int32

	interest atomic.Pointer[interest] // nil: no worker has been active
}

// interest is what the handlers of a pool want to hear of, as the newest worker
// says that has been active. Older ones that move must not bring back what was
// before a reload: handshakes would go on unasked.
type interest struct {
	worker     uint64
	events     wire.Events
	streamBody bool // it takes long bodies as streams
}

// learn takes note of a worker that is active.
func (s *poolShare) learn(w *worker) {
	for {
		known := s.interest.Load()
		if known != nil && known.worker >= w.id {
			return
		}
		if s.interest.CompareAndSwap(known, &interest{w.id, w.ready.Events, w.ready.StreamBody}) {
			return
		}
	}
}

// anyInterest is that of handlers nobody knows yet.
var anyInterest = interest{events: wire.Events{Request: true, Connect: true, Message: true, Close: true, Handshake: true, Datagram: true}}

func (p *pool) interest() *interest {
	return cmp.Or(p.share.interest.Load(), &anyInterest)
}

// crowded: it has max_connections.
func (ln *listener) crowded() bool {
	limit := ln.limits.MaxConnections
	return limit > 0 && ln.share.total() >= limit
}

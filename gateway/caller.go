package gateway

import (
	"net/netip"
	"sync"
	"time"

	"gw/protocol/address"
	"gw/protocol/http1"
)

// caller is what a listener remembers of one address, for its limits.
type caller struct {
	address     netip.Addr
	connections int
	// free is when the address has used up nothing of its rate any more (the
	// theoretical arrival time of GCRA, which is a token bucket in one number).
	free time.Duration

	next, prev *caller // in callers.idle, while it has no connection
}

// callers are the addresses a listener knows, in all loops. Only listeners with
// such limits ever take the lock.
//
// Those with a connection are bounded by the connections. Of the others the
// latest maxCallers are kept; one more, and the one that was away longest is
// forgotten, with what it had used up of its rate.
type callers struct {
	mu        sync.Mutex
	byAddress map[netip.Addr]*caller
	first     *caller // idle, away longest
	last      *caller
	idle      int
	spare     *caller // one that was forgotten, to be used again
}

const maxCallers = 65536

// find returns the entry of an address. Like link, unlink and forget it is for
// those who hold the lock.
func (t *callers) find(a netip.Addr) *caller {
	a = address.Client(a)
	if x := t.byAddress[a]; x != nil {
		if x.connections == 0 { // it is the latest now
			t.unlink(x)
			t.link(x)
		}
		return x
	}
	if t.idle >= maxCallers {
		t.forget(t.first)
	}
	x := t.spare
	if x == nil {
		x = new(caller)
	}
	t.spare = nil
	*x = caller{address: a}
	if t.byAddress == nil {
		t.byAddress = make(map[netip.Addr]*caller)
	}
	t.byAddress[a] = x
	t.link(x)
	return x
}

func (t *callers) link(x *caller) {
	x.prev, x.next = t.last, nil
	if t.last == nil {
		t.first = x
	} else {
		t.last.next = x
	}
	t.last = x
	t.idle++
}

func (t *callers) unlink(x *caller) {
	if x.prev == nil {
		t.first = x.next
	} else {
		x.prev.next = x.next
	}
	if x.next == nil {
		t.last = x.prev
	} else {
		x.next.prev = x.prev
	}
	x.next, x.prev = nil, nil
	t.idle--
}

func (t *callers) forget(x *caller) {
	t.unlink(x)
	delete(t.byAddress, x.address)
	t.spare = x
}

// trim forgets those that have nothing left to remember.
func (t *callers) trim(now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.first != nil && t.first.free <= now {
		t.forget(t.first)
	}
	if len(t.byAddress) == 0 {
		t.byAddress, t.spare = nil, nil // a map never shrinks by itself
	}
}

// enter counts a connection of an address, unless it has most of them already
// (0: any number).
func (t *callers) enter(a netip.Addr, most int) (x *caller, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x = t.find(a)
	if most > 0 && x.connections >= most {
		return x, false
	}
	if x.connections == 0 {
		t.unlink(x)
	}
	x.connections++
	return x, true
}

// leave is its end.
func (t *callers) leave(x *caller) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x.connections--; x.connections == 0 {
		t.link(x)
	}
}

// spend uses up one request of the rate of x, or of the address when x is nil.
// wait is 0, or how long until there is one again.
func (t *callers) spend(x *caller, a netip.Addr, now, every time.Duration, burst int) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x == nil {
		x = t.find(a)
	}
	return x.take(now, every, burst)
}

// take is spend for those who hold the lock.
func (x *caller) take(now, every time.Duration, burst int) (wait time.Duration) {
	free := max(x.free, now)
	if wait = free - now - time.Duration(burst-1)*every; wait > 0 {
		return wait
	}
	x.free = free + every
	return 0
}

// burst is how many requests may come at once.
func (ln *listener) burst() int {
	if n := ln.limits.BurstPerAddress; n > 0 {
		return n
	}
	return max(1, int(time.Second/ln.limits.RequestEvery))
}

// exempt says that limits by address do not hold for a: a unix socket's clients
// are all one, and proxies speak for many.
func (ln *listener) exempt(a netip.Addr) bool {
	return !a.IsValid() || ln.exempted.Has(a) || ln.proxies.Has(a)
}

// admit counts a new connection of its address. false: there are too many, and
// it was closed.
func (l *loop) admit(c *conn) bool {
	ln := c.listener
	if ln.limits.MaxConnectionsPerAddress == 0 && ln.limits.RequestEvery == 0 {
		return true
	}
	o := l.originOf(c)
	if ln.exempt(o.address) {
		return true
	}
	x, ok := ln.share.callers.enter(o.address, ln.limits.MaxConnectionsPerAddress)
	if !ok {
		ln.addressRefused++
		l.log.Debug("Closed a connection over max_connections_per_address", "listener", ln.name, "remote", c.peer, "connections", ln.limits.MaxConnectionsPerAddress)
		l.lost(c)
		return false
	}
	o.entry = x
	// Where there are no requests, a connection counts as one.
	if _, stream := streamKinds[ln.scheme]; stream && ln.limits.RequestEvery > 0 && ln.share.callers.spend(x, o.address, l.now, ln.limits.RequestEvery, ln.burst()) > 0 {
		ln.rateRefused++
		l.log.Debug("Closed a connection over max_requests_per_address", "listener", ln.name, "remote", c.peer)
		l.lost(c)
		return false
	}
	return true
}

// dismiss is the end of a connection that admit counted.
func (l *loop) dismiss(c *conn) {
	if o := c.origin; o != nil && o.entry != nil && c.fd >= 0 {
		c.listener.share.callers.leave(o.entry)
		o.entry = nil
	}
}

// checkRate is the stage that refuses requests over max_requests_per_address.
func (l *loop) checkRate(c *conn, r *http1.Request) bool {
	ln := c.listener
	every := ln.limits.RequestEvery
	if every == 0 {
		return false
	}
	e, o := c.exchange, l.originOf(c)
	a, x := o.address, o.entry
	if e.client.IsValid() {
		a, x = e.client.Addr(), nil
	}
	if ln.exempt(a) {
		return false
	}
	wait := ln.share.callers.spend(x, a, l.now, every, ln.burst())
	if wait == 0 {
		return false
	}
	ln.rateRefused++
	l.retryAfter = wait
	e.unread(r)
	l.answer(c, 429, "too many requests from this address")
	return true
}

package gateway

import "golang.org/x/sys/unix"

// One loop accepts for a listener, and deals what it accepts out: to the loop
// where it has the fewest connections. Several loops that accept from one socket,
// or from sockets of their own with SO_REUSEPORT, get very unequal shares.
//
// A connection stays in its loop. So it is dealt only to loops that have workers
// of every pool its listener routes to: those of a pool are in the first loops,
// one in each and around again.

// settleHome finds out which loops serve ln, and which of them accepts.
func (l *loop) settleHome(ln *listener) {
	ln.spread = len(l.peers)
	for i := range ln.routes {
		if p := ln.routes[i].pool; p != nil {
			ln.spread = min(ln.spread, max(1, p.workers))
		}
	}
	home := ln.id%ln.spread == l.index
	if home == ln.home {
		return
	}
	if !ln.listening || ln.closed {
		ln.home = home
		return
	}
	if ln.datagrams != nil {
		ln.home = home
		l.watchSocket(ln)
		return
	}
	l.stopAccepting(ln)
	if ln.home = home; home {
		if err := l.poller.add(ln.fd, unix.EPOLLIN, aboutListener, ln.index, 0); err != nil {
			l.log.Error("Cannot listen", "listener", ln.name, "err", err)
		}
	}
}

// deal gives a new client to one of the loops.
func (l *loop) deal(ln *listener, fd int, peer string) {
	share := ln.share
	to, least := l.index, share.connections[l.index].Load()
	if to >= ln.spread { // of a configuration before
		to, least = 0, share.connections[0].Load()
	}
	for i := range ln.spread {
		if n := share.connections[i].Load(); n < least {
			to, least = i, n
		}
	}
	share.connections[to].Add(1)
	if to == l.index {
		l.welcome(ln, fd, peer)
		return
	}
	id := ln.id
	l.tell(to, func(other *loop) {
		if ln := other.listenerByID(id); ln != nil {
			other.welcome(ln, fd, peer)
			return
		}
		share.connections[to].Add(-1) // closed meanwhile
		closeFD(fd)
	})
}

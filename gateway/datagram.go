package gateway

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// datagrams is what a udp listener has beyond a listener. There are no
// connections: a datagram is a work message of its own, in one place at a time:
// queued, at a worker, or done. One that is lost on our side is counted.
type datagrams struct {
	queue      itemList // wait for a worker; bounded by limit and queuedBytesLimit
	bytes      int      // in queue
	limit      int
	dropNewest bool // when the queue is full; else the oldest goes
	unfinished int  // queued or at a worker

	family uint16 // of the socket
	out    outgoing

	received, sent, dropped, truncated, sendDrops uint64
	warned                                        time.Duration
}

// queuedBytesLimit bounds a queue of long datagrams.
const queuedBytesLimit = 16 << 20

// inbound is where datagrams arrive, before they become items. Pages that no
// datagram was long enough for cost no memory.
type inbound struct {
	*datagramBatch
	buffer []byte
	room   int // for each datagram
}

// makeRoom lets datagrams of up to n bytes in, and tells longer ones by their
// truncation.
func (in *inbound) makeRoom(n int) {
	if in.datagramBatch == nil {
		in.datagramBatch = newDatagramBatch()
		in.buffer = make([]byte, batchDatagrams*maxDatagram)
	}
	if n = min(n, maxDatagram); n == in.room {
		return
	}
	in.room = n
	for i := range in.vectors {
		in.vectors[i].Base = &in.buffer[i*maxDatagram]
		in.vectors[i].SetLen(n)
	}
}

func (in *inbound) data(i int) []byte {
	at := i * maxDatagram
	return in.buffer[at : at+int(in.headers[i].len)]
}

// listenDatagrams begins to receive.
func (l *loop) listenDatagrams(ln *listener) error {
	family, err := unix.GetsockoptInt(ln.fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	ln.datagrams.family = uint16(family)
	if wildcard(ln.fd) { // an answer must leave from where the question came to
		if family == unix.AF_INET {
			err = unix.SetsockoptInt(ln.fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		} else {
			err = unix.SetsockoptInt(ln.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
		if err != nil {
			return err
		}
	}
	return l.poller.add(ln.fd, ln.socketEvents(), aboutDatagrams, ln.index, 0)
}

// wildcard reports a socket that is bound to all addresses.
func wildcard(fd int) bool {
	switch sa, _ := unix.Getsockname(fd); sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr).IsUnspecified()
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).IsUnspecified()
	}
	return false
}

// configureDatagrams sets what may change at a reload. What waits follows the
// listener to another pool.
func (l *loop) configureDatagrams(ln *listener, m control.Queue) {
	d := ln.datagrams
	if d == nil {
		d = new(datagrams)
		ln.datagrams = d
	}
	d.limit, d.dropNewest = m.Limit, m.DropNewest
	p := ln.routes[0].pool
	if p == nil {
		return
	}
	for it := d.queue.first; it != nil; it = it.next {
		it.pool = p
	}
	for _, other := range l.pools {
		other.removeSocket(ln)
	}
	p.sockets = append(p.sockets, ln)
}

// datagramEvent receives, and sends on what the kernel had no room for.
func (l *loop) datagramEvent(ln *listener, events uint32) {
	if events&unix.EPOLLOUT != 0 {
		l.flushDatagrams(ln)
	}
	if events&^unix.EPOLLOUT != 0 && !ln.closed {
		l.receiveDatagrams(ln)
	}
}

// receiveDatagrams takes one batch: a flood of datagrams must not stall others.
func (l *loop) receiveDatagrams(ln *listener) {
	d, in := ln.datagrams, &l.inbound
	in.makeRoom(ln.limits.MaxMessageBytes)
	n, err := in.receive(ln.fd)
	if err != nil && err != errAgain {
		l.log.Debug("Cannot receive a datagram", "listener", ln.name, "err", err) // an ICMP error of an earlier answer
		return
	}
	for i := range n {
		d.received++
		if in.truncated(i) {
			d.truncated++
			l.warnDatagrams(ln, "Dropped a datagram longer than max_message", in.peerOf(i))
			continue
		}
		l.receivedDatagram(ln, i)
	}
}

// receivedDatagram hands the i-th datagram of the batch on, or lets it wait.
func (l *loop) receivedDatagram(ln *listener, i int) {
	d, in, p := ln.datagrams, &l.inbound, ln.routes[0].pool
	l.messages++
	if !p.interest().events.Datagram {
		d.dropped++
		l.warnDatagrams(ln, "Dropped a datagram: the handlers of its pool have no onMessage", in.peerOf(i))
		return
	}
	it := l.items.get(wire.OpDgram, l.datagramID(), nil, p)
	it.socket = ln
	l.items.grow(it, len(in.data(i)))
	var peer, local [64]byte
	it.data = wire.AppendDatagram(it.data, ln.id, in.peerOf(i).AppendTo(peer[:0]), in.data(i), appendAddr(local[:0], in.localOf(i)), it.id)
	d.unfinished++
	l.datagrams++
	if d.queue.len == 0 {
		if w := p.pickForDatagram(); w != nil {
			l.deliver(w, it)
			return
		}
	}
	l.enqueueDatagram(d, it)
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return dst
	}
	return a.AppendTo(dst)
}

// datagramID is the id of a datagram: a slot that no connection has, and a
// generation.
func (l *loop) datagramID() uint64 {
	l.lastDatagram = max(1, (l.lastDatagram+1)&genMask)
	return l.lastDatagram<<genShift | uint64(l.index)<<slotBits | datagramSlot
}

func (l *loop) enqueueDatagram(d *datagrams, it *item) {
	for d.queue.len >= d.limit || d.bytes+len(it.data) > queuedBytesLimit {
		if d.dropNewest || d.queue.len == 0 {
			l.dropDatagram(it)
			return
		}
		l.dropDatagram(d.pop())
	}
	it.queuedAt = l.now
	d.queue.pushBack(it)
	d.bytes += len(it.data)
}

func (d *datagrams) pop() *item {
	it := d.queue.popFront()
	d.bytes -= len(it.data)
	return it
}

// dropDatagram gives up one that no worker has, and counts it.
func (l *loop) dropDatagram(it *item) {
	it.socket.datagrams.dropped++
	l.finishDatagram(it)
	l.items.put(it)
}

// finishDatagram: nobody waits for the outcome any more.
func (l *loop) finishDatagram(it *item) {
	ln := it.socket
	it.socket = nil
	l.datagrams--
	ln.datagrams.unfinished--
	if ln.closed && ln.datagrams.unfinished == 0 {
		l.closeDatagrams(ln)
	}
	l.checkStopped()
}

// pickForDatagram is pick among those that take datagrams: a worker of an older
// SDK, or of code before the reload, may not.
func (p *pool) pickForDatagram() *worker {
	var best *worker
	for _, w := range p.active {
		if w.ready.Events.Datagram && w.hasRoom() && (best == nil || w.sent.len < best.sent.len) {
			best = w
		}
	}
	return best
}

// feedDatagram gives w a datagram that waits; the listeners of its pool take
// turns.
func (l *loop) feedDatagram(w *worker) bool {
	p := w.pool
	if !w.ready.Events.Datagram {
		return false
	}
	for range p.sockets {
		p.socketTurn = (p.socketTurn + 1) % len(p.sockets)
		if d := p.sockets[p.socketTurn].datagrams; d.queue.len > 0 {
			l.deliver(w, d.pop())
			return true
		}
	}
	return false
}

func (p *pool) removeSocket(ln *listener) {
	for i, each := range p.sockets {
		if each == ln {
			p.sockets = append(p.sockets[:i], p.sockets[i+1:]...)
			return
		}
	}
}

func (p *pool) datagramsWait() bool {
	for _, ln := range p.sockets {
		if ln.datagrams.queue.len > 0 {
			return true
		}
	}
	return false
}

// settleDatagram follows the pool's on_crash; close means drop, there is no
// connection. What was certainly not begun goes to another worker in any case.
func (l *loop) settleDatagram(it *item, fresh bool) {
	p := it.pool
	if p.removed || it.crashes >= deadlyAfter || !fresh && p.onCrash != control.Redeliver {
		l.dropDatagram(it)
		return
	}
	if !fresh {
		p.redelivered++
	}
	it.queuedAt = l.now
	if it.doubtful {
		p.doubtful.pushFront(it)
		return
	}
	d := it.socket.datagrams
	d.queue.pushFront(it)
	d.bytes += len(it.data)
}

// sweepDatagrams gives up what has waited for longer than queue_timeout.
func (l *loop) sweepDatagrams(p *pool) {
	for i := len(p.sockets) - 1; i >= 0 && p.queueTimeout > 0; i-- {
		d := p.sockets[i].datagrams
		for it := d.queue.first; it != nil && l.now-it.queuedAt > p.queueTimeout; it = d.queue.first {
			p.timedOut++
			l.dropDatagram(d.pop())
		}
	}
}

// stopReceiving lets what has come be finished.
func (l *loop) stopReceiving(ln *listener) {
	if ln.routes[0].pool.removed {
		l.dropAllDatagrams(ln)
	}
	if ln.fd >= 0 && ln.datagrams.unfinished == 0 {
		l.closeDatagrams(ln)
	} else if ln.fd >= 0 {
		l.watchSocket(ln)
	}
}

// closeDatagrams ends a closed listener once nobody can answer by it any more.
func (l *loop) closeDatagrams(ln *listener) {
	l.flushDatagrams(ln)
	ln.datagrams.sendDrops += uint64(len(ln.datagrams.out.list))
	ln.routes[0].pool.removeSocket(ln)
	l.poller.remove(ln.fd) // the master holds another copy
	closeFD(ln.fd)
	ln.fd = -1
}

// dropAllDatagrams gives up what waits at ln.
func (l *loop) dropAllDatagrams(ln *listener) {
	for d := ln.datagrams; d.queue.len > 0; {
		l.dropDatagram(d.pop())
	}
}

// finishDatagramOf is DONE for a datagram at w. false: it has none of that id.
func (l *loop) finishDatagramOf(w *worker, did uint64) bool {
	if did&slotMask != datagramSlot {
		return false
	}
	for it := w.sent.first; it != nil; it = it.next { // almost always one of the first
		if it.id == did && it.op == wire.OpDgram {
			l.finishItem(it)
			return true
		}
	}
	return false
}

// outgoing is what waits to be sent on a socket; bounded by send_buffer, beyond
// which the newest is dropped and counted.
type outgoing struct {
	bytes   []byte
	list    []outDatagram
	at      int  // list[at:] is still to be sent
	dirty   bool // in loop.dirtySockets
	blocked bool // the kernel has no room
}

type outDatagram struct {
	peer       netip.AddrPort
	local      netip.Addr
	begin, end int // in bytes
}

// sendDatagram queues a datagram of a handler. The listener may have gone.
func (l *loop) sendDatagram(w *worker, m *wire.Message) {
	ln := l.socketByID(int(m.ID))
	if ln == nil {
		return
	}
	d := ln.datagrams
	o := &d.out
	peer, local, ok := parsePeer(m.Text, m.Local)
	switch {
	case !ok || len(m.Data) > maxDatagram:
		d.sendDrops++
		l.log.Error("A handler's datagram was not sent: its peer must be an address with a port, and its length at most 65507", "pool", w.pool.name, "pid", w.pid, "peer", string(m.Text), "bytes", len(m.Data))
		return
	case len(o.bytes)+len(m.Data) > ln.limits.SendBufferBytes && len(o.list) > 0:
		if !o.blocked {
			l.flushDatagrams(ln)
		}
		if len(o.list) > 0 {
			d.sendDrops++
			return
		}
	}
	begin := len(o.bytes)
	o.bytes = append(o.bytes, m.Data...)
	o.list = append(o.list, outDatagram{peer: peer, local: local, begin: begin, end: len(o.bytes)})
	if !o.dirty && !o.blocked {
		o.dirty = true
		l.dirtySockets = append(l.dirtySockets, ln)
	}
}

// socketByID finds a udp listener that can still send.
func (l *loop) socketByID(id int) *listener {
	for _, ln := range l.listeners {
		if ln.id == id && ln.datagrams != nil && ln.fd >= 0 {
			return ln
		}
	}
	return nil
}

// parsePeer reads addresses as handlers send them back. The texts are looked at
// in place: copies would be an allocation for each datagram.
func parsePeer(peer, local []byte) (p netip.AddrPort, a netip.Addr, ok bool) {
	p, err := netip.ParseAddrPort(unsafe.String(unsafe.SliceData(peer), len(peer)))
	if err == nil && len(local) > 0 {
		a, err = netip.ParseAddr(unsafe.String(unsafe.SliceData(local), len(local)))
	}
	return p, a, err == nil && p.Port() > 0
}

// flushSockets sends what this turn brought.
func (l *loop) flushSockets() {
	for i := 0; i < len(l.dirtySockets); i++ {
		ln := l.dirtySockets[i]
		ln.datagrams.out.dirty = false
		if ln.fd >= 0 {
			l.flushDatagrams(ln)
		}
	}
	l.dirtySockets = l.dirtySockets[:0]
}

// flushDatagrams sends as much as the kernel takes.
func (l *loop) flushDatagrams(ln *listener) {
	d := ln.datagrams
	o := &d.out
	for o.at < len(o.list) {
		n, err := l.sendBatch(d, ln.fd)
		if err == errAgain {
			l.blockSocket(ln, true)
			return
		}
		d.sent += uint64(n)
		if err != nil { // it concerns the first of them: its peer cannot be reached
			d.sendDrops++
			l.log.Debug("Cannot send a datagram", "listener", ln.name, "peer", o.list[o.at].peer, "err", err)
			n++
		}
		o.at += n
	}
	o.at, o.list, o.bytes = 0, o.list[:0], o.bytes[:0]
	if cap(o.bytes) > spareOutBytes {
		o.bytes, o.list = nil, nil
	}
	l.blockSocket(ln, false)
}

// spareOutBytes is how large a buffer stays for the next burst.
const spareOutBytes = 256 << 10

func (l *loop) sendBatch(d *datagrams, fd int) (n int, err error) {
	if l.outbound == nil {
		l.outbound = newDatagramBatch()
	}
	b, o := l.outbound, &d.out
	count := 0
	for ; count < batchDatagrams && o.at+count < len(o.list); count++ {
		out := &o.list[o.at+count]
		if !b.setPeer(count, out.peer, d.family) {
			if count > 0 {
				break
			}
			return 0, unix.EAFNOSUPPORT
		}
		b.setLocal(count, out.local, d.family)
		b.vectors[count].Base = unsafe.SliceData(o.bytes[out.begin:out.end])
		b.vectors[count].SetLen(out.end - out.begin)
	}
	return b.send(fd, count)
}

// blockSocket asks epoll for room, or no longer.
func (l *loop) blockSocket(ln *listener, blocked bool) {
	o := &ln.datagrams.out
	if o.blocked == blocked {
		return
	}
	o.blocked = blocked
	l.watchSocket(ln)
}

func (l *loop) watchSocket(ln *listener) {
	_ = l.poller.modify(ln.fd, ln.socketEvents(), aboutDatagrams, ln.index, 0)
}

func (ln *listener) socketEvents() (events uint32) {
	if ln.home && !ln.closed {
		events |= unix.EPOLLIN
	}
	if ln.datagrams.out.blocked {
		events |= unix.EPOLLOUT
	}
	return events
}

// datagramStatus is what ln has counted; nil for other listeners.
func (ln *listener) datagramStatus() *control.DatagramStatus {
	d := ln.datagrams
	if d == nil {
		return nil
	}
	s := &control.DatagramStatus{Received: d.received, Sent: d.sent, Queued: d.queue.len, Dropped: d.dropped, Truncated: d.truncated, SendDrops: d.sendDrops}
	if ln.home { // it is one socket for all loops
		s.Dropped += kernelDrops(ln.fd)
	}
	return s
}

// kernelDrops is how many datagrams the kernel had no room for since the socket
// was made (SO_MEMINFO of socket(7), SK_MEMINFO_DROPS of linux/sock_diag.h).
func kernelDrops(fd int) uint64 {
	const drops = 8
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 || size < uint32(unsafe.Sizeof(info)) {
		return 0
	}
	return uint64(info[drops])
}

// warnDatagrams logs what may happen ten thousand times a second, now and then.
func (l *loop) warnDatagrams(ln *listener, what string, peer netip.AddrPort) {
	d := ln.datagrams
	if d.warned == 0 || l.now-d.warned > time.Minute {
		d.warned = max(l.now, 1)
		l.log.Warn(what, "listener", ln.name, "remote", peer)
	}
}

// remote is the peer of a datagram, for people.
func (it *item) remote() string {
	if it.conn != nil {
		return it.conn.peer
	}
	if it.op != wire.OpDgram {
		return ""
	}
	r := wire.NewReader(it.data)
	r.Array()
	r.Uint() // op
	r.Uint() // lid
	return string(r.Bytes())
}

package gateway

import (
	"time"

	"gw/protocol/wire"
)

// item is one work message on its way: queued, delivered to a worker,
// finished. It keeps its encoded bytes until it is finished, so it can go to
// another worker when the first one dies.
type item struct {
	op     wire.Op
	id     uint64    // sid or cid the bytes carry
	conn   *conn     // nil once nobody waits for the outcome
	socket *listener // of a datagram, which has no conn; nil once nobody waits
	pool   *pool
	worker *worker // nil while queued
	data   []byte  // the encoded message
	file   string  // body of a REQ that was spooled

	queuedAt time.Duration
	sentAt   time.Duration
	at       int64 // where its bytes begin in the stream to worker
	crashes  uint8 // workers that died on it
	doubtful bool  // one of several on which a worker died
	streamed bool  // counted in worker.streams

	next, prev *item // in a queue, or in worker.sent
	sibling    *item // next unfinished item of the same connection
}

// streaming reports a request whose answer has begun.
func (it *item) streaming() bool {
	return it.conn != nil && it.conn.exchange != nil && it.conn.exchange.item == it && it.conn.exchange.state == exchangeStreaming
}

// itemList is a FIFO of items.
type itemList struct {
	first, last *item
	len         int
}

func (l *itemList) pushBack(it *item) {
	it.prev, it.next = l.last, nil
	if l.last == nil {
		l.first = it
	} else {
		l.last.next = it
	}
	l.last = it
	l.len++
}

func (l *itemList) pushFront(it *item) {
	it.prev, it.next = nil, l.first
	if l.first == nil {
		l.last = it
	} else {
		l.first.prev = it
	}
	l.first = it
	l.len++
}

func (l *itemList) remove(it *item) {
	if it.prev == nil {
		l.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		l.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.next, it.prev = nil, nil
	l.len--
}

func (l *itemList) popFront() *item {
	it := l.first
	if it != nil {
		l.remove(it)
	}
	return it
}

// itemStore hands out items and takes them back, so the hot path allocates
// nothing. It is bounded, and trim gives a burst's memory back.
type itemStore struct {
	free  *item
	count int
	low   int // least count since the last trim: so many were not needed
	taken int // not put back yet

	buffers    *buffers // for long ones
	removeFile func(path string)
}

const (
	spareItems     = 1024
	spareItemBytes = 4 << 10
)

func (s *itemStore) get(op wire.Op, id uint64, c *conn, p *pool) *item {
	s.taken++
	it := s.free
	if it == nil {
		it = &item{data: make([]byte, 0, 512)}
	} else {
		s.free, it.next = it.next, nil
		s.count--
		s.low = min(s.low, s.count)
	}
	if it.data == nil {
		it.data = s.buffers.get()
	}
	it.op, it.id, it.conn, it.pool = op, id, c, p
	return it
}

func (s *itemStore) put(it *item) {
	s.taken--
	if it.file != "" {
		s.removeFile(it.file)
	}
	if cap(it.data) > spareItemBytes {
		s.buffers.put(it.data)
		it.data = nil
	}
	if s.count >= spareItems {
		return
	}
	*it = item{data: it.data[:0], next: s.free}
	s.free = it
	s.count++
}

// grow makes room for n bytes of payload and what goes around them: op, ids,
// lengths, the addresses of a datagram.
func (s *itemStore) grow(it *item, n int) { it.data = s.buffers.room(it.data, n+100) }

// trim lets go of what was not needed since the last time.
func (s *itemStore) trim() {
	for ; s.low > 0; s.low-- {
		s.free = s.free.next
		s.count--
	}
	s.low = s.count
}

package gateway

// bulk is a FIFO of connections that wait to be written to because somebody
// published: each is in it once. They take turns with everybody's answers, a few
// in every iteration, or a message to ten thousand would hold up all requests
// for as long as ten thousand writes take.
type bulk struct {
	conns []*conn
	at    int // those before it are done
}

// bulkBudget is how many of them are written to in one iteration: about a tenth
// of a millisecond, which a request waits for more than once. An iteration more
// costs a hundredth of that.
const bulkBudget = 16

func (b *bulk) len() int { return len(b.conns) - b.at }

func (b *bulk) push(c *conn) {
	if b.at > 1024 && b.at > len(b.conns)/2 { // the done must not pile up under a stream of messages
		rest := copy(b.conns, b.conns[b.at:])
		clear(b.conns[rest:])
		b.conns, b.at = b.conns[:rest], 0
	}
	b.conns = append(b.conns, c)
}

func (b *bulk) pop() *conn {
	c := b.conns[b.at]
	b.conns[b.at] = nil
	if b.at++; b.at == len(b.conns) {
		b.conns, b.at = b.conns[:0], 0
	}
	return c
}

func (l *loop) flushBulk() {
	for n := min(bulkBudget, l.bulk.len()); n > 0; n-- {
		c := l.bulk.pop()
		c.bulk = false
		if c.state != stateGone && !c.dirty {
			l.flush(c)
		}
	}
}

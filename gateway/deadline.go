package gateway

import "time"

// deadlines are FIFO lists of connections, one for each duration in use.
//
// Everything in a list waits equally long, so the list is in order by itself:
// arming and disarming cost a few pointer writes, a sweep looks only at heads.
type deadlines struct {
	lists map[time.Duration]*deadlineList
}

type deadlineList struct {
	wait        time.Duration
	first, last *conn
}

// deadline is a connection's place in a list.
type deadline struct {
	list       *deadlineList
	next, prev *conn
	at         time.Duration // loop time
}

func (d *deadlines) list(wait time.Duration) *deadlineList {
	l := d.lists[wait]
	if l == nil {
		if d.lists == nil {
			d.lists = make(map[time.Duration]*deadlineList)
		}
		l = &deadlineList{wait: wait}
		d.lists[wait] = l
	}
	return l
}

// arm lets c expire after wait from now; a wait of 0 disarms.
func (d *deadlines) arm(c *conn, now, wait time.Duration) {
	d.disarm(c)
	if wait <= 0 {
		return
	}
	l := d.list(wait)
	c.deadline = deadline{list: l, prev: l.last, at: now + wait}
	if l.last == nil {
		l.first = c
	} else {
		l.last.deadline.next = c
	}
	l.last = c
}

func (d *deadlines) disarm(c *conn) {
	l := c.deadline.list
	if l == nil {
		return
	}
	if p := c.deadline.prev; p == nil {
		l.first = c.deadline.next
	} else {
		p.deadline.next = c.deadline.next
	}
	if n := c.deadline.next; n == nil {
		l.last = c.deadline.prev
	} else {
		n.deadline.prev = c.deadline.prev
	}
	c.deadline = deadline{}
}

// expired disarms and returns one connection whose time has come, or nil.
func (d *deadlines) expired(now time.Duration) *conn {
	for _, l := range d.lists {
		if c := l.first; c != nil && c.deadline.at <= now {
			d.disarm(c)
			return c
		}
	}
	return nil
}

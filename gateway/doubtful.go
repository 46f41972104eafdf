package gateway

// When a concurrent worker dies, any of the requests and messages it worked on
// may be the culprit. All of them are doubtful from then on, and a worker gets
// only some of them at a time: if all of them went on together, all would die a
// second time and be given up for the fault of one. One at a time would find
// the culprit exactly, but those that are innocent, usually all, would wait for
// each other; so it is a quarter of them.
const doubtRounds = 4

// doubt notes that a worker died on n items at once.
func (p *pool) doubt(n int) {
	if p.doubtful.len+p.suspected.len == 0 {
		p.doubtGroup = 1
	}
	p.doubtGroup = max(p.doubtGroup, (n+doubtRounds-1)/doubtRounds)
}

// takesDoubtful reports that w may be given one more doubtful item.
func (w *worker) takesDoubtful() bool {
	if !w.async() { // one at a time anyway
		return true
	}
	held := 0
	for it := w.sent.first; it != nil; it = it.next {
		if it.doubtful {
			held++
		}
	}
	return held < w.pool.doubtGroup
}

// feedDoubtful gives w one request or connection that is doubtful.
func (l *loop) feedDoubtful(w *worker) bool {
	p := w.pool
	if p.doubtful.len+p.suspected.len == 0 || !w.takesDoubtful() {
		return false
	}
	if it := p.doubtful.first; it != nil && (it.socket == nil || w.ready.Events.Datagram) {
		p.doubtful.remove(it)
		if it.socket != nil {
			l.deliver(w, it)
		} else {
			l.deliverRequest(w, it)
		}
		return true
	}
	return l.feedFrom(&p.suspected)
}

// placeDoubtful pins c, whose next message is doubtful, to a worker that takes
// it. false: c waits.
func (l *loop) placeDoubtful(c *conn) bool {
	d := c.dialogue
	if d.unfinished > 0 {
		return false // dialogueMoved comes back to it
	}
	if w := d.worker; w != nil && w.hasRoom() && w.takesDoubtful() || len(d.pool.active) == 0 || d.pool.removed {
		return true
	}
	for _, w := range d.pool.active {
		if w.hasRoom() && w.takesDoubtful() {
			l.moveTo(c, w)
			return true
		}
	}
	d.pool.suspected.push(c)
	return false
}

// requeue lets a request wait again, in front of all that came later.
func (p *pool) requeue(it *item) {
	if it.doubtful {
		p.doubtful.pushFront(it)
	} else {
		p.queue.pushFront(it)
	}
}

// unqueue takes out a request that waits.
func (p *pool) unqueue(it *item) {
	if it.doubtful {
		p.doubtful.remove(it)
	} else {
		p.queue.remove(it)
	}
}

package gateway

import (
	"os"
	"slices"
	"syscall"

	"gw/protocol/control"
)

// takeConfiguration takes over a configuration, the first or a reload's. A long
// one comes in several messages.
func (l *loop) takeConfiguration(m *control.Message, files []*os.File) {
	logs := min(freshLogs(m.Configuration), len(files))
	l.configureLogs(m.Configuration.AccessLogs, files[:logs])
	l.configure(m.Configuration, take(files[logs:]))
	if !m.More {
		l.closeUnnamed()
	}
}

// take turns files into descriptors that no finalizer closes.
func take(files []*os.File) []int {
	fds := make([]int, len(files))
	for i, f := range files {
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			fd = -1
		} else {
			syscall.CloseOnExec(fd)
		}
		_ = syscall.SetNonblock(fd, true)
		_ = f.Close()
		fds[i] = fd
	}
	return fds
}

// configure takes over one part.
func (l *loop) configure(c *control.Configuration, fds []int) {
	l.version, l.debug, l.tempDir, l.setAsideDir = c.Version, c.Debug, c.TempDir, c.SetAside
	for i := range c.Pools {
		l.configurePool(&c.Pools[i])
	}
	for i := range c.Listeners {
		m := &c.Listeners[i]
		l.named[m.ID] = true
		l.maxMessage = max(l.maxMessage, m.Limits.MaxMessageBytes)
		if !m.Fresh {
			if ln := l.listenerByID(m.ID); ln != nil {
				l.configureListener(ln, m)
			}
			continue
		}
		if len(fds) == 0 {
			l.log.Error("The master sent a listener without its socket", "listener", m.Name)
			continue
		}
		ln := &listener{id: m.ID, fd: fds[0], share: l.shares.listener(m.ID)}
		fds = fds[1:]
		l.place(ln)
		l.configureListener(ln, m)
	}
	l.maxFrame = max(l.maxFrame, frameFor(l.maxMessage))
}

// listenAll begins to accept for new listeners. All loops know them by now.
func (l *loop) listenAll() {
	for _, ln := range l.listeners {
		if ln.listening || ln.closed {
			continue
		}
		if err := l.listen(ln); err != nil {
			l.log.Error("Cannot listen", "listener", ln.name, "err", err)
		}
	}
}

// closeUnnamed ends the listeners that the configuration no longer names.
func (l *loop) closeUnnamed() {
	for _, ln := range l.listeners {
		if !l.named[ln.id] {
			l.closeListener(ln)
			delete(l.shares.listeners, ln.id)
		}
	}
	clear(l.named)
	l.forgetCertificates()
	l.configureIssuers()
	l.removePools()
	l.retireLogs()
}

// place puts a listener where an old one is no longer needed, or at the end.
func (l *loop) place(ln *listener) {
	for i, old := range l.listeners {
		if old.gone() {
			old.closeStatic()
			ln.index = int32(i)
			l.listeners[i] = ln
			return
		}
	}
	ln.index = int32(len(l.listeners))
	l.listeners = append(l.listeners, ln)
}

func (l *loop) listenerByID(id int) *listener {
	for _, ln := range l.listeners {
		if ln.id == id && !ln.closed {
			return ln
		}
	}
	return nil
}

func (l *loop) configurePool(m *control.Pool) {
	p := l.pools[m.Name]
	if p == nil {
		p = &pool{name: m.Name, share: l.shares.pool(m.Name)}
		l.pools[m.Name] = p
		l.poolList = append(l.poolList, p)
	}
	p.workers = m.Workers
	p.requestTimeout, p.queueTimeout, p.queueLimit = m.RequestTimeout, m.QueueTimeout, m.QueueLimit
	p.onCrash = m.OnCrash
	p.streamTimeout = m.StreamTimeout
	p.sendfile, p.sendfileHeader = m.Sendfile, m.SendfileHeader
	p.named = true
}

// removePools ends what belongs to pools that are not configured any more. The
// master drains their workers next.
func (l *loop) removePools() {
	for name, p := range l.pools {
		if p.named {
			p.named = false // until the next configuration
			continue
		}
		delete(l.pools, name)
		delete(l.shares.pools, name)
		l.poolList = slices.DeleteFunc(l.poolList, func(each *pool) bool { return each == p })
		p.removed, p.queueLimit = true, 0
		for _, q := range [...]*itemList{&p.queue, &p.doubtful} {
			for q.len > 0 {
				l.refuseWaiting(q, "this service is not configured any more")
			}
		}
		for _, ln := range slices.Clone(p.sockets) {
			l.dropAllDatagrams(ln)
		}
		for _, c := range l.conns.conns {
			if c != nil && c.dialogue != nil && c.dialogue.pool == p {
				l.closeDialogue(c, closeGoing, "service is gone")
			}
		}
		for _, q := range [...]*connQueue{&p.waiting, &p.suspected} {
			for c := q.pop(); c != nil; c = q.pop() {
				l.forward(c)
			}
		}
	}
}

package gateway

import (
	"gw/protocol/framing"
	"gw/protocol/websocket"
	"gw/protocol/wire"
)

// hub knows which connections of its loop belong together: groups, and user ids.
// It lives in the gateway, so handlers stay replaceable.
type hub struct {
	groups map[string]*group
	uids   map[string]*group
	forms  []form // of the payload that is published just now
}

// group is a named set of connections, in no order.
type group struct {
	name    string
	members []*conn
}

// membership is a connection's place in a group.
type membership struct {
	group *group
	index int
}

// groupsPerConn bounds what one connection may join.
const groupsPerConn = 1024

func (h *hub) join(c *conn, name string) {
	d := c.dialogue
	for i := range d.own.groups {
		if d.own.groups[i].group.name == name {
			return
		}
	}
	if h.groups == nil {
		h.groups = make(map[string]*group)
	}
	g := h.groups[name]
	if g == nil {
		g = &group{name: name}
		h.groups[name] = g
	}
	own := d.keep()
	own.groups = append(own.groups, membership{group: g, index: len(g.members)})
	g.members = append(g.members, c)
}

func (h *hub) leave(c *conn, name string) {
	d := c.dialogue
	for i := range d.own.groups {
		if d.own.groups[i].group.name == name {
			h.remove(d.own.groups[i])
			d.own.groups = append(d.own.groups[:i], d.own.groups[i+1:]...)
			return
		}
	}
}

// remove fills the gap in the group with its last member.
func (h *hub) remove(m membership) {
	g := m.group
	last := len(g.members) - 1
	moved := g.members[last]
	g.members[m.index] = moved
	g.members[last] = nil
	g.members = g.members[:last]
	for i := range moved.dialogue.own.groups {
		if moved.dialogue.own.groups[i].group == g {
			moved.dialogue.own.groups[i].index = m.index
		}
	}
	if last == 0 {
		delete(h.groups, g.name)
	}
}

// bind gives c a user id; an empty one takes it away.
func (h *hub) bind(c *conn, uid string) {
	d := c.dialogue
	if d.own.uid == uid {
		return
	}
	if g := h.uids[d.own.uid]; g != nil {
		for i, m := range g.members {
			if m == c {
				g.members = append(g.members[:i], g.members[i+1:]...)
				break
			}
		}
		if len(g.members) == 0 {
			delete(h.uids, d.own.uid)
		}
	}
	d.keep().uid = uid
	if uid == "" {
		return
	}
	if h.uids == nil {
		h.uids = make(map[string]*group)
	}
	if h.uids[uid] == nil {
		h.uids[uid] = &group{name: uid}
	}
	h.uids[uid].members = append(h.uids[uid].members, c)
}

// forget takes a closed connection out of everything.
func (h *hub) forget(c *conn) {
	d := c.dialogue
	for _, m := range d.own.groups {
		h.remove(m)
	}
	if len(d.own.groups) > 0 {
		d.own.groups = nil
	}
	h.bind(c, "")
}

// handleHub acts on the messages of a handler that concern connections, wherever
// they are.
func (l *loop) handleHub(w *worker, m *wire.Message) {
	switch m.Op {
	case wire.OpPublish, wire.OpSendUID, wire.OpBroadcast:
		l.act(w.author(), m)
		l.passToOthers(w, m, allLoops)
	case wire.OpSendMany:
		l.act(w.author(), m)
		if len(l.peers) > 1 {
			l.passToOthers(w, m, loopsOf(m.IDs))
		}
	case wire.OpCall:
		l.call(w, m)
	case wire.OpSession:
		if len(m.Data) > wire.SessionLimit {
			l.failWorker(w, "sent a session of more than 16 KiB")
			return
		}
		fallthrough
	case wire.OpCloseConn, wire.OpJoin, wire.OpLeave, wire.OpBind:
		if !l.passOn(w, m) {
			l.act(w.author(), m)
		}
	}
}

// act does what a handler's message says to the connections of this loop.
func (l *loop) act(from author, m *wire.Message) {
	switch m.Op {
	case wire.OpPublish:
		if g := l.hub.groups[string(m.Text)]; g != nil {
			l.publish(g.members, m)
		}
		return
	case wire.OpSendUID:
		if g := l.hub.uids[string(m.Text)]; g != nil {
			l.publish(g.members, m)
		}
		return
	case wire.OpBroadcast:
		l.broadcast(m)
		return
	case wire.OpSendMany:
		l.sendMany(m)
		return
	}
	c := l.conns.find(m.ID)
	if c == nil || c.dialogue == nil || c.state == stateGone {
		return // it has left; its close event is on the way
	}
	switch m.Op {
	case wire.OpSend:
		l.sendTo(c, m.Flags, m.Data)
	case wire.OpCloseConn:
		l.dropQueued(c.dialogue)
		l.closeDialogue(c, closeCodeFor(m.Code), string(m.Text))
	case wire.OpJoin:
		l.joinGroup(c, from, m.Text)
	case wire.OpLeave:
		l.hub.leave(c, string(m.Text))
	case wire.OpBind:
		l.hub.bind(c, string(m.Text))
	case wire.OpSession:
		own := c.dialogue.keep()
		own.session = append(own.session[:0], m.Data...)
	}
}

// joinGroup puts c into a group as a handler asks.
func (l *loop) joinGroup(c *conn, from author, name []byte) {
	if n := len(name); n < 1 || n > wire.GroupLimit || len(c.dialogue.own.groups) >= groupsPerConn {
		l.log.Error("A handler's join was ignored: group names have 1 to 128 bytes, a connection at most 1024 groups", "pool", from.pool, "pid", from.pid, "connection", c.id)
		return
	}
	l.hub.join(c, string(name))
}

// closeCodeFor keeps to the codes an endpoint may send (RFC 6455 section 7.4.2).
func closeCodeFor(code uint64) uint16 {
	if code <= 0xffff && websocket.ValidCloseCode(uint16(code)) {
		return uint16(code)
	}
	return closeNormal
}

// fanout is one payload for many connections, written once for each form.
type fanout struct {
	flags uint64
	data  []byte
	forms []form
}

// form is a payload as connections of one kind get it.
type form struct {
	like  likeness
	bytes []byte // nil: nothing is for them
	fits  bool   // see appendMessage
	// Of what is compressed: it refers to nothing earlier, so it also suits
	// connections that take context over, and that must remember it.
	compressed []byte
}

// formMargin is for what framing adds, most often.
const formMargin = 16

// likeness is what connections have in common that get the same bytes.
type likeness struct {
	kind    kind
	chunked bool
	framing framing.Framing
	window  uint8 // of DEFLATE; 0: not compressed
}

func (l *loop) fanout(m *wire.Message) fanout {
	return fanout{flags: m.Flags, data: m.Data, forms: l.hub.forms[:0]}
}

// sent lets go of the payload; connections may still point to its forms.
func (l *loop) sent(f *fanout) {
	clear(f.forms)
	l.hub.forms = f.forms
}

func (f *fanout) formFor(l *loop, c *conn) *form {
	like := likeness{kind: c.kind, chunked: c.dialogue.chunked, framing: c.framing(), window: c.compressionWindow(len(f.data))}
	for i := range f.forms {
		if f.forms[i].like == like {
			return &f.forms[i]
		}
	}
	one := form{like: like}
	if like.window > 0 {
		l.compressForm(&one, f)
	} else {
		// The one allocation of a message to many, for what all of them point to.
		one.bytes, one.fits = l.appendMessage(make([]byte, 0, len(f.data)+formMargin), c, f.flags, f.data)
	}
	f.forms = append(f.forms, one)
	return &f.forms[len(f.forms)-1]
}

// publish queues a payload for each member but the excepted. Walks backwards:
// closing a slow reader takes it out of members.
func (l *loop) publish(members []*conn, m *wire.Message) {
	f := l.fanout(m)
	defer l.sent(&f)
	for i := len(members) - 1; i >= 0; i-- {
		if i < len(members) {
			l.publishTo(members[i], &f, m.IDs)
		}
	}
}

func (l *loop) publishTo(c *conn, f *fanout, except wire.IDs) {
	if c == nil || c.dialogue == nil || c.state >= stateClosing || len(except) > 1 && except.Has(c.id) || !l.roomFor(c, len(f.data)) {
		return
	}
	switch b := f.formFor(l, c); {
	case !b.fits:
		l.unsayable(c, len(f.data))
	case len(b.bytes) > 0:
		if b.compressed != nil {
			c.dialogue.own.deflate.remember(b.compressed)
		}
		l.share(c, b.bytes)
	}
}

func (l *loop) broadcast(m *wire.Message) {
	f := l.fanout(m)
	defer l.sent(&f)
	for _, c := range l.conns.conns {
		if c != nil && (m.ID == 0 || uint64(c.listener.id) == m.ID) {
			l.publishTo(c, &f, m.IDs)
		}
	}
}

func (l *loop) sendMany(m *wire.Message) {
	f := l.fanout(m)
	defer l.sent(&f)
	for walk := m.IDs.Walk(); ; {
		id, ok := walk.Next()
		if !ok {
			return
		}
		l.publishTo(l.conns.find(id), &f, nil)
	}
}

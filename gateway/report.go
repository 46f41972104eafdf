package gateway

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// frameFor is the frame length that carries a message of n bytes.
func frameFor(n int) int { return min(max(wire.FrameLimit, n+64<<10), wire.FrameCap) }

// query answers the master's question: one loop after the other says what it has.
func (g *gateway) query(m *control.Message) {
	reply := &control.Message{Kind: control.Report, Seq: m.Seq}
	if m.Topic != control.TopicConnections {
		reply.Status = &control.Status{PID: unix.Getpid()}
	}
	for _, l := range g.loops {
		g.do(l, func() {
			if reply.Status != nil {
				reply.Status.Add(l.status())
				return
			}
			reply = l.reportConnections(m, reply)
		})
	}
	g.send(reply)
}

func (l *loop) status() *control.Status {
	s := &control.Status{Requests: l.requests, Messages: l.messages}
	for _, w := range l.workers {
		if w != nil {
			s.Workers = append(s.Workers, control.WorkerStatus{ID: w.id, Connections: w.conns, InFlight: max(w.sent.len, w.exchanges.len), Requests: w.finished, Window: w.window})
		}
	}
	for _, ln := range l.listeners {
		if ln.gone() {
			continue
		}
		s.Connections += ln.connections
		s.Listeners = append(s.Listeners, control.ListenerStatus{ID: ln.id, Connections: ln.connections, Accepted: ln.accepted, Refused: ln.refused, SlowClosed: ln.slowClosed, Calmed: ln.calmed,
			ProxyRefused: ln.proxyRefused, ForwardedFaults: ln.forwardedFaults, AddressRefused: ln.addressRefused, RateRefused: ln.rateRefused, BadHandshakes: ln.badHandshakes, Datagrams: ln.datagramStatus()})
	}
	for _, a := range l.accessLogs {
		s.AccessLogs = append(s.AccessLogs, control.AccessLogStatus{Path: a.path, Lines: a.total, Dropped: a.dropped + a.lost.Load()})
	}
	for _, p := range l.pools {
		s.Pools = append(s.Pools, control.PoolStatus{Name: p.name, Queued: p.queue.len + p.doubtful.len, Retried: p.retried, Redelivered: p.redelivered, Dropped: p.dropped, TimedOut: p.timedOut, SetAside: p.setAside})
	}
	return s
}

// rowsPerReport keeps a packet below control.MaxPacket: a row has at most about
// 1 KiB, because what handlers name is cut.
const (
	rowsPerReport = 100
	rowUIDBytes   = 128
	rowGroupBytes = 512
)

// reportConnections adds rows to a reply. A full one is sent, and another begun.
func (l *loop) reportConnections(m, reply *control.Message) *control.Message {
	for _, c := range l.conns.conns {
		if c == nil || c.state == stateGone {
			continue
		}
		row := l.describe(c)
		if !matches(&row, m.Filter) {
			continue
		}
		reply.Connections = append(reply.Connections, row)
		if len(reply.Connections) == rowsPerReport {
			reply.More = true
			l.report(reply)
			reply = &control.Message{Kind: control.Report, Seq: m.Seq}
		}
	}
	return reply
}

func (l *loop) describe(c *conn) control.Connection {
	row := control.Connection{ID: c.id, Protocol: c.kind.String(), State: l.activity(c), Listener: c.listener.name, Peer: c.peer,
		Age: l.now - c.opened, Idle: l.now - c.active, BytesIn: c.bytesIn, BytesOut: c.bytesOut, QueueOut: c.pending()}
	if t := c.tls(); t != nil {
		row.TLS = t.versionName()
	}
	socket := c
	if st := c.stream(); st != nil {
		socket, row.Protocol = st.parent, "h2 "+row.Protocol
	}
	if sa, err := unix.Getsockname(int(socket.fd)); err == nil {
		row.Local = peerName(sa)
		if sa, ok := sa.(*unix.SockaddrUnix); ok {
			row.Local = "unix:" + sa.Name
			if c.peer == "unix:" { // no proxy told another one
				row.Peer = cmp.Or(credentials(int(socket.fd)), row.Peer)
			}
		}
	}
	if o := c.origin; o != nil {
		row.Proxy = cmp.Or(o.peer, o.socket)
		if o.local != "" {
			row.Local = o.local
		}
	}
	if e := c.exchange; e != nil && e.worker != nil {
		row.Worker = e.worker.id
	}
	if d := c.dialogue; d != nil {
		row.QueueIn, row.UID = d.queue.len, d.own.uid[:min(len(d.own.uid), rowUIDBytes)]
		if d.worker != nil {
			row.Worker = d.worker.id
		}
		room := rowGroupBytes
		for _, g := range d.own.groups {
			if room -= 2 + len(g.group.name); room < 0 {
				row.Groups = append(row.Groups, "...")
				break
			}
			row.Groups = append(row.Groups, g.group.name)
		}
	}
	return row
}

// credentials say whose the other end of a unix socket is (unix(7),
// SO_PEERCRED): who connected, which may have handed it on since.
func credentials(fd int) string {
	who, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("unix:pid=%d,uid=%d", who.Pid, who.Uid)
}

// activity says what a connection does, in a word.
func (l *loop) activity(c *conn) string {
	switch {
	case c.awaitsHeader():
		return "proxy-header"
	case c.state != stateOpen:
		return c.state.String()
	case c.handshaking():
		return "handshake"
	case c.http2 != nil && c.http2.open > 0:
		return "streams " + strconv.Itoa(c.http2.open)
	case c.exchange != nil:
		return c.exchange.state.String()
	case c.dialogue != nil && c.dialogue.busy():
		return "busy"
	}
	return "idle"
}

func matches(row *control.Connection, filter string) bool {
	if filter == "" {
		return true
	}
	text := strings.Join([]string{row.Protocol, row.State, row.Listener, row.Local, row.Peer, row.Proxy, row.UID, strings.Join(row.Groups, " ")}, " ")
	return strings.Contains(text, filter)
}

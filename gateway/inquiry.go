package gateway

import (
	"encoding/binary"

	"gw/protocol/wire"
)

// inquiry is a handler's question about connections, while it is put to all
// loops.
type inquiry struct {
	worker, id uint64
	what       string
	name       []byte // group or user id; nil: all connections
	limit      int    // of rows

	left   int // loops that have not answered
	count  int
	online bool
	rows   [][]byte
}

const (
	// maxReplies bounds what a handler may ask for without reading it, in bytes.
	maxReplies = 32 << 20
	// maxAsked bounds how many questions of a handler other loops look into at a
	// time, and so what is on its way from them. The next ones wait for answers.
	maxAsked = 16
	// maxUnasked bounds how many wait.
	maxUnasked = 64 << 10
)

// Connections a list call returns.
const (
	defaultListLimit = 1000
	maxListLimit     = 5000
)

// call answers a handler's question.
func (l *loop) call(w *worker, m *wire.Message) {
	if len(w.unasked) == maxUnasked {
		l.failWorker(w, "asks and does not wait for the answers")
		return
	}
	q := &inquiry{worker: w.id, id: m.ID, what: string(m.Text), limit: defaultListLimit, left: len(l.peers) - 1}
	args := wire.NewReader(m.Value)
	if n := args.Array(); n > 0 {
		name, _ := args.BytesOrNil()
		q.name = append(q.name, name...)
		if n > 1 {
			q.limit = int(min(args.Uint(), maxListLimit))
		}
	}
	w.asking++ // it stays here until it has its answers
	if w.asking > maxAsked {
		w.unasked = append(w.unasked, q)
		return
	}
	l.ask(q)
}

// ask puts a question to all loops.
func (l *loop) ask(q *inquiry) {
	q.take(l.lookInto(q))
	if q.left == 0 {
		l.answerInquiry(q)
		return
	}
	l.tellOthers(func(other *loop) {
		f := other.lookInto(q)
		other.tell(l.index, func(*loop) {
			q.take(f)
			if q.left--; q.left == 0 {
				l.answerInquiry(q)
			}
		})
	})
}

// knowledge is what one loop knows of the answer.
type knowledge struct {
	count  int
	online bool
	rows   [][]byte
}

// lookInto looks among the connections of this loop. It only reads what does not
// change any more of q.
func (l *loop) lookInto(q *inquiry) (f knowledge) {
	switch q.what {
	case "count":
		f.count = l.count(q.name)
	case "is_online":
		f.online = l.hub.uids[string(q.name)] != nil
	case "list":
		f.rows = l.rows(q.name, q.limit)
	}
	return f
}

func (q *inquiry) take(f knowledge) {
	q.count += f.count
	q.online = q.online || f.online
	q.rows = append(q.rows, f.rows[:min(len(f.rows), q.limit-len(q.rows))]...)
}

// answerInquiry tells the handler that asked, if it still lives.
func (l *loop) answerInquiry(q *inquiry) {
	w := l.byID[q.worker]
	if w == nil {
		return
	}
	w.asking--
	switch {
	case w.state >= workerBroken:
		return
	case len(w.out)-w.outOff > maxReplies:
		l.failWorker(w, "asks and does not read the answers")
		return
	case len(w.unasked) > 0:
		next := w.unasked[0]
		w.unasked[0] = nil // it will hold all its rows
		w.unasked = w.unasked[1:]
		defer l.ask(next)
	}
	out := l.beginMessage(w)
	switch q.what {
	case "count":
		out = wire.AppendUint(wire.AppendReply(out, q.id, true), uint64(q.count))
	case "is_online":
		out = wire.AppendBool(wire.AppendReply(out, q.id, true), q.online)
	case "list":
		out = wire.AppendReply(out, q.id, true)
		out = binary.BigEndian.AppendUint32(append(out, 0xdd), uint32(len(q.rows)))
		for _, row := range q.rows {
			out = append(out, row...)
		}
	default:
		out = wire.AppendStr(wire.AppendReply(out, q.id, false), "unknown call "+q.what+": this gw has count, is_online, list")
	}
	l.endMessage(w, out)
}

// count is how many connections a group has; without a name, all together.
func (l *loop) count(name []byte) int {
	if len(name) > 0 {
		if g := l.hub.groups[string(name)]; g != nil {
			return len(g.members)
		}
		return 0
	}
	n := 0
	for _, c := range l.conns.conns {
		if c != nil && c.dialogue != nil && c.state != stateGone {
			n++
		}
	}
	return n
}

// rows describe the connections of a group, or all.
func (l *loop) rows(name []byte, limit int) (rows [][]byte) {
	members := l.conns.conns
	if len(name) > 0 {
		members = nil
		if g := l.hub.groups[string(name)]; g != nil {
			members = g.members
		}
	}
	for _, c := range members {
		if len(rows) == limit {
			break
		}
		if c == nil || c.dialogue == nil || c.state == stateGone {
			continue
		}
		row := wire.AppendUint(wire.AppendArray(nil, 4), c.id)
		rows = append(rows, wire.AppendStr(wire.AppendStr(wire.AppendStr(row, c.dialogue.own.uid), c.peer), c.kind.String()))
	}
	return rows
}

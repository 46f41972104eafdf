package gateway

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gw/protocol/wire"
)

// deadlyAfter is how many workers may die on one message before it is set aside.
const deadlyAfter = 2

// setAside is what is kept of a message that killed two workers: one line of
// JSON, a newline, then the message as it went over the wire (docs/protocol.md).
type setAside struct {
	At         time.Time `json:"at"`
	Pool       string    `json:"pool"`
	What       string    `json:"what"` // request line, or message of a connection
	Connection uint64    `json:"connection"`
	Peer       string    `json:"remote"`
	Crashes    int       `json:"crashes"`
	LastExit   string    `json:"last_exit"`
	Bytes      int       `json:"bytes"`
	BodyFile   string    `json:"body_file,omitempty"` // a long request body, kept beside
}

// setItemAside keeps a deadly item for whoever looks into it. The item is
// still the caller's.
func (l *loop) setItemAside(it *item, peer, exit string) {
	p := it.pool
	p.setAside++
	name := filepath.Join(l.setAsideDir, fmt.Sprintf("%s-%s-%d.msg", l.wallClock().UTC().Format("20060102T150405.000"), p.name, it.id))
	record := setAside{At: l.wallClock(), Pool: p.name, What: it.describe(), Connection: it.id, Peer: peer, Crashes: int(it.crashes), LastExit: exit, Bytes: len(it.data)}
	if it.file != "" {
		record.BodyFile = name + ".body"
		if err := os.Rename(it.file, record.BodyFile); err != nil {
			l.log.Error("Cannot keep the body of a deadly request", "err", err)
		}
		it.file = ""
	}
	head, err := json.Marshal(record)
	if err == nil {
		unfinished := name + ".new" // who looks for .msg sees whole files
		err = os.WriteFile(unfinished, append(append(head, '\n'), it.data...), 0o600)
		if err == nil {
			err = os.Rename(unfinished, name)
		}
	}
	if err != nil {
		l.log.Error("Cannot set a deadly message aside", "pool", p.name, "what", record.What, "err", err)
		return
	}
	l.log.Error("Set a message aside: two handlers died on it. Fix the handler, then look at the file", "pool", p.name, "what", record.What, "remote", peer, "exit", exit, "file", name)
}

// describe says what an item is, for people: the request line without its
// query (which may hold secrets), or the kind of event.
func (it *item) describe() string {
	if it.op != wire.OpReq {
		return map[wire.Op]string{wire.OpOpen: "connect event", wire.OpMsg: "message", wire.OpClose: "close event", wire.OpBuf: "buffer event", wire.OpDgram: "datagram"}[it.op]
	}
	r := wire.NewReader(it.data)
	r.Array()
	for range 4 { // op, sid, flags, lid
		r.Uint()
	}
	r.Bytes() // peer
	return fmt.Sprintf("%s %s", r.Bytes(), r.Bytes())
}

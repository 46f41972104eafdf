package gateway

import (
	"slices"
	"testing"

	"gw/protocol/wire"
)

func TestBulkIsAFIFOThatDoesNotGrow(t *testing.T) {
	var b bulk
	next, want := uint64(0), uint64(0)
	push := func() { b.push(&conn{id: next}); next++ }
	for range 3000 {
		push()
	}
	for range 100_000 { // a stream of messages that never runs dry
		push()
		if c := b.pop(); c.id != want {
			t.Fatalf("got %d, want %d", c.id, want)
		}
		want++
	}
	if b.len() != 3000 || cap(b.conns) > 16_000 {
		t.Errorf("%d wait in room for %d", b.len(), cap(b.conns))
	}
	for b.len() > 0 {
		b.pop()
	}
	if b.at != 0 || len(b.conns) != 0 {
		t.Errorf("%d of %d", b.at, len(b.conns))
	}
}

// A message to many is written in pieces; an answer that comes in the middle of
// it does not wait for its end.
func TestAnswersOvertakeAMessageToMany(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "message", "request")
	const members = 3 * bulkBudget
	var clients []*client
	for range members {
		c := h.dial("text")
		c.write("hello\n")
		w.expect(wire.OpAttach)
		w.expect(wire.OpMsg)
		w.say(ack(1))
		clients = append(clients, c)
	}
	asker := h.dial("http")
	asker.write(get)
	request := w.expect(wire.OpReq)
	h.do(func() {
		l := h.loop
		var last *conn
		for _, c := range l.conns.conns {
			if c != nil && c.kind == kindText {
				l.share(c, []byte("news\n"))
				last = c
			}
		}
		l.flushBulk() // the first piece of it
		if l.bulk.len() != members-bulkBudget {
			t.Errorf("%d wait for the message", l.bulk.len())
		}
		l.respond(l.byID[w.id], &wire.Message{Op: wire.OpRes, ID: request.id, Status: 200, Data: []byte("ok")})
		if !slices.ContainsFunc(l.dirtyConns, func(c *conn) bool { return c.kind == kindHTTP }) {
			t.Error("the answer waits with the message")
		}
		if l.updateInterest(last); last.interest != readEvents {
			t.Error("the poller is asked for a connection whose turn comes anyway")
		}
	})
	w.say(ack(1))
	if _, body := asker.response("GET"); body != "ok" {
		t.Error(body)
	}
	for _, c := range clients {
		if got := c.line(); got != "news" {
			t.Fatal(got)
		}
	}
}

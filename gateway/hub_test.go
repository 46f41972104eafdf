package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gw/protocol/control"
	"gw/protocol/wire"
)

func publish(group, data string, except ...uint64) []byte {
	m := wire.AppendStr(append(wire.AppendArray(nil, 5), byte(wire.OpPublish)), group)
	m = wire.AppendStr(wire.AppendUint(m, 0), data)
	m = wire.AppendArray(m, len(except))
	for _, id := range except {
		m = wire.AppendUint(m, id)
	}
	return m
}

// members connects n text clients that the handler knows.
func members(h *harness, w *handler, n int) (clients []*client, ids []uint64) {
	for range n {
		c := h.dial("text")
		c.write("hi\n")
		ids = append(ids, w.expect(wire.OpAttach).id)
		w.expect(wire.OpMsg)
		w.say(ack(1))
		clients = append(clients, c)
	}
	return clients, ids
}

func TestPublishReachesGroupButTheExcepted(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	clients, ids := members(h, w, 4)
	for _, id := range ids[:3] {
		w.say(withText(wire.OpJoin, id, "room"), withText(wire.OpJoin, id, "room"))
	}
	w.say(publish("room", "all but the first", ids[0]), publish("room", "all"), publish("nobody", "x"))
	w.say(withText(wire.OpLeave, ids[1], "room"), publish("room", "without the second"))
	for _, id := range ids {
		w.say(send(id, "end"))
	}
	for i, want := range [][]string{
		{"all", "without the second", "end"},
		{"all but the first", "all", "end"},
		{"all but the first", "all", "without the second", "end"},
		{"end"},
	} {
		for _, s := range want {
			if got := clients[i].line(); got != s {
				t.Fatalf("client %d got %q, want %q", i, got, s)
			}
		}
	}
}

func TestLeavingConnectionsLeaveTheirGroups(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	clients, ids := members(h, w, 3)
	for _, id := range ids {
		w.say(withText(wire.OpJoin, id, "room"), withText(wire.OpBind, id, "tom"))
	}
	h.do(func() {}) // joined before the first leaves
	clients[0].Close()
	if m := w.expect(wire.OpClose); m.id != ids[0] {
		t.Fatalf("%+v", m)
	}
	w.say(publish("room", "still here"))
	for _, c := range clients[1:] {
		if s := c.line(); s != "still here" {
			t.Fatal(s)
		}
	}
	h.do(func() {
		if n := len(h.loop.hub.groups["room"].members); n != 2 {
			t.Errorf("%d members", n)
		}
		if n := len(h.loop.hub.uids["tom"].members); n != 2 {
			t.Errorf("%d of the uid", n)
		}
	})
	for _, c := range clients[1:] {
		c.Close()
		w.say(ack(1))
		w.expect(wire.OpClose)
	}
	h.do(func() {
		if len(h.loop.hub.groups) != 0 || len(h.loop.hub.uids) != 0 {
			t.Error("empty groups are kept")
		}
	})
}

func TestBroadcastSendManyAndUID(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	clients, ids := members(h, w, 3)
	m := wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpBroadcast)), 0)
	w.say(wire.AppendArray(wire.AppendStr(wire.AppendUint(m, 0), "to all"), 0))
	m = wire.AppendArray(append(wire.AppendArray(nil, 4), byte(wire.OpSendMany)), 2)
	w.say(wire.AppendStr(wire.AppendUint(wire.AppendUint(wire.AppendUint(m, ids[0]), ids[2]), 0), "to two"))
	w.say(withText(wire.OpBind, ids[1], "tom"))
	m = wire.AppendStr(append(wire.AppendArray(nil, 4), byte(wire.OpSendUID)), "tom")
	w.say(wire.AppendStr(wire.AppendUint(m, 0), "to tom"))
	for i, want := range []string{"to two", "to tom", "to two"} {
		for _, s := range []string{"to all", want} {
			if got := clients[i].line(); got != s {
				t.Fatalf("client %d got %q, want %q", i, got, s)
			}
		}
	}
}

func TestHandlerThatOnlyAsksIsReplaced(t *testing.T) {
	for loops := range 2 {
		h := startLoops(t, loops+1, nil)
		w := h.worker(1)
		members(h, w, 50)
		batch := slices.Repeat([][]byte{call(1, "list")}, 1000)
		broken := func(l *loop) int {
			if w := l.byID[w.id]; w != nil && w.state == workerBroken {
				return 1
			}
			return 0
		}
		for tries := 0; h.total(broken) == 0; tries++ {
			if tries == 100 {
				t.Fatal("it may ask for ever")
			}
			w.say(batch...)
		}
	}
}

func TestRowsOfManyGroupsFitThePacket(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	_, ids := members(h, w, rowsPerReport)
	for _, id := range ids {
		messages := [][]byte{withText(wire.OpBind, id, strings.Repeat("u", 10_000))}
		for g := range 30 {
			messages = append(messages, withText(wire.OpJoin, id, fmt.Sprint(g, strings.Repeat("g", 120))))
		}
		w.say(messages...)
	}
	h.tell(&control.Message{Kind: control.Query, Topic: control.TopicConnections})
	m := h.expect(control.Report)
	if _, err := control.Encode(m); err != nil || len(m.Connections) != rowsPerReport {
		t.Fatalf("%d rows, %v", len(m.Connections), err)
	}
}

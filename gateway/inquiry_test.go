package gateway

import (
	"bytes"
	"testing"

	"gw/protocol/wire"
)

func TestQuestionsAreAnsweredForAllLoops(t *testing.T) {
	h := startLoops(t, 3, nil)
	w := crew(h, 1)
	_, ids := dealt(h, w)
	w[0].say(withText(wire.OpJoin, ids[1], "room"), withText(wire.OpJoin, ids[2], "room"), withText(wire.OpBind, ids[2], "tom"))
	for i, q := range []struct {
		ask  []byte
		want any
	}{
		{call(0, "count", nil), uint64(3)},
		{call(1, "count", "room"), uint64(2)},
		{call(2, "is_online", "tom"), true},
		{call(3, "is_online", "eve"), false},
		{call(4, "list", nil), 3},
		{call(5, "list", "room", 1), 1},
	} {
		w[0].say(q.ask)
		if got := w[0].reply(uint64(i), q.want); got != q.want {
			t.Errorf("question %d: %v, want %v", i, got, q.want)
		}
	}
}

// call is a handler's question.
func call(id uint64, what string, args ...any) []byte {
	m := wire.AppendStr(wire.AppendUint(append(wire.AppendArray(nil, 4), byte(wire.OpCall)), id), what)
	m = wire.AppendArray(m, len(args))
	for _, a := range args {
		switch a := a.(type) {
		case string:
			m = wire.AppendStr(m, a)
		case int:
			m = wire.AppendUint(m, uint64(a))
		case nil:
			m = append(m, 0xc0)
		}
	}
	return m
}

// reply reads a REPLY whose value is of the kind of like; of a list it gives the
// number of rows.
func (w *handler) reply(id uint64, like any) any {
	w.h.t.Helper()
	frame := w.frame()
	r := wire.NewReader(frame)
	r.Array()
	r.Array()
	if op, rid := wire.Op(r.Uint()), r.Uint(); op != wire.OpReply || rid != id {
		w.h.t.Fatalf("op %#x id %d", op, rid)
	}
	r.Raw() // whether it worked
	switch like.(type) {
	case uint64:
		return r.Uint()
	case bool:
		return bytes.Equal(r.Raw(), []byte{0xc3})
	}
	return r.Array()
}

// Other loops look into a few questions of a handler at a time: their answers must
// not fill our memory while it asks.
func TestQuestionsAreAskedAFewAtATime(t *testing.T) {
	h := startLoops(t, 2, nil)
	w := crew(h, 1)
	dealt(h, w)
	block, blocked := make(chan struct{}), make(chan struct{})
	h.gateway.loops[1].mailbox.post(func() { close(blocked); <-block })
	<-blocked
	const questions = 1000
	var batch [][]byte
	for i := range questions {
		batch = append(batch, call(uint64(i), "count", nil))
	}
	w[0].say(batch...)
	for came := 0; came < questions; {
		h.do(func() {
			one := h.loop.byID[w[0].id]
			if came = one.asking; came-len(one.unasked) > maxAsked {
				t.Errorf("%d are under way", came-len(one.unasked))
			}
		})
	}
	close(block)
	for next := uint64(0); next < questions; {
		r := wire.NewReader(w[0].frame())
		for replies := r.Array(); replies > 0; replies-- {
			r.Array()
			op, id := wire.Op(r.Uint()), r.Uint()
			r.Raw() // whether it worked
			if count := r.Uint(); op != wire.OpReply || id != next || count != 2 {
				t.Fatalf("op %#x, id %d, count %d, want the answer to question %d", op, id, count, next)
			}
			next++
		}
	}
}

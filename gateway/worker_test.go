package gateway

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

func TestAcknowledgedRequestWithoutAnswerIs500(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	c := h.dial("http")
	c.write(get)
	w.expect(wire.OpReq)
	w.say(ack(1))
	if r, _ := c.response("GET"); r.StatusCode != 500 {
		t.Fatalf("%+v", r)
	}
	h.do(func() {
		if n := h.loop.byID[w.id].exchanges.len; n != 0 {
			t.Errorf("%d exchanges are kept", n)
		}
	})
}

func TestConcurrentWorkerMayNotAcknowledgeInOrder(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(4)
	c := h.dial("http")
	c.write(get)
	w.expect(wire.OpReq)
	w.say(ack(1))
	h.expect(control.WorkerFailed)
}

// DONE must not reach messages that it brings on their way.
func TestDoneIsForDeliveredMessages(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(2)
	c := h.dial("text")
	c.write("1\n2\n3\n4\n")
	id := w.expect(wire.OpAttach).id
	w.expect(wire.OpMsg)
	w.expect(wire.OpMsg)
	w.say(done(id, 3))
	h.expect(control.WorkerFailed)
}

func TestReadyAfterDrainIsNoFault(t *testing.T) {
	h := startLoop(t, nil)
	w := h.attach()
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w.id}, Deadline: time.Second})
	h.expect(control.Drained)
	w.ready(1, "request")
	w.expect(wire.OpDrain)
	h.do(func() {})
	h.do(func() {
		if k := h.loop.byID[w.id]; k.state != workerDraining {
			t.Errorf("state %d", k.state)
		}
	})
	if strings.Contains(h.log.String(), "broke the protocol") {
		t.Error("was blamed")
	}
}

// A handler that has said BYE reads nothing more.
func TestNothingIsGivenToAHandlerThatLeaves(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	bye := wire.AppendStr(append(wire.AppendArray(nil, 3), byte(wire.OpBye)), "exit")
	w.say(wire.AppendUint(bye, 0))
	for left := false; !left; {
		h.do(func() { left = h.loop.byID[w.id].goodbye })
	}
	c := h.dial("http")
	c.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	next := h.worker(1)
	m := next.expect(wire.OpReq)
	next.say(res(m.id, 200, "ok"), ack(1))
	c.response("POST")
}

func TestDrainEndsWhenTheLastClientLeaves(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(4)
	c := h.dial("http")
	c.write(get)
	w.expect(wire.OpReq)
	h.tell(&control.Message{Kind: control.Drain, Worker: &control.Worker{ID: w.id}, Deadline: time.Second})
	h.do(func() {
		for _, c := range h.loop.conns.conns {
			if c != nil {
				h.loop.lost(c)
			}
		}
	})
	h.expect(control.Drained)
}

// The master may hold a copy of the pipe, so that closing ours does not take it out of epoll.
func TestEndOfHandlerDoesNotSpin(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	var turns int
	copied := -1
	h.do(func() { copied, _ = unix.Dup(h.loop.byID[w.id].fromHandler) })
	defer closeFD(copied)
	w.out.Close()
	for gone := false; !gone; {
		h.do(func() { gone = h.loop.byID[w.id].fromHandler < 0 })
	}
	h.do(func() {
		events, _ := h.loop.poller.wait(false, moodIdle)
		for _, ev := range events {
			if uint32(ev.Pad)>>aboutShift == uint32(aboutWorkerOut) {
				turns++
			}
		}
	})
	if turns > 0 {
		t.Error("the closed pipe still makes events")
	}
}

// It forked, or closed descriptor 4: a process without use in a slot.
func TestHandlerThatClosesItsPipeAndLivesIsReplaced(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1)
	w.out.Close()
	h.eventually("it is deaf", func() bool { return h.loop.byID[w.id].deaf })
	h.do(func() { h.loop.byID[w.id].deafAt -= time.Hour })
	if f := h.expect(control.WorkerFailed); f.Worker.ID != w.id {
		t.Fatalf("%+v", f)
	}
}

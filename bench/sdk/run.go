package sdk

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"gw/bench/gauge"
	"gw/protocol/wire"
)

// Run is one measurement.
type Run struct {
	CPU   float64 // µs of the handler a message
	Rate  float64 // messages a second
	Noise float64 // share of the machine used by others
}

// Measure keeps every connection busy, one message each, for a time behind a
// warm-up.
func (h *Handler) Measure(warmUp, length time.Duration) (Run, error) {
	runtime.LockOSThread() // poll must not cost a new thread each time
	defer runtime.UnlockOSThread()
	if err := h.exchange(warmUp); err != nil {
		return Run{}, h.fault(err)
	}
	before := h.look()
	if err := h.exchange(length); err != nil {
		return Run{}, h.fault(err)
	}
	after := h.look()
	run := evaluate(before, after)
	return run, h.fault(h.finish())
}

func (h *Handler) fault(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s", err, h.output())
}

// exchange answers every answer by a new message, until the time is over;
// messages are under way still.
func (h *Handler) exchange(length time.Duration) error {
	for until := time.Now().Add(length); time.Now().Before(until); {
		h.send()
		if err := h.turn(h.answered); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) send() {
	for _, id := range h.free {
		if !h.work.socket {
			id = h.id(id % idSlots)
		}
		// A long message joins no full frame: see the gateway's deliver.
		if h.batch > 0 && len(h.out)-h.batchAt+len(h.work.body) > wire.BatchBytes {
			h.closeBatch()
		}
		h.begin()
		h.next++
		h.end(h.work.appendMessage(h.out, int(h.next), id))
	}
	h.free = h.free[:0]
}

func (h *Handler) answered(m *wire.Message) error {
	answer, err := h.work.answers(m)
	if answer && err == nil {
		h.free = append(h.free, m.ID)
		h.done++
	}
	return err
}

// finish waits for the messages that are under way.
func (h *Handler) finish() error {
	for len(h.free) < h.connections {
		if err := h.turn(h.answered); err != nil {
			return err
		}
	}
	return nil
}

type look struct {
	at            time.Time
	busy          time.Duration
	own, handlers time.Duration
	done          uint64
}

func (h *Handler) look() look {
	l := look{busy: gauge.Busy()}
	for pid, cpu := range map[int]*time.Duration{os.Getpid(): &l.own, h.command.Process.Pid: &l.handlers} {
		if p, err := gauge.ReadProcess(pid); err == nil {
			*cpu = p.CPU
		}
	}
	l.at, l.done = time.Now(), h.done
	return l
}

func evaluate(before, after look) Run {
	elapsed, messages := after.at.Sub(before.at).Seconds(), float64(max(after.done-before.done, 1))
	own, handler := after.own-before.own, after.handlers-before.handlers
	others := after.busy - before.busy - own - handler
	return Run{
		CPU: handler.Seconds() * 1e6 / messages, Rate: messages / elapsed,
		Noise: max(0, others.Seconds()/(elapsed*float64(runtime.NumCPU()))),
	}
}

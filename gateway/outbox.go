package gateway

import (
	"log/slog"
	"strings"

	"gw/ipc"
	"gw/protocol/control"
)

// outbox sends to the master from its own goroutine: a master that is slow to
// read must not stop a loop.
type outbox struct {
	queue chan *control.Message
	done  chan struct{}
	log   *slog.Logger
}

// outboxLimit bounds what may wait. A master that is this far behind is dead.
const outboxLimit = 8192

func newOutbox(channel *ipc.Channel, log *slog.Logger) *outbox {
	o := &outbox{queue: make(chan *control.Message, outboxLimit), done: make(chan struct{}), log: log}
	go func() {
		defer close(o.done)
		for m := range o.queue {
			if err := channel.Send(m); err != nil && !strings.Contains(err.Error(), "broken pipe") {
				log.Error("Cannot tell the master", "kind", m.Kind, "err", err)
			}
		}
	}()
	return o
}

func (o *outbox) send(m *control.Message) {
	select {
	case o.queue <- m:
	default:
		o.log.Error("The master does not read its messages: one was dropped", "kind", m.Kind)
	}
}

func (o *outbox) close() {
	close(o.queue)
	<-o.done
}

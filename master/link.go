package master

import (
	"log/slog"
	"os"

	"gw/protocol/control"
)

// linkQueue is how many messages wait for the gateway to read them. One that
// lets so many pile up is as good as dead: it is killed and replaced.
const linkQueue = 4096

// channel is what *ipc.Channel does; the owner's tests put a gateway of their
// own behind it.
type channel interface {
	Send(*control.Message, ...*os.File) error
	Receive() (*control.Message, []*os.File, error)
	Close() error
}

// outgoing is a message on its way; the files of own are closed once it left.
type outgoing struct {
	message *control.Message
	files   []*os.File
	own     bool
	spent   []*os.File // closed once it left, whatever own says
}

// dispose closes what is closed once o left, or never will.
func (o *outgoing) dispose() {
	if o.own {
		closeFiles(o.files)
	}
	closeFiles(o.spent)
}

// link is the channel to one gateway process, with a goroutine for each way, so
// that the owner loop never waits for the gateway.
type link struct {
	generation int
	channel    channel
	outbox     chan outgoing
	logger     *slog.Logger
}

// newLink takes the channel. received is called by the reading goroutine, for
// each message and at last with nil.
func (s *supervisor) newLink(generation int, c channel, received func(*control.Message)) *link {
	l := &link{generation: generation, channel: c, outbox: make(chan outgoing, linkQueue), logger: s.log}
	s.goroutines.Go(l.write)
	s.goroutines.Go(func() { l.read(received) })
	return l
}

func (l *link) write() {
	for o := range l.outbox {
		err := l.channel.Send(o.message, o.files...)
		o.dispose()
		if err != nil {
			// Not news: the gateway's death is reported by wait.
			l.logger.Debug("Message to the gateway is lost", "kind", o.message.Kind, "err", err)
		}
	}
	l.channel.Close()
}

func (l *link) read(received func(*control.Message)) {
	defer received(nil)
	for {
		m, files, err := l.channel.Receive()
		closeFiles(files) // a gateway has nothing to send
		if err != nil {
			l.logger.Debug("Channel to the gateway ended", "err", err)
			return
		}
		received(m)
	}
}

// send queues a message; false: the queue is full.
func (l *link) send(o outgoing) bool {
	select {
	case l.outbox <- o:
		return true
	default:
		o.dispose()
		return false
	}
}

// finish ends the channel once everything queued has left. A gateway that does
// not read does not hold it up for ever: it is killed, and then sending fails.
// Only the owner loop calls it, and never send after it.
func (l *link) finish() { close(l.outbox) }

// close ends the channel at once. The same holds as for finish.
func (l *link) close() {
	close(l.outbox)
	l.channel.Close()
}

package gateway

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// workerState is a worker's life as dispatch sees it.
//
//	workerBooting   HELLO was written, READY has not come
//	workerReady     READY came, the master has not activated it
//	workerActive    gets work
//	workerDraining  finishes what it has; DRAIN was written
//	workerBroken    broke the protocol or hangs: gets and says nothing more, the
//	                master replaces it
//	workerGone      reaped
//	workerAway      in another loop
type workerState uint8

const (
	workerBooting workerState = iota
	workerReady
	workerActive
	workerDraining
	workerBroken
	workerGone
	workerAway
)

// worker is one handler process and the two pipes to it.
//
// Reading its output never waits for writing its input: that is what makes
// the deadlock of two full pipes impossible.
type worker struct {
	id          uint64
	index       int32 // in loop.workers
	pool        *pool
	slot        int
	pid         int
	maxRequests int
	toHandler   int // descriptor
	fromHandler int // descriptor, -1 once closed
	state       workerState
	ready       wire.Ready

	sent      itemList     // delivered, unfinished, in the order delivered
	exchanges exchangeList // requests it has not answered
	waiting   connQueue    // connections of it whose messages do not fit its window
	streams   int          // unfinished items whose answer is streamed, if it works on one at a time
	conns     int          // connections pinned to it
	turn      int          // see feed

	window  int
	average time.Duration // service time, exponentially weighted
	lastAck time.Duration

	sendRoots []sendRoot

	out     []byte // frames to write, from outOff on
	outOff  int
	batchAt int // where the open frame begins in out
	batch   int // messages in it, 0: none open
	blocked bool
	dirty   bool
	choked  bool // bodies of requests wait until its pipe took what is there
	deafAt  time.Duration
	deaf    bool // its end of toHandler is closed: gets nothing more, is still heard

	written int64 // bytes the pipe took so far

	in       []byte // part of a frame
	finished uint64 // requests and messages
	due      bool
	asking   int        // calls it has no answer to
	unasked  []*inquiry // those of them that no loop has looked into yet
	been     uint32     // loops, a bit each
	leaving  bool       // gets nothing more until it is in another loop
	goodbye  bool       // BYE came
	begun    int        // of BYE: unfinished messages it had begun
	drained  bool
}

func (w *worker) async() bool { return w.ready.Concurrency > 1 }

// maxUnwritten bounds what waits in front of a worker's pipe, in bytes.
const maxUnwritten = 256 << 10

// hasRoom reports that w may be given one more message. Behind a stream it would
// wait for a client that reads as slowly as it likes.
func (w *worker) hasRoom() bool {
	return w.state == workerActive && !w.deaf && !w.leaving && w.streams == 0 && w.sent.len < w.window && len(w.out)-w.outOff < maxUnwritten
}

// attach takes over a worker's pipes and greets it.
func (l *loop) attach(m *control.Worker, toHandler, fromHandler int) {
	p := l.pools[m.Pool]
	if p == nil { // removed by a configuration that overtook it
		closeFD(toHandler)
		closeFD(fromHandler)
		return
	}
	w := &worker{id: m.ID, pool: p, slot: m.Slot, pid: m.PID, maxRequests: m.MaxRequests,
		toHandler: toHandler, fromHandler: fromHandler, window: 1, index: l.freeWorkerIndex(), been: 1 << l.index}
	l.workers[w.index] = w
	l.byID[w.id] = w
	pair := uint32(w.id)
	if err := l.poller.add(fromHandler, unix.EPOLLIN, aboutWorkerOut, w.index, pair); err != nil {
		l.failWorker(w, err.Error())
		return
	}
	w.sendRoots = l.openSendRoots(p)
	hello := wire.Hello{Sendfile: w.sendFolders(), UID: os.Getuid(), Worker: w.id, Slot: w.slot, Pool: p.name, MaxFrame: l.maxFrame, MaxMessage: l.maxMessage, Debug: l.debug}
	for _, ln := range l.listeners {
		if ln.gone() {
			continue
		}
		hello.Listeners = append(hello.Listeners, wire.Listener{ID: ln.id, Name: ln.name, Scheme: ln.scheme, Address: ln.address})
	}
	l.endMessage(w, wire.AppendHello(l.beginMessage(w), &hello))
}

func (l *loop) freeWorkerIndex() int32 {
	for i, w := range l.workers {
		if w == nil {
			return int32(i)
		}
	}
	l.workers = append(l.workers, nil)
	return int32(len(l.workers) - 1)
}

// beginMessage returns the buffer that one message to w is appended to;
// endMessage takes it back. Messages gather in a frame until the end of the
// iteration, or until the frame is full.
func (l *loop) beginMessage(w *worker) []byte {
	if w.batch == 0 {
		w.batchAt = len(w.out)
		w.out = append(w.out, make([]byte, wire.BatchHeaderLen)...)
	}
	return w.out
}

func (l *loop) endMessage(w *worker, out []byte) {
	w.out = out
	w.batch++
	if w.batch >= wire.BatchMessages || len(w.out)-w.batchAt >= wire.BatchBytes {
		w.closeBatch()
	}
	if !w.dirty && !w.blocked {
		w.dirty = true
		l.dirtyWorkers = append(l.dirtyWorkers, w)
	}
}

func (w *worker) closeBatch() {
	if w.batch > 0 {
		wire.PutBatchHeader(w.out[w.batchAt:], w.batch)
		w.batch = 0
	}
}

// deliver gives an item to w.
func (l *loop) deliver(w *worker, it *item) {
	// A long message travels alone: what is in front of it need not wait for it.
	if w.batch > 0 && len(w.out)-w.batchAt+len(it.data) > wire.BatchBytes {
		w.closeBatch()
	}
	out := l.beginMessage(w)
	it.worker, it.sentAt, it.at = w, l.now, w.written+int64(len(out)-w.outOff)
	l.endMessage(w, append(out, it.data...))
	if w.sent.len == 0 {
		w.lastAck = l.now
	}
	w.sent.pushBack(it)
}

func (l *loop) abort(w *worker, sid, code uint64) {
	if w.state < workerBroken {
		l.endMessage(w, wire.AppendAbort(l.beginMessage(w), sid, code))
	}
}

func (l *loop) credit(w *worker, sid uint64, n int) {
	if w.state < workerBroken {
		l.endMessage(w, wire.AppendCredit(l.beginMessage(w), sid, n))
	}
}

// flushWorker writes what waits for w, once.
func (l *loop) flushWorker(w *worker) {
	w.dirty = false
	if w.deaf || w.state >= workerBroken {
		w.discardOutput()
		return
	}
	w.closeBatch()
	n, err := write(w.toHandler, w.out[w.outOff:])
	if err != nil && err != errAgain {
		// EPIPE: the process is ending. The master tells when it is reaped.
		l.deafen(w)
		return
	}
	w.outOff += n
	w.written += int64(n)
	if w.outOff == len(w.out) {
		w.outOff, w.out = 0, w.out[:0]
		if cap(w.out) > 2*maxUnwritten {
			w.out = nil
		}
		l.unblockWorker(w)
		l.unchoke(w)
		return
	}
	if w.outOff > len(w.out)/2 {
		w.out = append(w.out[:0], w.out[w.outOff:]...)
		w.outOff = 0
	}
	l.blockWorker(w)
}

func (l *loop) blockWorker(w *worker) {
	if !w.blocked {
		w.blocked = true
		_ = l.poller.add(w.toHandler, unix.EPOLLOUT, aboutWorkerIn, w.index, uint32(w.id))
	}
}

func (l *loop) unblockWorker(w *worker) {
	if w.blocked {
		w.blocked = false
		l.poller.remove(w.toHandler)
		l.feed(w)
	}
}

// deafen stops writing to w; Exited settles what it had.
func (l *loop) deafen(w *worker) {
	if w.blocked {
		w.blocked = false
		l.poller.remove(w.toHandler)
	}
	w.discardOutput()
	if !w.deaf {
		w.deaf, w.deafAt = true, l.now
		l.releaseWaiting(w)
	}
}

// deafPatience is how long a process may live on after it closed its pipe or
// said BYE unasked, before it is replaced: it would hold its slot for ever.
const deafPatience = 5 * time.Second

func (l *loop) sweepDeaf() {
	for _, w := range l.workers {
		if w != nil && w.deaf && w.state == workerActive && l.now-w.deafAt > deafPatience {
			l.failWorker(w, "closed its pipe and did not exit")
		}
	}
}

func (w *worker) discardOutput() { w.out, w.outOff, w.batch = nil, 0, 0 }

// workerReadable takes what w wrote.
func (l *loop) workerReadable(w *worker) {
	if !l.readWorker(w) {
		l.closeFromHandler(w)
		l.deafen(w)
	}
}

// readWorker reads once. false: end of file or error.
func (l *loop) readWorker(w *worker) bool {
	n, err := read(w.fromHandler, l.inbuf)
	if err == errAgain {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	if w.state >= workerBroken {
		return true // thrown away
	}
	buf := l.inbuf[:n]
	if len(w.in) > 0 {
		w.in = append(l.buffers.room(w.in, n), buf...)
		buf = w.in
	}
	used, err := l.takeFrames(w, buf)
	if err != nil {
		l.failWorker(w, err.Error())
		w.in = nil
		return true
	}
	switch rest := buf[used:]; {
	case len(rest) > 0:
		w.in = append(l.buffers.room(w.in[:0], len(rest)), rest...)
	case w.in != nil:
		l.buffers.put(w.in)
		w.in = nil
	}
	return true
}

// takeFrames handles the complete frames in buf.
func (l *loop) takeFrames(w *worker, buf []byte) (used int, err error) {
	for w.state < workerBroken {
		n, ok, err := wire.FrameLength(buf[used:], l.maxFrame)
		if err != nil {
			return used, err
		}
		if !ok || len(buf)-used < wire.HeaderLen+n {
			break
		}
		payload := buf[used+wire.HeaderLen : used+wire.HeaderLen+n]
		used += wire.HeaderLen + n
		batch, err := wire.OpenBatch(payload)
		if err != nil {
			return used, err
		}
		for batch.Next(&l.message) && w.state < workerBroken {
			l.handle(w, &l.message)
		}
		if err := batch.Err(); err != nil {
			return used, err
		}
	}
	if w.state == workerActive {
		l.feed(w)
		if w.waiting.len > 0 { // some of it may be free to go elsewhere now
			if idle := w.pool.idle(); idle != nil {
				l.feed(idle)
			}
		}
	}
	l.checkDrained(w)
	return used, nil
}

// handle acts on one message of w.
func (l *loop) handle(w *worker, m *wire.Message) {
	if w.state == workerBooting && m.Op != wire.OpReady && m.Op != wire.OpLog && m.Op != wire.OpBye && m.Op != wire.OpCall {
		l.failWorker(w, "spoke before READY")
		return
	}
	switch m.Op {
	case wire.OpRes:
		l.respond(w, m)
	case wire.OpAck:
		l.acknowledge(w, m.N)
	case wire.OpSend:
		if c := l.conns.find(m.ID); c != nil || !l.passOn(w, m) {
			l.sendTo(c, m.Flags, m.Data)
		}
	case wire.OpDone:
		l.finishMessages(w, m.ID, m.N)
	case wire.OpDgramSend:
		l.sendDatagram(w, m)
	case wire.OpResStart:
		l.startStream(w, m)
	case wire.OpResFile:
		l.respondFile(w, m)
	case wire.OpResChunk:
		l.streamChunk(w, m)
	case wire.OpResEnd:
		l.endStream(w, m)
	case wire.OpEvents:
		l.startEvents(w, m)
	case wire.OpBodyCredit:
		l.bodyCredit(w, m)
	case wire.OpAccept:
		l.acceptHandshake(w, m)
	case wire.OpReady:
		l.workerIsReady(w, m)
	case wire.OpBye:
		w.goodbye, w.begun = true, int(m.N)
		l.deafen(w) // it reads no more; Exited gives away what it did not begin
	case wire.OpLog:
		l.logHandler(w, string(m.Text), string(m.Data))
	case wire.OpPong:
	default:
		l.handleHub(w, m)
	}
}

func (l *loop) workerIsReady(w *worker, m *wire.Message) {
	if w.ready.Concurrency > 0 {
		l.failWorker(w, "said READY twice")
		return
	}
	if m.N != wire.Version {
		l.failWorker(w, "speaks another version of the protocol: update the SDK it was started with")
		return
	}
	ready, err := wire.DecodeReady(m.Value)
	if err != nil {
		l.failWorker(w, err.Error())
		return
	}
	w.ready = ready
	if w.state != workerBooting { // drained meanwhile
		return
	}
	w.state = workerReady
	w.window = 1
	if w.async() {
		w.window = ready.Concurrency
	}
	l.report(&control.Message{Kind: control.WorkerReady, Worker: &control.Worker{ID: w.id, Pool: w.pool.name, Slot: w.slot, PID: w.pid,
		Language: ready.Language, LanguageVersion: ready.LanguageVersion, SDK: ready.SDK, Concurrency: ready.Concurrency}})
}

// activate lets work flow.
func (l *loop) activate(w *worker) {
	if w.state != workerReady {
		return
	}
	w.state = workerActive
	l.enlist(w)
}

// enlist lets an active worker work in its pool.
func (l *loop) enlist(w *worker) {
	w.pool.add(w)
	w.pool.share.learn(w)
	l.feed(w)
}

// drain stops new work for w and tells it to finish.
func (l *loop) drain(w *worker, deadline time.Duration, reason string) {
	if w.state > workerActive {
		l.checkDrained(w)
		return
	}
	w.pool.remove(w)
	w.state = workerDraining
	l.endMessage(w, wire.AppendDrain(l.beginMessage(w), uint64(deadline.Milliseconds()), reason))
	l.releaseWaiting(w)
	l.checkDrained(w)
}

// checkDrained tells the master when a draining worker has nothing left.
func (l *loop) checkDrained(w *worker) {
	if w.state == workerDraining && !w.drained && w.sent.len == 0 && w.exchanges.len == 0 {
		w.drained = true
		l.report(&control.Message{Kind: control.Drained, Worker: &control.Worker{ID: w.id}})
	}
}

// acknowledge: the next n messages, in the order delivered, are done.
func (l *loop) acknowledge(w *worker, n uint64) {
	switch {
	case w.async():
		l.failWorker(w, "sent ACK: concurrent handlers send DONE")
		return
	case n > uint64(w.sent.len):
		l.failWorker(w, "acknowledged more messages than it was given")
		return
	}
	if n == 0 {
		return
	}
	l.measure(w, int(n))
	for ; n > 0 && w.state < workerBroken; n-- {
		l.finishItem(w.sent.first)
	}
}

// measure sets the window of a worker that handles one message at a time, so
// that about a millisecond of work waits in its pipe: a fast handler gets
// batches, a slow one holds nothing up. Where a message must not be executed
// twice (on_crash: close or drop) only one is under way: so its death says
// which one it was, and no other is given up with it.
func (l *loop) measure(w *worker, n int) {
	if w.async() || w.pool.onCrash != control.Redeliver {
		return
	}
	each := (l.now - w.lastAck) / time.Duration(n)
	w.lastAck = l.now
	if w.average == 0 {
		w.average = each
	} else {
		w.average += (each - w.average) / 8
	}
	w.window = int(min(max(time.Millisecond/max(w.average, 1), 1), maxWindow))
}

const maxWindow = 64

// finishMessages: n messages of one connection are done, or a datagram
// (concurrent handlers).
func (l *loop) finishMessages(w *worker, cid, n uint64) {
	if n == 1 && l.finishDatagramOf(w, cid) {
		return
	}
	c := l.conns.find(cid)
	if c == nil || c.dialogue == nil || c.dialogue.worker != w {
		l.failWorker(w, "finished messages of a connection that it does not have")
		return
	}
	if n > uint64(c.dialogue.unfinished) {
		l.failWorker(w, "finished more messages than it was given")
		return
	}
	for ; n > 0; n-- {
		l.finishItem(c.dialogue.first)
	}
}

// finishItem is the end of a delivered item.
func (l *loop) finishItem(it *item) {
	w, c := it.worker, it.conn
	w.sent.remove(it)
	if it.streamed {
		it.streamed = false
		w.streams--
	}
	w.finished++
	l.checkDue(w)
	if c != nil {
		if c.dialogue != nil {
			c.dialogue.unlink(it)
			it.conn = nil
			l.items.put(it)
			if c.dialogue.ready() && w.inDemand() {
				w.waiting.push(c) // behind those that wait already; feed follows
			}
			l.dialogueMoved(c)
			return
		}
		l.unanswered(c)
	}
	if it.socket != nil {
		l.finishDatagram(it)
	}
	l.items.put(it)
}

// inDemand reports that something waits for w, or for any worker of its pool.
func (w *worker) inDemand() bool {
	return w.state == workerActive && !w.deaf && !w.leaving && (w.waiting.len+w.pool.waiting.len+w.pool.queue.len > 0 || w.pool.datagramsWait())
}

// unanswered: the handler says it is done with a request and has not answered.
func (l *loop) unanswered(c *conn) {
	e := c.exchange
	l.log.Error("A handler finished a request without an answer", "pool", e.pool.name, "worker", e.worker.id, "pid", e.worker.pid)
	e.item = nil
	l.fail(c, 500, "the handler did not answer")
}

// checkDue asks the master to recycle a worker that has done its share.
func (l *loop) checkDue(w *worker) {
	if w.maxRequests > 0 && !w.due && w.finished >= uint64(w.maxRequests) {
		w.due = true
		l.report(&control.Message{Kind: control.WorkerDue, Worker: &control.Worker{ID: w.id}})
	}
}

// failWorker gives a worker up and asks the master to replace it. Its pipe is
// no longer believed: nothing of what it still says reaches a client.
func (l *loop) failWorker(w *worker, reason string) {
	if w.state >= workerBroken {
		return
	}
	l.log.Error("A handler broke the protocol and is replaced", "pool", w.pool.name, "slot", w.slot, "worker", w.id, "pid", w.pid, "err", reason)
	l.giveUp(w, reason, false)
}

func (l *loop) giveUp(w *worker, reason string, hung bool) {
	w.pool.remove(w)
	w.state = workerBroken
	l.deafen(w)
	l.report(&control.Message{Kind: control.WorkerFailed, Worker: &control.Worker{ID: w.id}, Reason: reason, Hung: hung})
}

func (l *loop) closeFromHandler(w *worker) {
	if w.fromHandler >= 0 {
		l.poller.remove(w.fromHandler) // should the master still hold a copy
		closeFD(w.fromHandler)
		w.fromHandler = -1
	}
}

// exited settles a worker whose process was reaped.
func (l *loop) exited(w *worker, reason string) {
	for w.fromHandler >= 0 && w.state < workerBroken {
		n, err := unix.IoctlGetInt(w.fromHandler, unix.TIOCINQ)
		if err != nil || n == 0 || !l.readWorker(w) {
			break
		}
	}
	readUpTo := w.written
	if unread, err := unix.IoctlGetInt(w.toHandler, unix.TIOCINQ); err == nil {
		readUpTo -= int64(unread)
	}
	l.deafen(w)
	w.state = workerGone
	w.pool.remove(w)
	l.closeFromHandler(w)
	closeFD(w.toHandler)
	w.closeSendRoots()
	l.workers[w.index] = nil
	delete(l.byID, w.id)
	l.tellOthers(func(other *loop) { delete(other.away, w.id) })
	l.settle(w, reason, readUpTo)
}

func (l *loop) logHandler(w *worker, level, text string) {
	args := []any{"pool", w.pool.name, "slot", w.slot, "worker", w.id, "pid", w.pid}
	switch level {
	case "debug":
		l.log.Debug(text, args...)
	case "warning":
		l.log.Warn(text, args...)
	case "error":
		l.log.Error(text, args...)
	default:
		l.log.Info(text, args...)
	}
}

package gateway

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/accesslog"
	"gw/protocol/control"
	"gw/protocol/http1"
	"gw/protocol/http2"
	"gw/protocol/websocket"
	"gw/protocol/wire"
)

// loop is a reactor: one goroutine that owns an epoll set, its connections and
// both pipes of its workers. Nothing in it is locked; the only way in from
// outside is its mailbox. Usually there is one loop; what several have to do with
// each other is in peers.go, deal.go and balance.go.
//
// An iteration reads what is ready, then writes: workers first (they begin
// while answers go out), one write for each, then connections, one write for
// each.
type loop struct {
	index     int     // among peers
	peers     []*loop // all of them
	shares    *shares
	errands   [][]errand     // not handed over yet, for each of peers
	movers    [][]errand     // that bring a worker: behind the others
	inflow    inflow         // of messages that handlers of other loops sent
	unheard   bool           // handlers are not listened to: another loop is behind
	away      map[uint64]int // workers that moved on, and to which loop
	log       *slog.Logger
	send      func(*control.Message) // to the master
	poller    *poller
	mailbox   *mailbox
	timer     int
	ticking   time.Duration // 0: not
	hurried   time.Duration // how soon the next tick is to come; 0: as always
	swept     time.Duration
	start     time.Time
	wallClock func() time.Time
	now       time.Duration // since start, read once an iteration

	conns        connTable
	births       uint32
	deadlines    deadlines
	handshakes   handshakes
	certificates map[int]*tls.Certificate // by the master's ids
	issuers      *issuers
	challenges   *challenges
	dirtyConns   []*conn
	spareDirty   []*conn
	bulk         bulk
	dirtyHTTP2   []*conn // written after the others, which may be streams of them
	spareHTTP2   []*conn
	again        []*conn
	spareAgain   []*conn
	listeners    []*listener
	named        map[int]bool // listeners of the configuration that is coming in
	paused       int          // listeners that do not accept
	pauseLogged  time.Duration
	pools        map[string]*pool
	poolList     []*pool // the same
	workers      []*worker
	byID         map[uint64]*worker
	dirtyWorkers []*worker
	hub          hub
	datagrams    int // received and not finished
	lastDatagram uint64
	dirtySockets []*listener

	items      itemStore
	exchanges  exchangeStore
	buffers    buffers
	packers    packerStore
	files      fileStore
	disk       *disk
	memory     *memory // of all loops
	rest       rest
	downloads  downloads
	complained time.Duration // when a client last brought an error into the log
	streams    streamStore
	undecided  []*stream // opened just now, whose bodies may have come along
	deflater   websocket.Deflater
	inflater   websocket.Inflater

	accessLogs    []*accessLog
	retiredLogs   []*accessLog // that write their last lines
	droppedLines  uint64       // that were told of
	droppedLogged time.Duration
	visits        visits

	// Reused each time; valid only until the next use.
	inbuf      []byte
	plain      []byte // what inbuf decrypts to; nil before the first TLS connection
	cipher     []byte
	inbound    inbound // datagrams
	outbound   *datagramBatch
	trimmed    time.Duration // when spare memory was last given back
	block      []byte
	request    http1.Request
	http2Head  *http2.Head
	reply      reply
	text       []byte
	message    wire.Message
	logClock   logClock
	record     accesslog.Record
	line       []byte
	remote     []byte        // see closeVisit
	target     []byte        // see closeDialogueVisit
	host       []byte        // see adoptHost
	retryAfter time.Duration // of the 429 that is being answered
	date       []byte
	dateAt     time.Duration
	lookup     lookup
	name       []byte
	fileBuf    []byte
	etag       []byte
	modified   []byte
	span       []byte

	version     string
	tempDir     string
	setAsideDir string
	debug       bool
	maxFrame    int
	maxMessage  int

	requests, messages uint64

	stopping bool
	stopped  bool
	stopAt   time.Duration
	done     bool
}

func newLoop(log *slog.Logger, send func(*control.Message)) (*loop, error) {
	l := &loop{log: log, send: send, start: time.Now(), wallClock: time.Now, inbuf: make([]byte, 64<<10),
		pools: make(map[string]*pool), byID: make(map[uint64]*worker), named: make(map[int]bool), maxFrame: wire.FrameLimit,
		handshakes: newHandshakes(), certificates: make(map[int]*tls.Certificate), challenges: new(challenges),
		shares: newShares(), away: make(map[uint64]int)}
	l.memory = newMemory()
	l.join(0, []*loop{l})
	l.http2Head = http2.NewHead(&l.request)
	l.items.removeFile, l.items.buffers = l.removeFile, &l.buffers
	var err error
	if l.poller, err = newPoller(); err != nil {
		return nil, err
	}
	if l.mailbox, err = newMailbox(); err != nil {
		return nil, err
	}
	l.disk = newDisk(l.mailbox)
	if l.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	if err := l.poller.add(l.mailbox.fd, unix.EPOLLIN, aboutMailbox, 0, 0); err != nil {
		return nil, err
	}
	if err := l.poller.add(l.timer, unix.EPOLLIN, aboutTimer, 0, 0); err != nil {
		return nil, err
	}
	return l, nil
}

// join makes l one of several loops.
func (l *loop) join(index int, peers []*loop) {
	first := peers[0]
	l.index, l.peers, l.conns.loop = index, peers, uint64(index)
	l.errands, l.movers = make([][]errand, len(peers)), make([][]errand, len(peers))
	l.shares, l.challenges, l.start = first.shares, first.challenges, first.start
	l.memory = first.memory
	l.memory.awake.Store(int32(len(peers)))
	l.handshakes.compute = first.handshakes.compute
}

// run is the loop's life. It returns when the master asked it to stop, or
// posted finish.
func (l *loop) run() error {
	for !l.done {
		if err := l.turn(!l.unfinishedTurn()); err != nil {
			return err
		}
	}
	return nil
}

// turn is one iteration; with block it waits until there is something to do.
func (l *loop) turn(block bool) error {
	events, err := l.poller.wait(block, l.mood())
	if err != nil {
		return err
	}
	l.now = time.Since(l.start)
	l.rest.turns++
	for i := range events {
		l.event(&events[i])
	}
	l.turnEnd()
	return nil
}

func (l *loop) mood() mood {
	switch n := l.items.taken; {
	case n > crowd:
		return moodCrowd
	case n > 0:
		return moodOwing
	}
	return moodIdle
}

// unfinishedTurn reports work that waits for no event.
func (l *loop) unfinishedTurn() bool {
	return len(l.dirtyConns) > 0 || len(l.dirtyHTTP2) > 0 || len(l.again) > 0 || l.bulk.len() > 0 || l.downloads.queue.len() > 0
}

func (l *loop) event(ev *unix.EpollEvent) {
	index, pair := ev.Fd, uint32(ev.Pad)&pairMask
	switch uint32(ev.Pad) >> aboutShift {
	case uint32(aboutConn):
		l.connEvent(index, pair, ev.Events)
	case uint32(aboutWorkerOut):
		if w := l.workers[index]; w != nil && uint32(w.id)&pairMask == pair && w.fromHandler >= 0 {
			l.workerReadable(w)
		}
	case uint32(aboutWorkerIn):
		if w := l.workers[index]; w != nil && uint32(w.id)&pairMask == pair {
			l.flushWorker(w)
		}
	case uint32(aboutListener):
		l.accept(l.listeners[index])
	case uint32(aboutDatagrams):
		if ln := l.listeners[index]; ln.datagrams != nil && ln.fd >= 0 {
			l.datagramEvent(ln, ev.Events)
		}
	case uint32(aboutMailbox):
		for _, f := range l.mailbox.take() {
			f()
		}
	case uint32(aboutTimer):
		l.tick()
	}
}

func (l *loop) connEvent(index int32, pair uint32, events uint32) {
	c := l.conns.conns[index]
	if c == nil || c.birth != pair || c.state == stateGone {
		return // an event of a connection that was closed earlier in this turn
	}
	switch {
	case events&unix.EPOLLIN != 0:
		l.readable(c)
	case events&(unix.EPOLLERR|unix.EPOLLHUP) != 0:
		l.lost(c)
		return
	}
	if events&unix.EPOLLOUT != 0 && c.state != stateGone && !c.dirty {
		l.flush(c)
	}
}

// flushBudget bounds the writes to connections in one iteration.
const flushBudget = 512

// turnEnd parses on where something was held up, then writes.
func (l *loop) turnEnd() {
	for len(l.again) > 0 {
		again := l.again
		l.again, l.spareAgain = l.spareAgain[:0], again
		for _, c := range again {
			c.queuedRun = false
			if c.state < stateClosing {
				l.consume(c, c.in)
			}
		}
	}
	l.flushWorkers()
	dirty := l.dirtyConns
	l.dirtyConns, l.spareDirty = l.spareDirty[:0], dirty
	for i, c := range dirty {
		if i == flushBudget {
			l.dirtyConns = append(l.dirtyConns, dirty[i:]...)
			break
		}
		l.flush(c)
	}
	l.flushBulk()
	l.flushDownloads()
	l.flushSockets()
	dirty = l.dirtyHTTP2
	l.dirtyHTTP2, l.spareHTTP2 = l.spareHTTP2[:0], dirty
	for _, c := range dirty {
		l.flush(c)
	}
	l.streams.turnEnd()
	l.flushWorkers() // credit, and events of connections that closed
	l.balance()
	l.handOverErrands()
	switch {
	case l.hurried > 0 && l.ticking != l.hurried:
		l.setTick(l.hurried)
	case l.ticking == 0 && l.needsTick():
		l.setTick(tickInterval)
	}
}

func (l *loop) flushWorkers() {
	for i := 0; i < len(l.dirtyWorkers); i++ {
		l.flushWorker(l.dirtyWorkers[i])
	}
	l.dirtyWorkers = l.dirtyWorkers[:0]
}

// tickInterval is how exactly time-outs are kept.
const tickInterval = 100 * time.Millisecond

func (l *loop) needsTick() bool {
	if l.conns.live > 0 || l.stopping || l.paused > 0 || l.datagrams > 0 || l.logsWait() || l.rest.busy() || l.memory.due() {
		return true
	}
	for _, w := range l.workers {
		if w != nil && (w.sent.len > 0 || w.deaf) {
			return true
		}
	}
	return false
}

func (l *loop) setTick(every time.Duration) {
	spec := unix.NsecToTimespec(int64(every))
	l.ticking = every
	if err := unix.TimerfdSettime(l.timer, 0, &unix.ItimerSpec{Interval: spec, Value: spec}, nil); err != nil {
		l.log.Error("Time-outs do not work: timerfd_settime failed", "err", err)
	}
}

// tick acts on everything whose time has come.
func (l *loop) tick() {
	var b [8]byte
	_, _ = read(l.timer, b[:])
	if l.hurried > 0 {
		l.hurried = 0
		l.setTick(tickInterval)
		if l.now-l.swept < tickInterval {
			return // balance follows
		}
	}
	l.swept = l.now
	for c := l.deadlines.expired(l.now); c != nil; c = l.deadlines.expired(l.now) {
		l.expire(c)
	}
	l.sweepPools()
	l.sweepDeaf()
	l.resumeAccepting()
	l.flushLogs()
	if l.now-l.trimmed >= time.Second {
		l.trimmed = l.now
		l.items.trim()
		l.buffers.trim()
		l.packers.trim(l.now)
		l.streams.trim()
		for _, ln := range l.listeners {
			if ln.home {
				ln.share.callers.trim(l.now)
			}
		}
		if len(l.named) == 0 {
			l.retireLogs()
		}
		l.lookForRest()
	}
	if l.stopping && l.stopAt > 0 && l.now >= l.stopAt {
		l.stopNow()
	}
	if !l.needsTick() {
		l.setTick(0)
	}
}

// stop takes no new connections, finishes what is under way, then reports.
func (l *loop) stop(deadline time.Duration) {
	l.stopping = true
	if deadline > 0 {
		l.stopAt = l.now + deadline
	}
	for _, ln := range l.listeners {
		l.closeListener(ln)
	}
	for _, c := range l.conns.conns {
		if c == nil || c.state >= stateClosing {
			continue
		}
		switch {
		case c.http2 != nil:
			l.leaveHTTP2(c)
		case c.exchange != nil:
			c.exchange.keepAlive = false
		case c.dialogue != nil:
			l.closeDialogue(c, closeGoing, "server is stopping")
		default:
			l.closeAfterFlush(c)
		}
	}
	l.checkStopped()
}

// stopNow closes whatever is still open.
func (l *loop) stopNow() {
	for _, c := range l.conns.conns {
		if c != nil {
			l.lost(c)
		}
	}
	for _, ln := range l.listeners {
		if ln.datagrams != nil {
			l.dropAllDatagrams(ln)
		}
	}
	l.reportStopped()
}

func (l *loop) checkStopped() {
	if l.stopping && l.conns.live == 0 && l.datagrams == 0 {
		l.reportStopped()
	}
}

func (l *loop) reportStopped() {
	if !l.stopped {
		l.stopped = true
		l.report(&control.Message{Kind: control.Stopped})
	}
}

func (l *loop) report(m *control.Message) { l.send(m) }

func (l *loop) close() {
	l.issuers.close()
	l.handshakes.close()
	l.closeLogs()
	l.disk.close()
	l.memory.close()
	for _, ln := range l.listeners {
		ln.closeStatic()
	}
	for _, w := range l.workers {
		if w != nil {
			w.closeSendRoots()
		}
	}
	l.poller.close()
	l.mailbox.close()
	closeFD(l.timer)
}

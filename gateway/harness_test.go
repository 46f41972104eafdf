package gateway

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// harness is a gateway with listeners on loopback, the test playing the master.
type harness struct {
	t       testing.TB
	gateway *gateway
	mu      sync.Mutex // of what the test tells it
	loop    *loop      // the first
	reports chan *control.Message
	log     *logBuffer
	address map[string]string // scheme to host:port
	next    uint64
}

// logBuffer collects the gateway's log.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// limits that tests do not run into, unless they set others.
func testLimits() control.Limits {
	return control.Limits{HeaderTimeout: 10 * time.Second, BodyTimeout: 10 * time.Second, IdleTimeout: 75 * time.Second, WriteTimeout: 10 * time.Second,
		MaxHeaderBytes: 32 << 10, MaxBodyBytes: 8 << 20, MaxMessageBytes: 512 << 10, SendBufferBytes: 1 << 20}
}

func startLoop(t testing.TB, change func(*control.Configuration)) *harness {
	t.Helper()
	h := &harness{t: t, reports: make(chan *control.Message, 1000), log: new(logBuffer), address: map[string]string{}}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.gateway = newGateway(log, func(m *control.Message) { h.reports <- m })
	c := &control.Configuration{Version: "test", TempDir: t.TempDir(), SetAside: t.TempDir(),
		Pools: []control.Pool{{Name: "web", QueueLimit: 100, QueueTimeout: 10 * time.Second, RequestTimeout: 30 * time.Second, OnCrash: control.Redeliver}}}
	var files []*os.File
	for i, scheme := range []string{"http", "text", "frame", "tcp"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		h.address[scheme] = ln.Addr().String()
		ln.Close()
		files = append(files, f)
		c.Listeners = append(c.Listeners, control.Listener{ID: i + 1, Name: scheme, Scheme: scheme, Address: h.address[scheme], Fresh: true,
			Routes: []control.Route{{Prefix: "/", Pool: "web"}}, Limits: testLimits()})
	}
	files = append(files, h.udp())
	c.Listeners = append(c.Listeners, control.Listener{ID: len(files), Name: "udp", Scheme: "udp", Address: h.address["udp"], Fresh: true,
		Routes: []control.Route{{Prefix: "/", Pool: "web"}}, Limits: testLimits(), Queue: control.Queue{Limit: 100}})
	if change != nil {
		change(c)
	}
	files = append(logFiles(t, c), files...)
	h.tell(&control.Message{Kind: control.Configure, Configuration: c}, files...)
	h.expect(control.Configured)
	h.loop = h.gateway.loops[0]
	t.Cleanup(func() {
		h.gateway.ended <- nil
		if err := h.gateway.wait(); err != nil {
			t.Error(err)
		}
		for _, l := range h.gateway.loops {
			l.closeAll()
		}
		if !reflect.DeepEqual(nothing, belongings{}) {
			t.Error("somebody wrote to what all share: see dialogue.keep")
		}
		if t.Failed() {
			t.Log(h.log.String())
		}
	})
	return h
}

// closeAll closes what a loop that has ended still has.
func (l *loop) closeAll() {
	for _, w := range l.workers {
		if w != nil {
			closeFD(w.fromHandler)
			closeFD(w.toHandler)
		}
	}
	for _, c := range l.conns.conns {
		if c != nil && c.state != stateGone {
			closeFD(int(c.fd))
		}
	}
	for _, ln := range l.listeners {
		if ln.fd >= 0 && !ln.closed {
			closeFD(ln.fd)
		}
	}
}

// udp binds a socket for datagrams.
func (h *harness) udp() *os.File {
	h.t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		h.t.Fatal(err)
	}
	defer socket.Close()
	file, err := socket.File()
	if err != nil {
		h.t.Fatal(err)
	}
	h.address["udp"] = socket.LocalAddr().String()
	return file
}

func (h *harness) tell(m *control.Message, files ...*os.File) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.gateway.control(m, files); err != nil {
		h.t.Error(err)
	}
}

// expect waits for a report of this kind and passes over others.
func (h *harness) expect(kind control.Kind) *control.Message {
	h.t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case m := <-h.reports:
			if m.Kind == kind {
				return m
			}
		case <-timeout:
			h.t.Fatalf("no %s from the gateway\n%s", kind, h.log.String())
		}
	}
}

// do runs f in the loop and waits for it.
func (h *harness) do(f func()) {
	done := make(chan struct{})
	h.loop.mailbox.post(func() { f(); close(done) })
	<-done
}

// handler is a worker played by the test.
type handler struct {
	h    *harness
	id   uint64
	in   *os.File // its descriptor 3
	out  *os.File // its descriptor 4
	r    *bufio.Reader
	msgs []received
}

// received is a message as a handler sees it.
type received struct {
	op    wire.Op
	id    uint64
	n     uint64 // flags of REQ, OPEN, ATTACH and MSG, fin of BODY, code of CLOSE and ABORT, bytes of CREDIT, lid of DGRAM
	data  []byte // body, message, path of OPEN and ATTACH
	path  string
	peer  string
	head  string // header block
	meth  string
	sess  []byte
	local string // of DGRAM
	uid   string
}

// attach gives the loop a worker and reads its HELLO; it is not ready yet.
func (h *harness) attach() *handler {
	h.t.Helper()
	h.next++
	var a, b [2]int
	if err := syscall.Pipe2(a[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		h.t.Fatal(err)
	}
	if err := syscall.Pipe2(b[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		h.t.Fatal(err)
	}
	w := &handler{h: h, id: h.next, in: os.NewFile(uintptr(a[0]), "in"), out: os.NewFile(uintptr(b[1]), "out")}
	w.r = bufio.NewReaderSize(w.in, 64<<10)
	h.tell(&control.Message{Kind: control.Attach, Worker: &control.Worker{ID: w.id, Pool: "web", Slot: int(w.id), PID: 1 << 30}},
		os.NewFile(uintptr(a[1]), "to"), os.NewFile(uintptr(b[0]), "from"))
	h.t.Cleanup(func() { w.in.Close(); w.out.Close() })
	if m := w.next(); m.op != wire.OpHello {
		h.t.Fatalf("first message is %#x", m.op)
	}
	return w
}

// worker attaches, makes ready and activates a handler.
func (h *harness) worker(concurrency int, events ...string) *handler {
	h.t.Helper()
	w := h.attach()
	if len(events) == 0 {
		events = []string{"request", "message"}
	}
	w.ready(concurrency, events...)
	h.expect(control.WorkerReady)
	h.tell(&control.Message{Kind: control.Activate, Worker: &control.Worker{ID: w.id}})
	return w
}

func (w *handler) ready(concurrency int, events ...string) {
	w.h.t.Helper()
	w.say(readyMessage(concurrency, events...))
}

func readyMessage(concurrency int, events ...string) []byte {
	m := append(wire.AppendArray(nil, 3), byte(wire.OpReady), wire.Version)
	m = wire.AppendMap(m, 2)
	m = wire.AppendUint(wire.AppendStr(m, "concurrency"), uint64(concurrency))
	m = wire.AppendArray(wire.AppendStr(m, "events"), len(events))
	for _, e := range events {
		m = wire.AppendStr(m, e)
	}
	return m
}

// readyToStream is READY of a handler that takes long bodies as streams.
func readyToStream(concurrency int, events ...string) []byte {
	m := readyMessage(concurrency, events...)
	m[3]++ // the pairs of the map, behind array, op and version
	return wire.AppendBool(wire.AppendStr(m, "stream_body"), true)
}

// say writes messages as one frame.
func (w *handler) say(messages ...[]byte) {
	w.h.t.Helper()
	if _, err := w.out.Write(inFrame(messages...)); err != nil {
		w.h.t.Fatal(err)
	}
}

func inFrame(messages ...[]byte) []byte {
	b := make([]byte, wire.BatchHeaderLen)
	for _, m := range messages {
		b = append(b, m...)
	}
	wire.PutBatchHeader(b, len(messages))
	return b
}

// next returns the next message, waiting for it.
func (w *handler) next() received {
	w.h.t.Helper()
	for len(w.msgs) == 0 {
		w.msgs = decodeForHandler(w.h.t, w.frame())
	}
	m := w.msgs[0]
	w.msgs = w.msgs[1:]
	return m
}

// frame returns the payload of the next frame.
func (w *handler) frame() []byte {
	w.h.t.Helper()
	_ = w.in.SetReadDeadline(time.Now().Add(10 * time.Second))
	var head [wire.HeaderLen]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		w.h.t.Fatalf("handler %d: %v\n%s", w.id, err, w.h.log.String())
	}
	n, _, err := wire.FrameLength(head[:], wire.FrameCap)
	if err != nil {
		w.h.t.Fatal(err)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(w.r, payload); err != nil {
		w.h.t.Fatal(err)
	}
	return payload
}

// expect returns the next message, which must have this op.
func (w *handler) expect(op wire.Op) received {
	w.h.t.Helper()
	m := w.next()
	if m.op != op {
		w.h.t.Fatalf("handler %d got op %#x (%+v), want %#x", w.id, m.op, m, op)
	}
	return m
}

// exit closes the handler's pipes and reports its death.
func (w *handler) exit(reason string) {
	w.in.Close()
	w.out.Close()
	w.h.tell(&control.Message{Kind: control.Exited, Worker: &control.Worker{ID: w.id}, Reason: reason})
}

func decodeForHandler(t testing.TB, payload []byte) (out []received) {
	t.Helper()
	r := wire.NewReader(payload)
	for n := r.Array(); n > 0; n-- {
		fields := r.Array()
		m := received{op: wire.Op(r.Uint())}
		used := 1
		switch m.op {
		case wire.OpReq:
			m.id, m.n = r.Uint(), r.Uint()
			r.Uint()
			m.peer = string(r.Bytes())
			m.meth, m.path = string(r.Bytes()), string(r.Bytes())
			r.Bytes()
			m.head, m.data = string(r.Bytes()), r.Bytes()
			used = 10
		case wire.OpMsg:
			m.id, m.n, m.data = r.Uint(), r.Uint(), r.Bytes()
			used = 4
		case wire.OpClose:
			m.id, m.n, m.data = r.Uint(), r.Uint(), r.Bytes()
			used = 4
		case wire.OpBody:
			m.id, m.data, m.n = r.Uint(), r.Bytes(), r.Uint()
			used = 4
		case wire.OpDgram:
			m.n = r.Uint()
			m.peer, m.data = string(r.Bytes()), r.Bytes()
			m.local, m.id = string(r.Bytes()), r.Uint()
			used = 6
		case wire.OpCredit, wire.OpAbort, wire.OpBuf:
			m.id, m.n = r.Uint(), r.Uint()
			used = 3
		case wire.OpDetach, wire.OpPing:
			m.id = r.Uint()
			used = 2
		case wire.OpOpen, wire.OpAttach:
			m.id = r.Uint()
			r.Uint()
			m.peer = string(r.Bytes())
			r.Bytes()
			m.path = string(r.Bytes())
			r.Bytes()
			m.head = string(r.Bytes())
			used = 11
			if m.op == wire.OpOpen {
				m.n = r.Uint()
			}
			m.sess, m.uid = r.Bytes(), string(r.Bytes())
			if m.op == wire.OpAttach {
				m.n = r.Uint()
			}
		}
		for ; used < fields; used++ {
			r.Raw()
		}
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// What handlers say.

func res(id uint64, status int, body string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpRes)), id)
	m = wire.AppendUint(m, uint64(status))
	m = wire.AppendStr(wire.AppendStr(wire.AppendMap(m, 1), "content-type"), "text/plain")
	return wire.AppendStr(m, body)
}

func ack(n uint64) []byte {
	return wire.AppendUint(append(wire.AppendArray(nil, 2), byte(wire.OpAck)), n)
}

func done(cid, n uint64) []byte {
	return wire.AppendUint(wire.AppendUint(append(wire.AppendArray(nil, 3), byte(wire.OpDone)), cid), n)
}

func send(cid uint64, data string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 4), byte(wire.OpSend)), cid)
	return wire.AppendStr(wire.AppendUint(m, 0), data)
}

// withText makes JOIN, LEAVE, BIND, SESSION and RES_CHUNK, RES_END.
func withText(op wire.Op, id uint64, text string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 3), byte(op)), id)
	return wire.AppendStr(m, text)
}

func closeConn(cid uint64, code uint64, reason string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 4), byte(wire.OpCloseConn)), cid)
	return wire.AppendStr(wire.AppendUint(m, code), reason)
}

// client is one connection to a listener.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (h *harness) dial(scheme string) *client {
	h.t.Helper()
	c, err := net.Dial("tcp", h.address[scheme])
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	return &client{t: h.t, Conn: c, r: bufio.NewReader(c)}
}

func (c *client) write(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// line reads one line without its end.
func (c *client) line() string {
	c.t.Helper()
	s, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("after %q: %v", s, err)
	}
	return strings.TrimRight(s, "\r\n")
}

// eof wants the connection to end here.
func (c *client) eof() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("want end of file, got %q %v", b, err)
	}
}

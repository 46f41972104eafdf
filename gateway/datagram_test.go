package gateway

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// udpClient sends to a listener and reads what comes back.
type udpClient struct {
	t testing.TB
	*net.UDPConn
}

func (h *harness) datagrams() *udpClient {
	h.t.Helper()
	c, err := net.Dial("udp", h.address["udp"])
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	return &udpClient{t: h.t, UDPConn: c.(*net.UDPConn)}
}

func (c *udpClient) say(data string) {
	c.t.Helper()
	if _, err := c.Write([]byte(data)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *udpClient) hear() string {
	c.t.Helper()
	buf := make([]byte, 1<<16)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := c.Read(buf)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(buf[:n])
}

func sendDatagram(lid uint64, peer, data, local string) []byte {
	m := wire.AppendUint(append(wire.AppendArray(nil, 5), byte(wire.OpDgramSend)), lid)
	return wire.AppendStr(wire.AppendStr(wire.AppendStr(m, peer), data), local)
}

func (h *harness) udpStatus() (d control.DatagramStatus) {
	h.do(func() {
		for _, ln := range h.loop.listeners {
			if s := ln.datagramStatus(); s != nil && !ln.gone() {
				d = *s
			}
		}
	})
	return d
}

func TestDatagramIsAnswered(t *testing.T) {
	for _, concurrency := range []int{1, 10} {
		h := startLoop(t, nil)
		w := h.worker(concurrency, "datagram")
		for _, data := range []string{"ping", "", strings.Repeat("x", maxDatagram)} {
			c := h.datagrams()
			c.say(data)
			m := w.expect(wire.OpDgram)
			if string(m.data) != data || m.peer != c.LocalAddr().String() || m.local != "" {
				t.Fatalf("%q from %s to %q", m.data, m.peer, m.local)
			}
			end := ack(1)
			if concurrency > 1 {
				end = done(m.id, 1)
			}
			w.say(sendDatagram(m.n, m.peer, data, ""), end)
			if got := c.hear(); got != data {
				t.Fatalf("answered %d bytes to %d", len(got), len(data))
			}
		}
		h.eventually("all is done", func() bool { return h.loop.datagrams == 0 && h.loop.items.taken == 0 })
	}
}

// An answer from another address than the question went to is thrown away by whoever asked.
func TestAnswerLeavesFromTheAddressThatWasAsked(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0"} {
		h := startLoop(t, nil)
		socket, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		file, err := socket.(*net.UDPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(socket.LocalAddr().String())
		h.tell(&control.Message{Kind: control.Configure, Configuration: &control.Configuration{
			Pools: []control.Pool{{Name: "web", QueueLimit: 10}},
			Listeners: []control.Listener{{ID: 9, Name: "all", Scheme: "udp", Fresh: true, Limits: testLimits(), Queue: control.Queue{Limit: 10},
				Routes: []control.Route{{Prefix: "/", Pool: "web"}}}}}}, file)
		h.expect(control.Configured)
		w := h.worker(1, "datagram")
		targets := []string{"127.0.0.1", "127.0.0.2"}
		if address[0] == '[' {
			targets = append(targets, "::1")
		}
		for _, target := range targets {
			h.address["udp"] = net.JoinHostPort(target, port)
			c := h.datagrams() // connected: the kernel lets only answers of this address through
			c.say("ping")
			m := w.expect(wire.OpDgram)
			if m.local != target {
				t.Fatalf("%s: came to %q, want %s", address, m.local, target)
			}
			w.say(sendDatagram(m.n, m.peer, "pong", m.local), ack(1))
			if got := c.hear(); got != "pong" {
				t.Fatal(got)
			}
		}
	}
}

func TestFloodOfDatagramsIsBoundedAndCounted(t *testing.T) {
	for _, newest := range []bool{false, true} {
		h := startLoop(t, func(c *control.Configuration) {
			c.Listeners[4].Queue = control.Queue{Limit: 5, DropNewest: newest}
		})
		w := h.worker(1, "datagram")
		c := h.datagrams()
		const flood = 100
		for n := range flood {
			c.say(fmt.Sprint(n))
			h.eventually("it arrived", func() bool { return h.loop.listeners[4].datagrams.received == uint64(n+1) })
		}
		if s := h.udpStatus(); s.Queued != 5 || s.Dropped != flood-6 {
			t.Fatalf("%+v", s)
		}
		w.expect(wire.OpDgram) // the first was delivered, it is not in the queue
		w.say(ack(1))
		first := "95"
		if newest {
			first = "1"
		}
		if m := w.expect(wire.OpDgram); string(m.data) != first {
			t.Fatalf("newest %t: the queue begins with %s", newest, m.data)
		}
	}
}

func TestQueueOfLongDatagramsIsBoundedInBytes(t *testing.T) {
	s := newStill(t)
	d := &datagrams{limit: 1 << 20}
	ln := &listener{datagrams: d, routes: []route{{pool: s.pool}}}
	for range 1000 {
		it := s.items.get(wire.OpDgram, 1, nil, s.pool)
		it.socket, it.data = ln, make([]byte, maxDatagram)
		d.unfinished++
		s.datagrams++
		s.enqueueDatagram(d, it)
	}
	if d.bytes > queuedBytesLimit || d.queue.len*maxDatagram != d.bytes || d.dropped+uint64(d.queue.len) != 1000 {
		t.Fatalf("%d bytes in %d, %d dropped", d.bytes, d.queue.len, d.dropped)
	}
}

func TestDatagramBeyondMaxMessageIsCounted(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[4].Limits.MaxMessageBytes = 100 })
	w := h.worker(1, "datagram")
	c := h.datagrams()
	c.say(strings.Repeat("x", 101))
	c.say(strings.Repeat("x", 100))
	if m := w.expect(wire.OpDgram); len(m.data) != 100 {
		t.Fatalf("%d bytes", len(m.data))
	}
	if s := h.udpStatus(); s.Truncated != 1 || s.Received != 2 {
		t.Fatalf("%+v", s)
	}
	if !strings.Contains(h.log.String(), "longer than max_message") {
		t.Error("nothing is logged")
	}
}

func TestDatagramsOfADeadWorker(t *testing.T) {
	for policy, again := range map[control.OnCrash]bool{control.Redeliver: true, control.Drop: false, control.CloseConnection: false} {
		h := startLoop(t, func(c *control.Configuration) { c.Pools[0].OnCrash = policy })
		w := h.worker(1, "datagram")
		c := h.datagrams()
		c.say("first")
		w.expect(wire.OpDgram)
		c.say("second") // waits: the window is 1
		h.eventually("it waits", func() bool { return h.loop.listeners[4].datagrams.queue.len == 1 })
		w.exit("killed by SIGKILL")
		next := h.worker(1, "datagram")
		want := []string{"second"}
		if again {
			want = []string{"first", "second"}
		}
		for _, data := range want {
			if m := next.expect(wire.OpDgram); string(m.data) != data {
				t.Fatalf("%s: got %s, want %s", policy, m.data, data)
			}
			next.say(ack(1))
		}
		h.eventually("all is done", func() bool { return h.loop.datagrams == 0 })
		if s := h.udpStatus(); (s.Dropped == 0) != again {
			t.Fatalf("%s: %+v", policy, s)
		}
	}
}

// The innocent go on: of ten datagrams that concurrent workers had, one is deadly.
func TestDeadlyDatagramIsSetAside(t *testing.T) {
	for _, concurrency := range []int{1, 10} {
		var dir string
		h := startLoop(t, func(c *control.Configuration) { dir = c.SetAside })
		c := h.datagrams()
		c.say("deadly")
		h.eventually("it waits", func() bool { return h.loop.listeners[4].datagrams.queue.len == 1 })
		for range 2 {
			w := h.worker(concurrency, "datagram")
			w.expect(wire.OpDgram)
			w.exit("killed by SIGSEGV")
		}
		h.worker(concurrency, "datagram")
		h.eventually("it is given up", func() bool { return h.loop.datagrams == 0 })
		files, _ := filepath.Glob(filepath.Join(dir, "*.msg"))
		if len(files) != 1 {
			t.Fatalf("%v", files)
		}
		content, _ := os.ReadFile(files[0])
		for _, want := range []string{`"what":"datagram"`, `"remote":"` + c.LocalAddr().String(), "deadly"} {
			if !strings.Contains(string(content), want) {
				t.Errorf("no %s in %q", want, content)
			}
		}
	}
}

func TestDatagramOfAHangingWorkerIsDropped(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].RequestTimeout = 100 * time.Millisecond })
	w := h.worker(1, "datagram")
	h.datagrams().say("endless")
	w.expect(wire.OpDgram)
	if m := h.expect(control.WorkerFailed); !m.Hung {
		t.Errorf("%+v", m)
	}
	w.exit("killed by SIGKILL")
	h.eventually("nothing is left", func() bool { return h.loop.datagrams == 0 && h.loop.items.taken == 0 })
	if s := h.udpStatus(); s.Dropped != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDatagramWaitsNoLongerThanQueueTimeout(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Pools[0].QueueTimeout = 100 * time.Millisecond })
	h.datagrams().say("too late")
	h.eventually("it is dropped", func() bool { return h.loop.listeners[4].datagrams.dropped == 1 && h.loop.items.taken == 0 })
}

// Code before a reload, or an older SDK.
func TestDatagramGoesOnlyToWorkersThatTakeIt(t *testing.T) {
	h := startLoop(t, nil)
	h.worker(1, "request", "message")
	c := h.datagrams()
	c.say("nobody")
	h.eventually("it is dropped", func() bool { return h.loop.listeners[4].datagrams.dropped == 1 })
	if !strings.Contains(h.log.String(), "no onMessage") {
		t.Error("nothing is logged")
	}
	w := h.worker(1, "datagram")
	c.say("somebody")
	if m := w.expect(wire.OpDgram); string(m.data) != "somebody" {
		t.Fatalf("%q", m.data)
	}
}

// What came before the end is answered, through the socket that is on its way out.
func TestClosedSocketAnswersWhatCame(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "datagram")
	c := h.datagrams()
	c.say("first")
	m := w.expect(wire.OpDgram)
	c.say("second")
	h.eventually("it waits", func() bool { return h.loop.listeners[4].datagrams.queue.len == 1 })
	h.tell(&control.Message{Kind: control.Stop, Deadline: time.Minute})
	w.say(sendDatagram(m.n, m.peer, "1", ""), ack(1))
	m = w.expect(wire.OpDgram)
	w.say(sendDatagram(m.n, m.peer, "2", ""), ack(1))
	for _, want := range []string{"1", "2"} {
		if got := c.hear(); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	h.expect(control.Stopped)
	h.do(func() {
		if h.loop.listeners[4].fd != -1 {
			t.Error("the socket is still open")
		}
	})
	w.say(sendDatagram(m.n, m.peer, "late", "")) // and nothing happens
	h.do(func() {})
}

func TestUnreachablePeersAreCounted(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "datagram")
	w.say(sendDatagram(5, "[2001:db8::1]:9", "x", ""), // the socket speaks IPv4
		sendDatagram(5, "nobody", "x", ""),
		sendDatagram(5, "127.0.0.1:0", "x", ""),
		sendDatagram(5, "127.0.0.1:9", strings.Repeat("x", maxDatagram+1), ""),
		sendDatagram(5, "127.0.0.1:9", "x", "192.0.2.1"), // no address of ours
		sendDatagram(77, "127.0.0.1:9", "x", ""))         // no listener
	h.eventually("they are counted", func() bool { return h.loop.listeners[4].datagrams.sendDrops == 5 })
	c := h.datagrams()
	c.say("ping")
	m := w.expect(wire.OpDgram)
	w.say(sendDatagram(m.n, m.peer, "pong", ""), ack(1))
	if got := c.hear(); got != "pong" {
		t.Fatal(got)
	}
}

func TestBurstOfAnswersGoesOutWhole(t *testing.T) {
	h := startLoop(t, nil)
	w := h.worker(1, "datagram")
	c := h.datagrams()
	c.say("many")
	m := w.expect(wire.OpDgram)
	var burst [][]byte
	for n := range 100 {
		burst = append(burst, sendDatagram(m.n, m.peer, fmt.Sprint(n), ""))
	}
	w.say(burst...)
	for n := range 100 {
		if got := c.hear(); got != fmt.Sprint(n) {
			t.Fatalf("%s, want %d", got, n)
		}
	}
	if s := h.udpStatus(); s.Sent != 100 || s.SendDrops != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSocketWithoutRoomKeepsALimitAndCountsTheRest(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) { c.Listeners[4].Limits.SendBufferBytes = 4096 })
	w := h.worker(1, "datagram")
	h.do(func() { // as if the kernel had no room
		h.loop.blockSocket(h.loop.listeners[4], true)
		_ = h.loop.poller.modify(h.loop.listeners[4].fd, unix.EPOLLIN, aboutDatagrams, 4, 0)
	})
	c := h.datagrams()
	for range 10 {
		w.say(sendDatagram(5, c.LocalAddr().String(), strings.Repeat("x", 1000), ""))
	}
	h.eventually("the rest is dropped", func() bool { return h.loop.listeners[4].datagrams.sendDrops == 6 })
	h.do(func() { h.loop.datagramEvent(h.loop.listeners[4], unix.EPOLLOUT) })
	for range 4 {
		c.hear()
	}
}

func TestDatagramsFollowTheirListenerToAnotherPool(t *testing.T) {
	h := startLoop(t, nil)
	c := h.datagrams()
	c.say("moved")
	h.eventually("it waits", func() bool { return h.loop.listeners[4].datagrams.queue.len == 1 })
	h.tell(&control.Message{Kind: control.Configure, Configuration: &control.Configuration{
		Pools: []control.Pool{{Name: "other", QueueLimit: 10}},
		Listeners: []control.Listener{{ID: 5, Name: "udp", Scheme: "udp", Limits: testLimits(), Queue: control.Queue{Limit: 10},
			Routes: []control.Route{{Prefix: "/", Pool: "other"}}}}}})
	h.expect(control.Configured)
	h.do(func() {
		d := h.loop.listeners[4].datagrams
		if d.queue.len != 1 || d.queue.first.pool.name != "other" || !h.loop.pools["other"].datagramsWait() {
			t.Error("it does not wait for the other pool")
		}
	})
}

func TestDatagramIdsAreNoConnections(t *testing.T) {
	s := newStill(t)
	for range 3 {
		id := s.datagramID()
		if id >= 1<<53 || id&slotMask != datagramSlot || s.conns.find(id) != nil {
			t.Fatalf("%x", id)
		}
	}
	s.lastDatagram = genMask
	if id := s.datagramID(); id>>genShift != 1 {
		t.Fatalf("%x after the last", id)
	}
}

// openSocket gives the loop a udp listener, and a client of it on the loopback.
func (s *still) openSocket(address netip.AddrPort) (*listener, *peer) {
	s.t.Helper()
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(address))
	if err != nil {
		s.t.Fatal(err)
	}
	defer socket.Close()
	file, err := socket.File()
	if err != nil {
		s.t.Fatal(err)
	}
	ln := &listener{id: 2, index: int32(len(s.listeners)), share: new(listenerShare), fd: take([]*os.File{file})[0]}
	s.listeners = append(s.listeners, ln)
	s.configureListener(ln, &control.Listener{Name: "udp", Scheme: "udp", Limits: testLimits(), Queue: control.Queue{Limit: 10},
		Routes: []control.Route{{Prefix: "/", Pool: "web"}}})
	if err := s.listen(ln); err != nil {
		s.t.Fatal(err)
	}
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	port := socket.LocalAddr().(*net.UDPAddr).Port
	if err := unix.Connect(client, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.closeListener(ln)
		closeFD(client)
	})
	return ln, &peer{in: client, out: client, buf: make([]byte, 1<<16)}
}

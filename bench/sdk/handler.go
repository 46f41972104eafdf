// Package sdk plays the gateway for one handler process: two pipes, frames as
// the gateway writes them, a fixed number of messages under way. So an SDK is
// measured without sockets and without the gateway.
//
// Invariant: reading what a handler says never waits for writing to it, as in
// the gateway; a Handler belongs to one goroutine.
package sdk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/protocol/wire"
)

const (
	// patience is how long a handler may say nothing while something is asked of
	// it: under valgrind an interpreter takes seconds to start.
	patience    = 30 * time.Second
	stopTimeout = 30 * time.Second
	// idSlots is the place for a connection's slot in ids; the rest counts up,
	// from so high that ids are as long as those of a gateway that ran for an hour.
	idSlots    = 1 << 20
	generation = 1 << 16
)

// Handler is a handler process and our ends of its pipes.
type Handler struct {
	work    *Work
	command *exec.Cmd
	log     string
	ended   chan struct{}
	pipes   *ipc.HandlerPipes
	to      int // descriptors of pipes
	from    int

	ready   wire.Ready
	message wire.Message
	in      []byte // of the handler, unread
	out     []byte // to the handler, unwritten
	batchAt int    // where the open frame begins in out
	batch   int    // messages in it

	connections int
	free        []uint64 // connections without a message under way
	next        uint64   // number of the next message
	done        uint64   // messages answered
}

// Start starts a subject's program for a work in a folder that holds the
// programs, and waits until it is ready.
func Start(s Subject, w *Work, bare bool, dir, sdks string) (*Handler, error) {
	argv := s.argv(sdks, s.programs[w.Name])
	if bare {
		argv = append(s.argv(sdks, s.bare), w.Name)
	}
	return startAs(s, w, argv, dir, sdks)
}

func startAs(s Subject, w *Work, argv []string, dir, sdks string) (*Handler, error) {
	h := &Handler{work: w, log: filepath.Join(dir, "output.log"), ended: make(chan struct{}), in: make([]byte, 0, 1<<20), next: generation}
	if err := h.spawn(argv, s.environment(sdks), dir); err != nil {
		return nil, err
	}
	if err := h.greet(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s %s: %w\n%s", s.Name, w.Name, err, h.output()), h.Close())
	}
	return h, nil
}

func (h *Handler) spawn(argv, environment []string, dir string) (err error) {
	if h.pipes, err = ipc.Pipes(); err != nil {
		return err
	}
	h.to, h.from = number(h.pipes.GatewayIn), number(h.pipes.GatewayOut)
	output, err := os.OpenFile(h.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	h.command = exec.Command(argv[0], argv[1:]...)
	h.command.Dir, h.command.Stdout, h.command.Stderr = dir, output, output
	h.command.Env = append(append(os.Environ(), ipc.Environment(1, "bench", 0)...), environment...)
	h.command.ExtraFiles = []*os.File{h.pipes.HandlerIn, h.pipes.HandlerOut}
	h.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = h.command.Start()
	h.pipes.CloseHandler()
	if err != nil {
		h.pipes.CloseGateway()
		return err
	}
	go func() { h.command.Wait(); close(h.ended) }()
	return nil
}

// number is the descriptor of a pipe's end, which stays non-blocking: that of
// File.Fd does not.
func number(f *os.File) (fd int) {
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(n uintptr) { fd = int(n) })
	}
	return fd
}

// greet says HELLO and waits for READY.
func (h *Handler) greet() error {
	h.begin()
	h.end(wire.AppendHello(h.out, &wire.Hello{
		Worker: 1, Pool: "bench", MaxFrame: wire.FrameLimit, MaxMessage: 512 << 10, UID: os.Getuid(),
		Listeners: []wire.Listener{{ID: 1, Name: "web", Scheme: "http", Address: "127.0.0.1:80"}},
	}))
	return h.await(func(m *wire.Message) (done bool, err error) {
		if m.Op == wire.OpReady {
			h.ready, err = wire.DecodeReady(m.Value)
		}
		return m.Op == wire.OpReady, err
	})
}

// Connect opens so many connections, of WebSockets as far as the handler cares.
func (h *Handler) Connect(connections int) error {
	h.connections = connections
	for slot := range uint64(connections) {
		id := slot
		if h.work.socket {
			id = h.id(slot)
			if err := h.open(id); err != nil {
				return err
			}
		}
		h.free = append(h.free, id)
	}
	return nil
}

func (h *Handler) open(id uint64) error {
	path, block := []byte("/echo"), []byte("host: localhost\n")
	if h.ready.Events.Handshake {
		h.begin()
		h.end(wire.AppendRequest(h.out, &wire.Request{
			ID: id, Flags: wire.FlagWebSocket, Listener: 1, Peer: peer(id), Method: []byte("GET"), Path: path, Headers: block,
		}))
		if err := h.await(func(m *wire.Message) (bool, error) { return m.Op == wire.OpAccept, nil }); err != nil {
			return err
		}
	}
	h.begin()
	c := wire.Connection{ID: id, Listener: 1, Peer: peer(id), Kind: "websocket", Path: path, Headers: block}
	if h.ready.Events.Connect {
		h.end(wire.AppendOpen(h.out, &c))
	} else {
		h.end(wire.AppendAttach(h.out, &c))
	}
	return nil
}

// id makes the id of the next message or connection.
func (h *Handler) id(slot uint64) uint64 {
	h.next++
	return h.next*idSlots | slot
}

// Close ends the process: it is to go at the end of its input.
func (h *Handler) Close() error {
	h.pipes.CloseGateway()
	select {
	case <-h.ended:
		return nil
	case <-time.After(stopTimeout):
	}
	syscall.Kill(-h.command.Process.Pid, syscall.SIGKILL)
	<-h.ended
	return fmt.Errorf("%s had to be killed", h.command.Path)
}

// output is the end of what the program printed.
func (h *Handler) output() string {
	text, _ := os.ReadFile(h.log)
	return string(text[max(0, len(text)-2000):])
}

// begin and end stand around each message that is appended to out; frames are
// closed as the gateway closes them.
func (h *Handler) begin() {
	if h.batch == 0 {
		h.batchAt = len(h.out)
		h.out = append(h.out, make([]byte, wire.BatchHeaderLen)...)
	}
}

func (h *Handler) end(out []byte) {
	h.out = out
	if h.batch++; h.batch >= wire.BatchMessages || len(h.out)-h.batchAt >= wire.BatchBytes {
		h.closeBatch()
	}
}

func (h *Handler) closeBatch() {
	if h.batch > 0 {
		wire.PutBatchHeader(h.out[h.batchAt:], h.batch)
		h.batch = 0
	}
}

// turn is an iteration of the gateway's loop: write once, wait, read once.
func (h *Handler) turn(handle func(*wire.Message) error) error {
	h.closeBatch()
	if len(h.out) > 0 {
		n, err := unix.Write(h.to, h.out)
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			return fmt.Errorf("write: %w", err)
		}
		h.out = h.out[:copy(h.out, h.out[max(0, n):])]
	}
	polled := []unix.PollFd{{Fd: int32(h.from), Events: unix.POLLIN}, {Fd: int32(h.to), Events: unix.POLLOUT}}
	if len(h.out) == 0 {
		polled = polled[:1]
	}
	n, err := unix.Poll(polled, int(patience.Milliseconds()))
	switch {
	case err == unix.EINTR || err == nil && n > 0 && polled[0].Revents == 0:
		return nil
	case err != nil:
		return fmt.Errorf("poll: %w", err)
	case n == 0:
		return fmt.Errorf("it said nothing for %s", patience)
	}
	return h.read(handle)
}

// read reads once and handles the complete frames.
func (h *Handler) read(handle func(*wire.Message) error) error {
	have := len(h.in)
	n, err := unix.Read(h.from, h.in[have:cap(h.in)])
	if err != nil && err != unix.EAGAIN && err != unix.EINTR {
		return fmt.Errorf("read: %w", err)
	}
	if n == 0 && err == nil {
		return errors.New("it has ended")
	}
	h.in = h.in[:have+max(0, n)]
	buf := h.in
	for {
		size, ok, err := wire.FrameLength(buf, wire.FrameLimit)
		if err != nil {
			return err
		}
		if !ok || len(buf) < wire.HeaderLen+size {
			h.in = h.in[:copy(h.in, buf)]
			return nil
		}
		if err := h.frame(buf[wire.HeaderLen:wire.HeaderLen+size], handle); err != nil {
			return err
		}
		buf = buf[wire.HeaderLen+size:]
	}
}

func (h *Handler) frame(payload []byte, handle func(*wire.Message) error) error {
	batch, err := wire.OpenBatch(payload)
	if err != nil {
		return err
	}
	for batch.Next(&h.message) {
		if err := handle(&h.message); err != nil {
			return err
		}
	}
	return batch.Err()
}

// await takes turns until a message comes.
func (h *Handler) await(wanted func(*wire.Message) (bool, error)) error {
	for came := false; !came; {
		err := h.turn(func(m *wire.Message) error {
			found, err := wanted(m)
			came = came || found
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Package ipc carries messages and descriptors between gw's processes.
//
// It owns the channel between master and gateway (control messages with
// descriptors beside them) and makes the two pipes between gateway and handler.
// It does not know what the messages mean. Invariants: a descriptor is either
// returned to the caller or closed, never lost; every descriptor made here is
// closed on exec.
package ipc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
)

const (
	// maxDescriptors stays below the kernel's SCM_MAX_FD of 253.
	maxDescriptors = 250

	// descriptors is the kind of a packet that only brings descriptors, for the
	// message that follows it. It never leaves this package.
	descriptors control.Kind = "descriptors"
)

// Channel is the SEQPACKET unix socket between master and gateway. One packet
// holds one message.
type Channel struct {
	connection *net.UnixConn

	sending sync.Mutex // keeps the packets of one message together

	receiving sync.Mutex
	packet    []byte // guarded by receiving
	rights    []byte // guarded by receiving
}

// Pair returns the master's end and the file that becomes descriptor 3 of the
// gateway process. The caller closes the file once the process has started.
func Pair() (*Channel, *os.File, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("control channel: %w", err)
	}
	child := os.NewFile(uintptr(ends[1]), "control channel")
	c, err := Open(os.NewFile(uintptr(ends[0]), "control channel"))
	if err != nil {
		child.Close()
		return nil, nil, err
	}
	return c, child, nil
}

// Open returns the channel whose socket is f, and closes f.
func Open(f *os.File) (*Channel, error) {
	defer f.Close()
	connection, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("control channel: %w", err)
	}
	socket, ok := connection.(*net.UnixConn)
	if !ok {
		connection.Close()
		return nil, fmt.Errorf("control channel: descriptor is a %T, not a unix socket", connection)
	}
	// A system with a small wmem_default would refuse a packet of MaxPacket.
	socket.SetWriteBuffer(2 * control.MaxPacket)
	return &Channel{
		connection: socket,
		packet:     make([]byte, control.MaxPacket),
		rights:     make([]byte, unix.CmsgSpace(4*maxDescriptors)),
	}, nil
}

// Send sends m and copies of files, any number of them, in their order. It
// blocks while the other side does not read. Safe for concurrent use. The files
// stay the caller's.
func (c *Channel) Send(m *control.Message, files ...*os.File) error {
	packet, err := control.Encode(m)
	if err != nil {
		return err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	for len(files) > maxDescriptors {
		if err := c.sendAhead(files[:maxDescriptors]); err != nil {
			return err
		}
		files = files[maxDescriptors:]
	}
	return c.send(packet, files)
}

// sendAhead sends descriptors that belong to the message after them.
func (c *Channel) sendAhead(files []*os.File) error {
	packet, err := control.Encode(&control.Message{Kind: descriptors, More: true})
	if err != nil {
		return err
	}
	return c.send(packet, files)
}

func (c *Channel) send(packet []byte, files []*os.File) error {
	var rights []byte
	if len(files) > 0 {
		numbers := make([]int, len(files))
		for i, f := range files {
			number, err := descriptor(f)
			if err != nil {
				return fmt.Errorf("control channel: send %s: %w", f.Name(), err)
			}
			numbers[i] = number
		}
		rights = unix.UnixRights(numbers...)
	}
	if _, _, err := c.connection.WriteMsgUnix(packet, rights, nil); err != nil {
		return fmt.Errorf("control channel: %w", err)
	}
	return nil
}

// Receive waits for the next message. Its descriptors are closed on exec, not
// watched by Go's poller, in the mode the sender gave them, and the caller's to
// close. It returns io.EOF when the other side is gone; after any other error
// the channel is of no use. Safe for concurrent use, though one reader is usual.
func (c *Channel) Receive() (*control.Message, []*os.File, error) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	var files []*os.File
	for {
		m, more, err := c.receive()
		files = append(files, more...)
		if err != nil {
			closeAll(files)
			return nil, nil, err
		}
		if m.Kind != descriptors {
			return m, files, nil
		}
	}
}

func (c *Channel) receive() (*control.Message, []*os.File, error) {
	n, rightsBytes, flags, _, err := c.connection.ReadMsgUnix(c.packet, c.rights)
	if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
		// A reset: the other side went away and left messages of ours unread.
		return nil, nil, io.EOF
	}
	if err != nil {
		return nil, nil, fmt.Errorf("control channel: %w", err)
	}
	files, err := parseRights(c.rights[:rightsBytes])
	if err != nil {
		return nil, files, err
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return nil, files, errors.New("control channel: descriptors were lost, the limit of open files is reached")
	}
	if flags&unix.MSG_TRUNC != 0 {
		return nil, files, fmt.Errorf("control channel: packet is longer than %d bytes", control.MaxPacket)
	}
	m, err := control.Decode(c.packet[:n])
	return m, files, err
}

func parseRights(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("control channel: %w", err)
	}
	var files []*os.File
	for i := range messages {
		numbers, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, fmt.Errorf("control channel: %w", err)
		}
		for _, fd := range numbers {
			files = append(files, NewFile(fd, "received"))
		}
	}
	return files, nil
}

// Close ends the channel; a Send or Receive under way returns.
func (c *Channel) Close() error { return c.connection.Close() }

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

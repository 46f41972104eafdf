package ipc

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Version of gw-ipc, the protocol spoken on the pipes (docs/protocol.md).
const Version = 1

// HandlerPipes are the two pipes between the gateway and one handler. The master makes
// them, starts the handler with its two ends and sends the gateway the others.
//
// Pipes and not a socketpair: 0.8 against 2.2 µs for a small message in PHP, and
// a PHP stream on a socket ends by itself after default_socket_timeout.
type HandlerPipes struct {
	HandlerIn  *os.File // the handler's descriptor 3, to read; blocking
	HandlerOut *os.File // the handler's descriptor 4, to write; blocking
	GatewayIn  *os.File // write end of the handler's descriptor 3; O_NONBLOCK
	GatewayOut *os.File // read end of the handler's descriptor 4; O_NONBLOCK
}

// Pipes makes the pipes. All four ends are closed on exec.
func Pipes() (*HandlerPipes, error) {
	handlerIn, gatewayIn, err := pipe(1)
	if err != nil {
		return nil, err
	}
	gatewayOut, handlerOut, err := pipe(0)
	if err != nil {
		closeAll([]*os.File{handlerIn, gatewayIn})
		return nil, err
	}
	return &HandlerPipes{HandlerIn: handlerIn, HandlerOut: handlerOut, GatewayIn: gatewayIn, GatewayOut: gatewayOut}, nil
}

// pipe returns the read end and the write end. The end with the number
// nonblocking (0 or 1) is the gateway's. The mode belongs to the open file
// description, and the ends of a pipe are two of them: PHP would take a
// non-blocking end for end-of-file.
func pipe(nonblocking int) (read, write *os.File, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("handler pipe: %w", err)
	}
	read, write = os.NewFile(uintptr(ends[0]), "handler pipe"), os.NewFile(uintptr(ends[1]), "handler pipe")
	if err := unix.SetNonblock(ends[nonblocking], true); err != nil {
		closeAll([]*os.File{read, write})
		return nil, nil, fmt.Errorf("handler pipe: %w", err)
	}
	return read, write, nil
}

// CloseHandler closes the handler's ends: once it has started they must be
// nobody else's, or the gateway would never see their end.
func (p *HandlerPipes) CloseHandler() { closeAll([]*os.File{p.HandlerIn, p.HandlerOut}) }

// CloseGateway closes the gateway's ends.
func (p *HandlerPipes) CloseGateway() { closeAll([]*os.File{p.GatewayIn, p.GatewayOut}) }

// Environment is what tells a handler of its pipes and its place.
func Environment(worker uint64, pool string, slot int) []string {
	return []string{
		"GW_IPC=" + strconv.Itoa(Version),
		"GW_FD_IN=3",
		"GW_FD_OUT=4",
		"GW_WORKER_ID=" + strconv.FormatUint(worker, 10),
		"GW_POOL=" + pool,
		"GW_SLOT=" + strconv.Itoa(slot),
	}
}

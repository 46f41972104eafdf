package gateway

import "golang.org/x/sys/unix"

// transport carries the bytes of a connection where they are not those of a
// socket of its own: behind TLS, in a stream of HTTP/2. A connection without
// one reads and writes its descriptor.
//
// Its methods run in the loop and never block. For something new to receive it
// calls readable, for new room to send, touched.
type transport interface {
	// receive returns the client's next bytes, a view valid until the next
	// call. No bytes and no error: end of file. errAgain: none at the moment.
	receive(l *loop, c *conn) ([]byte, error)
	// send takes bytes for the client; n may be short. errAgain: no room.
	send(l *loop, c *conn, b []byte) (n int, err error)
	// waiting is how many bytes it took and still holds.
	waiting() int
	// watch says which events c waits for now, EPOLLIN and EPOLLOUT.
	watch(l *loop, c *conn, events uint32)
	// shutdown ends our side in good order, behind what was sent.
	shutdown(l *loop, c *conn)
	// close gives everything back. Without a shutdown before, the client is to
	// notice that something was cut off.
	close(l *loop, c *conn)
}

// messenger is a transport that has its own form for the head of a response
// (HTTP/2); bodies go through it as bytes, and end with the connection.
type messenger interface {
	transport
	sendHead(l *loop, c *conn, r *reply)
}

// receive reads once. No bytes and no error: end of file.
func (l *loop) receive(c *conn) ([]byte, error) {
	if c.transport != nil {
		return c.transport.receive(l, c)
	}
	n, err := readSocket(int(c.fd), l.inbuf)
	if err != nil {
		return nil, err
	}
	return l.inbuf[:n], nil
}

// transmit writes once; n may be short.
func (l *loop) transmit(c *conn, b []byte) (n int, err error) {
	if c.transport != nil {
		return c.transport.send(l, c, b)
	}
	return writeSocket(int(c.fd), b)
}

// watch asks for events.
func (l *loop) watch(c *conn, events uint32) {
	c.interest = events
	if c.transport != nil {
		c.transport.watch(l, c, events)
		return
	}
	_ = l.poller.modify(int(c.fd), events, aboutConn, c.slot(), c.birth)
}

// endOutput tells the client that nothing more comes.
func (l *loop) endOutput(c *conn) {
	if c.transport != nil {
		c.transport.shutdown(l, c)
		return
	}
	_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
}

// release closes the descriptor, or what stands for it.
func (l *loop) release(c *conn) {
	if c.transport != nil {
		c.transport.close(l, c)
		return
	}
	closeFD(int(c.fd))
}

// resetOnClose lets the coming close send RST instead of a clean end, for a
// body whose only end mark is the end of the connection.
func resetOnClose(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

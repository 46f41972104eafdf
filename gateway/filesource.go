package gateway

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"

	"gw/protocol/resource"
)

// fileSource sends a file, or parts of it, as fast as the client takes it.
//
// On a plain socket the kernel moves the bytes (sendfile) and none of them waits
// in our memory; behind TLS, HTTP/2 or a filter they go through writeBody.
type fileSource struct {
	openFile
	loop *loop
	refs int // the answer, and a job of the disk

	offset, left int64 // of the part in work

	parts     []resource.Range // that follow, of a multipart body
	boundary  string
	mediaType string
	room      [16]resource.Range // where parts are kept

	queued  bool  // in loop.downloads
	waiting bool  // for a job of the disk
	warmed  bool  // a job has just read what comes next
	fault   error // that it met

	next *fileSource // in fileStore
}

const (
	// smallFile fits with its head into one buffer and one write.
	smallFile = bufferBytes - 1<<10
	// fileBytes is how much is read at once where bytes must be copied.
	fileBytes = 64 << 10
)

// errShrunk: the head promised more.
var errShrunk = errors.New("the file became shorter while it was sent")

// begin says what is sent, if it is one part.
func (s *fileSource) begin(r resource.Range) { s.offset, s.left = r.Start, r.Length }

func (s *fileSource) fill(l *loop, c *conn) (done bool, err error) {
	switch {
	case s.waiting:
		return false, nil
	case s.fault != nil:
		return false, s.fault
	case s.left == 0 && !s.nextPart(l, c):
		return true, nil
	case s.straight(c):
		return s.send(l, c)
	}
	return s.copy(l, c)
}

// nextPart begins the next part of a multipart body, or ends it.
func (s *fileSource) nextPart(l *loop, c *conn) bool {
	switch {
	case s.boundary == "":
		return false
	case len(s.parts) == 0:
		l.span = resource.AppendLastBoundary(l.span[:0], s.boundary)
		l.writeBody(c, l.span)
		return false
	}
	l.span = resource.AppendPartHead(l.span[:0], s.boundary, s.mediaType, s.parts[0], s.size)
	l.writeBody(c, l.span)
	s.begin(s.parts[0])
	s.parts = s.parts[1:]
	return true
}

// straight: the bytes of the file are the bytes of the socket.
func (s *fileSource) straight(c *conn) bool {
	return s.boundary == "" && c.transport == nil && c.exchange.framing == framingLength && (s.left > smallFile || s.offset > 0)
}

// send lets the kernel send the next slice.
func (s *fileSource) send(l *loop, c *conn) (done bool, err error) {
	if c.pending() > 0 && !l.pushHead(c) {
		return false, nil
	}
	n := l.downloads.grant(s.left)
	if n == 0 {
		c.full = false
		l.downloads.wait(c, s)
		return false, nil
	}
	if !s.warmed {
		var last [1]byte
		if _, err := s.pread(last[:], s.offset+int64(n)-1, true); err == errWouldWait {
			s.warm(c, n)
			return false, nil
		}
	}
	sent, err := s.sendfile(int(c.fd), s.offset, n)
	switch {
	case err == unix.EIO || err == unix.ESTALE:
		return false, err
	case err != nil && err != errAgain: // the socket broke
		l.lost(c)
		return false, nil
	case err == nil && sent == 0:
		return false, errShrunk
	}
	s.warmed = s.warmed && sent == 0
	s.offset += int64(sent)
	s.left -= int64(sent)
	c.exchange.outgoing -= int64(sent)
	l.downloads.budget -= sent
	l.sentPast(c, sent, sent < n)
	if s.left > 0 && !c.full {
		l.downloads.wait(c, s)
	}
	return s.left == 0, nil
}

// copy reads a piece and writes it to the body.
func (s *fileSource) copy(l *loop, c *conn) (done bool, err error) {
	if l.fileBuf == nil {
		l.fileBuf = make([]byte, fileBytes)
	}
	n := int(min(s.left, fileBytes))
	got, err := s.pread(l.fileBuf[:n], s.offset, !s.warmed)
	switch {
	case err == errWouldWait:
		s.warm(c, n)
		return false, nil
	case err != nil:
		return false, err
	case got == 0:
		return false, errShrunk
	}
	s.warmed = false
	s.offset += int64(got)
	s.left -= int64(got)
	l.writeBody(c, l.fileBuf[:got])
	if s.left > 0 {
		return false, nil
	}
	return !s.nextPart(l, c), nil
}

// warm lets a job of the disk read the next n bytes, so that the loop finds
// them in memory.
func (s *fileSource) warm(c *conn, n int) {
	l, id, offset := s.loop, c.id, s.offset
	s.waiting = true
	s.refs++
	file := s.openFile // a copy: the loop goes on with its own
	l.disk.run(func() func() {
		err := file.readThrough(offset, n)
		return func() {
			s.waiting, s.warmed, s.fault = false, true, err
			if c := l.conns.find(id); c != nil && c.exchange != nil && c.exchange.source == source(s) {
				l.touched(c)
			}
			s.close()
		}
	})
}

func (f *openFile) readThrough(offset int64, n int) error {
	buf := make([]byte, min(n, fileBytes))
	for end := offset + int64(n); offset < end; {
		got, err := f.pread(buf, offset, false)
		if err != nil || got == 0 {
			return err
		}
		offset += int64(got)
	}
	return nil
}

// close lets go of the file, once for each that holds it.
func (s *fileSource) close() {
	if s.refs--; s.refs == 0 {
		closeFD(s.fd)
		s.loop.files.put(s)
	}
}

// pushHead writes what waits for c at once, as the beginning of more. false: it
// still waits.
func (l *loop) pushHead(c *conn) bool {
	if c.shared {
		return false
	}
	b := c.out[c.outOff:]
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_MORE|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 { // flush meets it again
		return false
	}
	c.outOff += int(n)
	c.bytesOut += uint64(n)
	if c.pending() > 0 {
		return false
	}
	l.releaseOutput(c)
	return true
}

// sentPast accounts for n bytes that went to the socket without waiting in
// c.out. full: it takes no more for now.
func (l *loop) sentPast(c *conn, n int, full bool) {
	c.bytesOut += uint64(n)
	if e := c.exchange; e != nil && e.visit != nil {
		e.visit.sent += int64(n)
	}
	if n > 0 {
		c.active = l.now
	}
	c.full = full
	switch {
	case full:
		if n > 0 || !c.stalled {
			c.stalled = true
			l.deadlines.arm(c, l.now, c.listener.limits.WriteTimeout)
		}
	case c.stalled:
		c.stalled = false
		l.rearm(c)
	}
}

// fileStore is a bounded free list.
type fileStore struct {
	free  *fileSource
	count int
}

const spareFiles = 256

func (l *loop) holdFile(f *openFile) *fileSource {
	s := l.files.free
	if s == nil {
		s = new(fileSource)
	} else {
		l.files.free = s.next
		l.files.count--
	}
	*s = fileSource{openFile: *f, loop: l}
	s.refs = 1
	return s
}

func (s *fileStore) put(f *fileSource) {
	if s.count < spareFiles {
		*f = fileSource{next: s.free}
		s.free = f
		s.count++
	}
}

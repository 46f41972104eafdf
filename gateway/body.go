package gateway

import (
	"bufio"
	"os"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// beginBody prepares for a body of length bytes (-1: none announced).
func (l *loop) beginBody(c *conn, length int64) {
	e := c.exchange
	if e.visit != nil {
		e.visit.announced = length
	}
	switch streams := e.pool.streamBody; {
	case streams && length > wire.InlineLimit, streams && e.chunkedIn && l.request.Expect100:
		e.incoming = length
		l.beginUpload(c, l.request.Expect100)
	default:
		e.undecided = streams && e.chunkedIn
		l.collectBody(c, length)
	}
}

// collectBody receives the whole body before the request goes on.
func (l *loop) collectBody(c *conn, length int64) {
	e := c.exchange
	switch {
	case e.chunkedIn:
		e.state = exchangeBody
	case length <= 0:
		e.item.data = wire.AppendBin(e.item.data, "")
		l.dispatchRequest(c)
		return
	case length > wire.BodyLimit:
		e.state, e.incoming = exchangeBody, length
		if !l.openSpool(c) {
			return
		}
	default:
		e.state, e.incoming = exchangeBody, length
		e.item.data = wire.AppendBinHeader(e.item.data, int(length))
	}
	l.rearm(c)
}

// takeBody takes body bytes off buf. done: the body ended, or was refused.
func (l *loop) takeBody(c *conn, buf []byte) (n int, done bool) {
	e := c.exchange
	if e.undecided {
		l.streamChunked(c, buf)
		if c.exchange != e { // no room in the queue
			return len(buf), true
		}
	}
	if len(buf) == 0 && !c.inputDone() {
		return 0, false
	}
	if e.upload != nil && e.state != exchangeDiscard {
		return l.takeUpload(c, buf)
	}
	l.rearm(c)
	switch {
	case e.state == exchangeDiscard:
		return l.takeDiscarded(c, buf)
	case e.chunkedIn:
		return l.takeChunked(c, buf)
	}
	n = int(min(e.incoming, int64(len(buf))))
	e.incoming -= int64(n)
	if e.spool != nil {
		if !l.spoolBytes(c, buf[:n]) {
			return len(buf), true
		}
	} else {
		e.item.data = append(e.item.data, buf[:n]...)
	}
	if e.incoming > 0 {
		return n, false
	}
	l.completeBody(c)
	return n, true
}

func (l *loop) takeChunked(c *conn, buf []byte) (n int, done bool) {
	e := c.exchange
	out, n, done, err := e.decodeBody(e.body[:len(e.body):cap(e.body)], buf)
	if err != nil {
		l.refuseParse(c, err)
		return len(buf), true
	}
	e.received += int64(len(out) - len(e.body))
	e.body = out
	if e.chunked.Left() > c.listener.limits.MaxBodyBytes-e.received {
		l.refuse(c, 413, "body longer than max_body")
		return len(buf), true
	}
	if len(e.body) > wire.BodyLimit || e.spool != nil {
		if e.spool == nil && !l.openSpool(c) || !l.spoolBytes(c, e.body) {
			return len(buf), true
		}
		e.body = e.body[:0]
	}
	if done {
		if e.spool == nil {
			e.item.data = wire.AppendBin(e.item.data, e.body)
		}
		e.body = nil
		l.completeBody(c)
	}
	return n, done
}

// decodeBody appends the payload in src of a body that says nothing of its
// length. A stream of HTTP/2 marks the end itself.
func (e *exchange) decodeBody(dst, src []byte) (out []byte, n int, done bool, err error) {
	if st := e.conn.stream(); st != nil {
		return append(dst, src...), len(src), st.done, nil
	}
	return e.chunked.Decode(dst, src)
}

// completeBody sends the request on its way.
func (l *loop) completeBody(c *conn) {
	e := c.exchange
	if e.spool != nil {
		path, err := e.spool.finish()
		if err != nil {
			l.spoolFailed(c, err)
			return
		}
		e.item.data[e.flagsAt] |= wire.FlagBodyFile
		e.item.data = wire.AppendBin(e.item.data, path)
		e.item.file = path // removed with the item
		e.spool = nil
	}
	l.dispatchRequest(c)
}

// spool is a body on its way to a file.
type spool struct {
	file *os.File
	w    *bufio.Writer
}

func (l *loop) openSpool(c *conn) bool {
	f, err := os.CreateTemp(l.tempDir, control.SpoolPrefix(os.Getpid())+"*")
	if err == nil {
		err = f.Chmod(0o644) // a handler may run as another user; the folder does not list
	}
	if err != nil {
		l.spoolFailed(c, err)
		return false
	}
	c.exchange.spool = &spool{file: f, w: bufio.NewWriterSize(f, 64<<10)}
	return true
}

func (l *loop) spoolBytes(c *conn, b []byte) bool {
	if _, err := c.exchange.spool.w.Write(b); err != nil {
		l.spoolFailed(c, err)
		return false
	}
	return true
}

func (l *loop) spoolFailed(c *conn, err error) {
	l.log.Error("Cannot keep a request body in a file, answered 500: is there space in temp_dir, and may gw write there?", "temp_dir", l.tempDir, "err", err)
	l.refuse(c, 500, "the server cannot store the body")
}

// finish closes the file and gives it away.
func (s *spool) finish() (path string, err error) {
	if err := s.w.Flush(); err != nil {
		s.discard()
		return "", err
	}
	return s.file.Name(), s.file.Close()
}

// discard removes a file that no item took over.
func (s *spool) discard() {
	if s != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

package gateway

import (
	"os"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// spool is a body on its way to a file. Jobs of the disk write it, one at a
// time: a disk may take its time, and nothing else may wait for it. While one
// job writes a block and the next block is complete, the client is not read on.
type spool struct {
	conn  *conn // nil once nobody wants the file
	file  *os.File
	block []byte
	busy  bool // a job has the file
	over  bool // block is the last one
}

const spoolBlockBytes = 64 << 10

// full reports that the disk is behind.
func (s *spool) full() bool { return s != nil && s.busy && len(s.block) >= spoolBlockBytes }

func (l *loop) openSpool(c *conn) { c.exchange.spool = &spool{conn: c} }

// spoolBytes takes a part of the body.
func (l *loop) spoolBytes(s *spool, b []byte) {
	s.block = append(s.block, b...)
	if !s.busy && len(s.block) >= spoolBlockBytes {
		l.writeSpool(s)
	}
}

// closeSpool lets the rest be written.
func (l *loop) closeSpool(c *conn) {
	c.exchange.state = exchangeStoring
	s := c.exchange.spool
	s.over = true
	if !s.busy {
		l.writeSpool(s)
	}
	l.rearm(c)
}

// writeSpool begins a job that writes what is there.
func (l *loop) writeSpool(s *spool) {
	f, block, last, dir := s.file, s.block, s.over, l.tempDir
	s.busy, s.block = true, nil
	l.disk.run(func() func() {
		var err error
		if f == nil {
			f, err = createSpool(dir)
		}
		if err == nil {
			_, err = f.Write(block)
		}
		if last && err == nil {
			err = f.Close()
		}
		return func() { l.spoolWrote(s, f, last, err) }
	})
}

func createSpool(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, control.SpoolPrefix(os.Getpid())+"*")
	if err != nil {
		return nil, err
	}
	return f, f.Chmod(0o644) // a handler may run as another user; the folder does not list
}

// spoolWrote goes on after a job. whole: the file is complete and closed.
func (l *loop) spoolWrote(s *spool, f *os.File, whole bool, err error) {
	s.file, s.busy = f, false
	c := s.conn
	switch {
	case c == nil:
		l.discardSpool(s)
	case err != nil:
		l.log.Error("Cannot keep a request body in a file, answered 500: is there space in temp_dir, and may gw write there?", "temp_dir", l.tempDir, "err", err)
		l.refuse(c, 500, "the server cannot store the body")
	case whole:
		l.finishSpool(c, f.Name())
	case s.over || len(s.block) >= spoolBlockBytes:
		l.writeSpool(s)
		fallthrough
	default:
		l.rearm(c)
		l.resume(c)
	}
}

// finishSpool sends the request on its way.
func (l *loop) finishSpool(c *conn, path string) {
	e := c.exchange
	e.spool = nil
	e.item.data[e.flagsAt] |= wire.FlagBodyFile
	e.item.data = wire.AppendBin(e.item.data, path)
	e.item.file = path // removed with the item
	l.dispatchRequest(c)
}

// discardSpool gives up a file that no item took over.
func (l *loop) discardSpool(s *spool) {
	if s == nil {
		return
	}
	s.conn, s.block = nil, nil
	if f := s.file; f != nil && !s.busy {
		s.file = nil
		l.disk.run(func() func() {
			_ = f.Close()
			_ = os.Remove(f.Name())
			return func() {}
		})
	}
}

// removeFile takes a body's file away. That of a long one takes a file system
// its time as well.
func (l *loop) removeFile(path string) {
	l.disk.run(func() func() {
		_ = os.Remove(path)
		return func() {}
	})
}

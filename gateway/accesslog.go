package gateway

import (
	"bytes"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"gw/protocol/accesslog"
	"gw/protocol/control"
)

// accessLog is one file that lines are added to. The loop encodes them into
// buffers, a goroutine writes the buffers: a slow disk never stops a request.
//
// Policy when logBuffers are full: lines are dropped, counted, and the log says so.
type accessLog struct {
	id   int
	path string

	// Of the loop.
	fill    []byte // lines that were not given to the writer; nil: none
	lines   int    // in fill
	made    int    // buffers there are
	total   uint64 // lines
	dropped uint64 // for want of a buffer

	work  chan batch
	spare chan []byte   // buffers that were written
	lost  atomic.Uint64 // lines that could not be written
	ended chan struct{} // closed when the writer has ended
	log   *slog.Logger
}

// batch is work for the writer: lines, or another file to write to.
type batch struct {
	text  []byte
	lines int
	file  *os.File
}

const (
	logBuffers     = 16
	logBufferBytes = 64 << 10
	// logSwitches may wait besides: a file is opened anew once a second at most.
	logSwitches = 16
	// logPatience is how long the end waits for a disk that does not take the
	// last lines. The master kills us soon after.
	logPatience = 1500 * time.Millisecond
	// logReportEvery keeps a full disk from filling gw's own log too.
	logReportEvery = time.Minute
)

func newAccessLog(id int, path string, file *os.File, log *slog.Logger) *accessLog {
	a := &accessLog{id: id, path: path, work: make(chan batch, logBuffers+logSwitches), spare: make(chan []byte, logBuffers), ended: make(chan struct{}), log: log}
	go a.run(file)
	return a
}

// add takes a line over; it is copied.
func (a *accessLog) add(line []byte) {
	a.total++
	if len(a.fill)+len(line) > logBufferBytes {
		a.flush()
	}
	if a.fill == nil && !a.refill() || len(a.fill)+len(line) > logBufferBytes {
		a.dropped++
		return
	}
	a.fill = append(a.fill, line...)
	a.lines++
}

// refill finds an empty buffer.
func (a *accessLog) refill() bool {
	select {
	case a.fill = <-a.spare:
		return true
	default:
	}
	if a.made == logBuffers {
		return false
	}
	a.made++
	a.fill = make([]byte, 0, logBufferBytes)
	return true
}

// flush gives the writer what there is. There is always room: there are no
// more buffers than that.
func (a *accessLog) flush() {
	if a.lines > 0 {
		a.work <- batch{text: a.fill, lines: a.lines}
		a.fill, a.lines = nil, 0
	}
}

// change lets what comes from here on go to another file.
func (a *accessLog) change(file *os.File) {
	a.flush()
	if len(a.work) >= logBuffers+logSwitches-1 {
		a.log.Error("An access log cannot change to its new file: the old one takes nothing", "file", a.path)
		_ = file.Close()
		return
	}
	a.work <- batch{file: file}
}

// finish lets the writer end behind the last line.
func (a *accessLog) finish() {
	a.flush()
	close(a.work)
}

// run is the writer.
func (a *accessLog) run(file *os.File) {
	defer close(a.ended)
	w := logWriter{accessLog: a, file: file}
	for b := range a.work {
		if b.file != nil {
			w.complete()
			_ = w.file.Close()
			w.file = b.file
			continue
		}
		w.write(b)
		a.spare <- b.text[:0]
	}
	_ = w.file.Close()
}

// logWriter belongs to the writer's goroutine.
type logWriter struct {
	*accessLog
	file     *os.File
	torn     bool // the last line in file lacks its end
	reported time.Time
}

func (w *logWriter) write(b batch) {
	w.complete()
	n, err := w.file.Write(b.text)
	if err == nil {
		return
	}
	w.torn = n > 0 && b.text[n-1] != '\n'
	w.lost.Add(uint64(bytes.Count(b.text[n:], []byte("\n"))))
	if now := time.Now(); now.Sub(w.reported) >= logReportEvery {
		w.reported = now
		w.log.Error("Cannot write to an access log: its lines are lost", "file", w.path, "err", err, "lost_lines", w.lost.Load())
	}
}

// complete ends a line that a full disk cut off, so that the next one is whole.
func (w *logWriter) complete() {
	if w.torn {
		_, err := w.file.Write([]byte("\n"))
		w.torn = err != nil
	}
}

// configureLogs takes over the access logs of a configuration, with the files of
// those that are new or were opened anew.
func (l *loop) configureLogs(logs []control.AccessLog, files []*os.File) {
	for i := range logs {
		m := &logs[i]
		a := l.accessLogByID(m.ID)
		switch {
		case a == nil && !m.Fresh || m.Fresh && len(files) == 0:
			l.log.Error("The master sent an access log without its file", "file", m.Path)
			continue
		case a == nil:
			a = newAccessLog(m.ID, m.Path, files[0], l.log)
			l.accessLogs = append(l.accessLogs, a)
		case m.Fresh:
			a.change(files[0])
		}
		if m.Fresh {
			files = files[1:]
		}
	}
}

func freshLogs(c *control.Configuration) (n int) {
	for i := range c.AccessLogs {
		if c.AccessLogs[i].Fresh {
			n++
		}
	}
	return n
}

func (l *loop) accessLogByID(id int) *accessLog {
	for _, a := range l.accessLogs {
		if a.id == id {
			return a
		}
	}
	return nil
}

// flushLogs runs with every tick, so no line waits longer than that.
func (l *loop) flushLogs() {
	var dropped uint64
	for _, a := range l.accessLogs {
		a.flush()
		dropped += a.dropped
	}
	if dropped > l.droppedLines && (l.now-l.droppedLogged > logReportEvery || l.droppedLogged == 0) {
		l.log.Warn("Dropped lines of access logs: their disk is too slow", "dropped_lines", dropped-l.droppedLines)
		l.droppedLines, l.droppedLogged = dropped, max(l.now, 1)
	}
}

// logsWait says that there are lines that the next tick writes.
func (l *loop) logsWait() bool {
	for _, a := range l.accessLogs {
		if a.lines > 0 {
			return true
		}
	}
	return false
}

// retireLogs ends access logs that no listener uses any more, closed ones with
// connections included. It must not run between two parts of a configuration.
func (l *loop) retireLogs() {
	kept := l.accessLogs[:0]
	for _, a := range l.accessLogs {
		if l.logUsed(a) {
			kept = append(kept, a)
			continue
		}
		a.finish()
		l.retiredLogs = append(l.retiredLogs, a)
	}
	clear(l.accessLogs[len(kept):])
	l.accessLogs = kept
}

func (l *loop) logUsed(a *accessLog) bool {
	for _, ln := range l.listeners {
		if ln.accessLog == a && (!ln.closed || ln.connections > 0) {
			return true
		}
	}
	return false
}

// closeLogs writes what there is, and waits for it.
func (l *loop) closeLogs() {
	for _, a := range l.accessLogs {
		a.finish()
	}
	patience := time.NewTimer(logPatience)
	defer patience.Stop()
	for _, a := range append(l.retiredLogs, l.accessLogs...) {
		select {
		case <-a.ended:
		case <-patience.C:
			l.log.Error("The last lines of an access log are lost: its disk does not take them", "file", a.path)
			return
		}
	}
	l.accessLogs, l.retiredLogs = nil, nil
}

// logClock has the present moment as lines spell it.
type logClock struct {
	at     time.Duration // loop time of moment
	second int64
	moment accesslog.Moment
}

// logMoment makes its texts once a second.
func (l *loop) logMoment() *accesslog.Moment {
	k := &l.logClock
	if k.moment.Second != nil && k.at == l.now {
		return &k.moment
	}
	now := l.wallClock()
	k.at, k.moment.Milli = l.now, now.Nanosecond()/1e6
	if k.moment.Second == nil || now.Unix() != k.second {
		k.second = now.Unix()
		k.moment.Common = now.AppendFormat(k.moment.Common[:0], "02/Jan/2006:15:04:05 -0700")
		k.moment.Second = now.AppendFormat(k.moment.Second[:0], "2006-01-02T15:04:05")
		k.moment.Zone = now.AppendFormat(k.moment.Zone[:0], "Z07:00")
	}
	return &k.moment
}

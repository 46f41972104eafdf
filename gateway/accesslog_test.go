package gateway

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gw/protocol/control"
)

// logFiles opens the access logs of a configuration, as the master does.
func logFiles(t testing.TB, c *control.Configuration) (files []*os.File) {
	t.Helper()
	for i := range c.AccessLogs {
		if a := &c.AccessLogs[i]; a.Fresh {
			files = append(files, appendFile(t, a.Path))
		}
	}
	return files
}

func appendFile(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func contents(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// end lets the writer finish, and waits for it.
func (a *accessLog) end() {
	a.finish()
	<-a.ended
}

func TestAccessLogKeepsEveryLineInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	a := newAccessLog(1, path, appendFile(t, path), slog.New(slog.DiscardHandler))
	line := bytes.Repeat([]byte("x"), 999)
	var want strings.Builder
	for i := range 300 { // far more than a buffer, less than all
		line[0] = 'a' + byte(i%26)
		a.add(append(line, '\n'))
		want.Write(append(line, '\n'))
	}
	a.end()
	if got := contents(t, path); got != want.String() {
		t.Errorf("%d bytes, want %d", len(got), want.Len())
	}
	if a.dropped > 0 || a.total != 300 {
		t.Errorf("%d lines, %d dropped", a.total, a.dropped)
	}
}

func TestAccessLogChangesItsFileBetweenTwoLines(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "1"), filepath.Join(dir, "2")
	a := newAccessLog(1, first, appendFile(t, first), slog.New(slog.DiscardHandler))
	a.add([]byte("one\n"))
	a.change(appendFile(t, second))
	a.add([]byte("two\n"))
	a.end()
	if contents(t, first) != "one\n" || contents(t, second) != "two\n" {
		t.Errorf("%q and %q", contents(t, first), contents(t, second))
	}
}

// pipe is a disk that takes nothing until somebody reads.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(p[0]), "r"), os.NewFile(uintptr(p[1]), "w")
}

func TestSlowDiskDropsLinesAndNeverStops(t *testing.T) {
	r, w := pipe(t)
	a := newAccessLog(1, "slow", w, slog.New(slog.DiscardHandler))
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	const lines = 4 * logBuffers * logBufferBytes / 1024
	for range lines { // would wait for ever if it waited
		a.add(line)
	}
	kept := a.total - a.dropped
	if a.dropped == 0 || kept < (logBuffers-2)*logBufferBytes/1024 {
		t.Errorf("%d of %d dropped", a.dropped, a.total)
	}
	read := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, r)
		read <- n
	}()
	a.end()
	if n := <-read; n != int64(kept)*1024 {
		t.Errorf("%d bytes written, %d lines kept", n, kept)
	}
	r.Close()
}

func TestManyNewFilesOnSlowDiskDoNotStopTheLoop(t *testing.T) {
	r, w := pipe(t)
	a := newAccessLog(1, "slow", w, slog.New(slog.DiscardHandler))
	line := append(bytes.Repeat([]byte("x"), 60<<10), '\n')
	for range 3 * (logBuffers + logSwitches) {
		a.add(line)
		a.change(appendFile(t, os.DevNull))
	}
	go io.Copy(io.Discard, r)
	a.end()
	r.Close()
}

func TestLinesThatCannotBeWrittenAreCounted(t *testing.T) {
	var log logBuffer
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	a := newAccessLog(1, "/dev/full", full, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		a.add([]byte("line\n"))
		a.flush()
	}
	a.end()
	if a.lost.Load() != 3 || strings.Count(log.String(), "Cannot write to an access log") != 1 {
		t.Errorf("%d lost\n%s", a.lost.Load(), log.String())
	}
}

func TestLineThatWasCutOffIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	w := logWriter{accessLog: &accessLog{log: slog.New(slog.DiscardHandler)}, file: appendFile(t, path)}
	if _, err := w.file.WriteString("half a li"); err != nil {
		t.Fatal(err)
	}
	w.torn = true
	w.write(batch{text: []byte("whole\n"), lines: 1})
	if got := contents(t, path); got != "half a li\nwhole\n" {
		t.Errorf("%q", got)
	}
	w.file.Close()
}

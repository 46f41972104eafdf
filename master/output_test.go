package master

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLongLinesComeInPieces(t *testing.T) {
	var lines []string
	drain(strings.NewReader("one\n"+strings.Repeat("x", maxLineBytes+10)+"\nlast"), func(line []byte) {
		lines = append(lines, string(line))
	})
	if len(lines) != 4 || lines[0] != "one\n" || len(lines[1]) != maxLineBytes+1 || lines[2] != strings.Repeat("x", 10)+"\n" || lines[3] != "last\n" {
		t.Errorf("%d lines", len(lines))
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var kept tail
	for range 10_000 {
		kept.add([]byte("0123456789abcde\n"))
	}
	kept.add([]byte("the end\n"))
	if text := kept.String(); len(text) != tailBytes || !strings.HasSuffix(text, "the end\n") {
		t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-20:])
	}
}

// stuck is a terminal that takes nothing until it is opened.
type stuck struct {
	open chan struct{}
	text strings.Builder
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.open
	return s.text.Write(p)
}

func TestTerminalThatTakesNothingDoesNotStopAHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{open: make(chan struct{})}
		p := newPrinter(out)
		began := time.Now()
		for range printerLines + 1 + 3 {
			p.print("[web#1 7] ", []byte("line\n"))
		}
		if took := time.Since(began); took > 4*printerPatience {
			t.Errorf("held up for %s", took)
		}
		close(out.open)
		p.close()
		text := out.text.String()
		if !strings.Contains(text, "3 lines of output dropped") || strings.Count(text, "[web#1 7] line\n") != printerLines+1 {
			t.Errorf("%d lines printed", strings.Count(text, "[web#1 7] line\n"))
		}
	})
}

func TestOutputFileIsOpenedAgainAfterRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.log")
	o := outputs{logger: slog.New(slog.DiscardHandler)}
	o.at(path).print([]byte("one\n"))
	os.Rename(path, path+".1")
	o.at(path).print([]byte("two\n"))
	o.reopen()
	o.at(path).print([]byte("three\n"))
	o.reopen()
	old, _ := os.ReadFile(path + ".1")
	fresh, _ := os.ReadFile(path)
	if string(old) != "one\ntwo\n" || string(fresh) != "three\n" {
		t.Errorf("%q and %q", old, fresh)
	}
}

func TestDiscardedOutputHasNoFile(t *testing.T) {
	var o outputs
	if o.at("") != nil || o.at("/dev/null") != nil {
		t.Error("a file for nothing")
	}
}

func TestOutputFileThatCannotBeWrittenIsSaidOnce(t *testing.T) {
	var log strings.Builder
	o := outputs{logger: slog.New(slog.NewTextHandler(&log, nil))}
	f := o.at(filepath.Join(t.TempDir(), "none", "out.log"))
	f.print([]byte("one\n"))
	f.print([]byte("two\n"))
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
}

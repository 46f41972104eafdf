package master

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// maxLineBytes of a handler's output; a longer line is passed on in pieces.
	maxLineBytes = 8 << 10
	// tailBytes of a process's last output are kept for the report of a failure.
	tailBytes = 8 << 10
	// printerLines wait for a terminal that does not take them (Ctrl-S).
	printerLines = 1024
	// printerPatience is how long a handler's output waits when that is full.
	// Then lines are dropped and counted: a terminal must not stop a handler.
	printerPatience = time.Second
)

// tail holds the last bytes a process printed.
type tail struct {
	mu   sync.Mutex
	text []byte // guarded by mu
}

func (t *tail) add(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, line...)
	if len(t.text) > 2*tailBytes {
		t.text = append(t.text[:0], t.text[len(t.text)-tailBytes:]...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text[max(0, len(t.text)-tailBytes):])
}

// drain reads r to its end and passes each line on, always with a newline. The
// line is valid during the call.
func drain(r io.Reader, each func(line []byte)) {
	lines := bufio.NewReaderSize(r, maxLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if line[len(line)-1] != '\n' {
				line = append(line[:len(line):len(line)], '\n')
			}
			each(line)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// printer writes the lines of many processes to one writer, each in one call.
type printer struct {
	out   io.Writer
	lines chan []byte
	done  chan struct{} // closed by close
	ended chan struct{} // closed when the goroutine is gone

	mu      sync.Mutex
	dropped int // guarded by mu
}

func newPrinter(out io.Writer) *printer {
	p := &printer{out: out, lines: make(chan []byte, printerLines), done: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p
}

func (p *printer) run() {
	defer close(p.ended)
	for {
		select {
		case line := <-p.lines:
			p.write(line)
		case <-p.done:
			for len(p.lines) > 0 {
				p.write(<-p.lines)
			}
			return
		}
	}
}

func (p *printer) write(line []byte) {
	p.out.Write(line)
	p.mu.Lock()
	dropped := p.dropped
	p.dropped = 0
	p.mu.Unlock()
	if dropped > 0 {
		fmt.Fprintf(p.out, "[gw] %d lines of output dropped: they were not taken fast enough\n", dropped)
	}
}

// print takes a copy of prefix and line.
func (p *printer) print(prefix string, line []byte) {
	text := make([]byte, 0, len(prefix)+len(line))
	text = append(append(text, prefix...), line...)
	select {
	case p.lines <- text:
		return
	default:
	}
	patience := time.NewTimer(printerPatience)
	defer patience.Stop()
	select {
	case p.lines <- text:
	case <-patience.C:
		p.mu.Lock()
		p.dropped++
		p.mu.Unlock()
	}
}

// close waits until everything is printed, or until the writer has shown that
// it takes nothing.
func (p *printer) close() {
	close(p.done)
	select {
	case <-p.ended:
	case <-time.After(printerPatience):
	}
}

// outputFile is the file a daemon's handlers print to, shared by those that
// name the same path.
type outputFile struct {
	path   string
	logger *slog.Logger

	mu     sync.Mutex
	file   *os.File // guarded by mu; nil: opened at the next line
	broken bool     // guarded by mu; said so already
}

func (f *outputFile) print(line []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.open()
	if err == nil {
		_, err = f.file.Write(line)
	}
	if err != nil && !f.broken {
		f.broken = true
		f.logger.Warn("Output of handlers is lost", "err", err)
	}
}

func (f *outputFile) open() (err error) {
	if f.file == nil && !f.broken {
		f.file, err = os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	}
	if f.file == nil && err == nil {
		err = os.ErrClosed
	}
	return err
}

func (f *outputFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = false
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// outputs are the open output files by path.
type outputs struct {
	logger *slog.Logger

	mu    sync.Mutex
	files map[string]*outputFile // guarded by mu
}

// at returns the file at path, nil where output is discarded.
func (o *outputs) at(path string) *outputFile {
	if path == "" || path == os.DevNull {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.files == nil {
		o.files = map[string]*outputFile{}
	}
	f := o.files[path]
	if f == nil {
		f = &outputFile{path: path, logger: o.logger}
		o.files[path] = f
	}
	return f
}

// reopen lets go of the files, so that the next line opens them by path: that
// is how logrotate expects it.
func (o *outputs) reopen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.files {
		f.close()
	}
}

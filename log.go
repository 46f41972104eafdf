package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gw/master/config"
)

var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "error": slog.LevelError,
}

// applyDaemonLog: a daemon has no standard error to log to.
func applyDaemonLog(c *config.Config, daemon bool) {
	if daemon && c.LogFile == "" {
		c.LogFile = config.DaemonLog(c.File)
		_ = os.MkdirAll(filepath.Dir(c.LogFile), 0o755) // opening the file says what is wrong
	}
}

// logbook is gw's own log: lines for people on standard error, JSON lines in a
// file. The gateway process writes to the same place in the same form.
type logbook struct {
	logger *slog.Logger
	output io.Writer
	format string // text or json
	reopen func() // after logrotate has moved the file
	close  func()
}

func openLog(c *config.Config, daemon bool) (*logbook, error) {
	applyDaemonLog(c, daemon)
	options := &slog.HandlerOptions{Level: logLevels[c.LogLevel], ReplaceAttr: readable}
	if c.LogFile == "" {
		options.ReplaceAttr = readableOnTerminal
		return &logbook{slog.New(slog.NewTextHandler(os.Stderr, options)), os.Stderr, "text", func() {}, func() {}}, nil
	}
	file := &logFile{path: c.LogFile}
	if err := file.open(); err != nil {
		return nil, err
	}
	return &logbook{slog.New(slog.NewJSONHandler(file, options)), file, "json", file.reopen, file.close}, nil
}

// logFile is a file that can be opened anew while it is written to.
type logFile struct {
	path string

	mu   sync.Mutex
	file *os.File // guarded by mu
}

// Write appends one record.
func (f *logFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Write(b)
}

func (f *logFile) open() error {
	file, err := appendTo(f.path)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		f.file.Close()
	}
	f.file = file
	return nil
}

// reopen opens the file by its path again. Where that fails the old one is
// written on: a log in the wrong place is better than none.
func (f *logFile) reopen() {
	if err := f.open(); err != nil {
		fmt.Fprintf(f, "{\"level\":\"ERROR\",\"msg\":\"Cannot open the log anew\",\"err\":%q}\n", err)
	}
}

func (f *logFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.file.Close()
}

func appendTo(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, &failure{exitFailure, fmt.Sprintf("cannot write the log: %v", err), "make its folder, or set log_file"}
	}
	return file, nil
}

// readable writes durations with their unit; in JSON slog has nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().Round(100*time.Microsecond).String())
	}
	return a
}

// readableOnTerminal leaves the date out: whoever watches a terminal knows it.
func readableOnTerminal(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
	}
	return readable(groups, a)
}

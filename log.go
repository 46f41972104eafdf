package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
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
	close  func()
}

func openLog(c *config.Config, daemon bool) (*logbook, error) {
	applyDaemonLog(c, daemon)
	options := &slog.HandlerOptions{Level: logLevels[c.LogLevel], ReplaceAttr: readable}
	if c.LogFile == "" {
		options.ReplaceAttr = readableOnTerminal
		return &logbook{slog.New(slog.NewTextHandler(os.Stderr, options)), os.Stderr, "text", func() {}}, nil
	}
	file, err := appendTo(c.LogFile)
	if err != nil {
		return nil, err
	}
	return &logbook{slog.New(slog.NewJSONHandler(file, options)), file, "json", func() { file.Close() }}, nil
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

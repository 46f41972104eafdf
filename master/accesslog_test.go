package master

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gw/master/config"
	"gw/protocol/control"
)

// withLogs is a configuration whose listeners have these access logs.
func withLogs(paths ...string) *config.Config {
	c := &config.Config{StdoutFile: os.DevNull}
	for _, path := range paths {
		c.Listeners = append(c.Listeners, config.Listener{Scheme: "http", AccessLog: config.AccessLog{File: path, Format: "json"}})
	}
	return c
}

func TestAccessLogsAreOpenedOncePerFile(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
	logs, err := openAccessLogs(withLogs(a, "", b, a, "-"), nil)
	if err != nil || len(logs) != 3 || logs[0].path != a || logs[1].path != b || logs[2].path != "-" {
		t.Fatalf("%v, %v", logs, err)
	}
	defer closeAccessLogs(logs)
	for _, path := range []string{a, b} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^accessMode != 0 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

func TestAccessLogThatCannotBeOpenedLeavesNoneOpen(t *testing.T) {
	dir := t.TempDir() // TestMain looks for descriptors that are left
	_, err := openAccessLogs(withLogs(filepath.Join(dir, "a.log"), filepath.Join(dir, "missing", "b.log")), nil)
	if err == nil || !strings.Contains(err.Error(), "b.log") {
		t.Fatal(err)
	}
}

func TestAccessLogThatWasMovedAwayIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	file, err := openAccessLog(path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if movedAway(path, file) {
		t.Error("it is where it was")
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if !movedAway(path, file) {
		t.Error("it was moved away")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !movedAway(path, file) {
		t.Error("another file is in its place")
	}
}

func TestStandardOutputIsACopy(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	file, err := openAccessLog("-", os.DevNull, w)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := file.WriteString("line\n"); err != nil {
		t.Fatal(err)
	}
	file.Close()
	b := make([]byte, 10)
	if n, _ := r.Read(b); string(b[:n]) != "line\n" {
		t.Errorf("%q", b[:n])
	}
}

func TestAccessLogsKeepTheirIdsAndFilesComeFirst(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
	s := &supervisor{config: withLogs(a, b)}
	s.gateway.generation = 1
	adopt := func(paths ...string) (logs []control.AccessLog, files []*os.File) {
		t.Helper()
		opened, err := openAccessLogs(withLogs(paths...), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.adoptAccessLogs(opened)
		logs, files = s.accessLogMessages()
		t.Cleanup(func() { closeFiles(files) })
		return logs, files
	}
	first, files := adopt(a, b)
	if len(files) != 2 || !first[0].Fresh || !first[1].Fresh || first[0].ID == first[1].ID || s.logsAt.IsZero() {
		t.Fatalf("%+v, %d files", first, len(files))
	}
	if again, files := s.accessLogMessages(); len(files) != 0 || again[0].Fresh {
		t.Errorf("%+v, %d files given twice", again, len(files))
	}
	second, files := adopt(b) // a reload: opened anew, the same log
	if len(files) != 1 || second[0].ID != first[1].ID || !second[0].Fresh {
		t.Errorf("%+v, %d files", second, len(files))
	}
	s.gateway.generation++ // another gateway process
	if again, files := s.accessLogMessages(); len(files) != 1 || !again[0].Fresh {
		t.Errorf("%+v, %d files", again, len(files))
	} else {
		closeFiles(files)
	}
	closeAccessLogs(s.accessLogs)

	g := gatewayConfiguration("", s.config, nil, []*listener{{config: s.config.Listeners[1]}}, s.accessLogs, 1)
	if l := g.Listeners[0]; l.AccessLog != second[0].ID || !l.LogJSON {
		t.Errorf("%+v", l)
	}
}

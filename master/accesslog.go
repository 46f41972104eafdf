package master

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/master/api"
	"gw/master/config"
	"gw/protocol/control"
)

// accessLog is a file that the gateway adds lines to. The master opens it,
// since the gateway's account may not, and opens it anew at each reload and
// when it was moved away.
type accessLog struct {
	id    int    // set when it comes into use
	path  string // "-": standard output
	file  *os.File
	given int // the gateway process that has the file, by generation
	// missing: it was told that the file cannot be opened anew.
	missing bool
}

// accessMode of a new file: query strings are nobody's business.
const accessMode = 0o640

// rotationInterval is how often the master looks whether an access log was
// moved away.
const rotationInterval = time.Second

// openAccessLogs opens every access log that listeners of c name. On an error
// none stays open.
func openAccessLogs(c *config.Config, stdout *os.File) ([]*accessLog, error) {
	var logs []*accessLog
	for _, l := range c.Listeners {
		path := l.AccessLog.File
		if path == "" || findAccessLog(logs, path) != nil {
			continue
		}
		file, err := openAccessLog(path, c.StdoutFile, stdout)
		if err != nil {
			closeAccessLogs(logs)
			return nil, err
		}
		logs = append(logs, &accessLog{path: path, file: file})
	}
	return logs, nil
}

// openAccessLog opens the file at path, or what stands for standard output:
// stdout in the foreground, else the file that a daemon's handlers print to.
func openAccessLog(path, stdoutFile string, stdout *os.File) (*os.File, error) {
	if path == "-" && stdout != nil {
		file, err := duplicate(stdout, path)
		if err != nil {
			return nil, fmt.Errorf("access log on standard output: %w", err)
		}
		return file, nil
	}
	if path == "-" {
		path = stdoutFile
	}
	// Without O_NONBLOCK a FIFO would hold the master up until somebody reads it.
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_NONBLOCK|unix.O_CLOEXEC, accessMode)
	if err != nil {
		return nil, fmt.Errorf("access log %s: %w: does its folder exist, and may gw write there?", path, err)
	}
	if err := unix.SetNonblock(fd, false); err != nil { // the writer may wait, it is a thread of its own
		unix.Close(fd)
		return nil, fmt.Errorf("access log %s: %w", path, err)
	}
	return ipc.NewFile(fd, path), nil
}

func findAccessLog(logs []*accessLog, path string) *accessLog {
	for _, a := range logs {
		if a.path == path {
			return a
		}
	}
	return nil
}

func closeAccessLogs(logs []*accessLog) {
	for _, a := range logs {
		a.file.Close()
	}
}

// adoptAccessLogs brings freshly opened logs into use, in place of those with
// the same path. What is not among them any more is closed here; the gateway
// writes what it still has for it.
func (s *supervisor) adoptAccessLogs(fresh []*accessLog) {
	old := s.accessLogs
	s.accessLogs = fresh
	for _, a := range fresh {
		if before := findAccessLog(old, a.path); before != nil {
			a.id = before.id
			continue
		}
		s.lastLog++
		a.id = s.lastLog
	}
	closeAccessLogs(old)
	s.logsAt = time.Time{}
	for _, a := range fresh {
		if a.path != "-" {
			s.logsAt = time.Now().Add(rotationInterval)
		}
	}
}

// accessLogMessages is what the gateway must know of the logs. The files are
// copies, to be closed once they were sent: by then a log may have another file.
func (s *supervisor) accessLogMessages() (logs []control.AccessLog, files []*os.File) {
	for _, a := range s.accessLogs {
		m := control.AccessLog{ID: a.id, Path: a.path}
		if a.given != s.gateway.generation {
			if file, err := duplicate(a.file, a.path); err != nil {
				s.log.Error("An access log is not given to the gateway", "file", a.path, "err", err)
			} else {
				m.Fresh, a.given = true, s.gateway.generation
				files = append(files, file)
			}
		}
		logs = append(logs, m)
	}
	return logs, files
}

// duplicate makes a descriptor that may be closed by itself.
func duplicate(file *os.File, name string) (*os.File, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	copied := -1
	if failed := raw.Control(func(fd uintptr) { copied, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, fmt.Errorf("duplicate: %w", err)
	}
	return ipc.NewFile(copied, name), nil
}

// checkRotation looks, outside the loop, whether a log was moved away: then the
// file at its path is another one, or there is none.
func (s *supervisor) checkRotation() {
	s.logsAt = time.Time{}
	files := map[*accessLog]*os.File{}
	for _, a := range s.accessLogs {
		if a.path != "-" {
			files[a] = a.file
		}
	}
	s.goroutines.Go(func() {
		moved := map[*accessLog]*os.File{}
		for a, file := range files {
			if !movedAway(a.path, file) {
				continue
			}
			file, err := openAccessLog(a.path, "", nil)
			if err != nil {
				s.rotationFailed(a, err)
				continue
			}
			moved[a] = file
		}
		if !s.post(func() { s.rotated(moved) }) {
			for _, file := range moved {
				file.Close()
			}
		}
	})
}

// movedAway says that path is not file any more.
func movedAway(path string, file *os.File) bool {
	var there, ours syscall.Stat_t
	if syscall.Stat(path, &there) != nil {
		return true
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return false // closed by a reload meanwhile
	}
	same := true
	err = raw.Control(func(fd uintptr) {
		same = syscall.Fstat(int(fd), &ours) != nil || there.Ino == ours.Ino && there.Dev == ours.Dev
	})
	return err == nil && !same
}

// rotationFailed is told once: the old file is written on, and the next second
// tries again.
func (s *supervisor) rotationFailed(a *accessLog, err error) {
	s.post(func() {
		if !a.missing {
			a.missing = true
			s.log.Error("An access log was moved away and cannot be opened anew: gw writes on to the old file", "file", a.path, "err", err)
		}
	})
}

// rotated gives the gateway the new files.
func (s *supervisor) rotated(moved map[*accessLog]*os.File) {
	given := false
	for _, a := range s.accessLogs {
		file := moved[a]
		if file == nil {
			continue
		}
		delete(moved, a)
		a.file.Close()
		a.file, a.given, a.missing, given = file, 0, false, true
		s.log.Info("Access log opened anew", "file", a.path)
	}
	for _, file := range moved { // a reload came in between
		file.Close()
	}
	if given && s.gateway.link != nil && s.phase != phaseStopping {
		s.configure()
	}
	if len(s.accessLogs) > 0 && s.phase != phaseStopping {
		s.logsAt = time.Now().Add(rotationInterval)
	}
}

func (s *supervisor) accessLogRows() []api.AccessLog {
	rows := []api.AccessLog{}
	for _, a := range s.accessLogs {
		row := api.AccessLog{Path: a.path}
		for _, r := range s.report.AccessLogs {
			if r.Path == a.path {
				row.Lines, row.Dropped = r.Lines, r.Dropped
			}
		}
		rows = append(rows, row)
	}
	return rows
}

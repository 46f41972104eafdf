package master

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drainGrace is how long a dead process's output is read on. Longer than that
// only a child that left its process group holds the pipe; it must not hold up
// the replacement of its parent.
const drainGrace = 250 * time.Millisecond

// command says how to start a process.
type command struct {
	arguments   []string
	dir         string // empty: ours
	environment []string
	files       []*os.File // descriptors 3, 4, ...
	account     *account
	confined    bool                            // no new privileges
	output      func(pid int) func(line []byte) // who gets its lines; nil: nobody
	errors      func(pid int) func(line []byte) // who gets those of standard error; nil: output
}

// process is a child. Its functions are the seam between the owner loop and the
// operating system.
type process struct {
	pid    int
	signal func(syscall.Signal)   // to the process alone
	group  func(syscall.Signal)   // to its process group
	wait   func() (reason string) // blocks until it is reaped; call it once
	tail   func() string          // what it printed last
}

// child is the process behind a *process.
type child struct {
	pid    int
	pipes  []*os.File // our ends of stdout and stderr
	drains sync.WaitGroup
	tail   tail

	mu      sync.Mutex
	process *os.Process // guarded by mu; nil once reaped: the pid may be another's
}

// start starts c by way of s. Descriptors 1 and 2 are pipes that are always
// read, 0 is /dev/null. The process leads its own process group, so Ctrl-C at a
// terminal does not reach it, and dies with the master.
func start(s *spawner, c *command) (*process, error) {
	if info, err := os.Stat(cmp.Or(c.dir, "/")); err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("folder: %s is not a folder", c.dir)
	}
	path, err := findProgram(c.arguments[0], c.dir, c.environment)
	if err != nil {
		return nil, err
	}
	k := &child{}
	files, err := k.openFiles(c)
	defer closeFiles(files)
	if err != nil {
		closeFiles(k.pipes)
		return nil, err
	}
	started, err := s.start(path, c.arguments, attributes(c, files))
	if err != nil {
		closeFiles(k.pipes)
		return nil, err
	}
	k.process, k.pid = started, started.Pid
	k.drain(c)
	return &process{pid: k.pid, signal: k.signal, group: k.group, wait: k.wait, tail: k.tail.String}, nil
}

// openFiles returns descriptors 0 to 2 of the child; k gets our ends.
func (k *child) openFiles(c *command) (files []*os.File, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	files = append(files, null)
	for range 2 {
		ours, theirs, err := os.Pipe()
		if err != nil {
			return files, err
		}
		k.pipes, files = append(k.pipes, ours), append(files, theirs)
		if c.account != nil {
			// Or the other user could not open /dev/stdout and /dev/stderr.
			theirs.Chown(int(c.account.credential.Uid), int(c.account.credential.Gid))
		}
	}
	return files, nil
}

func attributes(c *command, files []*os.File) *os.ProcAttr {
	attr := &os.ProcAttr{
		Dir: c.dir, Env: c.environment, Files: append(files[:len(files):len(files)], c.files...),
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	if c.account != nil {
		attr.Sys.Credential = c.account.credential
	}
	return attr
}

func (k *child) drain(c *command) {
	output := func([]byte) {}
	if c.output != nil {
		output = c.output(k.pid)
	}
	errors := output
	if c.errors != nil {
		errors = c.errors(k.pid)
	}
	for i, pass := range []func([]byte){output, errors} {
		pipe := k.pipes[i]
		k.drains.Go(func() {
			drain(pipe, func(line []byte) {
				k.tail.add(line)
				pass(line)
			})
		})
	}
}

func (k *child) signal(number syscall.Signal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.process != nil {
		k.process.Signal(number)
	}
}

func (k *child) group(number syscall.Signal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.process != nil {
		unix.Kill(-k.pid, number)
	}
}

// wait learns of the death without reaping, so that the process group can be
// killed while its number is certainly still ours.
func (k *child) wait() string {
	for {
		err := unix.Waitid(unix.P_PID, k.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	k.mu.Lock()
	unix.Kill(-k.pid, unix.SIGKILL)
	state, err := k.process.Wait()
	k.process = nil
	k.mu.Unlock()
	k.finishOutput()
	if err != nil {
		return "unknown: " + err.Error()
	}
	return exitReason(state.Sys().(syscall.WaitStatus))
}

func (k *child) finishOutput() {
	late := time.AfterFunc(drainGrace, func() { closeFiles(k.pipes) })
	k.drains.Wait()
	late.Stop()
	closeFiles(k.pipes)
}

func exitReason(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "killed by " + unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

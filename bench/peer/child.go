package peer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startTimeout = 10 * time.Second
	stopTimeout  = 5 * time.Second
)

// child is a server that runs in the foreground, in a process group of its own
// so that Ctrl-C reaches it only through us.
type child struct {
	command *exec.Cmd
	log     string
	ended   chan struct{}
	err     error // of Wait, once ended is closed
}

// spawn starts a program; what it prints goes to a file in dir.
func spawn(dir string, environment []string, argv ...string) (*child, error) {
	c := &child{command: exec.Command(argv[0], argv[1:]...), log: filepath.Join(dir, "output.log"), ended: make(chan struct{})}
	out, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// Our own servers end at the end of their input: even when we are killed
	// none is left behind.
	if _, err := c.command.StdinPipe(); err != nil {
		return nil, err
	}
	c.command.Dir, c.command.Stdout, c.command.Stderr = dir, out, out
	c.command.Env = append(os.Environ(), environment...)
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	go func() { c.err = c.command.Wait(); close(c.ended) }()
	return c, nil
}

func (c *child) pid() int { return c.command.Process.Pid }

// ready waits until the port accepts connections.
func (c *child) ready(ctx context.Context, target netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for retry := time.NewTicker(20 * time.Millisecond); ; {
		if probe, err := net.DialTimeout("tcp4", target.String(), time.Second); err == nil {
			return probe.Close()
		}
		select {
		case <-c.ended:
			return fmt.Errorf("%s ended: %v\n%s", c.command.Path, c.err, c.output())
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %v: %w\n%s", c.command.Path, target, ctx.Err(), c.output())
		case <-retry.C:
		}
	}
}

// stop ends the program, kindly at first, and whatever it started.
func (c *child) stop() error {
	c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
		return nil
	case <-time.After(stopTimeout):
	}
	syscall.Kill(-c.pid(), syscall.SIGKILL)
	<-c.ended
	return fmt.Errorf("%s had to be killed", c.command.Path)
}

// output is the end of what the program printed.
func (c *child) output() string {
	text, _ := os.ReadFile(c.log)
	return string(text[max(0, len(text)-2000):])
}

// serveInForeground is the Start of a peer that is one foreground program.
func serveInForeground(ctx context.Context, dir string, environment []string, target netip.AddrPort, argv ...string) (*Server, error) {
	c, err := spawn(dir, environment, argv...)
	if err != nil {
		return nil, err
	}
	if err := c.ready(ctx, target); err != nil {
		c.stop()
		return nil, err
	}
	return &Server{Target: target, Root: c.pid(), Role: onlyHandlers, Output: c.output, Stop: c.stop}, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// server is something under test, in the foreground of a process of its own.
type server struct {
	name    string
	own     bool
	address string // host:port
	command *exec.Cmd
	exited  chan struct{}
	end     func() // of one in this process, instead of command
}

// patience is how long a server may take to listen, and to end.
const patience = 20 * time.Second

// freeAddress is one that nobody listens on now.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// serve starts a program and waits until it accepts connections at the address.
func serve(ctx context.Context, name string, own bool, address, dir string, environment []string, argv ...string) (*server, error) {
	s := &server{name: name, own: own, address: address, command: exec.Command(argv[0], argv[1:]...), exited: make(chan struct{})}
	s.command.Dir, s.command.Env = dir, append(os.Environ(), environment...)
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer output.Close()
	s.command.Stdout, s.command.Stderr = output, output
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = s.command.Wait() // its end is all that matters
		close(s.exited)
	}()
	if err := s.listening(ctx); err != nil {
		s.stop()
		log, _ := os.ReadFile(output.Name())
		return nil, fmt.Errorf("%s: %w\n%s", name, err, log)
	}
	return s, nil
}

func (s *server) listening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not listen on %s: %w", s.address, err)
		case <-s.exited:
			return errors.New("it ended at once")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the server and all that it started.
func (s *server) stop() {
	if s.end != nil {
		s.end()
		return
	}
	_ = syscall.Kill(-s.command.Process.Pid, syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
	}
	_ = syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL)
}

// serveGW starts gw with one pool, and the listener's own lines of configuration.
func (w *workshop) serveGW(ctx context.Context, name string, command []string, listener string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(w.build, "gw-")
	if err != nil {
		return nil, err
	}
	quoted := ""
	for _, word := range command {
		quoted += strconv.Quote(word) + ", "
	}
	config := fmt.Sprintf("pools: {main: {command: [%s]}}\nlisteners:\n  - listen: http://%s\n%s", quoted, address, listener)
	if err := os.WriteFile(filepath.Join(dir, "gw.yaml"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	return serve(ctx, name, true, address, dir, []string{"GW_STATE_DIR=" + dir}, w.gw, "start", "gw.yaml")
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"gw/master"
	"gw/master/api"
	"gw/master/config"
)

const (
	// readyPipe is the descriptor on which a daemon reports to its parent.
	readyPipe = 3
	// startReserve is what the master needs beyond its handlers' start_timeout.
	startReserve = 5 * time.Second
)

// readiness is the only line a daemon writes to its parent.
type readiness struct {
	Status  *api.Status `json:"status,omitempty"`
	Failure string      `json:"failure,omitempty"`
	Hint    string      `json:"hint,omitempty"`
	Code    int         `json:"code,omitempty"`
}

// startDaemon starts ourselves again in a session of its own, and waits until
// that one serves or says why it cannot.
func startDaemon(ctx *cli.Context, t *target, c *config.Config) error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("pipe to the daemon: %w", err)
	}
	defer read.Close()
	daemon, err := spawnDaemon(t, write, passedSockets())
	write.Close()
	if err != nil {
		return err
	}
	// Whoever interrupts the wait does not want a half-started daemon.
	interrupted, done := signal.NotifyContext(ctx.Context, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer done()
	defer context.AfterFunc(interrupted, func() { read.SetReadDeadline(time.Unix(1, 0)) })()
	limit := startLimit(c)
	if err := read.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return fmt.Errorf("pipe to the daemon: %w", err)
	}
	var r readiness
	if err := json.NewDecoder(read).Decode(&r); err != nil {
		return abandon(daemon, c, err, limit, interrupted.Err() != nil)
	}
	if r.Status == nil {
		_ = daemon.Wait() // the failure is known already
		return &failure{r.Code, r.Failure, r.Hint}
	}
	_ = daemon.Process.Release() // it outlives us
	printBanner(ctx.App.Writer, paletteFor(ctx.App.Writer), r.Status)
	_, err = fmt.Fprintf(ctx.App.Writer, "\nEverything is ready. gw runs in the background, pid %d. Stop it with gw stop.\n", r.Status.PID)
	return err
}

func spawnDaemon(t *target, ready *os.File, sockets []master.Socket) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("own binary: %w", err)
	}
	args := []string{daemonVerb}
	for _, listen := range t.options.Listen {
		args = append(args, "--listen", listen)
	}
	if t.options.Workers > 0 {
		args = append(args, "--workers", strconv.Itoa(t.options.Workers))
	}
	if t.options.Debug {
		args = append(args, "--debug")
	}
	if len(sockets) > 0 {
		args = append(args, "--"+socketsFlag, socketNames(sockets))
	}
	daemon := exec.Command(self, append(args, t.file)...) // its standard streams are /dev/null
	daemon.ExtraFiles = []*os.File{ready}                 // becomes readyPipe
	for _, s := range sockets {
		daemon.ExtraFiles = append(daemon.ExtraFiles, os.NewFile(uintptr(s.FD), s.Name)) // and those behind it
	}
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := daemon.Start(); err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	return daemon, nil
}

// startLimit bounds the wait for a daemon.
func startLimit(c *config.Config) time.Duration {
	var longest time.Duration
	for _, pool := range c.Pools {
		longest = max(longest, pool.StartTimeout)
	}
	return longest + startReserve
}

// abandon ends a daemon that did not report, and says so.
func abandon(daemon *exec.Cmd, c *config.Config, err error, limit time.Duration, interrupted bool) error {
	applyDaemonLog(c, true)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &failure{exitFailure, fmt.Sprintf("the daemon ended before it was ready: %s", ending(daemon)), seeLog(c)}
	}
	kill := time.AfterFunc(stopReserve, func() { daemon.Process.Kill() })
	defer kill.Stop()
	_ = daemon.Process.Signal(syscall.SIGTERM)
	_ = daemon.Wait()
	if interrupted {
		return &failure{exitFailure, "interrupted; nothing was left running", ""}
	}
	return &failure{exitTimeout, fmt.Sprintf("gw was not ready within %s and was stopped", limit), seeLog(c)}
}

func seeLog(c *config.Config) string {
	if !exists(c.LogFile) {
		return "gw start without -d shows more"
	}
	return "see " + c.LogFile
}

func ending(daemon *exec.Cmd) string {
	if err := daemon.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// runDaemon is the daemon's side.
func runDaemon(t *target, sockets []master.Socket) error {
	syscall.CloseOnExec(readyPipe) // or gateway and handlers would keep it open
	parent := os.NewFile(readyPipe, "parent")
	tell := func(r readiness) {
		// A parent that has gone away need not know.
		_ = json.NewEncoder(parent).Encode(r)
		parent.Close()
	}
	err := serveDaemon(t, sockets, func(s api.Status) { tell(readiness{Status: &s}) })
	if err != nil {
		f := explain(err)
		tell(readiness{Failure: f.text, Hint: f.hint, Code: f.code})
	}
	return err
}

func serveDaemon(t *target, sockets []master.Socket, ready func(api.Status)) error {
	c, err := t.reload()
	if err != nil {
		return err
	}
	state, err := openState(c)
	if err != nil {
		return err
	}
	log, err := openLog(c, true)
	if err != nil {
		state.leave(nil, err)
		return err
	}
	defer log.close()
	if err := logPanics(c.LogFile); err != nil {
		return err
	}
	err = runMaster(t, c, state, log, master.Options{Daemon: true, Output: io.Discard, Ready: ready, Sockets: sockets})
	if err != nil {
		log.logger.Error("Master has ended", "err", err)
	}
	return err
}

// logPanics makes the log our standard error: the Go runtime writes there when
// it gives up.
func logPanics(path string) error {
	file, err := appendTo(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Dup3(int(file.Fd()), int(os.Stderr.Fd()), 0); err != nil {
		return fmt.Errorf("standard error into %s: %w", path, err)
	}
	return nil
}

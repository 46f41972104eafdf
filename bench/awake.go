package main

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"gw/bench/gauge"
)

// awake is the process that keeps the cores from sleeping. With one connection
// they would sleep between any two requests, and the time to wake up, several
// times the request itself, would be all there is to see. The zero value is
// none.
type awake struct {
	command *exec.Cmd
	input   io.Closer
}

// keepAwake starts it where it is wanted: for a single connection.
func (b *bench) keepAwake(connections int) (*awake, error) {
	if !b.options.awake || connections != 1 {
		return &awake{}, nil
	}
	a := &awake{command: exec.Command(b.kit.Program("awake"))}
	input, err := a.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	a.input = input
	// In our session, or its idle priority would not count: see setSessionNice.
	a.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := a.command.Start(); err != nil {
		return nil, fmt.Errorf("keep the cores awake: %w", err)
	}
	return a, nil
}

// used is its processor time, which is not noise.
func (a *awake) used() time.Duration {
	if a.command == nil {
		return 0
	}
	p, err := gauge.ReadProcess(a.command.Process.Pid)
	if err != nil {
		return 0
	}
	return p.CPU
}

func (a *awake) stop() {
	if a.command != nil {
		a.input.Close()
		a.command.Wait()
	}
}

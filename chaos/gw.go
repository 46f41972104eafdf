package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// gw is the gw under test. It runs in the foreground as our child.
type gw struct {
	site *site
	done chan struct{} // closed when the master has ended
}

// start returns when every worker of every pool is ready.
func (g *gw) start(ctx context.Context) error {
	g.done = make(chan struct{})
	started := make(chan error, 1)
	go g.run(started)
	if err := <-started; err != nil {
		return err
	}
	ready := func() bool { s, err := g.status(); return err == nil && s.ready() }
	if !g.await(ctx, 2*patience, ready) {
		return fmt.Errorf("gw did not become ready:\n%s", g.tail())
	}
	return nil
}

// run starts the master and waits for its end, on one thread: the signal that
// it gets when we die is sent when the thread that started it ends.
func (g *gw) run(started chan<- error) {
	runtime.LockOSThread()
	defer close(g.done)
	log, err := os.Create(g.site.log())
	if err != nil {
		started <- err
		return
	}
	defer log.Close()
	c := g.command(context.Background(), "start", "gw.yaml")
	c.Stdout, c.Stderr = log, log
	// A process group of its own: Ctrl-C is for us.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = c.Start()
	started <- err
	if err == nil {
		c.Wait()
	}
}

func (g *gw) command(ctx context.Context, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, g.site.binary, arguments...)
	c.Dir = g.site.dir
	c.Env = append(os.Environ(), g.mark(), "NO_COLOR=1")
	c.WaitDelay = time.Second
	return c
}

// mark is in the environment of every process of this gw.
func (g *gw) mark() string { return "GW_STATE_DIR=" + g.site.state() }

// gw's exit codes, docs/command-line.md.
const (
	exitOK      = 0
	exitAborted = 9
	exitBusy    = 10
)

// reload runs gw reload; what it printed is for people.
func (g *gw) reload(ctx context.Context) (code int, said string) {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	output, err := g.command(ctx, "reload").CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, err.Error()
	}
	if exit != nil {
		return exit.ExitCode(), string(output)
	}
	return exitOK, string(output)
}

// stop is gw stop. nil: it ended in order.
func (g *gw) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if output, err := g.command(ctx, "stop").CombinedOutput(); err != nil {
		return fmt.Errorf("gw stop: %w\n%s", err, output)
	}
	select {
	case <-g.done:
		return nil
	case <-time.After(patience):
		return errors.New("gw stop returned, but the master lives on")
	}
}

// kill ends whatever is left.
func (g *gw) kill() {
	for _, pid := range processes(g.mark()) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if g.done != nil {
		<-g.done
	}
}

// await asks until the condition holds.
func (g *gw) await(ctx context.Context, limit time.Duration, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return false
		case <-g.done:
			return false
		case <-tick.C:
		}
	}
	return true
}

// tail is the end of gw's log.
func (g *gw) tail() string {
	text, _ := os.ReadFile(g.site.log())
	return string(text[max(0, len(text)-4000):])
}

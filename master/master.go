// Package master supervises: it binds the listening sockets, starts the gateway
// process and the handlers, replaces what ends, reloads, answers the control
// socket and stops everything.
//
// It never reads a byte of a client or of a handler's pipe, and knows nothing of
// HTTP clients, frames or dispatch: that is the gateway's. Invariants:
//
//   - One goroutine (supervisor.run) owns all state and never waits for anybody.
//   - New first: a worker gives way only to one that has said it is ready.
//   - The death of a process is told by wait, never by an end of file.
//   - Every child dies with the master, every process group with its leader.
//   - Nothing a handler or the gateway does ends the master.
package master

import (
	"context"
	"io"
	"log/slog"
	"os"

	"gw/master/api"
	"gw/master/config"
)

// Options say what to run.
type Options struct {
	Config      *config.Config
	Reread      func() (*config.Config, error) // called at each reload, from a goroutine of its own
	Version     string
	Daemon      bool
	Executable  string   // started as `Executable gateway`; empty: this program
	Environment []string // NAME=value for every handler, under the pool's own
	Logger      *slog.Logger
	LogOutput   io.Writer // the gateway's log lines, as they are; nil: standard error
	Reopen      func()    // opens gw's own log anew, at each reload; nil: nothing to open
	LogFormat   string    // GW_LOG_FORMAT of the gateway; empty: that of our own environment, or text
	Output      io.Writer // foreground: handlers' output, each line in one Write
	Stdout      *os.File  // foreground: access logs named "-"
	Sockets     []Socket  // bound for us before we were started
	// Ready is called once, when every listener is bound and every pool has a
	// ready worker.
	Ready func(api.Status)
}

// Run supervises until a signal, the control socket or ctx ends it; ctx at once
// and without draining. When it returns, every process is gone and every file
// and socket of its own is removed.
//
// A start that fails returns *AlreadyRunningError, *ListenError, *StartError, or
// an error that names what is wrong with the state folder or the gateway.
func Run(ctx context.Context, o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	if err := prepareFolders(o.Config); err != nil {
		return err
	}
	lock, err := acquire(o.Config.PIDFile)
	if err != nil {
		return err
	}
	defer lock.release()
	if err := prepareGatewayFolders(o.Config); err != nil {
		return err
	}
	ring, err := readKeyring(o.Config)
	if err != nil {
		return err
	}
	warn(o.Logger, o.Config)
	signals, unwatch := watchSignals()
	defer unwatch()
	socket, file, err := listenControl(o.Config.Control)
	if err != nil {
		return err
	}
	system, release := linux()
	defer release()
	passed := &activation{sockets: o.Sockets}
	system.bind = passed.bind
	listeners, err := bindMissing(o.Config, nil, system.bind)
	if err != nil {
		socket.Close()
		file.remove()
		return err
	}
	logs, err := openAccessLogs(o.Config, o.Stdout)
	if err != nil {
		closeListeners(listeners)
		socket.Close()
		file.remove()
		return err
	}
	passed.reportUnused(o.Logger)
	s := newSupervisor(o, system, listeners)
	s.useKeyring(ring)
	s.adoptAccessLogs(logs)
	defer s.closeOutput()
	server := serveControl(s, socket, file)
	defer server.close()
	return s.run(ctx, signals)
}

// warn logs what works, but hardly as meant.
func warn(log *slog.Logger, c *config.Config) {
	for _, w := range c.Warnings {
		log.Warn("Configuration is doubtful", "at", w.String())
	}
}

func (o *Options) complete() (err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.LogOutput == nil {
		o.LogOutput = os.Stderr
	}
	if o.Executable == "" {
		o.Executable, err = os.Executable()
	}
	return err
}

func (s *supervisor) closeOutput() {
	if s.printer != nil {
		s.printer.close()
	}
	s.outputs.reopen()
	closeAccessLogs(s.accessLogs)
}

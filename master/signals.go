package master

import (
	"os"
	"os/signal"
	"syscall"
)

// watchSignals asks for every signal that has a meaning here, and for SIGPIPE,
// which would end us when whoever reads our output goes away. (Ignoring it would
// be inherited by the handlers.)
func watchSignals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE)
	return c, func() { signal.Stop(c) }
}

// signalled handles a signal:
//
//	TERM INT QUIT  drain and stop; a second one kills
//	HUP            reload; in the foreground stop: the terminal was closed
//	USR1           reload
func (s *supervisor) signalled(number os.Signal) {
	name := number.String()
	switch number {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		if s.phase == phaseStopping {
			s.killAll("second signal: " + name)
			return
		}
		s.beginStop(false, 0, "signal: "+name)
	case syscall.SIGHUP:
		if s.options.Daemon {
			s.reloadBySignal(name)
		} else if s.phase != phaseStopping {
			s.beginStop(false, 0, "the terminal was closed")
		}
	case syscall.SIGUSR1:
		s.reloadBySignal(name)
	case syscall.SIGUSR2:
		s.log.Warn("This version cannot upgrade itself while running, use gw restart", "signal", name)
	}
}

func (s *supervisor) reloadBySignal(name string) {
	if _, busy := s.beginReload(""); busy != "" {
		s.log.Warn("Reload refused", "signal", name, "reason", busy)
	}
}

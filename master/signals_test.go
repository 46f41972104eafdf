package master

import (
	"syscall"
	"testing"
	"time"
)

func TestSignalsReloadAndStop(t *testing.T) {
	supervise(t, one(1), func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.signals <- syscall.SIGHUP
		w.sleep(time.Second)
		w.expect("attach 2", "activate 2", "drain 1", "configure web 1=a:1", "exited 1")
		w.signals <- syscall.SIGUSR1
		w.sleep(time.Second)
		if row := w.status().Workers[0]; row.ID != 3 {
			t.Errorf("row %+v", row)
		}
		for _, number := range []syscall.Signal{syscall.SIGUSR2, syscall.SIGPIPE} {
			w.did()
			w.signals <- number
			w.sleep(time.Second)
			w.expect()
		}
		w.signals <- syscall.SIGTERM
		<-w.s.done
	})
}

func TestClosedTerminalStopsTheForeground(t *testing.T) {
	runWith(t, one(1), func(w *world) { w.s.options.Daemon = false }, func(w *world) {
		w.sleep(time.Minute)
		w.did()
		w.signals <- syscall.SIGHUP
		<-w.s.done
		w.expect("stop within 5s", "drain 1", "exited 1")
	})
}

package master

import (
	"errors"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// spawner starts all children from one thread.
//
// Pdeathsig fires when the *thread* that forked ends, not the process
// (prctl(2), PR_SET_PDEATHSIG), and Go ends threads as it likes. So the
// goroutine below keeps its thread from the first start to the master's end.
type spawner struct {
	requests chan spawnRequest
	done     chan struct{} // closed by close
	ended    chan struct{} // closed when the goroutine is gone
}

type spawnRequest struct {
	path      string
	arguments []string
	attr      *os.ProcAttr
	reply     chan spawnReply
}

type spawnReply struct {
	process *os.Process
	err     error
}

// newSpawner starts the thread. The children of a confined one can never gain
// rights by running a set-user-ID program (no_new_privs is a property of the
// thread, inherited by what it forks).
func newSpawner(confined bool) *spawner {
	s := &spawner{requests: make(chan spawnRequest), done: make(chan struct{}), ended: make(chan struct{})}
	go s.run(confined)
	return s
}

func (s *spawner) run(confined bool) {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	defer close(s.ended)
	if confined {
		// Kernels before 3.5 do not know it; the handler starts all the same.
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	for {
		select {
		case r := <-s.requests:
			process, err := os.StartProcess(r.path, r.arguments, r.attr)
			r.reply <- spawnReply{process, err}
		case <-s.done:
			return
		}
	}
}

// start returns once the program runs, or with the reason why it does not.
func (s *spawner) start(path string, arguments []string, attr *os.ProcAttr) (*os.Process, error) {
	reply := make(chan spawnReply, 1)
	select {
	case s.requests <- spawnRequest{path, arguments, attr, reply}:
	case <-s.done:
		return nil, errors.New("gw is stopping")
	}
	r := <-reply
	return r.process, r.err
}

// close ends the thread, and with it every child that is still there. A start
// that hangs in the kernel (a working folder on a dead server) is left behind.
func (s *spawner) close() {
	close(s.done)
	select {
	case <-s.ended:
	case <-time.After(time.Second):
	}
}

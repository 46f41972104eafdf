package gateway

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// mailbox is the only way into a loop from another goroutine.
//
// The queue needs no limit of its own, because those who post have theirs: the
// master waits for answers, handshakes and jobs of the disk are limited, and what
// handlers say to other loops is stopped at crowdBytes.
type mailbox struct {
	fd int

	mu    sync.Mutex
	queue []func()
}

func newMailbox() (*mailbox, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &mailbox{fd: fd}, nil
}

// post runs f in the loop, soon.
func (m *mailbox) post(f func()) {
	m.mu.Lock()
	m.queue = append(m.queue, f)
	first := len(m.queue) == 1
	m.mu.Unlock()
	if first {
		one := [8]byte{1}
		_, _ = write(m.fd, one[:])
	}
}

// take empties the mailbox.
func (m *mailbox) take() []func() {
	var b [8]byte
	_, _ = read(m.fd, b[:])
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue
	m.queue = nil
	return q
}

func (m *mailbox) close() { closeFD(m.fd) }

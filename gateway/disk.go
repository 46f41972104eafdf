package gateway

import "sync"

// disk runs what may have to wait for a disk, so that the loop never does: the
// kernel is asked first whether it has everything in memory, and nearly always
// it has.
//
// Jobs see no state of the loop; each returns a function for the loop to run
// with what it found. Its queue needs no limit of its own: an exchange waits for
// one job at most.
type disk struct {
	mailbox *mailbox
	threads sync.WaitGroup

	mu     sync.Mutex
	more   sync.Cond
	queue  []func() func()
	ended  bool
	awake  int // goroutines that run
	asleep int // of them, those that wait for a job
}

// diskThreads bounds what is asked of the disk at once.
const diskThreads = 4

func newDisk(m *mailbox) *disk {
	d := &disk{mailbox: m}
	d.more.L = &d.mu
	return d
}

// run does job soon, and what it returns in the loop.
func (d *disk) run(job func() func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, job)
	if d.asleep == 0 && d.awake < diskThreads {
		d.awake++
		d.threads.Go(d.work)
	}
	d.more.Signal()
}

func (d *disk) work() {
	for {
		job := d.next()
		if job == nil {
			return
		}
		d.mailbox.post(job())
	}
}

func (d *disk) next() func() func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.queue) == 0 && !d.ended {
		d.asleep++
		d.more.Wait()
		d.asleep--
	}
	if d.ended {
		return nil
	}
	job := d.queue[0]
	d.queue[0] = nil
	d.queue = d.queue[1:]
	return job
}

// close waits for the jobs under way; those in the queue are dropped with the
// connections they were for.
func (d *disk) close() {
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	d.more.Broadcast()
	d.threads.Wait()
}

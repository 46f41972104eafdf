package gateway

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestLongWaitEndsBusyWaitingInItsMoodAlone(t *testing.T) {
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(timer)
	if err := p.add(timer, unix.EPOLLIN, aboutTimer, 0, 0); err != nil {
		t.Fatal(err)
	}
	p.eager = [2]bool{true, true}
	late := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(20 * eagerTime))}
	if err := unix.TimerfdSettime(timer, 0, &late, nil); err != nil {
		t.Fatal(err)
	}
	events, err := p.wait(true, moodOwing)
	if err != nil || len(events) != 1 || uint32(events[0].Pad)>>aboutShift != uint32(aboutTimer) {
		t.Fatalf("%v, %v", events, err)
	}
	if p.eager != [2]bool{moodIdle: true, moodOwing: false} {
		t.Errorf("eager %v", p.eager)
	}
}

func TestBusyWaitTakesTheEventItWaitsFor(t *testing.T) {
	m, err := newMailbox()
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.add(m.fd, unix.EPOLLIN, aboutMailbox, 0, 0); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		p.eager = [2]bool{true, true}
		posted := make(chan struct{})
		go func() { m.post(func() {}); close(posted) }()
		if events, err := p.wait(true, moodIdle); err != nil || len(events) != 1 {
			t.Fatalf("%v, %v", events, err)
		}
		<-posted
		m.take()
	}
}

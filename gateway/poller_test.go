package gateway

import (
	"testing"
	"time"

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
	p.mayBeEager = true
	late := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(20 * eagerTime))}
	if err := unix.TimerfdSettime(timer, 0, &late, nil); err != nil {
		t.Fatal(err)
	}
	events, err := p.wait(true, moodOwing)
	if err != nil || len(events) != 1 || uint32(events[0].Pad)>>aboutShift != uint32(aboutTimer) {
		t.Fatalf("%v, %v", events, err)
	}
	if p.eager(moodOwing) || p.eager(moodCrowd) || !p.eager(moodIdle) {
		t.Errorf("averages %v", p.average)
	}
}

func TestWaitsBeginBusyWhileMostAreShort(t *testing.T) {
	p := poller{mayBeEager: true}
	for _, each := range []struct {
		about string
		waits []time.Duration
		eager bool
	}{
		{"an hour", []time.Duration{time.Hour}, false},
		{"after it a short one", []time.Duration{eagerTime / 2}, false},
		{"and a few more", []time.Duration{eagerTime / 2, eagerTime / 2, eagerTime / 2, eagerTime / 2}, true},
		{"one that was a little too long", []time.Duration{eagerTime + 1}, true},
		{"every other one too long", []time.Duration{eagerTime / 2, 2 * eagerTime, eagerTime / 2, 2 * eagerTime, eagerTime / 2}, false},
	} {
		for _, wait := range each.waits {
			p.waited(moodIdle, wait)
		}
		if p.eager(moodIdle) != each.eager {
			t.Errorf("%s: eager %v, average %v", each.about, !each.eager, p.average[moodIdle])
		}
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
		p.average = [3]time.Duration{}
		posted := make(chan struct{})
		go func() { m.post(func() {}); close(posted) }()
		if events, err := p.wait(true, moodIdle); err != nil || len(events) != 1 {
			t.Fatalf("%v, %v", events, err)
		}
		<-posted
		m.take()
	}
}

package main

import (
	"fmt"
	"sync"
	"time"
)

// fate is what became of a request or message. Each one sent has one fate of
// the first five.
type fate int

const (
	sent       fate = iota
	answered        // as it should be
	excused         // failed as the docs allow for what was disturbed
	cut             // under way when the gateway process was killed
	lost            // never answered
	wrong           // answered, but not so
	duplicated      // an answer more than there were messages
	disordered      // an answer before an earlier one; the message counts as answered
	closed          // a connection ended, and nothing allowed it
	excusedEnd      // a connection ended, as the docs allow
	cutEnd          // a connection ended with the gateway process
	fates
)

// faulty reports that it must not happen.
func (f fate) faulty() bool {
	switch f {
	case lost, wrong, duplicated, disordered, closed:
		return true
	}
	return false
}

func (f fate) String() string {
	return [fates]string{"sent", "answered", "failed as allowed", "cut with the gateway", "lost", "wrong", "duplicated", "out of order",
		"unexpected close", "closed as allowed", "closed with the gateway"}[f]
}

// fault is something that must not happen.
type fault struct {
	at   time.Time
	text string
}

// maxFaults are kept; all are counted.
const maxFaults = 200

// ledger counts fates.
type ledger struct {
	mu     sync.Mutex
	counts [fates]int64
	faults []fault
	other  int // faults that are no fate: of gw itself, not of a message
}

func (l *ledger) add(f fate, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[f] += int64(n)
}

func (l *ledger) count(f fate) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[f]
}

// blame counts a faulty fate and keeps what is known of it.
func (l *ledger) blame(f fate, n int, format string, arguments ...any) {
	l.add(f, n)
	l.note(f.String() + ": " + fmt.Sprintf(format, arguments...))
}

// fail notes a fault of gw that belongs to no message.
func (l *ledger) fail(format string, arguments ...any) {
	l.mu.Lock()
	l.other++
	l.mu.Unlock()
	l.note(fmt.Sprintf(format, arguments...))
}

func (l *ledger) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) < maxFaults {
		l.faults = append(l.faults, fault{time.Now(), text})
	}
}

// faulty counts everything that must not happen.
func (l *ledger) faulty() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f, count := range l.counts {
		if fate(f).faulty() {
			n += count
		}
	}
	return n + int64(l.other)
}

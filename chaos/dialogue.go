package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// speaker is a client that sends numbered messages and has to hear each of them
// once, in order.
type speaker struct {
	w        *world
	rand     *rand.Rand
	pool     string
	kind     string // of connection, for people
	dial     func() (talker, error)
	window   int           // messages under way
	pause    time.Duration // between two messages
	slow     time.Duration // before each answer is read
	longest  int           // message in bytes
	halfEnds bool          // may end its side while answers are to come
}

// run opens one connection after the other, until the end of the run.
func (s *speaker) run(ctx context.Context) {
	for sleep(ctx, time.Duration(s.rand.Int64N(int64(50*time.Millisecond)))) {
		opened := time.Now()
		t, err := s.dial()
		if err != nil {
			if s.w.causes.count(s.pool, opened.Add(-lag), time.Now(), cuts) == 0 {
				s.w.ledger.blame(closed, 1, "%s %s: connect: %v\n   around: %s", s.kind, s.pool, err, s.w.around())
				sleep(ctx, time.Second)
			}
			continue
		}
		d := &dialogue{speaker: s, talker: t, opened: opened, free: make(chan struct{}, s.window), ended: make(chan struct{})}
		d.run(ctx, 20+s.rand.IntN(2000))
		t.close()
	}
}

// dialogue is one connection of a speaker.
type dialogue struct {
	*speaker
	talker talker
	opened time.Time
	free   chan struct{} // a place in the window
	ended  chan struct{} // closed when nothing more is heard

	mu       sync.Mutex
	open     []message // sent, not answered, in order
	next     int       // number of the next message
	finished bool      // finish was said
	over     bool      // the connection has ended
}

type message struct {
	number int
	text   string
	sentAt time.Time
}

// run exchanges up to count messages, then takes leave.
func (d *dialogue) run(ctx context.Context, count int) {
	for range d.window {
		d.free <- struct{}{}
	}
	go d.hear()
	early := d.halfEnds && d.rand.IntN(2) == 0
	if d.speak(ctx, count) && !early {
		for range d.window { // all places are free again: all is answered
			if !d.place(context.Background()) {
				break
			}
		}
	}
	d.mu.Lock()
	d.finished = true
	d.mu.Unlock()
	d.talker.finish()
	<-d.ended
}

// speak sends; false: the connection ended.
func (d *dialogue) speak(ctx context.Context, count int) bool {
	for range count {
		if !d.place(ctx) {
			return ctx.Err() != nil
		}
		text, ok := d.newMessage()
		if !ok || d.talker.write(text) != nil {
			<-d.ended // hear tells why
			return false
		}
		if !sleep(ctx, time.Duration(float64(d.pause)*(0.5+d.rand.Float64()))) {
			return true
		}
	}
	return true
}

// place waits for a place in the window.
func (d *dialogue) place(ctx context.Context) bool {
	select {
	case <-d.free:
		return true
	case <-d.ended:
	case <-ctx.Done():
	}
	return false
}

// newMessage is the next one to send; false: nobody would answer.
func (d *dialogue) newMessage() (text string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return "", false
	}
	size := d.rand.IntN(200)
	if d.rand.IntN(20) == 0 {
		size = d.rand.IntN(d.longest)
	}
	work := ""
	if d.rand.IntN(15) == 0 {
		work = "nap " // the handler takes its time
	}
	m := message{number: d.next, text: fmt.Sprintf("%d %s%s", d.next, work, filler(d.rand, size)), sentAt: time.Now()}
	d.next++
	d.open = append(d.open, m)
	d.w.ledger.add(sent, 1)
	return m.text, true
}

// hear reads answers until the connection ends, and says what that means.
func (d *dialogue) hear() {
	defer close(d.ended)
	for {
		time.Sleep(d.slow)
		text, err := d.talker.read(time.Now().Add(patience))
		if err != nil {
			d.end(err)
			return
		}
		d.heard(text)
	}
}

// heard matches an answer with what was sent.
func (d *dialogue) heard(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	number, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	for i, m := range d.open {
		if err != nil || m.number != n {
			continue
		}
		if i > 0 {
			d.w.ledger.blame(disordered, 1, "%s: answer %d before %d\n   around: %s", d, n, d.open[0].number, d.w.around())
		}
		d.settle(m, text)
		d.open = append(d.open[:i], d.open[i+1:]...)
		d.free <- struct{}{}
		return
	}
	if err == nil && n < d.next {
		d.w.ledger.blame(duplicated, 1, "%s: answer %d again\n   around: %s", d, n, d.w.around())
		return
	}
	d.w.ledger.blame(duplicated, 1, "%s: %.60q, which nobody asked for\n   around: %s", d, text, d.w.around())
}

func (d *dialogue) settle(m message, text string) {
	if text == m.text {
		d.w.ledger.add(answered, 1)
		return
	}
	d.w.ledger.blame(wrong, 1, "%s: answer %.60q to %.60q\n   around: %s", d, text, m.text, d.w.around())
}

func (d *dialogue) String() string { return fmt.Sprintf("%s %s", d.kind, d.pool) }

// end decides what the end of the connection means, and the fate of what was
// not answered.
func (d *dialogue) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	at := time.Now()
	since := at
	if len(d.open) > 0 {
		since = d.open[0].sentAt
	}
	ledger, open := d.w.ledger, len(d.open)
	switch {
	case d.finished && open == 0 && d.talker.over(err):
	case d.w.causes.count(d.pool, d.opened, at, cuts) > 0 && !os.IsTimeout(err):
		ledger.add(cutEnd, 1)
		ledger.add(cut, open)
	case open > 0 && d.talker.brokenOff(err) && d.mayBreak(since, at):
		ledger.add(excusedEnd, 1)
		ledger.add(excused, open)
	case os.IsTimeout(err) && open > 0:
		ledger.blame(lost, open, "%s: %d messages without an answer, the first one %d sent %v ago\n   around: %s", d, open, d.open[0].number, at.Sub(since), d.w.around())
	default:
		ledger.blame(closed, 1, "%s: %v, %d messages open, finished %v\n   around: %s", d, err, open, d.finished, d.w.around())
		ledger.add(lost, open)
	}
}

// mayBreak: the connection of a message that hung is closed, and that of one
// on which two workers died.
func (d *dialogue) mayBreak(since, at time.Time) bool {
	return d.w.causes.count(d.pool, since, at, hangs) > 0 || d.w.causes.count(d.pool, since, at, kills) > 1
}

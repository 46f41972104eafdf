package main

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// quietWorld is a world without a gw: what clients report is judged in it.
func quietWorld() *world {
	return &world{causes: &causes{}, ledger: &ledger{}, out: io.Discard, begin: time.Now()}
}

// judged is the only fate that was counted, but for sent.
func judged(t *testing.T, w *world) fate {
	t.Helper()
	found := sent
	for f := sent + 1; f < fates; f++ {
		if w.ledger.count(f) > 0 && f != closed {
			if found != sent {
				t.Errorf("both %v and %v", found, f)
			}
			found = f
		}
	}
	return found
}

func TestOutcomeOfARequest(t *testing.T) {
	cut502 := "502 Bad Gateway"
	for name, c := range map[string]struct {
		method  string
		status  int
		body    string
		err     error
		effects []effect // disturbances that overlap with it
		want    fate
	}{
		"answered":                        {"GET", 200, "t 3\n", nil, nil, answered},
		"answer to another request":       {"GET", 200, "u 3\n", nil, []effect{kills}, wrong},
		"answer of old code":              {"GET", 200, "t 2\n", nil, nil, wrong},
		"answer with another body":        {"GET", 200, "t 3\nbody", nil, nil, wrong},
		"POST of a killed worker":         {"POST", 502, cut502, nil, []effect{kills}, excused},
		"POST without a cause":            {"POST", 502, cut502, nil, nil, wrong},
		"POST during a reload":            {"POST", 502, cut502, nil, []effect{harmless}, wrong},
		"GET of a killed worker":          {"GET", 502, cut502, nil, []effect{kills}, wrong},
		"GET of two killed workers":       {"GET", 502, cut502, nil, []effect{kills, kills}, excused},
		"GET that hung":                   {"GET", 504, "", nil, []effect{hangs}, excused},
		"time-out of a killed worker":     {"GET", 504, "", nil, []effect{kills}, wrong},
		"503":                             {"GET", 503, "", nil, []effect{kills, hangs}, wrong},
		"connection ended":                {"GET", 0, "", io.EOF, []effect{kills}, lost},
		"connection ended with its owner": {"GET", 0, "", io.EOF, []effect{cuts}, cut},
		"never answered":                  {"GET", 0, "", os.ErrDeadlineExceeded, []effect{kills}, lost},
	} {
		t.Run(name, func(t *testing.T) {
			w := quietWorld()
			for _, e := range c.effects {
				w.causes.begin("something", "php", e)
			}
			w.causes.begin("elsewhere", "python", hangs)
			r := &request{pool: "php", method: c.method, token: "t", promised: 3, sentAt: time.Now()}
			w.outcome(&httpConn{opened: time.Now()}, r, c.status, []byte(c.body), c.err)
			if got := judged(t, w); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestADisturbanceThatIsOverExcusesNothingLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &causes{}
		one := c.begin("kill", "php", kills)
		c.end(one, time.Now().Add(lag))
		time.Sleep(lag)
		if n := c.count("php", time.Now(), time.Now(), kills); n != 1 {
			t.Errorf("%d within the lag", n)
		}
		time.Sleep(time.Millisecond)
		if n := c.count("php", time.Now(), time.Now(), kills); n != 0 {
			t.Errorf("%d behind the lag", n)
		}
	})
}

// scripted says what it is told to, whatever it is sent.
type scripted struct {
	says []string
	ends error
}

func (s *scripted) write(string) error { return nil }
func (s *scripted) read(time.Time) (string, error) {
	if len(s.says) == 0 {
		return "", s.ends
	}
	next := s.says[0]
	s.says = s.says[1:]
	return next, nil
}
func (s *scripted) finish() error            { return nil }
func (s *scripted) brokenOff(err error) bool { return errors.Is(err, errBroken) }
func (s *scripted) over(err error) bool      { return err == io.EOF }
func (s *scripted) close()                   {}

var errBroken = errors.New("close 1011")

func TestFatesOfADialogue(t *testing.T) {
	for name, c := range map[string]struct {
		says     []string
		ends     error
		finished bool
		effects  []effect
		want     map[fate]int64
	}{
		"all well":               {[]string{"0", "1", "2"}, io.EOF, true, nil, map[fate]int64{answered: 3}},
		"ends by itself":         {[]string{"0", "1", "2"}, io.EOF, false, nil, map[fate]int64{answered: 3, closed: 1}},
		"one twice":              {[]string{"0", "1", "1", "2"}, io.EOF, true, nil, map[fate]int64{answered: 3, duplicated: 1}},
		"two in the wrong order": {[]string{"1", "0", "2"}, io.EOF, true, nil, map[fate]int64{answered: 3, disordered: 1}},
		"one is missing":         {[]string{"0", "2"}, os.ErrDeadlineExceeded, false, nil, map[fate]int64{answered: 2, disordered: 1, lost: 1}},
		"one is something else":  {[]string{"0", "1 x", "2"}, io.EOF, true, nil, map[fate]int64{answered: 2, wrong: 1}},
		"nobody asked":           {[]string{"0", "1", "2", "hello"}, io.EOF, true, nil, map[fate]int64{answered: 3, duplicated: 1}},
		"hung":                   {[]string{"0"}, errBroken, false, []effect{hangs}, map[fate]int64{answered: 1, excused: 2, excusedEnd: 1}},
		"killed":                 {[]string{"0"}, errBroken, false, []effect{kills}, map[fate]int64{answered: 1, lost: 2, closed: 1}},
		"killed twice":           {[]string{"0"}, errBroken, false, []effect{kills, kills}, map[fate]int64{answered: 1, excused: 2, excusedEnd: 1}},
		"gateway killed":         {[]string{"0"}, io.EOF, false, []effect{cuts}, map[fate]int64{answered: 1, cut: 2, cutEnd: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := quietWorld()
			for _, e := range c.effects {
				w.causes.begin("something", "php", e)
			}
			s := &speaker{w: w, pool: "php", kind: "text"}
			d := &dialogue{speaker: s, talker: &scripted{c.says, c.ends}, opened: time.Now(), free: make(chan struct{}, 8), ended: make(chan struct{}), finished: c.finished, next: 3}
			for n, text := range []string{"0", "1", "2"} {
				d.open = append(d.open, message{n, text, time.Now()})
			}
			d.hear()
			for f := sent; f < fates; f++ {
				if got := w.ledger.count(f); got != c.want[f] {
					t.Errorf("%v: %d, want %d", f, got, c.want[f])
				}
			}
		})
	}
}

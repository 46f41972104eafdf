package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

var rateText = regexp.MustCompile(`^([0-9]{1,6})/(s|m|h)$`)

// maxRate of any unit: beyond it nanoseconds are too coarse to give it back.
const maxRate = 100_000

var errNoRate = errors.New("is not a rate")

var rateUnits = []struct {
	name string
	per  time.Duration
}{{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}}

// rateKey holds a rate such as 20/s as the time between two; 0 is no limit.
func rateKey[T any](name, doc string, field func(*T) *time.Duration) key[T] {
	return key[T]{name: name, kind: kindRate, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			text, ok := r.text(n, name, "a rate such as 20/s")
			if !ok {
				return
			}
			every, err := parseRate(text)
			if err != nil {
				r.fault(n, "write 20/s, 300/m or 0 for no limit", "%s %s is not a rate: %q", name, r.where, text)
				return
			}
			*field(t) = every
		},
		show: func(t *T) any { return showRate(*field(t)) },
	}
}

func parseRate(text string) (every time.Duration, err error) {
	if text == "0" {
		return 0, nil
	}
	m := rateText.FindStringSubmatch(text)
	if m == nil {
		return 0, errNoRate
	}
	n, _ := strconv.Atoi(m[1]) // at most six digits
	if n == 0 || n > maxRate {
		return 0, errNoRate
	}
	for _, unit := range rateUnits {
		if unit.name == m[2] {
			every = unit.per / time.Duration(n)
		}
	}
	return every, nil
}

// showRate writes the rate in the first unit that gives it back exactly.
func showRate(every time.Duration) any {
	if every <= 0 {
		return 0
	}
	for _, unit := range rateUnits {
		n := (unit.per + every/2) / every
		if n > 0 && n <= maxRate && unit.per/n == every {
			return fmt.Sprintf("%d/%s", n, unit.name)
		}
	}
	return 0 // parseRate makes no other
}

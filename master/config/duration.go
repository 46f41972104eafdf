package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	errNoUnit      = errors.New("has no unit")
	errNoDuration  = errors.New("is not a duration")
	errLongestTime = errors.New("is too long")
)

var (
	durationText = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$`)
	durationPart = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)`)
	bareNumber   = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
)

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// parseDuration reads 30s, 1h30m, 500ms or 7d. A bare number is refused,
// because half of the world's programs take it for milliseconds; 0 is not.
// The result is a whole number of milliseconds.
func parseDuration(text string) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	if bareNumber.MatchString(text) {
		return 0, errNoUnit
	}
	if !durationText.MatchString(text) {
		return 0, errNoDuration
	}
	var sum float64
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, errLongestTime
		}
		sum += n * float64(durationUnits[part[2]])
	}
	if sum > math.MaxInt64/2 {
		return 0, errLongestTime
	}
	ms := math.Round(sum / float64(time.Millisecond))
	if sum > 0 {
		ms = max(ms, 1) // 0 would mean no limit at all
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// showDuration writes d as parseDuration reads it: 1h30m, not 1h30m0s.
func showDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range []string{"h", "m", "s", "ms"} {
		if n := d / durationUnits[unit]; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit)
			d -= n * durationUnits[unit]
		}
	}
	return b.String()
}

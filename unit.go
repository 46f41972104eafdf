package main

import (
	"fmt"
	"time"
)

// showBytes is a size for people: 512, 1.5K, 23.4M, 1.2G; binary units.
func showBytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d", n)
	}
	value := float64(n)
	for _, unit := range "KMGT" {
		if value /= 1 << 10; value < 1<<10 || unit == 'T' {
			return fmt.Sprintf("%.1f%c", value, unit)
		}
	}
	return ""
}

// showAge is a time for people, in its two largest units: 3d 4h, 5m 6s, 7s.
func showAge(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Truncate(time.Second)
	day := 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

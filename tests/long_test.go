package tests

import "flag"

// long makes the tests under load take the sizes of the promise instead of
// those that fit a run of every day: make soak.
var long = flag.Bool("long", false, "20 reloads of slow handlers, 19,000 connections, bodies of 1 GiB")

// size is the one that fits the run.
func size[T any](everyDay, whole T) T {
	if *long {
		return whole
	}
	return everyDay
}

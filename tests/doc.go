// Package tests drives the built gw binary from the outside, with real PHP
// and Python handlers: a user's view of the program.
//
// It knows the command line, the JSON of `gw status` and what travels over
// sockets, and nothing of the code. handlers/ holds the programs the tests
// run, each named after what it does; the examples and the code blocks of the
// documentation are run here too.
//
// Invariants: a test listens on ports the system gave out, keeps its state in
// a folder of its own, waits for conditions and never for an amount of time,
// and leaves no process behind.
package tests

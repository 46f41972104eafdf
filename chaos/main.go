// Command chaos kills, freezes, reloads and scales a gw under mixed load, and
// counts what became of every request and message.
//
//	go run ./chaos [-seed N] [-time 3m] [-loops N] [-gateway-kills 1] [-quiet]
//
// It owns one gw with a folder, a state folder and ports of its own, and ends
// all of it, also when it is interrupted itself. It knows of gw only what a
// user knows: commands, exit codes, the control socket, what the docs promise.
//
// Invariants:
//   - What is disturbed, when and where follows from the seed alone.
//   - Every request and message sent has exactly one fate.
//   - A failure is excused only by a disturbance that the docs say may cause it
//     and that was under way at that moment in that pool.
//   - Every wait is bounded.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options say what a run is.
type options struct {
	seed         uint64
	time         time.Duration // of the load
	loops        int           // of the gateway; 0: the seed says
	gatewayKills int
	binary       string // empty: built
	keep         bool   // leave the folder
	out          io.Writer
}

func main() {
	o := options{out: os.Stdout}
	quiet := flag.Bool("quiet", false, "print only faults and the last line")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "what is disturbed, when and where")
	flag.DurationVar(&o.time, "time", 3*time.Minute, "how long the load runs")
	flag.IntVar(&o.loops, "loops", 0, "event loops of the gateway; 0: one to three, as the seed says")
	flag.IntVar(&o.gatewayKills, "gateway-kills", 1, "how often the gateway process is killed")
	flag.StringVar(&o.binary, "gw", "", "a gw to test instead of building one")
	flag.BoolVar(&o.keep, "keep", false, "leave configuration, handlers and logs")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	log := o.out
	if *quiet {
		log = io.Discard
	}
	r, err := run(ctx, o, log)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	r.print(o.out)
	if !r.clean() {
		os.Exit(1)
	}
}

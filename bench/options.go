package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// warmUp lets a server settle before it is measured.
	warmUp = 250 * time.Millisecond
	// warmAgain is enough when it was measured a moment ago.
	warmAgain = 100 * time.Millisecond
)

// options are the command line.
type options struct {
	command   string // for the report: without the names of files
	gw        string
	time      time.Duration
	runs      int
	retries   int
	conns     []int
	rate      float64
	idle      int
	soak      int
	broadcast int
	sdk       bool
	beside    string
	start     bool
	half      bool
	guard     bool
	update    bool
	sweep     string
	workers   []int
	nice      int
	awake     bool
	only      *regexp.Regexp
	json      string
	markdown  string
	svg       string
	page      string
}

// parseOptions reads the command line; the flag package prints what is wrong.
func parseOptions(arguments []string) (options, error) {
	o := options{command: "go run ./bench"}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "one run of 0.5 s each")
	flags.DurationVar(&o.time, "time", 1200*time.Millisecond, "length of a run")
	flags.IntVar(&o.runs, "runs", 3, "runs of each setting; their median is shown")
	flags.IntVar(&o.retries, "retries", 0, "how often a run is repeated that others have disturbed; for a busy machine")
	conns := flags.String("conns", "1,64,512", "numbers of connections")
	flags.Float64Var(&o.rate, "rate", 0, "requests per second at a fixed rate, latencies from the scheduled time; 0: closed loop")
	flags.IntVar(&o.idle, "idle", 5000, "idle connections whose memory is measured; 0: none")
	flags.IntVar(&o.soak, "soak", 0, "instead: so many requests of each scenario to each gw, and whether its memory grows")
	flags.IntVar(&o.broadcast, "broadcast", 0, "instead: what requests feel of messages to so many WebSockets")
	flags.BoolVar(&o.sdk, "sdk", false, "instead: the loops of the SDKs alone, beside loops that do nothing else; -only on 'WORK HANDLER', such as 'http php'")
	flags.StringVar(&o.beside, "beside", "", "with -sdk: another gw binary, whose SDKs take turns with this tree's")
	flags.StringVar(&o.sweep, "sweep", "", "instead: the cost of a request by the number of connections, workers or groups")
	flags.BoolVar(&o.half, "half", false, "instead: latencies while every server has half of the work it can do")
	flags.BoolVar(&o.guard, "guard", false, "instead: the instructions that the SDKs take for a message, beside those in "+guardFile)
	flags.BoolVar(&o.update, "update", false, "with -guard: write them into "+guardFile)
	flags.BoolVar(&o.start, "start", false, "instead: how long gw takes to start and to reload")
	workers := flags.String("workers", "1", "numbers of handler processes of each server")
	flags.IntVar(&o.nice, "nice", 0, "priority of servers and load; below 0 needs root")
	flags.BoolVar(&o.awake, "awake", true, "keep the cores from sleeping while one connection is measured")
	only := flags.String("only", "", "regular expression on 'SCENARIO PEER', such as 'hello gw-php' or 'idle-ws gw-php'")
	flags.StringVar(&o.gw, "gw", "", "gw binary to measure; default: built from this tree")
	flags.StringVar(&o.json, "json", "", "file for all figures as JSON")
	flags.StringVar(&o.markdown, "markdown", "", "file for the tables as Markdown")
	flags.StringVar(&o.svg, "svg", "", "file for a plot of the processor time per request")
	flags.StringVar(&o.page, "page", "", "Markdown file with a place for the table of all servers")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	flags.Visit(func(f *flag.Flag) {
		if !slices.Contains([]string{"gw", "beside", "json", "markdown", "svg", "page"}, f.Name) {
			o.command += fmt.Sprintf(" -%s='%v'", f.Name, f.Value)
		}
	})
	if *quick {
		o.time, o.runs = 500*time.Millisecond, 1
	}
	var err error
	o.only, err = regexp.Compile(*only)
	o.conns, err = numbers("conns", *conns, err)
	o.workers, err = numbers("workers", *workers, err)
	if err = cmp.Or(err, o.check(flags.Args())); err != nil {
		fmt.Fprintln(flags.Output(), "bench:", err)
	}
	return o, err
}

func (o options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if o.time <= 0 || o.runs < 1 || o.idle < 0 || o.soak < 0 || o.broadcast < 0 || o.rate < 0 || o.retries < 0 {
		return errors.New("time and runs must be positive, idle, all other numbers not negative")
	}
	if !slices.Contains([]string{"", "connections", "workers", "groups"}, o.sweep) {
		return fmt.Errorf("sweep is connections, workers or groups, not %q", o.sweep)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	const own = 100 // descriptors that are not connections
	if most := slices.Max(append(slices.Clone(o.conns), o.idle, o.broadcast)); uint64(most+own) > limit.Cur {
		return fmt.Errorf("%d connections are more than the %d descriptors a process may have here (ulimit -n)", most, limit.Cur)
	}
	return nil
}

// numbers reads a list such as 1,64,512, unless something failed before.
func numbers(name, list string, before error) (n []int, err error) {
	for _, word := range strings.Split(list, ",") {
		i, err := strconv.Atoi(word)
		if err != nil || i < 1 {
			return nil, cmp.Or(before, fmt.Errorf("%s: %q is not a number above 0", name, word))
		}
		n = append(n, i)
	}
	return n, before
}

// Command conformance runs test suites that others wrote against gw and, where
// they are there, servers beside it, and prints a table of scores.
//
// A suite is a file here: it says what it needs, starts the servers it tests
// and returns a score for each. What a suite installs goes to build/; nothing of
// it is part of gw or of its tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// suite is a judge from outside.
type suite struct {
	name string
	run  func(context.Context, *workshop) ([]score, error)
}

var suites = []suite{
	{"http1", http1Suite},
	{"http2", http2Suite},
	{"websocket", webSocketSuite},
}

// errAbsent is why a suite cannot run here; the others still do.
var errAbsent = errors.New("not run")

// workshop is where suites work.
type workshop struct {
	root   string // of the repository
	build  string // build/conformance: what is installed stays for the next time
	gw     string // the binary
	cases  string // pattern of the cases to run, in the suite's own form; empty: all
	report string // folder for reports
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	names := make([]string, len(suites))
	for i := range suites {
		names[i] = suites[i].name
	}
	only := flag.String("only", "", "suites to run, separated by commas: "+strings.Join(names, ", "))
	cases := flag.String("cases", "", "cases to run, such as 12.* for websocket; default: all")
	flag.Parse()
	w, err := open(*cases)
	if err != nil {
		return err
	}
	var scores []score
	failed := false
	for _, s := range suites {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), s.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "Running", s.name)
		got, err := s.run(ctx, w)
		switch {
		case errors.Is(err, errAbsent):
			fmt.Fprintf(os.Stderr, "%s: %v\n", s.name, err)
		case err != nil:
			return fmt.Errorf("%s: %w", s.name, err)
		}
		scores = append(scores, got...)
		for _, g := range got {
			failed = failed || g.own && g.passed < g.total
		}
	}
	if len(scores) == 0 {
		return errors.New("no suite ran")
	}
	fmt.Print(table(scores))
	if failed {
		return errors.New("gw does not pass all of it: see " + w.report)
	}
	return nil
}

// open builds gw into the workshop.
func open(cases string) (*workshop, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "conformance", "main.go")); err != nil {
		return nil, errors.New("run it in the folder of the repository: go run ./conformance")
	}
	w := &workshop{root: root, build: filepath.Join(root, "build", "conformance"), cases: cases}
	w.gw, w.report = filepath.Join(w.build, "gw"), filepath.Join(w.build, "reports")
	if err := os.MkdirAll(w.report, 0o755); err != nil {
		return nil, err
	}
	command := exec.Command("go", "build", "-buildvcs=false", "-o", w.gw, ".")
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build gw: %w\n%s", err, output)
	}
	return w, nil
}

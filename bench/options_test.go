package main

import (
	"slices"
	"testing"
	"time"
)

func TestQuickMeansOneShortRun(t *testing.T) {
	o, err := parseOptions([]string{"-quick", "-conns", "1,64", "-only", "^ws "})
	if err != nil {
		t.Fatal(err)
	}
	if o.runs != 1 || o.time != 500*time.Millisecond || !slices.Equal(o.conns, []int{1, 64}) {
		t.Errorf("%+v", o)
	}
	if !o.only.MatchString("ws gw-php") || o.only.MatchString("ws16 gw-php") {
		t.Error("-only does not select the scenario")
	}
}

func TestTheCommandOfAReportNamesNoFiles(t *testing.T) {
	o, err := parseOptions([]string{"-markdown", "/somewhere/out.md", "-json", "/somewhere/out.json", "-runs", "5"})
	if err != nil || o.command != "go run ./bench -runs='5'" {
		t.Errorf("%q, %v", o.command, err)
	}
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	for _, arguments := range [][]string{
		{"-conns", "1,x"}, {"-conns", "0"}, {"-only", "("}, {"-runs", "0"}, {"-idle", "100000000"}, {"hello"},
	} {
		if _, err := parseOptions(arguments); err == nil {
			t.Errorf("%q accepted", arguments)
		}
	}
}

func TestEveryScenarioIsServedByGWInBothLanguages(t *testing.T) {
	b := newBench(options{}, nil)
	for _, s := range scenarios {
		for _, name := range []string{"gw-php", "gw-python"} {
			found := false
			for _, p := range b.peers {
				found = found || p.Name == name && p.Serves(s.asks)
			}
			if _, absent := b.report.Absent[name]; !found && !absent {
				t.Errorf("%s does not serve %s", name, s.name)
			}
		}
	}
}

func TestOnlyKnownSweepsAreMade(t *testing.T) {
	for sweep, want := range map[string]bool{"": true, "connections": true, "workers": true, "groups": true, "hello": false} {
		if _, err := parseOptions([]string{"-sweep", sweep}); (err == nil) != want {
			t.Errorf("-sweep %q: %v", sweep, err)
		}
	}
}

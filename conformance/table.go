package main

import (
	"fmt"
	"strings"
)

// score is how a server did in a part of a suite.
type score struct {
	suite, part, server string
	own                 bool // gw: it must pass everything
	passed, total       int
	failed              []string // cases, with what the suite said of them
}

// mostNamed bounds the failed cases that the table names.
const mostNamed = 8

// table is the scores as Markdown.
func table(scores []score) string {
	var b strings.Builder
	b.WriteString("| suite | part | server | passed | what failed |\n|---|---|---|---|---|\n")
	for _, s := range scores {
		named := s.failed[:min(len(s.failed), mostNamed)]
		rest := ""
		if n := len(s.failed) - len(named); n > 0 {
			rest = fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d of %d | %s%s |\n", s.suite, s.part, s.server, s.passed, s.total, strings.Join(named, ", "), rest)
	}
	return b.String()
}

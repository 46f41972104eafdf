package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a configuration, with the place where it stands.
type Fault struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`   // counts from 1; 0: the fault has no place
	Column  int    `json:"column,omitempty"` // counts from 1; 0: unknown
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do about it
}

// String is the fault on one line, in the form editors jump to.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	if f.Line > 0 && f.Column > 0 {
		fmt.Fprintf(&b, ":%d", f.Column)
	}
	b.WriteString(": " + f.Message)
	if f.Hint != "" {
		b.WriteString(": " + f.Hint)
	}
	return b.String()
}

// Faults is the error of Load and ForHandler: every fault at once, in the
// order of the file.
type Faults []Fault

// Error has one fault per line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders the faults by place and drops what an alias reported twice.
func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(f)
}

// orNil keeps an empty list from becoming an error that is not nil.
func (f Faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	return f.sorted()
}

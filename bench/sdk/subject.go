package sdk

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Subject is one way to run handlers: an SDK with an interpreter and its
// settings. A file for each language lists them.
type Subject struct {
	Name string
	// Budgets are µs of processor time a message by work; 0: none is stated. A
	// work that is missing is not done.
	Budgets map[string]float64
	// Absent says why it cannot run here, "" when it can.
	Absent func() string

	programs map[string]string // by work
	bare     string            // the program that does nothing but read, unpack, pack and write
	// argv is the command line of a program with the SDKs that lie in a folder
	// as gw sdk writes them, environment what it needs.
	argv        func(sdks, program string) []string
	environment func(sdks string) []string
}

// Subjects is every way, in the order of the tables.
func Subjects() []Subject { return slices.Concat(phpSubjects(), pythonSubjects()) }

// Does tells whether the subject does a work.
func (s Subject) Does(work string) bool {
	_, does := s.Budgets[work]
	return does
}

// every gives all works the same program.
func every(program string) map[string]string {
	return map[string]string{"hello": program, "http": program, "vary": program, "ws": program}
}

// probe runs a program that fails where something is missing, and says so.
func probe(argv ...string) (why string) {
	text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(fmt.Sprintf("%s: %v %s", argv[0], err, lines[len(lines)-1]))
}

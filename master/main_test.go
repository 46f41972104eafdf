package master

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// TestMain also is the program of the children: `gateway`, `handler BEHAVIOUR`
// and `master FOLDER` (see children_test.go). It fails the run when a test
// leaves a goroutine, a descriptor or a child behind.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "gateway":
			os.Exit(childGateway())
		case "handler":
			os.Exit(childHandler(os.Args[2]))
		case "master":
			os.Exit(childMaster(os.Args[2]))
		}
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // children end at once also with -race
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors()
	code := m.Run()
	if code == 0 {
		code = leaks(goroutines, descriptors)
	}
	os.Exit(code)
}

func leaks(goroutines, descriptors int) int {
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		// Go's poller opens two descriptors, os/signal starts a goroutine, at
		// their first use and for ever.
		if runtime.NumGoroutine() <= goroutines+1 && countDescriptors() <= descriptors+2 && childPIDs() == "" {
			return 0
		}
	}
	var stacks bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&stacks, 1)
	fmt.Fprintf(os.Stderr, "leaked: %d goroutines (%d before), %d descriptors (%d before), children %q\n%s",
		runtime.NumGoroutine(), goroutines, countDescriptors(), descriptors, childPIDs(), stacks.String())
	return 1
}

func countDescriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// childPIDs lists the children of all our threads.
func childPIDs() string {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	var all strings.Builder
	for _, path := range lists {
		text, _ := os.ReadFile(path)
		all.Write(text)
	}
	return strings.TrimSpace(all.String())
}

package ipc

import (
	"fmt"
	"os"
	"testing"
)

// TestMain fails the run when a test leaves a descriptor open.
func TestMain(m *testing.M) {
	before, _ := os.ReadDir("/proc/self/fd")
	code := m.Run()
	after, _ := os.ReadDir("/proc/self/fd")
	// Go's poller opens up to two descriptors of its own at the first use.
	if code == 0 && len(after) > len(before)+2 {
		fmt.Fprintf(os.Stderr, "descriptors leaked: %d before, %d after\n", len(before), len(after))
		code = 1
	}
	os.Exit(code)
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

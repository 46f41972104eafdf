package master

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"gw/master/api"
	"gw/protocol/control"
)

// A gateway that is killed in the middle of an upload cannot remove its file.
func TestRequestBodiesOfADeadGatewayAreRemoved(t *testing.T) {
	o := options(shortFolder(t), "good", 1)
	r := launch(t, o)
	before := r.until("active", allActive(1))
	others := []string{control.SpoolPrefix(1) + "1", "notes"}
	for _, name := range append(others, control.SpoolPrefix(before.Gateway.PID)+"1", control.SpoolPrefix(before.Gateway.PID)+"2") {
		if err := os.WriteFile(filepath.Join(o.Config.TempDir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unix.Kill(before.Gateway.PID, unix.SIGKILL)
	r.until("new gateway", func(s api.Status) bool { return s.Gateway.Restarts == 1 && allActive(1)(s) })
	entries, err := os.ReadDir(o.Config.TempDir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if !slices.Equal(left, others) {
		t.Errorf("left: %q, want %q", left, others)
	}
}

func TestNoTempDirIsNoFault(t *testing.T) {
	if err := removeSpools(filepath.Join(t.TempDir(), "gone"), 1); err != nil {
		t.Error(err)
	}
}

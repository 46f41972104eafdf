package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The unit that ships is one that systemd reads without a word.
func TestSystemdUnitIsValid(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd here")
	}
	unit := strings.ReplaceAll(read(t, "deploy/gw.service"), "/usr/local/bin/gw", gwBinary)
	path := filepath.Join(t.TempDir(), "gw.service")
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, output)
	}
}

// The README's first session, as it stands there.
func TestReadmeDemo(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := prepare(t, setup{language: l, handler: "hello"})
		if err := os.Remove(filepath.Join(g.dir, "gw.yaml")); err != nil {
			t.Fatal(err)
		}
		handler := l.file("hello_http")
		g.write(handler, read(t, "examples/"+l.name+"/"+handler))
		g.mustRun("start", "-d", "--workers", "4", "--listen", "http://"+g.addresses["http"], handler)
		g.wantPage("/", "Hello Client")
		g.edit(handler, "Hello Client", "Hello again")
		g.mustRun("reload")
		g.wantPage("/", "Hello again")
		g.mustRun("stop")
	})
}

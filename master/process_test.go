package master

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell starts a shell command by way of a spawner of its own.
func shell(t *testing.T, script string) *process {
	t.Helper()
	s := newSpawner(false)
	t.Cleanup(s.close)
	p, err := start(s, &command{arguments: []string{"sh", "-c", script}, environment: []string{"PATH=/usr/bin:/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEndOfAProcessIsNamed(t *testing.T) {
	for script, want := range map[string]string{
		"exit 0": "exit code 0", "exit 7": "exit code 7",
		"kill -9 $$": "killed by SIGKILL", "kill -SEGV $$": "killed by SIGSEGV",
	} {
		if got := shell(t, script).wait(); got != want {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
	}
}

func TestSignalAfterTheEndReachesNobody(t *testing.T) {
	p := shell(t, "exit 0")
	p.wait()
	p.signal(syscall.SIGKILL)
	p.group(syscall.SIGKILL) // the number may be another process's by now
}

func TestOutputIsCompleteWhenTheProcessIsReaped(t *testing.T) {
	p := shell(t, "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; echo last >&2")
	p.wait()
	if text := p.tail(); !strings.Contains(text, "line 299\n") || !strings.Contains(text, "last\n") {
		t.Errorf("%d bytes", len(text))
	}
}

func TestGroupSignalReachesChildren(t *testing.T) {
	p := shell(t, "sleep 20 & wait")
	began := time.Now()
	p.group(syscall.SIGTERM)
	if got := p.wait(); got != "killed by SIGTERM" || time.Since(began) > 5*time.Second {
		t.Errorf("%s after %s", got, time.Since(began))
	}
}

func TestStdinIsEmpty(t *testing.T) {
	p := shell(t, "cat; readlink /proc/self/fd/0")
	p.wait()
	if got := p.tail(); got != "/dev/null\n" {
		t.Errorf("stdin is %q", got)
	}
}

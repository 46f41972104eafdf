package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain is gw itself in the processes that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv("GW_TEST_MAIN") == "1" {
		main()
		return
	}
	os.Setenv("GW_TEST_MAIN", "1")
	os.Setenv("NO_COLOR", "1")
	os.Exit(m.Run())
}

// result is what a command answered.
type result struct {
	code     int
	out, err string
}

// gw runs a command in this process.
func gw(args ...string) result {
	var out, err bytes.Buffer
	code := run(append([]string{"gw"}, args...), &out, &err)
	return result{code, out.String(), err.String()}
}

// place is a folder with the given files, made the current one, and a state
// folder of its own with a path short enough for a socket.
func place(t *testing.T, files ...string) (dir string) {
	t.Helper()
	dir, state := shortDir(t), shortDir(t)
	t.Setenv("GW_STATE_DIR", state)
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(dir, files[i]), files[i+1])
	}
	t.Chdir(dir)
	t.Setenv("PWD", dir)
	return dir
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// want compares an answer as a whole; %DIR% and %STATE% stand for the folders.
func want(t *testing.T, got result, code int, out, err string) {
	t.Helper()
	dir, _ := os.Getwd()
	hide := strings.NewReplacer(dir, "%DIR%", os.Getenv("GW_STATE_DIR"), "%STATE%")
	got.out, got.err = hide.Replace(got.out), hide.Replace(got.err)
	if got.code != code {
		t.Errorf("exit code: got %d, want %d", got.code, code)
	}
	if got.out != out {
		t.Errorf("output: got\n%s\nwant\n%s", got.out, out)
	}
	if got.err != err {
		t.Errorf("errors: got\n%s\nwant\n%s", got.err, err)
	}
}

func TestUnknownWordsGetASuggestion(t *testing.T) {
	place(t, "app.py", "")
	for _, c := range []struct{ args, want string }{
		{"strat", "gw: unknown command \"strat\"\ndid you mean gw start?\n"},
		{"xyzzy", "gw: unknown command \"xyzzy\"\ngw help lists the commands\n"},
		{"app.py start", "gw: unknown command \"app.py\"\nto start it write gw start app.py\n"},
		{"help statsu", "gw: unknown command \"statsu\"\ndid you mean gw help status?\n"},
		{"start --worker 4", "gw: unknown flag --worker of gw start\ndid you mean --workers?\n"},
		{"--verbose status", "gw: unknown flag --verbose of gw\ngw help lists the flags\n"},
		{"start app.py --workers many", "gw: gw start: invalid value \"many\" for flag -workers: parse error\ngw help start lists the flags\n"},
		{"start app.py --workers 0", "gw: --workers must be at least 1\nleave it out for one\n"},
		{"status a b", "gw: too many arguments: b\ngw help status shows how to call it\n"},
		{"status -c a b", "gw: two configurations: a and b\nname one of them\n"},
		{"stop -g --timeout 3s", "gw: --graceful waits without a deadline, --timeout sets one\nleave one of them out\n"},
		{"completion fish", "gw: no completion for \"fish\"\nwrite gw completion bash, or zsh\n"},
		{"init --language cobol", "gw: there is no project for \"cobol\"\nwrite --language php or --language python\n"},
	} {
		want(t, gw(strings.Fields(c.args)...), exitUsage, "", c.want)
	}
}

func TestFlagsMayStandBehindTheirCommand(t *testing.T) {
	app := newApp(nil, nil)
	for line, want := range map[string]string{
		"gw start app.py -d --workers 4":      "gw start -d --workers 4 -- app.py",
		"gw -c x.yaml status --json":          "gw -c x.yaml status --json",
		"gw connections 10.0.0.1 --json -c y": "gw connections --json -c y -- 10.0.0.1",
		"gw start -l=http://:1 a -l http://x": "gw start -l=http://:1 -l http://x -- a",
		"gw start -- -odd.php":                "gw start -- -odd.php",
		"gw nothing a -d":                     "gw nothing a -d",
		"gw":                                  "gw",
		"gw start a " + completionFlag:        "gw start a " + completionFlag,
	} {
		if got := strings.Join(arrange(app, strings.Fields(line)), " "); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", line, got, want)
		}
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	place(t)
	for _, c := range commands() {
		if c.Hidden {
			continue
		}
		if got := gw("help", c.Name); got.code != exitOK || !strings.Contains(got.out, "Example") || !strings.Contains(got.out, "   gw "+c.Name) && !strings.Contains(got.out, "<(gw "+c.Name) {
			t.Errorf("gw help %s: exit code %d\n%s%s", c.Name, got.code, got.out, got.err)
		}
		if got := gw(c.Name, "--help"); got.code != exitOK || !strings.Contains(got.out, c.Usage) {
			t.Errorf("gw %s --help: exit code %d\n%s%s", c.Name, got.code, got.out, got.err)
		}
	}
	for _, args := range [][]string{{}, {"help"}, {"--help"}} {
		if got := gw(args...); got.code != exitOK || !strings.Contains(got.out, "start gw in the foreground") || strings.Contains(got.out, "gateway process") {
			t.Errorf("gw %v: exit code %d\n%s%s", args, got.code, got.out, got.err)
		}
	}
}

func TestExitCodesAreDocumented(t *testing.T) {
	place(t)
	want(t, gw("help", "exit-codes"), exitOK, ` 0  done
 1  failed in a way that has no code of its own
 2  unknown command or flag, or a bad argument
 3  gw is not running here
 4  gw is already running here
 5  the configuration is faulty
 6  an address is in use or cannot be bound
 7  a handler did not start
 8  time-out
 9  the reload was aborted, the old handlers go on
10  another reload is under way
`, "")
}

func TestCompletionListsCommandsAndFlags(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for line, words := range map[string][]string{
		"":         {"start", "reload", "connections"},
		"reload -": {"--pool", "--no-wait"},
	} {
		// In a process of its own: the cli package looks at os.Args.
		got, err := exec.Command(self, append(strings.Fields(line), completionFlag)...).CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !slices.Contains(strings.Fields(string(got)), word) {
				t.Errorf("%q: %s is missing in\n%s", line, word, got)
			}
		}
	}
	for _, shell := range []string{"bash", "zsh"} {
		if got := gw("completion", shell); got.code != exitOK || !strings.Contains(got.out, completionFlag) {
			t.Errorf("%s: %+v", shell, got)
		}
	}
}

func TestVersion(t *testing.T) {
	got := gw("version")
	if got.code != exitOK || !strings.HasPrefix(got.out, "gw "+version+"  Go 1.") || !strings.Contains(got.out, "Linux ") {
		t.Errorf("got %+v", got)
	}
	if got := gw("version", "--json"); !strings.Contains(got.out, `"version": "`+version+`"`) {
		t.Errorf("got %+v", got)
	}
}

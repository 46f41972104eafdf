package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	place(t, "gw.yaml", "pools: {web: {command: /bin/true}}\nlisteners: [{listen: 'http://:8080'}]\n",
		"bad.yaml", "pools:\n  web:\n    comand: php\n    workers: 0\n", "run", "#!/bin/sh\n")
	want(t, gw("check"), exitOK, "gw.yaml: ok, 1 pool, 1 listener\n", "")
	want(t, gw("check", "."), exitOK, "gw.yaml: ok, 1 pool, 1 listener\n", "")
	want(t, gw("check", "run"), exitOK, "run: ok, 1 pool, 1 listener\n", "")
	want(t, gw("check", "gw.yaml", "--json"), exitOK, "{\n  \"file\": \"gw.yaml\",\n  \"ok\": true,\n  \"faults\": []\n}\n", "")
	want(t, gw("check", "bad.yaml"), exitConfig, "", `bad.yaml:2:3: pool web has no command: write command: [php, app.php]
bad.yaml:3:5: unknown key "comand" in pool web: did you mean "command"?
bad.yaml:4:14: workers in pool web must be a number from 1 to 4096 or auto, not "0"
`)
	want(t, gw("-c", "gone.yaml", "check"), exitConfig, "", "gone.yaml: there is no such file: name one, or let gw init write a first one\n")
	got := gw("check", "--json", "bad.yaml")
	if got.code != exitConfig || got.err != "" || !strings.Contains(got.out, `"hint": "did you mean \"command\"?"`) {
		t.Errorf("got %+v", got)
	}
}

func TestEffectiveConfigurationChecksOut(t *testing.T) {
	dir := place(t, "gw.yaml", "pools: {web: {command: /bin/true}}\n")
	got := gw("check", "--effective")
	if got.code != exitOK || !strings.Contains(got.out, "queue_limit: 10000") {
		t.Fatalf("got %+v", got)
	}
	write(t, filepath.Join(dir, "gw.yaml"), got.out)
	if again := gw("check", "--effective"); again != got {
		t.Errorf("got %+v, want %+v", again, got)
	}
}

func TestInitWritesAProjectThatChecksOut(t *testing.T) {
	for language, file := range map[string]string{"php": "app.php", "python": "app.py"} {
		dir := place(t)
		want(t, gw("init", "hello", "--language", language), exitOK,
			"wrote hello/README.md, hello/"+file+", hello/gw.yaml\nnext: cd hello && gw start\n", "")
		bin := filepath.Join(dir, "bin")
		write(t, filepath.Join(bin, "php"), "")
		write(t, filepath.Join(bin, "python3"), "")
		t.Setenv("PATH", bin)
		want(t, gw("check", "hello"), exitOK, "hello/gw.yaml: ok, 1 pool, 1 listener\n", "")
	}
}

func TestInitOverwritesNothing(t *testing.T) {
	dir := place(t, "app.php", "mine")
	want(t, gw("init", "-l", "php"), exitFailure, "", "gw: app.php: already there\nname another folder, or add --force\n")
	if text, _ := os.ReadFile(filepath.Join(dir, "app.php")); string(text) != "mine" {
		t.Errorf("got %s", text)
	}
	if exists("gw.yaml") {
		t.Error("wrote gw.yaml although it refused")
	}
	want(t, gw("init", "-l", "php", "--force"), exitOK, "wrote README.md, app.php, gw.yaml\nnext: gw start\n", "")
}

func TestStartRefusesWhatItCannotStart(t *testing.T) {
	place(t, "run", "#!/bin/sh\n", "other.yaml", "pools: {web: {command: nothing-like-this}}\n")
	want(t, gw("start"), exitConfig, "", "gw: there is no gw.yaml here\nname a handler, such as gw start app.py, or write a first project with gw init\n")
	want(t, gw("start", "-d", "other.yaml"), exitConfig, "", "other.yaml:1:24: command in pool web: nothing-like-this is not in PATH: install it, or give its full path\n")
	want(t, gw("start", "other.yaml", "--workers", "2"), exitUsage, "", "gw: --workers is for a handler that has no gw.yaml\nwrite it into other.yaml\n")
	want(t, gw("start", "gone.py"), exitConfig, "", "gone.py: there is no such file: name one, or let gw init write a first one\n")
}

func TestStartBesideARunningMaster(t *testing.T) {
	place(t, "gw.yaml", "pools: {web: {command: /bin/true}}\n")
	f := &fakeMaster{}
	f.serve(t)
	for _, args := range [][]string{{"start"}, {"start", "-d"}} {
		got := gw(args...)
		if got.code != exitAlreadyRunning || !strings.HasPrefix(got.err, "gw: gw is already running here (pid ") {
			t.Errorf("got %+v", got)
		}
	}
	if exists(filepath.Join(os.Getenv("GW_STATE_DIR"), instanceFile)) {
		t.Error("a start that was refused wrote an instance file")
	}
}

func TestRestartChecksBeforeItStops(t *testing.T) {
	place(t, "gw.yaml", "pools: {}\n")
	f := &fakeMaster{}
	f.serve(t)
	got := gw("restart")
	if got.code != exitConfig || !strings.HasPrefix(got.err, "gw.yaml:1:8: there are no pools") {
		t.Errorf("got %+v", got)
	}
	if f.process.ProcessState != nil || !answers(filepath.Join(os.Getenv("GW_STATE_DIR"), "control.sock")) {
		t.Error("the old master was stopped")
	}
}

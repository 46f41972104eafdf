package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gw/master/config"
)

func carried(t *testing.T) *carriedSDK {
	t.Helper()
	s, err := writeSDK(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSDKIsWrittenOnceAndForEverybody(t *testing.T) {
	state := shortDir(t)
	first, err := writeSDK(state)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(first.dir)
	second, err := writeSDK(state)
	if err != nil || *first != *second {
		t.Fatalf("got %+v, %v, want %+v", second, err, first)
	}
	if after, _ := os.Stat(first.dir); !os.SameFile(before, after) {
		t.Error("it was written again")
	}
	entries, _ := os.ReadDir(state)
	if len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), "sdk-"+version+"-") {
		t.Errorf("state folder: got %v", entries)
	}
	for _, name := range []string{"", "php/src/Worker.php", "php/autoload.php", "php-ini/gw.ini", "python/gw/__init__.py", "python-sdk/gw/__init__.py", "python-sdk/gw/_worker.py"} {
		info, err := os.Stat(filepath.Join(first.dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm()&0o044 != 0o044 {
			t.Errorf("%s: mode %s", name, info.Mode())
		}
	}
}

func TestSDKEnvironmentKeepsWhatIsThere(t *testing.T) {
	s := &carriedSDK{"/state/sdk"}
	t.Setenv("PYTHONPATH", "")
	t.Setenv("PHP_INI_SCAN_DIR", "x")
	os.Unsetenv("PHP_INI_SCAN_DIR")
	if got, want := s.environment(), []string{"PHP_INI_SCAN_DIR=:/state/sdk/php-ini", "PYTHONPATH=/state/sdk/python", "PYTHONUNBUFFERED=1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	t.Setenv("PHP_INI_SCAN_DIR", "/mine")
	t.Setenv("PYTHONPATH", "/lib")
	if got, want := s.environment(), []string{"PHP_INI_SCAN_DIR=/mine:/state/sdk/php-ini", "PYTHONPATH=/state/sdk/python:/lib", "PYTHONUNBUFFERED=1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c := &config.Config{Pools: []config.Pool{{Env: map[string]string{"PYTHONPATH": "src"}}, {Env: map[string]string{}}}}
	s.join(c)
	if got := c.Pools[0].Env["PYTHONPATH"]; got != "/state/sdk/python:src" || len(c.Pools[1].Env) != 0 {
		t.Errorf("got %+v", c.Pools)
	}
}

// interpret runs a program with the environment of a handler.
func interpret(t *testing.T, s *carriedSDK, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skip(err)
	}
	c := exec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), s.environment()...)
	c.Dir = shortDir(t)
	out, err := c.CombinedOutput()
	if err != nil {
		return strings.TrimSpace(string(out)) + " (" + err.Error() + ")"
	}
	return strings.TrimSpace(string(out))
}

func TestPHPFindsTheCarriedSDK(t *testing.T) {
	script := filepath.Join(shortDir(t), "app.php") // -r knows no auto_prepend_file
	write(t, script, "<?php echo class_exists('Gw\\Worker') ? 'yes' : 'no';")
	got := interpret(t, carried(t), "php", script)
	if got != "yes" {
		t.Errorf("got %s", got)
	}
}

func TestPythonFindsTheCarriedSDK(t *testing.T) {
	s := carried(t)
	t.Setenv("PYTHONPATH", "")
	if got, want := interpret(t, s, "python3", "-c", "import gw, gw._worker; print(gw.__file__, gw.Worker is gw._worker.Worker)"), s.dir+"/python-sdk/gw/__init__.py True"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Outside gw the SDK says how to start the program, and ends with 64.
	if got := interpret(t, s, "python3", "-m", "gw", "--help"); strings.Contains(got, "No module named") {
		t.Errorf("python3 -m gw: got %s", got)
	}
}

func TestInstalledPythonPackageWins(t *testing.T) {
	s, site := carried(t), shortDir(t)
	write(t, filepath.Join(site, "gw", "__init__.py"), "from . import part\nname = 'installed ' + part.name\n")
	write(t, filepath.Join(site, "gw", "part.py"), "name = 'part'\n")
	write(t, filepath.Join(site, "gw", "__main__.py"), "import gw, sys\nprint('main of', gw.name, *sys.argv[1:])\n")
	t.Setenv("PYTHONPATH", site)
	if got, want := interpret(t, s, "python3", "-c", "import gw; print(gw.name)"), "installed part"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := interpret(t, s, "python3", "-m", "gw", "app:app"), "main of installed part app:app"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFolderNamedLikeThePackageIsNone(t *testing.T) {
	s, site := carried(t), shortDir(t)
	write(t, filepath.Join(site, "gw", "notes.txt"), "")
	t.Setenv("PYTHONPATH", site)
	if got := interpret(t, s, "python3", "-c", "import gw; print(gw.__file__)"); !strings.HasPrefix(got, s.dir) {
		t.Errorf("got %s", got)
	}
}

func TestSDKCommandWritesBoth(t *testing.T) {
	place(t)
	want(t, gw("sdk", "out"), exitOK, "PHP:     require 'out/php/autoload.php';\nPython:  PYTHONPATH=out/python\n", "")
	for _, name := range []string{"out/php/src/Worker.php", "out/python/gw/__main__.py"} {
		if !exists(name) {
			t.Errorf("%s is missing", name)
		}
	}
	want(t, gw("sdk", "out"), exitFailure, "", "gw: out is already there\nname another folder, or add --force\n")
	if got := gw("sdk", "out", "--force"); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
}

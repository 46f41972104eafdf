package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestHandlerGetsItsProgram(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		file, text string
		executable bool
		want       []string
	}{
		{"app.php", "", false, []string{"php", "app.php"}},
		{"app.py", "", false, []string{"python3", "app.py"}},
		{"app.js", "", false, []string{"node", "app.js"}},
		{"app.rb", "", false, []string{"ruby", "app.rb"}},
		{"-x.php", "", false, []string{"php", "./-x.php"}},
		{"serve", "", true, []string{"./serve"}},
		{"script", "#!/bin/sh\n", false, []string{"/bin/sh", "script"}},
		{"env", "#! /usr/bin/env -S sh -e\r\n", false, []string{"/usr/bin/env", "-S sh -e", "env"}},
	} {
		mode := map[bool]os.FileMode{true: 0o755, false: 0o644}[c.executable]
		write(t, filepath.Join(dir, c.file), c.text, mode)
		got, err := fakeSystem(t).forHandler(filepath.Join(dir, c.file), HandlerOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
		} else if !reflect.DeepEqual(got.Pools[0].Command, c.want) {
			t.Errorf("%s: got %q, want %q", c.file, got.Pools[0].Command, c.want)
		}
	}
}

func TestHandlerConfiguration(t *testing.T) {
	file := filepath.Join(filepath.Dir(project(t, "")), "app.php")
	c, err := fakeSystem(t).forHandler(file, HandlerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if c.File != file || c.Dir != filepath.Dir(file) || c.StateDir != "/run/gw/"+instanceName(file) || c.Debug {
		t.Errorf("got %+v", c)
	}
	if p := c.Pools[0]; p.Name != "app" || p.Workers != 1 || p.Dir != c.Dir || !p.Reload {
		t.Errorf("got %+v", p)
	}
	want := []Listener{{Name: DefaultListen, Scheme: "http", Address: "0.0.0.0:8080", Socket: defaultSocket(), Queue: defaultQueue, HTTP2: true, Limits: defaultLimits(), WebSocket: defaultWebSocket(), Routes: []Route{{Prefix: "/", Pool: "app"}}}}
	if !reflect.DeepEqual(c.Listeners, want) {
		t.Errorf("got %+v, want %+v", c.Listeners, want)
	}
}

func TestHandlerOptions(t *testing.T) {
	file := filepath.Join(filepath.Dir(project(t, "")), "app.php")
	c, err := fakeSystem(t).forHandler(file, HandlerOptions{Listen: []string{"text://unix:a.sock", ":81"}, Workers: 4, Debug: true})
	if err != nil {
		t.Fatal(err)
	}
	if c.Pools[0].Workers != 4 || !c.Debug || c.Listeners[0].Address != "unix:"+c.Dir+"/a.sock" || c.Listeners[1].Address != ":81" {
		t.Errorf("got %+v", c)
	}
	copied := project(t, string(c.Effective()))
	again, err := fakeSystem(t).load(copied)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Pools, c.Pools) || !reflect.DeepEqual(again.Listeners, c.Listeners) {
		t.Errorf("effective: got %+v, want %+v", again, c)
	}
}

func TestHandlerFaults(t *testing.T) {
	dir := filepath.Dir(project(t, ""))
	write(t, filepath.Join(dir, "notes.txt"), "hello", 0o644)
	for _, c := range []struct {
		file    string
		options HandlerOptions
		want    string
	}{
		{"gone.php", HandlerOptions{}, "gone.php: there is no such file: name one, or let gw init write a first one"},
		{".", HandlerOptions{}, ".: this is a folder: name the handler's file in it"},
		{"notes.txt", HandlerOptions{}, "notes.txt: cannot tell what runs it: give it an ending (.php, .py, .js, .rb), a #! line, or make it executable: chmod +x notes.txt"},
		{"app.php", HandlerOptions{Workers: -1}, "app.php: workers must be a number from 1 to 4096, not -1"},
		{"app.php", HandlerOptions{Listen: []string{"htpp://:80", "http://:81", "text://:81"}}, "app.php: listen htpp://:80: unknown protocol \"htpp\": did you mean http://:80?\n" +
			"app.php: duplicate address text://:81: http://:81 already takes it"},
	} {
		t.Chdir(dir)
		_, err := fakeSystem(t).forHandler(c.file, c.options)
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestMissingInterpreterOfHandler(t *testing.T) {
	file := filepath.Join(filepath.Dir(project(t, "")), "app.py")
	_, err := fakeSystem(t, "PATH=").forHandler(file, HandlerOptions{})
	if err == nil || !strings.HasSuffix(err.Error(), "app.py: command of app.py: python3 is not in PATH: install Python 3.9 or newer (Debian and Ubuntu: apt install python3), or give its full path") {
		t.Errorf("got %v", err)
	}
}

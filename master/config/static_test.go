package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// withFiles loads text beside the folders public, media and storage.
func withFiles(t *testing.T, text string) (*Config, string, error) {
	t.Helper()
	file := project(t, text)
	dir := filepath.Dir(file)
	for _, folder := range []string{"public", "media", "storage"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c, err := fakeSystem(t).load(file)
	return c, dir, err
}

func TestStaticHasDefaults(t *testing.T) {
	c, dir, err := withFiles(t, listenerWith("{listen: 'http://:80', static: {root: public}}"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Static{{Prefix: "/", Root: dir + "/public", Index: "index.html", Missing: "pool", Never: neverServed, Symlinks: "inside", Precompressed: true}}
	if !reflect.DeepEqual(c.Listeners[0].Static, want) {
		t.Errorf("got %+v", c.Listeners[0].Static)
	}
	if len(c.Listeners[0].Routes) != 1 {
		t.Error("the only pool serves what is no file")
	}
}

func TestStaticFoldersAreOrderedAsRoutesAre(t *testing.T) {
	c, _, err := withFiles(t, listenerWith(`{listen: 'http://:80', static: [{root: public}, {root: media, path: /media/, missing: 404, hidden: true, browse: true, index: '', never: [.TMP],
      precompressed: false, symlinks: never, cache_control: 'public, max-age=60'}, {root: storage, host: files.Example.com}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, s := range c.Listeners[0].Static {
		order = append(order, s.Host+s.Prefix)
	}
	if got := strings.Join(order, " "); got != "files.example.com/ /media /" {
		t.Errorf("order %s", got)
	}
	if s := c.Listeners[0].Static[1]; s.Missing != "404" || !s.Hidden || !s.Browse || s.Index != "" || s.Precompressed || s.Symlinks != "never" || s.CacheControl != "public, max-age=60" || s.Never[0] != ".tmp" {
		t.Errorf("got %+v", s)
	}
	again, err := fakeSystem(t).load(beside(t, c))
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, c.Effective())
	}
	if !reflect.DeepEqual(again.Listeners[0].Static, c.Listeners[0].Static) {
		t.Errorf("effective gives %+v", again.Listeners[0].Static)
	}
}

// beside writes what is effective next to the file it came from.
func beside(t *testing.T, c *Config) string {
	t.Helper()
	file := filepath.Join(c.Dir, "effective.yaml")
	write(t, file, string(c.Effective()), 0o644)
	return file
}

func TestListenerWithFilesNeedsNoPool(t *testing.T) {
	for name, text := range map[string]string{
		"no pools at all": "listeners: [{listen: 'http://:80', static: {root: public}}]\n",
		"none of one":     listenerWith("{listen: 'http://:80', pool: none, static: {root: public}}"),
		"none of two":     "pools: {a: {command: php}, b: {command: php}}\nlisteners: [{listen: 'http://:80', pool: none, static: {root: public}}]\n",
	} {
		c, _, err := withFiles(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l := c.Listeners[0]
		if len(l.Routes) != 0 || l.Static[0].Missing != "404" {
			t.Errorf("%s: %+v", name, l)
		}
		again, err := fakeSystem(t).load(beside(t, c))
		if err != nil || len(again.Listeners[0].Routes) != 0 {
			t.Errorf("%s: effective: %v\n%s", name, err, c.Effective())
		}
	}
}

func TestSendfileFolders(t *testing.T) {
	for line, want := range map[string][]string{"reload: true": nil, "sendfile: storage": {"storage"}, "sendfile: [storage, public]": {"storage", "public"}, "sendfile: []": {}} {
		c, dir, err := withFiles(t, poolWith(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		got := c.Pools[0].Sendfile
		if len(got) != len(want) || (got == nil) != (want == nil) {
			t.Errorf("%s: %v", line, got)
			continue
		}
		for i := range want {
			if got[i] != dir+"/"+want[i] {
				t.Errorf("%s: %v", line, got)
			}
		}
	}
}

func TestStaticFaults(t *testing.T) {
	static := func(text string) string { return listenerWith("{listen: 'http://:80', static: " + text + "}") }
	for _, c := range []struct{ name, text, want string }{
		{"a text", static("public"), `gw.yaml:4:36: static in listener http://:80 must be a mapping or a list of them, not "public": write static: {root: public}`},
		{"a list of texts", static("[public]"), `gw.yaml:4:37: static in listener http://:80 must be a mapping, not "public": write {root: public}`},
		{"no root", static("{path: /a}"), `gw.yaml:4:36: static in listener http://:80 has no root: write root: and the folder`},
		{"unknown key", static("{root: public, indx: a}"), `gw.yaml:4:51: unknown key "indx" in static of listener http://:80: did you mean "index"?`},
		{"no such folder", static("{root: pubic}"), `gw.yaml:4:43: root in static of listener http://:80: there is no folder pubic: create it, or check the path`},
		{"the project itself", static("{root: .}"), `gw.yaml:4:43: root in static of listener http://:80: visitors could read gw.yaml itself: serve a folder of its own, such as public`},
		{"above the project", static("{root: /}"), `gw.yaml:4:43: root in static of listener http://:80: visitors could read gw.yaml itself: serve a folder of its own, such as public`},
		{"path without a slash", static("{root: public, path: a}"), `gw.yaml:4:57: path in static of listener http://:80 must begin with a slash, not "a": write /a`},
		{"index in a folder", static("{root: public, index: a/b}"), `gw.yaml:4:58: index in static of listener http://:80 must be the name of a file, not "a/b": write index.html`},
		{"missing is a word", static("{root: public, missing: pol}"), `gw.yaml:4:60: missing in static of listener http://:80 must be pool, 404 or the path of a page, not "pol": did you mean "pool"?`},
		{"missing is relative", static("{root: public, missing: index.html}"), `gw.yaml:4:60: missing in static of listener http://:80 must be pool, 404 or the path of a page, not "index.html": write "/index.html" if that is a page in root`},
		{"missing leaves root", static("{root: public, missing: /../x}"), `gw.yaml:4:60: missing in static of listener http://:80 must be pool, 404 or the path of a page, not "/../x": write "/x" if that is a page in root`},
		{"index is a program", static("{root: public, index: index.php}"), `gw.yaml:4:58: index in static of listener http://:80 is source code, which never is served: "index.php": leave index out: the pool answers what is no file`},
		{"missing is a program", static("{root: public, missing: /index.PHP}"), `gw.yaml:4:60: missing in static of listener http://:80 is source code, which never is served: "/index.PHP": leave missing out: the pool answers what is no file`},
		{"cache_control on two lines", static(`{root: public, cache_control: "a\nb"}`), `gw.yaml:4:66: cache_control in static of listener http://:80 cannot be sent as a header: "a\nb": write "public, max-age=3600"`},
		{"never a text", static("{root: public, never: .php}"), `gw.yaml:4:58: never in static of listener http://:80 must be a list of endings, not ".php": write never: [.php, .inc]`},
		{"never a path", static("{root: public, never: [/a]}"), `gw.yaml:4:59: never in static of listener http://:80: "/a" is no ending of a name: write an ending such as .php`},
		{"symlinks", static("{root: public, symlinks: yes}"), `gw.yaml:4:61: symlinks in static of listener http://:80 must be inside, follow or never, not "yes"`},
		{"two of one path", static("[{root: public}, {root: media}]"), `gw.yaml:4:53: two folders of static in listener http://:80 take /: give one of them another path`},
		{"text protocol", listenerWith("{listen: 'text://:80', static: {root: public}}"), `gw.yaml:4:36: static in listener text://:80: nobody asks text for a file: use http`},
		{"no pool and no static", listenerWith("{listen: 'http://:80', pool: none}"), `gw.yaml:4:34: pool in listener http://:80 is none, and there is no static: name a pool, or add static: {root: public}`},
		{"which pool", "pools: {a: {command: php}, b: {command: php}}\nlisteners: [{listen: 'http://:80', static: {root: public}}]\n", `gw.yaml:2:13: listener http://:80 has no pool: write pool: and one of a, b, or none`},
		{"pool called none", "pools: {none: {command: php}}\n", `gw.yaml:1:9: "none" cannot name a pool: pool: none is a listener without one: choose another name`},
		{"sendfile missing", poolWith("sendfile: [nowhere]"), `gw.yaml:4:16: sendfile in pool web: there is no folder nowhere: create it, or check the path`},
		{"sendfile a mapping", poolWith("sendfile: {a: b}"), `gw.yaml:4:15: sendfile in pool web must be a list of folders, not a mapping: write sendfile: [storage]`},
	} {
		_, dir, err := withFiles(t, c.text)
		if err == nil {
			t.Errorf("%s: no fault", c.name)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), dir+"/", ""); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

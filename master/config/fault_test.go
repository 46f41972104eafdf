package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// poolWith is a configuration whose pool has one more line, line 4.
func poolWith(line string) string {
	return "pools:\n  web:\n    command: [php, app.php]\n    " + line + "\nlisteners: [{listen: 'http://:8080'}]\n"
}

// listenerWith is a configuration whose listener is line 4.
func listenerWith(listener string) string {
	return "pools:\n  web: {command: [php, app.php]}\nlisteners:\n  - " + listener + "\n"
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown pool key", poolWith("worker: 4"), `gw.yaml:4:5: unknown key "worker" in pool web: did you mean "workers"?`},
		{"unknown top key", "pool: {}\n" + smallest, `gw.yaml:1:1: unknown key "pool" at the top level: did you mean "pools"?`},
		{"key that is nothing like another", poolWith("colour: red"), `gw.yaml:4:5: unknown key "colour" in pool web: known are command, dir, workers, user, env, stdout_file, max_requests, max_memory, max_age, request_timeout, stream_timeout, queue_timeout, queue_limit, start_timeout, stop_timeout, on_crash, reload, reload_parallel, sendfile`},
		{"key of a limit in a listener", listenerWith("{listen: 'http://:80', max_body: 1M}"), `gw.yaml:4:28: unknown key "max_body" in listener http://:80: it belongs in limits of a listener`},
		{"key of a pool at the top", "workers: 4\n" + smallest, `gw.yaml:1:1: unknown key "workers" at the top level: it belongs in a pool`},
		{"key of a later version", listenerWith("{listen: 'http://:80', cluster: {}}"), `gw.yaml:4:28: cluster in listener http://:80 is not supported by this version: delete it`},
		{"duplicate key", poolWith("command: [php]"), `gw.yaml:4:5: duplicate key "command" in pool web: it is already in line 3`},
		{"duplicate pool", "pools:\n  web: {command: php}\n  web: {command: php}\n", `gw.yaml:3:3: duplicate key "web" in pools: it is already in line 2`},
		{"key that is a list", "[a, b]: c\n" + smallest, `gw.yaml:1:1: a key at the top level must be a word, not a list`},

		{"no pools", "listeners: [{listen: 'http://:80'}]\n", `gw.yaml:1:1: there are no pools: write pools: {web: {command: [php, app.php]}}`},
		{"pools empty", "pools: {}\n", `gw.yaml:1:8: there are no pools: write pools: {web: {command: [php, app.php]}}`},
		{"pools a list", "pools: [web]\n", `gw.yaml:1:8: pools at the top level must be a mapping of names to pools, not a list: write pools: {web: {command: [php, app.php]}}`},
		{"pool empty", "pools:\n  web:\n", `gw.yaml:2:7: pool web must be a mapping, not empty: write command: [php, app.php] below it`},
		{"pool with a bad name", "pools: {'a b': {command: php}}\n", `gw.yaml:1:9: "a b" cannot name a pool: use letters, digits, - and _`},
		{"no command", "pools: {web: {workers: 2}}\n", `gw.yaml:1:9: pool web has no command: write command: [php, app.php]`},
		{"empty command", "pools: {web: {command: []}}\n", `gw.yaml:1:24: command in pool web is empty: write command: [php, app.php]`},
		{"null command", "pools: {web: {command: }}\n", `gw.yaml:1:24: command in pool web is empty: give it a value, or delete the key`},
		{"command a mapping", "pools: {web: {command: {a: b}}}\n", `gw.yaml:1:24: command in pool web must be a list of words or one text, not a mapping`},
		{"open quote", "pools: {web: {command: php 'a}}\n", `gw.yaml:1:24: command in pool web has a quote that is never closed: close it, or write a list`},
		{"unknown program", "pools: {web: {command: [perl6, x]}}\n", `gw.yaml:1:25: command in pool web: perl6 is not in PATH: install it, or give its full path`},
		{"program with a path", "pools: {web: {command: /nowhere/php}}\n", `gw.yaml:1:24: command in pool web: /nowhere/php does not exist: check the path`},
		{"handler file missing", "pools: {web: {command: [php, -d, a=b.php, ap.php]}}\n", `gw.yaml:1:43: command in pool web: there is no file ap.php: check its name, or set dir`},
		{"dir missing", poolWith("dir: src"), "gw.yaml:3:20: command in pool web: there is no file src/app.php: check its name, or set dir\ngw.yaml:4:10: dir in pool web: there is no folder src"},

		{"bare duration", poolWith("request_timeout: 30"), `gw.yaml:4:22: request_timeout in pool web has no unit: write 30s`},
		{"bad duration", poolWith("request_timeout: soon"), `gw.yaml:4:22: request_timeout in pool web is not a duration: "soon": write 30s, 5m or 1h30m`},
		{"endless duration", poolWith("max_age: 9999999999999999999h"), `gw.yaml:4:14: max_age in pool web is too long: "9999999999999999999h": write 30s, 5m or 1h30m`},
		{"zero start_timeout", poolWith("start_timeout: 0"), `gw.yaml:4:20: start_timeout in pool web must be more than 0`},
		{"bad size", poolWith("max_memory: 10 apples"), `gw.yaml:4:17: max_memory in pool web is not a size: "10 apples": write 64KiB, 10MiB or a number of bytes`},
		{"small size", listenerWith("{listen: 'http://:80', limits: {max_header: 10}}"), `gw.yaml:4:49: max_header in limits of listener http://:80 must be at least 1KiB, not 10`},
		{"large size", "limits: {max_message: 1G}\n" + smallest, `gw.yaml:1:23: max_message in limits must be at most 60MiB, not 1G`},
		{"no number", poolWith("max_requests: many"), `gw.yaml:4:19: max_requests in pool web must be a whole number from 0 to 2147483647, not "many"`},
		{"no workers", poolWith("workers: 0"), `gw.yaml:4:14: workers in pool web must be a number from 1 to 4096 or auto, not "0"`},
		{"workers a list", poolWith("workers: [1]"), `gw.yaml:4:14: workers in pool web must be a number from 1 to 4096 or auto, not a list`},
		{"no boolean", poolWith("reload: yes"), `gw.yaml:4:13: reload in pool web must be true or false, not "yes"`},
		{"no choice", poolWith("on_crash: redelivre"), `gw.yaml:4:15: on_crash in pool web must be redeliver, close or drop, not "redelivre": did you mean "redeliver"?`},
		{"no account", poolWith("user: www-dta"), `gw.yaml:4:11: user in pool web: there is no account "www-dta": create it with useradd, or choose another`},
		{"empty path", "pid_file: ''\n" + smallest, `gw.yaml:1:11: pid_file at the top level is empty: give it a value, or delete the key`},
		{"limits a list", "limits: []\n" + smallest, `gw.yaml:1:9: limits at the top level must be a mapping, not a list: write limits: {max_body: 10MiB}`},
		{"bytes", "user: \"a\\0b\"\n" + smallest, `gw.yaml:1:7: user at the top level must be text, not bytes`},
		{"long control", "control: /" + strings.Repeat("x", 107) + "\n" + smallest, `gw.yaml:1:10: control: /` + strings.Repeat("x", 107) + ` is 108 bytes long, a unix socket path has at most 107: set control, or GW_STATE_DIR, to a shorter path`},

		{"env a list", poolWith("env: [A=b]"), `gw.yaml:4:10: env in pool web must be a mapping of names to values, not a list: write env: {APP_ENV: prod}`},
		{"env name", poolWith("env: {A=: b}"), `gw.yaml:4:11: env in pool web: "A=" cannot name an environment variable`},
		{"env of gw", poolWith("env: {GW_SLOT: 1}"), `gw.yaml:4:11: env in pool web: GW_SLOT is set by gw itself: choose another name`},
		{"variable not set", poolWith("workers: ${WORKERS}"), `gw.yaml:4:14: workers in pool web: environment variable WORKERS is not set: set it, or write ${WORKERS:-default}`},
		{"variable never closed", poolWith("user: ${USER"), `gw.yaml:4:11: user in pool web: cannot read the variable in "${USER": write ${NAME}, ${NAME:-default}, or $$ for a dollar sign`},

		{"listeners a mapping", "pools: {web: {command: php}}\nlisteners: {listen: 'http://:80'}\n", `gw.yaml:2:12: listeners at the top level must be a list, not a mapping: write listeners: [{listen: "http://0.0.0.0:8080", pool: web}]`},
		{"listener a text", listenerWith("http://:80"), `gw.yaml:4:5: listener 1 must be a mapping, not "http://:80": write - {listen: "http://0.0.0.0:8080", pool: web}`},
		{"no listen", listenerWith("{pool: web}"), `gw.yaml:4:5: listener 1 has no listen: write listen: http://0.0.0.0:8080`},
		{"unknown protocol", listenerWith("listen: htp://:80"), `gw.yaml:4:13: listen htp://:80: unknown protocol "htp": did you mean http://:80?`},
		{"ws", listenerWith("listen: ws://:80"), `gw.yaml:4:13: listen ws://:80: unknown protocol "ws": write websocket://:80`},
		{"HTTP/2 without TLS", listenerWith("listen: h2c://:80"), `gw.yaml:4:13: listen h2c://:80: unknown protocol "h2c": write http://:80: it speaks HTTP/2 without TLS too, unless http2: false says no`},
		{"https", listenerWith("listen: https://:443"), `gw.yaml:4:13: listen https://:443: unknown protocol "https": write http://:443, and tls: {certificate: FILE, key: FILE} beside it`},
		{"no port", listenerWith("listen: http://localhost"), `gw.yaml:4:13: listen http://localhost: no port: write http://localhost:8080`},
		{"bad port", listenerWith("listen: http://:80800"), `gw.yaml:4:13: listen http://:80800: "80800" is not a port: ports go from 0 (any free one) to 65535`},
		{"bad host", listenerWith("listen: http://a b:80"), `gw.yaml:4:13: listen http://a b:80: "a b" is not a host: write an IP address, a host name, or * for all`},
		{"IPv6 without brackets", listenerWith("listen: http://::1:80"), `gw.yaml:4:13: listen http://::1:80: an IPv6 address needs brackets: write http://[::1]:8080`},
		{"path in an address", listenerWith("listen: http://:80/"), `gw.yaml:4:13: listen http://:80/: an address has no path: write http://:80 and use routes for paths`},
		{"unix without a path", listenerWith("listen: 'text://unix:'"), `gw.yaml:4:13: listen text://unix:: no file name for the unix socket: write unix:/path.sock`},
		{"long unix path", listenerWith("listen: text://unix:/" + strings.Repeat("x", 107)), `gw.yaml:4:13: listen text://unix:/` + strings.Repeat("x", 107) + `: /` + strings.Repeat("x", 107) + ` is 108 bytes long, a unix socket path has at most 107: choose a shorter path`},
		{"duplicate address", listenerWith("listen: http://:80\n  - listen: text://127.0.0.1:80"), `gw.yaml:5:5: duplicate address text://127.0.0.1:80: http://:80 in line 4 already takes it`},
		{"duplicate name", listenerWith("{listen: 'http://:80', name: a}\n  - {listen: 'http://:81', name: a}"), `gw.yaml:5:5: duplicate listener name a: it is already in line 4`},
		{"unknown pool", listenerWith("{listen: 'http://:80', pool: wbe}"), `gw.yaml:4:34: unknown pool "wbe" in listener http://:80: did you mean "web"?`},
		{"no pool named", "pools: {a: {command: php}, b: {command: php}}\nlisteners: [{listen: 'http://:80'}]\n", `gw.yaml:2:13: listener http://:80 has no pool: write pool: and one of a, b`},

		{"udp on a unix socket", listenerWith("listen: udp://unix:/a"), `gw.yaml:4:13: listen udp://unix:/a: udp has no unix sockets: write udp://0.0.0.0:5300, or take text, frame or tcp`},
		{"systemd without a name", listenerWith("listen: 'http://systemd:'"), `gw.yaml:4:13: listen http://systemd:: "" does not name a socket: write http://systemd:NAME with the FileDescriptorName of the socket unit`},
		{"framing a text", listenerWith("{listen: 'text://:80', framing: crlf}"), `gw.yaml:4:37: framing in listener text://:80 must be a mapping, not "crlf": write framing: {delimiter: "\r\n"}, or for frame {length_bytes: 2}`},
		{"framing of http", listenerWith("{listen: 'http://:80', framing: {}}"), `gw.yaml:4:37: framing in listener http://:80 has no meaning: it is for text and frame: delete it`},
		{"length of text", listenerWith("{listen: 'text://:80', framing: {length_bytes: 2}}"), `gw.yaml:4:38: unknown key "length_bytes" in framing of listener text://:80: known are delimiter`},
		{"length of three bytes", listenerWith("{listen: 'frame://:80', framing: {length_bytes: 3}}"), `gw.yaml:4:53: length_bytes in framing of listener frame://:80 must be 1, 2, 4 or 8, not "3"`},
		{"endian", listenerWith("{listen: 'frame://:80', framing: {endian: litle}}"), `gw.yaml:4:47: endian in framing of listener frame://:80 must be big or little, not "litle": did you mean "little"?`},
		{"empty delimiter", listenerWith("{listen: 'text://:80', framing: {delimiter: ''}}"), `gw.yaml:4:49: delimiter in framing of listener text://:80 is empty: write "\r\n", "\0" or "|"`},
		{"long delimiter", listenerWith("{listen: 'text://:80', framing: {delimiter: 12345678901234567}}"), `gw.yaml:4:49: delimiter in framing of listener text://:80 has 17 bytes, at most 16 are allowed: write "\r\n", "\0" or "|"`},
		{"unknown escape", listenerWith(`{listen: 'text://:80', framing: {delimiter: '\q'}}`), `gw.yaml:4:49: delimiter in framing of listener text://:80 has an unknown escape: "\\q": known are \n \r \t \0 \xHH and \\`},
		{"mode of a port", listenerWith("{listen: 'http://:80', mode: 0660}"), `gw.yaml:4:34: mode in listener http://:80 has no meaning: it is for unix sockets: delete it`},
		{"mode of words", listenerWith("{listen: 'http://unix:/a', mode: rw}"), `gw.yaml:4:38: mode in listener http://unix:/a must be octal digits up to 0777, not "rw": write 0660`},
		{"decimal mode", listenerWith("{listen: 'http://unix:/a', mode: 438}"), `gw.yaml:4:38: mode in listener http://unix:/a must be octal digits up to 0777, not "438": write 0660`},
		{"owner", listenerWith("{listen: 'http://unix:/a', owner: nobdy}"), `gw.yaml:4:39: owner in listener http://unix:/a: there is no account "nobdy": create it with useradd, or choose another`},
		{"group", listenerWith("{listen: 'http://unix:/a', group: nobdy}"), `gw.yaml:4:39: group in listener http://unix:/a: there is no group "nobdy": create it with groupadd, or choose another`},
		{"keepalive", listenerWith("{listen: 'http://:80', keepalive: 5s}"), `gw.yaml:4:39: keepalive in listener http://:80 must be true, false or a mapping, not "5s": write keepalive: {idle: 1m, interval: 15s, count: 4}`},
		{"short keepalive", listenerWith("{listen: 'http://:80', keepalive: {idle: 10ms}}"), `gw.yaml:4:46: idle in keepalive of listener http://:80 must be at least 1s`},
		{"ipv6_only of one address", listenerWith("{listen: 'http://127.0.0.1:80', ipv6_only: true}"), `gw.yaml:4:48: ipv6_only in listener http://127.0.0.1:80 has no meaning: it is for [::] and *: delete it`},
		{"half_close of http", listenerWith("{listen: 'http://:80', half_close: true}"), `gw.yaml:4:40: half_close in listener http://:80 has no meaning: it is for text, frame and tcp: delete it`},
		{"queue of tcp", listenerWith("{listen: 'tcp://:80', queue: 5}"), `gw.yaml:4:34: queue in listener tcp://:80 has no meaning: it is for udp: delete it`},
		{"backlog of udp", listenerWith("{listen: 'udp://:80', backlog: 5}"), `gw.yaml:4:36: backlog in listener udp://:80 has no meaning: it is for everything but udp: delete it`},

		{"routes a mapping", listenerWith("{listen: 'http://:80', routes: {}}"), `gw.yaml:4:36: routes in listener http://:80 must be a list, not a mapping: write routes: [{path: /api, pool: api}]`},
		{"route a text", listenerWith("{listen: 'http://:80', routes: [/api]}"), `gw.yaml:4:37: a route in listener http://:80 must be a mapping, not "/api": write {path: /api, pool: api}`},
		{"route to an unknown pool", listenerWith("{listen: 'http://:80', routes: [{path: /a, pool: xyz}]}"), `gw.yaml:4:54: unknown pool "xyz" in a route of listener http://:80: known are web`},
		{"route without a pool", listenerWith("{listen: 'http://:80', routes: [{path: /a}]}"), `gw.yaml:4:37: a route in listener http://:80 has no pool: write pool: and its name`},
		{"route without a slash", listenerWith("{listen: 'http://:80', routes: [{path: a, pool: web}]}"), `gw.yaml:4:44: path in a route of listener http://:80 must begin with a slash, not "a": write /a`},
		{"route with a wildcard", listenerWith("{listen: 'http://:80', routes: [{path: /a*, pool: web}]}"), `gw.yaml:4:44: path in a route of listener http://:80 must not have wildcards or a query: "/a*": a path is a prefix: /api takes /api and /api/...`},
		{"route with a wildcard host", listenerWith("{listen: 'http://:80', routes: [{host: '*.a', pool: web}]}"), `gw.yaml:4:44: host in a route of listener http://:80: wildcards are not supported by this version: name the hosts one by one`},
		{"route with a port", listenerWith("{listen: 'http://:80', routes: [{host: 'a:80', pool: web}]}"), `gw.yaml:4:44: host in a route of listener http://:80 must be a host name, not "a:80": leave scheme and port out`},
		{"two equal routes", listenerWith("{listen: 'http://:80', routes: [{path: /a, pool: web}, {path: /a/, pool: web}]}"), `gw.yaml:4:60: two routes in listener http://:80 take /a: delete one of them`},
		{"route against pool", listenerWith("{listen: 'http://:80', pool: web, routes: [{pool: web}]}"), `gw.yaml:4:48: two routes in listener http://:80 take /: delete one of them`},
		{"routes of text", listenerWith("{listen: 'text://:80', pool: web, routes: [{path: /a, pool: web}]}"), `gw.yaml:4:47: routes in listener text://:80: text has neither host nor path to go by: use pool`},

		{"empty file", "", `gw.yaml:1: the file is empty: gw init writes a first one`},
		{"only comments", "# soon\n", `gw.yaml:1: the file is empty: gw init writes a first one`},
		{"only a dash line", "---\n", `gw.yaml:1: the file is empty: gw init writes a first one`},
		{"a text", "hello\n", `gw.yaml:1:1: the file must hold keys such as pools and listeners, not "hello"`},
		{"two documents", smallest + "---\na: b\n", `gw.yaml:3:1: the file holds more than one document: delete the --- in between`},
		{"tab", "pools:\n\tweb: {}\n", `gw.yaml:2:2: found character that cannot start any token: indent with spaces, YAML allows no tabs`},
		{"star", "pools:\n  web: {command: php}\nlisteners:\n  - listen: *:8080\n", `gw.yaml:4:3: did not find expected alphabetic or numeric character: quote values that begin with *, such as "*:8080"`},
		{"braces", "pools:\n  web:\n    env: {A: ${B}}\n", `gw.yaml:3:5: did not find expected ',' or '}': quote "${NAME}" inside braces and brackets`},
		{"colon", "user: a: b\n", `gw.yaml:1:1: mapping values are not allowed in this context: quote values with a colon and a blank, or begin a new line`},
		{"open list", "user: a\npools: [1,\nlisteners: 2\n", `gw.yaml:2:1: did not find expected ',' or ']'`},
		{"unknown anchor", "user: a\npools: *all\n", `gw.yaml:2:1: unknown anchor 'all' referenced`},
		{"not UTF-8", "user: a\npid_file: \xff\n", `gw.yaml:2:1: the file is not UTF-8`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := faultsOf(t, c.text); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestAllFaultsAreToldInTheOrderOfTheFile(t *testing.T) {
	got := faultsOf(t, `debgu: true
pools:
  web:
    comand: [php, app.php]
    workers: -1
    request_timeout: 30
listeners:
  - {listen: "http://:80", pool: wbe}
  - {listen: "text://:80", pool: web}
`)
	want := `gw.yaml:1:1: unknown key "debgu" at the top level: did you mean "debug"?
gw.yaml:3:3: pool web has no command: write command: [php, app.php]
gw.yaml:4:5: unknown key "comand" in pool web: did you mean "command"?
gw.yaml:5:14: workers in pool web must be a number from 1 to 4096 or auto, not "-1"
gw.yaml:6:22: request_timeout in pool web has no unit: write 30s
gw.yaml:8:34: unknown pool "wbe" in listener http://:80: did you mean "web"?
gw.yaml:9:5: duplicate address text://:80: http://:80 in line 8 already takes it`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFaultOfAnAnchorIsToldOnce(t *testing.T) {
	got := faultsOf(t, `pools:
  a: &a {command: [php, app.php], env: &e {A: "${GONE}"}}
  b: {command: [php, app.php], env: *e}
`)
	want := `gw.yaml:2:47: A in pool a: environment variable GONE is not set: set it, or write ${GONE:-default}
gw.yaml:2:47: A in pool b: environment variable GONE is not set: set it, or write ${GONE:-default}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUserIsNotLookedUpUnlessRoot(t *testing.T) {
	s := fakeSystem(t)
	s.uid = 1000
	if _, err := s.load(project(t, poolWith("user: nobody-knows-me"))); err != nil {
		t.Error(err)
	}
}

func TestMissingInterpreterSaysWhatToInstall(t *testing.T) {
	s := fakeSystem(t, "PATH=/nowhere")
	_, err := s.load(project(t, smallest))
	want := "command in pool web: php is not in PATH: install PHP 8.1 or newer (Debian and Ubuntu: apt install php-cli), or give its full path"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want ...%s", err, want)
	}
}

func TestProgramIsFoundInThePathOfThePool(t *testing.T) {
	bin := t.TempDir()
	file := project(t, poolWith("env: {PATH: "+bin+"}"))
	_, err := fakeSystem(t).load(file)
	if err == nil {
		t.Fatal("found php outside the PATH of the pool")
	}
	write(t, filepath.Join(bin, "php"), "", 0o644)
	if _, err = fakeSystem(t).load(file); err == nil {
		t.Fatal("took a php that is not executable")
	}
	if err := os.Chmod(filepath.Join(bin, "php"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err = fakeSystem(t).load(file); err != nil {
		t.Fatal(err)
	}
}

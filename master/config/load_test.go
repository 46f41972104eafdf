package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fakeSystem is a machine with php and python3 in PATH, run by root, with the
// accounts root and www-data, two processors and these variables.
func fakeSystem(t testing.TB, variables ...string) system {
	bin := t.TempDir()
	for _, program := range []string{"php", "python3", "node", "ruby"} {
		write(t, filepath.Join(bin, program), "", 0o755)
	}
	env := map[string]string{"PATH": bin}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	return system{
		getenv:      func(name string) (string, bool) { value, set := env[name]; return value, set },
		userExists:  func(name string) bool { return name == "root" || name == "www-data" },
		groupExists: func(name string) bool { return name == "root" || name == "www-data" },
		uid:         0,
		processors:  2,
	}
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// project is a folder with app.php, app.py and the given gw.yaml.
func project(t testing.TB, text string) (file string) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "app.php"), "<?php", 0o644)
	write(t, filepath.Join(dir, "app.py"), "", 0o644)
	file = filepath.Join(dir, "gw.yaml")
	write(t, file, text, 0o644)
	return file
}

func mustLoad(t testing.TB, text string, variables ...string) *Config {
	t.Helper()
	c, err := fakeSystem(t, variables...).load(project(t, text))
	if err != nil {
		t.Fatalf("load:\n%v", err)
	}
	return c
}

// faultsOf loads text and returns the faults with the folder cut away.
func faultsOf(t testing.TB, text string) string {
	t.Helper()
	file := project(t, text)
	c, err := fakeSystem(t).load(file)
	var faults Faults
	if err == nil {
		t.Fatalf("no fault in:\n%s", text)
	} else if !errors.As(err, &faults) || c != nil {
		t.Fatalf("got %v and %T, want no Config and Faults", c, err)
	}
	return strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", "")
}

const smallest = "pools: {web: {command: [php, app.php]}}\nlisteners: [{listen: 'http://:8080'}]\n"

func TestSmallestConfigurationGetsEveryDefault(t *testing.T) {
	c := mustLoad(t, smallest)
	dir := filepath.Dir(c.File)
	state := "/run/gw/" + instanceName(c.File)
	limits := Limits{
		HeaderTimeout: 10 * time.Second, BodyTimeout: 30 * time.Second, IdleTimeout: 75 * time.Second, WriteTimeout: time.Minute,
		MaxHeaderBytes: 32 << 10, MaxBodyBytes: 64 << 20, MaxMessageBytes: 512 << 10, SendBufferBytes: 1 << 20, MaxStreams: 128,
	}
	want := &Config{
		File: filepath.Join(dir, "gw.yaml"), Dir: dir,
		LogLevel: "info", StdoutFile: "/dev/null", StateDir: state,
		PIDFile: state + "/gw.pid", Control: state + "/control.sock", TempDir: hostSystem().diskPaths(c.File).temp, SetAsideDir: hostSystem().diskPaths(c.File).setAside, Limits: limits,
		Pools: []Pool{{
			Name: "web", Command: []string{"php", "app.php"}, Dir: dir, Workers: 1, Env: map[string]string{},
			RequestTimeout: 30 * time.Second, StreamTimeout: 5 * time.Minute, QueueTimeout: 10 * time.Second, QueueLimit: 10000,
			StartTimeout: 10 * time.Second, StopTimeout: 10 * time.Second, OnCrash: "redeliver", Reload: true, ReloadParallel: 1,
		}},
		Listeners: []Listener{{
			Name: "http://:8080", Scheme: "http", Address: ":8080", Socket: defaultSocket(), Queue: defaultQueue, HTTP2: true,
			Routes: []Route{{Prefix: "/", Pool: "web"}}, Limits: limits, WebSocket: defaultWebSocket(),
		}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

const everything = `
user: www-data
log_file: logs/gw.log
log_level: warning
stdout_file: logs/out.log
pid_file: /run/gw.pid
control: gw.sock
temp_dir: /var/tmp/gw
set_aside_dir: deadly
debug: true
limits: {max_body: 10M, ping_interval: 20s}
pools:
  web:
    command: "php -d memory_limit=64M 'app.php' a\\ b"
    workers: auto
    user: root
    env: {APP_ENV: "${APP_ENV:-prod}", PORT: 8080, EMPTY: , PRICE: 5$$}
    dir: .
    stdout_file: web.log
    max_requests: 10000
    max_memory: 128MiB
    max_age: 1d
    request_timeout: 1h30m
    stream_timeout: 7m
    queue_timeout: 500ms
    queue_limit: 5
    start_timeout: 20s
    stop_timeout: 1.5s
    on_crash: close
    reload: false
    reload_parallel: 2
  chat: &chat
    command: [python3, app.py, "--price=$$5"]
    workers: 3
  night: {<<: *chat, workers: 1}
listeners:
  - listen: http://*:8080
    name: front
    pool: web
    backlog: 100
    routes:
      - {path: /, host: chat.example.com, pool: chat}
      - {path: /api/, pool: night}
      - {path: /api/v2, pool: chat}
      - {path: /ws, host: Chat.Example.com, pool: night}
    limits: {max_body: 1GiB, idle_timeout: 0, max_connections: 7}
    websocket: {origins: [self, "https://*.example.com"], subprotocols: [chat.v2, chat], compression: connection, compress_from: 100, compression_window: 32KiB}
  - {listen: "text://[::1]:2347", pool: chat}
  - {listen: "http://unix:web.sock", pool: web}
  - {listen: "127.0.0.1:9000", pool: web}
`

func TestEveryKeyIsRead(t *testing.T) {
	c := mustLoad(t, everything)
	dir := c.Dir
	limits := defaultLimits()
	limits.MaxBodyBytes, limits.PingInterval = 10<<20, 20*time.Second
	front := limits
	front.MaxBodyBytes, front.IdleTimeout, front.MaxConnections = 1<<30, 0, 7
	webSocket := WebSocket{Origins: []string{"self", "https://*.example.com"}, Subprotocols: []string{"chat.v2", "chat"}, Compression: "connection", CompressFromBytes: 100, WindowBytes: 32 << 10}
	chat := defaultPool()
	chat.Name, chat.Dir, chat.Env, chat.Workers = "chat", dir, map[string]string{}, 3
	chat.Command = []string{"python3", "app.py", "--price=$5"}
	night := chat
	night.Name, night.Workers = "night", 1
	small := defaultSocket()
	small.Backlog = 100
	want := &Config{
		File: dir + "/gw.yaml", Dir: dir, User: "www-data", LogFile: dir + "/logs/gw.log", LogLevel: "warning",
		StdoutFile: dir + "/logs/out.log", StateDir: c.StateDir, PIDFile: "/run/gw.pid", Control: dir + "/gw.sock", TempDir: "/var/tmp/gw", SetAsideDir: dir + "/deadly",
		Debug: true, Limits: limits,
		Pools: []Pool{{
			Name: "web", Command: []string{"php", "-d", "memory_limit=64M", "app.php", "a b"}, Dir: dir, Workers: 2, User: "root",
			Env:        map[string]string{"APP_ENV": "prod", "PORT": "8080", "EMPTY": "", "PRICE": "5$"},
			StdoutFile: dir + "/web.log", MaxRequests: 10000, MaxMemoryBytes: 128 << 20, MaxAge: 24 * time.Hour,
			RequestTimeout: 90 * time.Minute, StreamTimeout: 7 * time.Minute, QueueTimeout: 500 * time.Millisecond, QueueLimit: 5,
			StartTimeout: 20 * time.Second, StopTimeout: 1500 * time.Millisecond, OnCrash: "close", ReloadParallel: 2,
		}, chat, night},
		Listeners: []Listener{
			{Name: "front", Scheme: "http", Address: ":8080", Socket: small, Queue: defaultQueue, HTTP2: true, Limits: front, WebSocket: webSocket, Routes: []Route{
				{Host: "chat.example.com", Prefix: "/ws", Pool: "night"}, {Host: "chat.example.com", Prefix: "/", Pool: "chat"},
				{Prefix: "/api/v2", Pool: "chat"}, {Prefix: "/api", Pool: "night"}, {Prefix: "/", Pool: "web"},
			}},
			{Name: "text://[::1]:2347", Scheme: "text", Address: "[::1]:2347", Framing: Framing{Delimiter: "\n"}, Socket: defaultSocket(), Queue: defaultQueue, HTTP2: true, Limits: limits, WebSocket: defaultWebSocket(), Routes: []Route{{Prefix: "/", Pool: "chat"}}},
			{Name: "http://unix:web.sock", Scheme: "http", Address: "unix:" + dir + "/web.sock", Socket: defaultSocket(), Queue: defaultQueue, HTTP2: true, Limits: limits, WebSocket: defaultWebSocket(), Routes: []Route{{Prefix: "/", Pool: "web"}}},
			{Name: "127.0.0.1:9000", Scheme: "http", Address: "127.0.0.1:9000", Socket: defaultSocket(), Queue: defaultQueue, HTTP2: true, Limits: limits, WebSocket: defaultWebSocket(), Routes: []Route{{Prefix: "/", Pool: "web"}}},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestVariablesExpandInValues(t *testing.T) {
	c := mustLoad(t, `
pools:
  web:
    command: ["${PROGRAM}", app.php]
    workers: ${WORKERS}
    reload: ${RELOAD:-false}
    request_timeout: ${EMPTY:-5s}
    env: {A: "$HOME ${X}-${X}", B: "${GONE:-}"}
listeners: [{listen: "http://:${PORT}"}]
`, "PROGRAM=php", "WORKERS=4", "EMPTY=", "X=${PROGRAM}", "PORT=81")
	p := c.Pools[0]
	if p.Command[0] != "php" || p.Workers != 4 || p.Reload || p.RequestTimeout != 5*time.Second {
		t.Errorf("got %+v", p)
	}
	if want := map[string]string{"A": "$HOME ${PROGRAM}-${PROGRAM}", "B": ""}; !reflect.DeepEqual(p.Env, want) {
		t.Errorf("env: got %q, want %q", p.Env, want)
	}
	if got := c.Listeners[0].Address; got != ":81" {
		t.Errorf("address: got %s", got)
	}
}

const sockets = `
pools: {web: {command: [php, app.php]}}
listeners:
  - {listen: "text://:1", framing: {delimiter: "$\\0"}, half_close: true, nodelay: false, keepalive: false, reuse_port: true, receive_buffer: 1MiB}
  - {listen: "frame://[fe80::1%eth0]:2", framing: {length_bytes: 2, endian: little, counts: payload, offset: 3}, keepalive: {idle: 30s}}
  - {listen: "tcp://unix:a.sock", mode: 0660, owner: www-data, group: root}
  - {listen: "udp://[::]:3", ipv6_only: true, queue: 5, queue_drop: newest}
  - {listen: "http://systemd:web", keepalive: true}
`

func TestSocketOptions(t *testing.T) {
	list := mustLoad(t, sockets).Listeners
	text := list[0].Socket
	if text.NoDelay || text.KeepAlive != (KeepAlive{}) || !text.ReusePort || text.ReceiveBytes != 1<<20 || !list[0].HalfClose || list[0].Framing.Delimiter != "$\x00" {
		t.Errorf("text: %+v", list[0])
	}
	if want := (Framing{LengthBytes: 2, Endian: "little", Counts: "payload", Offset: 3}); list[1].Framing != want {
		t.Errorf("frame: %+v", list[1].Framing)
	}
	if want := (KeepAlive{30 * time.Second, 15 * time.Second, 4}); list[1].Socket.KeepAlive != want {
		t.Errorf("keepalive: %+v", list[1].Socket.KeepAlive)
	}
	if s := list[2].Socket; s.Mode != 0o660 || s.Owner != "www-data" || s.Group != "root" {
		t.Errorf("unix: %+v", s)
	}
	if l := list[3]; !l.Socket.IPv6Only || l.Queue != (Queue{5, "newest"}) {
		t.Errorf("udp: %+v", l)
	}
	if l := list[4]; l.Address != "systemd:web" || l.Socket != defaultSocket() {
		t.Errorf("systemd: %+v", l)
	}
}

func TestEffectiveLoadsAsTheSameConfiguration(t *testing.T) {
	for name, text := range map[string]string{"smallest": smallest, "everything": everything, "sockets": sockets} {
		t.Run(name, func(t *testing.T) {
			s, file := fakeSystem(t), project(t, text)
			first, err := s.load(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, file, string(first.Effective()), 0o644)
			second, err := s.load(file)
			if err != nil {
				t.Fatalf("%v\nin\n%s", err, first.Effective())
			}
			if !reflect.DeepEqual(first, second) {
				t.Errorf("got  %+v\nwant %+v", second, first)
			}
		})
	}
}

func TestRelativePathFollowsNoSymlink(t *testing.T) {
	file := project(t, smallest)
	link := filepath.Join(t.TempDir(), "current")
	if err := os.Symlink(filepath.Dir(file), link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(link)
	t.Setenv("PWD", link)
	c, err := fakeSystem(t).load("gw.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.File != filepath.Join(link, "gw.yaml") || c.Pools[0].Dir != link {
		t.Errorf("got %s and %s, want both below %s", c.File, c.Pools[0].Dir, link)
	}
}

func TestUnreadableFileIsAFault(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "big.yaml"), strings.Repeat("#", maxFile+1), 0o644)
	for file, want := range map[string]string{
		"gone.yaml": "gone.yaml: there is no such file: name one, or let gw init write a first one",
		".":         ".: cannot read it: is a directory",
		"big.yaml":  "big.yaml: cannot read it: larger than 1MiB, which no configuration is",
	} {
		t.Chdir(dir)
		if _, err := fakeSystem(t).load(file); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", file, err, want)
		}
	}
}

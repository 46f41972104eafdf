package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gw/master/api"
)

// fakeMaster speaks the control API and supervises nothing.
type fakeMaster struct {
	status      api.Status
	connections api.Connections
	reload      []api.ReloadEvent
	refuse      int // status code of every answer
	refusal     api.Error
	process     *exec.Cmd // stands for the master's process
	ignoreStop  bool

	server  *http.Server
	filter  string
	request api.ReloadRequest
	stopped api.StopRequest
}

// serve answers on the control socket of the current state folder. Its process
// is one that does nothing until it is stopped.
func (f *fakeMaster) serve(t *testing.T) {
	t.Helper()
	f.process = exec.Command("cat")
	if _, err := f.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := f.process.Start(); err != nil {
		t.Fatal(err)
	}
	control := filepath.Join(os.Getenv("GW_STATE_DIR"), "control.sock")
	listener, err := net.Listen("unix", control)
	if err != nil {
		t.Fatal(err)
	}
	f.server = &http.Server{Handler: f.handler()}
	ended := make(chan struct{})
	go func() { f.server.Serve(listener); close(ended) }()
	t.Cleanup(func() {
		f.server.Close()
		<-ended
		f.process.Process.Kill()
		f.process.Wait()
	})
}

func (f *fakeMaster) handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(value any) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { json.NewEncoder(w).Encode(value) }
	}
	mux.Handle("GET /v1/version", answer(api.Version{Version: "0.1.0", PID: f.process.Process.Pid}))
	mux.Handle("GET /v1/status", answer(f.status))
	mux.HandleFunc("GET /v1/connections", func(w http.ResponseWriter, r *http.Request) {
		f.filter = r.URL.Query().Get("filter")
		answer(f.connections)(w, r)
	})
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&f.request)
		for _, event := range f.reload {
			json.NewEncoder(w).Encode(event)
		}
	})
	mux.HandleFunc("POST /v1/stop", func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&f.stopped)
		w.WriteHeader(http.StatusAccepted)
		if !f.ignoreStop {
			f.process.Process.Kill()
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.refuse != 0 {
			w.WriteHeader(f.refuse)
			json.NewEncoder(w).Encode(f.refusal)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

const notRunningText = "gw: gw is not running here (looked at %STATE%/control.sock)\nstart it with gw start -d, or name its gw.yaml or handler\n"

func TestNothingRunsHere(t *testing.T) {
	place(t)
	for _, verb := range []string{"status", "stop", "reload", "connections"} {
		want(t, gw(verb), exitNotRunning, "", notRunningText)
	}
}

func TestSocketOfADeadMasterIsNobody(t *testing.T) {
	place(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(os.Getenv("GW_STATE_DIR"), "control.sock")})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	want(t, gw("status"), exitNotRunning, "", notRunningText)
}

func someStatus() api.Status {
	return api.Status{
		Version: "0.1.0", PID: 100, Mode: "daemon", ConfigFile: "/srv/shop/gw.yaml", State: "running", Uptime: 93784, Load: [3]float64{0.5, 0.25, 1},
		Gateway:   api.Gateway{PID: 101, State: "running", MemoryBytes: 12 << 20, Restarts: 1, LastExit: "killed by SIGSEGV"},
		Reload:    &api.Reload{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), Result: "aborted", Reason: "web#1 did not start"},
		Listeners: []api.Listener{{ID: 1, Name: "front", Listen: "http://0.0.0.0:8080", Pools: []string{"web"}}},
		Pools: []api.Pool{
			{Name: "web", User: "www-data", Workers: 2, Ready: 1, Queued: 3},
			{Name: "night", User: "root", Workers: 1, Ready: 1},
		},
		Workers: []api.Worker{
			{Pool: "web", Slot: 1, PID: 200, State: "active", MemoryBytes: 30 << 20, Listen: "http://0.0.0.0:8080", Connections: 4, InFlight: 1, Requests: 12345, QPS: 99.94},
			{Pool: "web", Slot: 2, State: "back-off", Listen: "http://0.0.0.0:8080", Restarts: 7, LastExit: "exit code 255"},
			{Pool: "night", Slot: 1, PID: 202, State: "ready", MemoryBytes: 900},
		},
		Totals: api.Totals{Workers: 3, Ready: 2, MemoryBytes: 42<<20 + 900, Connections: 4, InFlight: 1, Requests: 12345, QPS: 99.94, Restarts: 7},
	}
}

func TestStatus(t *testing.T) {
	place(t)
	(&fakeMaster{status: someStatus()}).serve(t)
	want(t, gw("status"), exitOK, `gw 0.1.0  pid 100  daemon  running  up 1d 2h  load 0.50 0.25 1.00
configuration  /srv/shop/gw.yaml
gateway        pid 101  running  12.0M  1 restart, last exit: killed by SIGSEGV
last reload    2026-01-02 03:04:05  aborted: web#1 did not start
pool web       1 of 2 workers ready, 3 waiting

pid  memory  pool   slot  listen               state     connections  in-flight  requests  restarts   qps  last-exit
200   30.0M  web       1  http://0.0.0.0:8080  active              4          1     12345         0  99.9  -
  -       0  web       2  http://0.0.0.0:8080  back-off            0          0         0         7   0.0  exit code 255
202     900  night     1  -                    ready               0          0         0         0   0.0  -
all   42.0M  -         3  -                    2 ready             4          1     12345         7  99.9  -
`, "")
	var s api.Status
	if got := gw("status", "--json"); got.code != exitOK || json.Unmarshal([]byte(got.out), &s) != nil || s.Workers[1].LastExit != "exit code 255" {
		t.Errorf("got %+v", got)
	}
}

func TestBanner(t *testing.T) {
	var b strings.Builder
	s := someStatus()
	printBanner(&b, false, &s)
	_, table, _ := strings.Cut(b.String(), "\n")
	if want := `/srv/shop/gw.yaml

proto  user      pool   listen               workers  state
http   www-data  web    http://0.0.0.0:8080        2  1 ready
-      root      night  -                          1  ready
`; table != want {
		t.Errorf("got\n%s\nwant\n%s", table, want)
	}
	if first, _, _ := strings.Cut(b.String(), "\n"); !strings.HasPrefix(first, "gw 0.1.0  Go ") || !strings.HasSuffix(first, "  pid 100") {
		t.Errorf("got %s", first)
	}
}

func TestConnections(t *testing.T) {
	place(t)
	f := &fakeMaster{connections: api.Connections{Total: 3, Connections: []api.Connection{
		{ID: 7, Protocol: "websocket", TLS: "1.3", State: "open", Local: "0.0.0.0:8080", Peer: "203.0.113.7:5000", Age: 61, Idle: 0.5,
			BytesIn: 10, BytesOut: 2048, QueueIn: 1, QueueOut: 3 << 20, Worker: "web#1", Groups: []string{"a", "b"}, UID: "ann"},
		{ID: 12, Protocol: "http", State: "idle", Local: "0.0.0.0:8080", Peer: "203.0.113.7:5001"},
	}}}
	f.serve(t)
	want(t, gw("connections", "203.0.113.7"), exitOK, `id  protocol   tls  state  local         peer                age  idle  in   out  queue-in  queue-out  worker  groups  uid
 7  websocket  1.3  open   0.0.0.0:8080  203.0.113.7:5000  1m 1s    0s  10  2.0K         1       3.0M  web#1   a,b     ann
12  http       -    idle   0.0.0.0:8080  203.0.113.7:5001     0s    0s   0     0         0          0  -       -       -
3 connections, 2 shown
`, "")
	if f.filter != "203.0.113.7" {
		t.Errorf("filter: got %q", f.filter)
	}
	write(t, "gw.yaml", "")
	if got := gw("connections", "gw.yaml", "ann"); got.code != exitOK || f.filter != "ann" {
		t.Errorf("with a file: got %+v, filter %q", got, f.filter)
	}
	if got := gw("connections", "--json"); got.code != exitOK || !strings.Contains(got.out, `"queue_out_bytes": 3145728`) {
		t.Errorf("got %+v", got)
	}
}

func TestReloadPrintsALinePerSlot(t *testing.T) {
	place(t)
	f := &fakeMaster{reload: []api.ReloadEvent{
		{Pool: "web", Slot: 1, PID: 11, State: "started"},
		{Pool: "web", Slot: 1, PID: 11, State: "ready", Took: 0.2},
		{Pool: "web", Slot: 1, PID: 11, OldPID: 1, State: "replaced", Took: 0.25},
		{Pool: "web", Slot: 2, PID: 12, State: "added"},
		{Pool: "web", Slot: 3, OldPID: 3, State: "removed"},
		{Pool: "night", Slot: 1, State: "unchanged"},
		{Result: "ok"},
	}}
	f.serve(t)
	want(t, gw("reload", "--pool", "web"), exitOK, `web#1         replaced   pid 11 takes over from pid 1  0.25 s
web#2         added      pid 12
web#3         removed    pid 3 has left
night#1       unchanged
reloaded
`, "")
	if f.request != (api.ReloadRequest{Pool: "web"}) {
		t.Errorf("got %+v", f.request)
	}
	if got := gw("reload", "--json"); got.code != exitOK || strings.Count(got.out, "\n") != 7 {
		t.Errorf("got %+v", got)
	}
}

func TestReloadThatDoesNotSucceed(t *testing.T) {
	for _, c := range []struct {
		name     string
		fake     fakeMaster
		code     int
		out, err string
	}{
		{"aborted", fakeMaster{reload: []api.ReloadEvent{
			{Pool: "web", Slot: 1, State: "failed", Reason: "exit code 255 before it was ready", Output: "PHP Parse error\nin app.php\n"},
			{Result: "aborted"},
		}}, exitReloadAborted, "web#1         failed     exit code 255 before it was ready\n",
			"gw: the reload was aborted: exit code 255 before it was ready\n  | PHP Parse error\n  | in app.php\nthe old handlers go on; repair the code and reload again\n"},
		{"busy by status", fakeMaster{refuse: http.StatusConflict, refusal: api.Error{Message: "reload refused: one is under way"}},
			exitReloadBusy, "", "gw: reload refused: one is under way\n"},
		{"busy by event", fakeMaster{reload: []api.ReloadEvent{{Result: "busy"}}},
			exitReloadBusy, "", "gw: another reload is under way\ntry again when it has ended; gw status shows it\n"},
		{"accepted", fakeMaster{reload: []api.ReloadEvent{{Result: "accepted"}}},
			exitOK, "the reload has begun; gw status shows how it ends\n", ""},
		{"cut off", fakeMaster{reload: []api.ReloadEvent{{Pool: "web", Slot: 1, State: "started"}}},
			exitFailure, "", "gw: the reload ended without a result\ngw status shows whether the master still runs; look into its log\n"},
		{"refused", fakeMaster{refuse: http.StatusNotFound, refusal: api.Error{Message: "no pool wbe", Hint: "known are web"}},
			exitFailure, "", "gw: no pool wbe\nknown are web\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			place(t)
			c.fake.serve(t)
			want(t, gw("reload"), c.code, c.out, c.err)
		})
	}
}

func TestStopWaitsForTheProcess(t *testing.T) {
	place(t)
	f := &fakeMaster{}
	f.serve(t)
	want(t, gw("stop", "--timeout", "3s"), exitOK, "stopped\n", "")
	if f.stopped != (api.StopRequest{Timeout: 3}) {
		t.Errorf("got %+v", f.stopped)
	}
}

func TestStopGracefully(t *testing.T) {
	place(t)
	f := &fakeMaster{}
	f.serve(t)
	want(t, gw("stop", "-g"), exitOK, "stopped\n", "")
	if f.stopped != (api.StopRequest{Graceful: true}) {
		t.Errorf("got %+v", f.stopped)
	}
}

func TestStopTellsWhatStillRuns(t *testing.T) {
	place(t)
	f := &fakeMaster{ignoreStop: true, status: someStatus()}
	f.serve(t)
	c := newClient(filepath.Join(os.Getenv("GW_STATE_DIR"), "control.sock"))
	err := stillRunning(c, 100)
	told := explain(err)
	want(t, result{told.code, "", report(err, told)}, exitTimeout, "", `gw: gw has not stopped in time: the master (pid 100) still runs, and web#1 (pid 200, active), night#1 (pid 202, ready)
look into the log; kill -9 100 ends it at once
`)
}

func TestControlOfARunningInstanceIsFoundWithABrokenConfiguration(t *testing.T) {
	dir := place(t, "gw.yaml", "pools: [broken")
	state := os.Getenv("GW_STATE_DIR")
	(&fakeMaster{status: someStatus()}).serve(t)
	moved := filepath.Join(shortDir(t), "c.sock")
	if err := os.Rename(filepath.Join(state, "control.sock"), moved); err != nil {
		t.Fatal(err)
	}
	i := &instance{ConfigFile: filepath.Join(dir, "gw.yaml"), Dir: dir, Control: moved}
	if err := i.write(state); err != nil {
		t.Fatal(err)
	}
	if got := gw("status"); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
}

func TestHandlerStartedHereIsFoundWithoutItsName(t *testing.T) {
	dir, root := place(t, "app.py", ""), shortDir(t)
	(&fakeMaster{}).serve(t)
	running := &instance{ConfigFile: filepath.Join(dir, "app.py"), Dir: dir, Control: filepath.Join(os.Getenv("GW_STATE_DIR"), "control.sock"), Workers: 3}
	for name, i := range map[string]*instance{
		"app-1":   running,
		"other-2": {ConfigFile: "/elsewhere/app.py", Dir: "/elsewhere", Control: running.Control},
		"dead-3":  {ConfigFile: filepath.Join(dir, "dead.py"), Dir: dir, Control: "/nowhere"},
		"yaml-4":  {ConfigFile: filepath.Join(dir, "gw.yaml"), Dir: dir, Control: running.Control},
	} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := i.write(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	list := handlersIn(root, dir)
	if len(list) != 1 || list[0].ConfigFile != running.ConfigFile || list[0].options().Workers != 3 {
		t.Errorf("got %+v", list)
	}
}

func TestStatusTellsWhoWasRefused(t *testing.T) {
	place(t)
	s := someStatus()
	s.Listeners = []api.Listener{{Name: "front", AddressRefused: 3, RateRefused: 40}, {Name: "quiet"}, {Name: "lb", ProxyRefused: 1}}
	(&fakeMaster{status: s}).serve(t)
	got := gw("status").out
	for _, line := range []string{
		"listener front  refused 3 connections over max_connections_per_address, 40 requests over max_requests_per_address\n",
		"listener lb  refused 1 connection without a good PROXY header\n",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	if strings.Contains(got, "quiet") {
		t.Error(got)
	}
}

func TestConnectionsBehindAProxyShowBothAddresses(t *testing.T) {
	place(t)
	f := &fakeMaster{connections: api.Connections{Total: 1, Connections: []api.Connection{{ID: 7, Peer: "192.0.2.1:51000", Proxy: "10.0.0.5:40000"}}}}
	f.serve(t)
	if got := gw("connections"); !strings.Contains(got.out, "192.0.2.1:51000 via 10.0.0.5:40000") {
		t.Error(got.out)
	}
}

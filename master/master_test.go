package master

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/master/api"
	"gw/master/config"
)

// running is a master in this process with real children.
type running struct {
	t       *testing.T
	options Options
	output  *buffer
	ended   chan error
	client  *http.Client
	once    sync.Once
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// launch starts a master and waits until it is ready.
func launch(t *testing.T, o Options) *running {
	t.Helper()
	r := &running{t: t, options: o, output: &buffer{}, ended: make(chan error, 1)}
	r.client = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", o.Config.Control) },
	}}
	r.options.Output = r.output
	ready := make(chan api.Status, 1)
	r.options.Ready = func(s api.Status) { ready <- s }
	ctx, cancel := context.WithCancel(context.Background())
	go func() { r.ended <- Run(ctx, r.options) }()
	t.Cleanup(func() {
		cancel()
		r.wait()
		r.client.CloseIdleConnections()
	})
	select {
	case <-ready:
	case err := <-r.ended:
		r.ended <- err
		t.Fatalf("did not start: %v\n%s", err, r.output)
	}
	return r
}

// wait waits for the end of Run.
func (r *running) wait() (err error) {
	r.once.Do(func() { err = <-r.ended })
	return err
}

func (r *running) get(path string, into any) int {
	r.t.Helper()
	answer, err := r.client.Get("http://gw" + path)
	return r.read(answer, err, into)
}

func (r *running) post(path, body string, into any) int {
	r.t.Helper()
	answer, err := r.client.Post("http://gw"+path, "application/json", strings.NewReader(body))
	return r.read(answer, err, into)
}

func (r *running) read(answer *http.Response, err error, into any) int {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode
}

func (r *running) status() (s api.Status) {
	r.t.Helper()
	r.get("/v1/status", &s)
	return s
}

// until asks for the status until it is as wanted.
func (r *running) until(what string, wanted func(api.Status) bool) api.Status {
	r.t.Helper()
	var s api.Status
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if s = r.status(); wanted(s) {
			return s
		}
	}
	text, _ := json.MarshalIndent(s, "", "  ")
	r.t.Fatalf("not reached: %s\n%s", what, text)
	return s
}

// untilPrinted waits for handlers' output, which takes another way than READY.
func (r *running) untilPrinted(text string) {
	r.t.Helper()
	r.until("printed "+text, func(api.Status) bool { return strings.Contains(r.output.String(), text) })
}

// reload posts a reload and returns its events.
func (r *running) reload() []api.ReloadEvent {
	r.t.Helper()
	answer, err := r.client.Post("http://gw/v1/reload", "application/json", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	var events []api.ReloadEvent
	for lines := json.NewDecoder(answer.Body); ; {
		var e api.ReloadEvent
		if err := lines.Decode(&e); err != nil {
			if errors.Is(err, io.EOF) {
				return events
			}
			r.t.Fatal(err)
		}
		events = append(events, e)
	}
}

func pids(s api.Status) (list []int) {
	for _, w := range s.Workers {
		if w.State == string(active) {
			list = append(list, w.PID)
		}
	}
	return list
}

func allActive(n int) func(api.Status) bool {
	return func(s api.Status) bool { return len(pids(s)) == n && len(s.Workers) == n }
}

func alive(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

// awaitDeath waits until a process that is no child of ours has ended.
func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if !alive(pid) || zombie(pid) {
			return
		}
	}
	t.Fatalf("process %d lives on", pid)
}

func zombie(pid int) bool {
	text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	after := text[bytes.LastIndexByte(text, ')')+1:]
	return bytes.HasPrefix(after, []byte(" Z"))
}

func TestStatusShowsWhatRuns(t *testing.T) {
	r := launch(t, options(shortFolder(t), "good", 2))
	s := r.until("both active", allActive(2))
	if s.State != "running" || s.Gateway.State != "running" || s.Gateway.PID == 0 || s.Totals.Ready != 2 || s.Totals.Connections != 3 {
		t.Errorf("status %+v", s)
	}
	if s.Listeners[0].Listen == "http://127.0.0.1:0" || !strings.HasPrefix(s.Listeners[0].Listen, "http://127.0.0.1:") {
		t.Errorf("listener %q, want the bound port", s.Listeners[0].Listen)
	}
	for _, w := range s.Workers {
		if w.MemoryBytes == 0 || w.SDK != "go 1, sdk 0" || w.Listen != s.Listeners[0].Listen {
			t.Errorf("worker %+v", w)
		}
	}
	var v api.Version
	if code := r.get("/v1/version", &v); code != 200 || v.Version != "test" || v.PID != os.Getpid() {
		t.Errorf("%d %+v", code, v)
	}
}

func TestStopRemovesEverything(t *testing.T) {
	o := options(shortFolder(t), "good", 2)
	r := launch(t, o)
	s := r.until("both active", allActive(2))
	var said map[string]string
	if code := r.post("/v1/stop", "{}", &said); code != 202 {
		t.Fatalf("answered %d", code)
	}
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{o.Config.PIDFile, o.Config.Control} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	for _, pid := range append(pids(s), s.Gateway.PID) {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
}

func TestFirstStartFailureSaysWhatTheHandlerPrinted(t *testing.T) {
	o := options(shortFolder(t), "broken", 2)
	err := Run(context.Background(), o)
	var failure *StartError
	if !errors.As(err, &failure) {
		t.Fatalf("got %v", err)
	}
	if failure.Pool != "web" || failure.Reason != "exit code 1 before it was ready" ||
		!strings.Contains(failure.Output, "SyntaxError: line 7\n") || !strings.Contains(failure.Output, "loading\n") {
		t.Errorf("got %+v", failure)
	}
	if _, err := os.Lstat(o.Config.PIDFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pid file is left: %v", err)
	}
}

func TestMissingProgramAndFolderAreNamed(t *testing.T) {
	for _, change := range []func(*config.Pool){
		func(p *config.Pool) { p.Command = []string{"gw-no-such-program"} },
		func(p *config.Pool) { p.Dir = "/gw-no-such-folder" },
	} {
		o := options(shortFolder(t), "good", 1)
		change(&o.Config.Pools[0])
		var failure *StartError
		if err := Run(context.Background(), o); !errors.As(err, &failure) || !strings.Contains(failure.Reason, "gw-no-such-") {
			t.Errorf("got %v", err)
		}
	}
}

func TestHandlerThatNeverGetsReadyIsAStartFailure(t *testing.T) {
	o := options(shortFolder(t), "silent", 1)
	o.Config.Pools[0].StartTimeout = 100 * time.Millisecond
	var failure *StartError
	if err := Run(context.Background(), o); !errors.As(err, &failure) || !strings.HasPrefix(failure.Reason, "not ready within 100ms (start_timeout)") {
		t.Fatalf("got %v", err)
	}
}

func TestSecondMasterIsToldThePID(t *testing.T) {
	o := options(shortFolder(t), "good", 1)
	launch(t, o)
	var running *AlreadyRunningError
	if err := Run(context.Background(), o); !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Fatalf("got %v", err)
	}
}

func TestBusyPortIsNamed(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	o := options(shortFolder(t), "good", 1)
	o.Config.Listeners[0].Address = socket.Addr().String()
	err = Run(context.Background(), o)
	var failure *ListenError
	if !errors.As(err, &failure) || failure.Listen != "http://"+socket.Addr().String() || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v", err)
	}
}

func TestKilledHandlerIsReplacedAtOnce(t *testing.T) {
	r := launch(t, options(shortFolder(t), "good", 2))
	before := pids(r.until("both active", allActive(2)))
	unix.Kill(before[0], unix.SIGKILL)
	s := r.until("replaced", func(s api.Status) bool {
		return allActive(2)(s) && !slices.Contains(pids(s), before[0])
	})
	if w := s.Workers[0]; w.Restarts != 1 || w.LastExit != "killed by SIGKILL" {
		t.Errorf("got %+v", w)
	}
	if !slices.Contains(pids(s), before[1]) {
		t.Error("the other worker was touched")
	}
}

func TestHungHandlerIsReplaced(t *testing.T) {
	folder := shortFolder(t)
	behaviour := filepath.Join(folder, "behaviour")
	os.WriteFile(behaviour, []byte("good"), 0o644)
	r := launch(t, options(folder, behaviour, 1))
	first := pids(r.until("started", allActive(1)))
	os.WriteFile(behaviour, []byte("hung"), 0o644)
	unix.Kill(first[0], unix.SIGKILL)
	r.until("given up", func(s api.Status) bool { return strings.HasPrefix(s.Workers[0].LastExit, "hangs") })
	os.WriteFile(behaviour, []byte("good"), 0o644)
	r.until("replaced", func(s api.Status) bool { return allActive(1)(s) && s.Workers[0].Restarts > 1 })
}

func TestGrandchildWithThePipesDoesNotHoldUpTheReplacement(t *testing.T) {
	for _, behaviour := range []string{"family", "group"} {
		t.Run(behaviour, func(t *testing.T) {
			r := launch(t, options(shortFolder(t), behaviour, 1))
			before := pids(r.until("active", allActive(1)))[0]
			began := time.Now()
			unix.Kill(before, unix.SIGKILL)
			r.until("replaced", func(s api.Status) bool { return allActive(1)(s) && pids(s)[0] != before })
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("replacement took %s", took)
			}
			for _, line := range strings.Split(r.output.String(), "\n") {
				if _, text, ok := strings.Cut(line, "] child "); ok && behaviour == "family" {
					pid, _ := strconv.Atoi(text)
					unix.Kill(pid, unix.SIGKILL) // it left its group: ours to end
				}
			}
		})
	}
}

func TestProcessGroupEndsWithItsLeader(t *testing.T) {
	r := launch(t, options(shortFolder(t), "group", 1))
	before := pids(r.until("active", allActive(1)))[0]
	_, text, _ := strings.Cut(r.output.String(), "] child ")
	child, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	unix.Kill(before, unix.SIGKILL)
	awaitDeath(t, child)
}

func TestReloadReplacesEverySlot(t *testing.T) {
	r := launch(t, options(shortFolder(t), "good", 3))
	before := pids(r.until("all active", allActive(3)))
	events := r.reload()
	if last := events[len(events)-1]; last.Result != "ok" {
		t.Fatalf("got %+v", events)
	}
	after := pids(r.until("all active", allActive(3)))
	for _, pid := range after {
		if slices.Contains(before, pid) {
			t.Errorf("process %d was not replaced", pid)
		}
	}
	replaced := 0
	for _, e := range events {
		if e.State == "replaced" && slices.Contains(before, e.OldPID) && slices.Contains(after, e.PID) {
			replaced++
		}
	}
	if replaced != 3 {
		t.Errorf("%d slots told as replaced: %+v", replaced, events)
	}
}

func TestBrokenDeployKeepsTheOldCode(t *testing.T) {
	folder := shortFolder(t)
	behaviour := filepath.Join(folder, "behaviour")
	os.WriteFile(behaviour, []byte("good"), 0o644)
	r := launch(t, options(folder, behaviour, 2))
	before := pids(r.until("all active", allActive(2)))
	os.WriteFile(behaviour, []byte("broken"), 0o644)
	events := r.reload()
	last := events[len(events)-1]
	if last.Result != "aborted" || !strings.Contains(last.Output, "SyntaxError") || !strings.Contains(last.Reason, "exit code 1") {
		t.Errorf("got %+v", events)
	}
	s := r.until("all active", allActive(2))
	if after := pids(s); !slices.Equal(before, after) || s.Reload.Result != "aborted" {
		t.Errorf("workers %v, then %v, reload %+v", before, after, s.Reload)
	}
}

func TestReloadMeanwhileIsBusy(t *testing.T) {
	folder := shortFolder(t)
	o := options(folder, "good", 1)
	release := make(chan struct{})
	o.Reread = func() (*config.Config, error) { <-release; return o.Config, nil }
	r := launch(t, o)
	var accepted, busy api.ReloadEvent
	if code := r.post("/v1/reload", `{"no_wait":true}`, &accepted); code != 202 || accepted.Result != "accepted" {
		t.Errorf("%d %+v", code, accepted)
	}
	if code := r.post("/v1/reload", "", &busy); code != 409 || busy.Result != "busy" || busy.Reason == "" {
		t.Errorf("%d %+v", code, busy)
	}
	close(release)
	r.until("reload done", func(s api.Status) bool { return s.Reload != nil && s.Reload.Result == "ok" })
}

func TestGatewayDeathBringsANewOne(t *testing.T) {
	r := launch(t, options(shortFolder(t), "good", 2))
	before := r.until("both active", allActive(2))
	unix.Kill(before.Gateway.PID, unix.SIGKILL)
	after := r.until("new gateway", func(s api.Status) bool {
		return s.Gateway.PID != before.Gateway.PID && s.Gateway.State == "running" && allActive(2)(s)
	})
	if after.Gateway.Restarts != 1 || after.Gateway.LastExit != "killed by SIGKILL" || after.Listeners[0].Listen != before.Listeners[0].Listen {
		t.Errorf("got %+v", after.Gateway)
	}
	for _, pid := range pids(after) {
		if slices.Contains(pids(before), pid) {
			t.Errorf("worker %d outlived its gateway", pid)
		}
	}
}

func TestStatusAnswersWhileTheGatewayStandsStill(t *testing.T) {
	r := launch(t, options(shortFolder(t), "good", 1))
	gateway := r.until("active", allActive(1)).Gateway.PID
	unix.Kill(gateway, unix.SIGSTOP)
	defer unix.Kill(gateway, unix.SIGCONT)
	r.until("noticed", func(s api.Status) bool { return s.Gateway.State == "not answering" })
	var failure api.Error
	if code := r.get("/v1/connections", &failure); code != 504 || failure.Message == "" {
		t.Errorf("connections answered %d %+v", code, failure)
	}
}

func TestMasterDeathLeavesNobody(t *testing.T) {
	self, _ := os.Executable()
	folder := shortFolder(t)
	master := exec.Command(self, "master", folder)
	out, err := master.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	gateway, _ := strconv.Atoi(strings.TrimSpace(line))
	client := &running{t: t, client: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", filepath.Join(folder, "run", "gw.sock"))
		},
	}}}
	workers := pids(client.until("both active", allActive(2)))
	master.Process.Kill()
	master.Wait()
	for _, pid := range append(workers, gateway) {
		awaitDeath(t, pid)
	}
	// What a killed master leaves behind does not stand in the way.
	launch(t, options(folder, "good", 1))
}

func TestStubbornHandlerIsKilledAtTheEnd(t *testing.T) {
	o := options(shortFolder(t), "stubborn", 1)
	o.Config.Pools[0].StopTimeout = 100 * time.Millisecond
	r := launch(t, o)
	var said map[string]string
	r.post("/v1/stop", `{"timeout_seconds": 0.1}`, &said)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
}

func TestHandlerSeesItsEnvironmentAndFolder(t *testing.T) {
	folder := shortFolder(t)
	o := options(folder, "environment", 1)
	o.Environment = []string{"SDK=ours", "APP=default"}
	release := filepath.Join(folder, "release")
	os.Mkdir(filepath.Join(folder, "r1"), 0o755)
	os.Mkdir(filepath.Join(folder, "r2"), 0o755)
	os.Symlink("r1", release)
	o.Config.Pools[0].Dir = release
	o.Config.Pools[0].Env = map[string]string{"APP": "prod"}
	r := launch(t, o)
	for _, want := range []string{"SDK=ours", "APP=prod", "GW_IPC=1", "GW_POOL=web", "GW_SLOT=1", "PWD=" + release, "cwd=" + filepath.Join(folder, "r1")} {
		r.untilPrinted("] " + want + "\n")
	}
	os.Remove(release)
	os.Symlink("r2", release)
	r.reload()
	r.untilPrinted("] cwd=" + filepath.Join(folder, "r2") + "\n") // the symlink is followed
}

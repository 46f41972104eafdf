package master

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gw/ipc"
	"gw/master/api"
	"gw/master/config"
	"gw/protocol/control"
)

// The children speak one byte where the real ones speak gw-ipc: R says ready, D
// asks to drain, B says bye.

// childGateway answers the master as a gateway does, without any client.
func childGateway() int {
	c, err := ipc.Open(os.NewFile(3, "channel"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(os.Stderr, "gateway: up")
	g := &fakeGateway{channel: c, in: map[uint64]*os.File{}}
	for {
		m, files, err := c.Receive()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return 0
			}
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		g.handle(m, files)
	}
}

type fakeGateway struct {
	channel *ipc.Channel
	in      map[uint64]*os.File
}

func (g *fakeGateway) handle(m *control.Message, files []*os.File) {
	switch m.Kind {
	case control.Configure:
		if !m.More {
			g.channel.Send(&control.Message{Kind: control.Configured, Seq: m.Seq})
		}
	case control.Attach:
		g.in[m.Worker.ID] = files[0]
		go g.listen(m.Worker.ID, files[1])
	case control.Drain:
		g.in[m.Worker.ID].WriteString("D")
	case control.Exited:
		g.in[m.Worker.ID].Close()
	case control.Query:
		g.channel.Send(&control.Message{Kind: control.Report, Seq: m.Seq, Status: &control.Status{PID: os.Getpid(), Connections: 3}})
	case control.Stop:
		g.channel.Send(&control.Message{Kind: control.Stopped})
	}
}

func (g *fakeGateway) listen(id uint64, out *os.File) {
	unix.SetNonblock(int(out.Fd()), false)
	said := make([]byte, 1)
	for {
		if n, err := out.Read(said); n == 0 || err != nil {
			return
		}
		switch said[0] {
		case 'R':
			g.channel.Send(&control.Message{Kind: control.WorkerReady, Worker: &control.Worker{ID: id, Language: "go", LanguageVersion: "1", SDK: "0"}})
		case 'B':
			g.channel.Send(&control.Message{Kind: control.Drained, Worker: &control.Worker{ID: id}})
		case 'H':
			g.channel.Send(&control.Message{Kind: control.WorkerFailed, Hung: true, Reason: "hangs", Worker: &control.Worker{ID: id}})
		}
	}
}

// childHandler behaves as its argument says, or as the file says that the
// argument names.
func childHandler(behaviour string) int {
	if text, err := os.ReadFile(behaviour); err == nil {
		behaviour = strings.TrimSpace(string(text))
	}
	in, out := os.NewFile(3, "in"), os.NewFile(4, "out")
	switch behaviour {
	case "broken":
		fmt.Println("loading")
		fmt.Fprintln(os.Stderr, "SyntaxError: line 7")
		return 1
	case "silent":
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		out.WriteString("R")
		select {}
	case "hung":
		out.WriteString("RH")
		select {}
	case "family":
		// A child that leaves the group and keeps every descriptor.
		child := exec.Command("sleep", "20")
		child.Stdout, child.Stderr, child.ExtraFiles = os.Stdout, os.Stderr, []*os.File{in, out}
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		child.Start()
		fmt.Printf("child %d\n", child.Process.Pid)
	case "group":
		child := exec.Command("sleep", "20")
		child.ExtraFiles = []*os.File{in, out}
		child.Start()
		fmt.Printf("child %d\n", child.Process.Pid)
	case "environment":
		for _, name := range []string{"SDK", "APP", "PWD", "GW_IPC", "GW_POOL", "GW_SLOT"} {
			fmt.Printf("%s=%s\n", name, os.Getenv(name))
		}
		folder, _ := os.Readlink("/proc/self/cwd") // os.Getwd believes PWD
		fmt.Printf("cwd=%s\n", folder)
	}
	out.WriteString("R")
	for said := make([]byte, 1); ; {
		if n, err := in.Read(said); n == 0 || err != nil {
			return 0
		}
		if said[0] == 'D' {
			out.WriteString("B")
			return 0
		}
	}
}

// childMaster is a master that can be killed. It prints the pids of its
// children once all run.
func childMaster(folder string) int {
	o := options(folder, "good", 2)
	o.Ready = func(status api.Status) { fmt.Println(status.Gateway.PID) }
	o.Output = io.Discard
	if err := Run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// options for one pool "web" whose handlers behave as told.
func options(folder, behaviour string, workers int) Options {
	self, _ := os.Executable()
	return Options{
		Version: "test", Executable: self, LogOutput: io.Discard,
		Config: &config.Config{
			Dir: folder, LogLevel: "info",
			PIDFile: filepath.Join(folder, "run", "gw.pid"), Control: filepath.Join(folder, "run", "gw.sock"),
			TempDir: filepath.Join(folder, "run", "tmp"),
			Pools: []config.Pool{{
				Name: "web", Command: []string{self, "handler", behaviour}, Dir: folder, Workers: workers,
				StartTimeout: 5 * time.Second, StopTimeout: 5 * time.Second, Reload: true,
			}},
			Listeners: []config.Listener{{
				Name: "web", Scheme: "http", Address: "127.0.0.1:0",
				Routes: []config.Route{{Prefix: "/", Pool: "web"}},
			}},
		},
	}
}

// shortFolder is a folder whose path leaves room for a unix socket's name.
func shortFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "gw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

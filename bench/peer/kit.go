package peer

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Kit holds what the peers share: a temporary folder, the programs built into
// it and the handlers.
type Kit struct {
	Dir      string
	GW       string // the gw binary; built unless given
	handlers embed.FS
	jobs     int
}

// NewKit makes the temporary folder. gw names a binary to measure; empty: build
// this tree's.
func NewKit(handlers embed.FS, gw string) (*Kit, error) {
	dir, err := os.MkdirTemp("", "gw-bench-")
	if err != nil {
		return nil, err
	}
	if gw != "" {
		if gw, err = filepath.Abs(gw); err != nil {
			return nil, err
		}
	}
	// Handlers may run as another user, who must be able to read them.
	return &Kit{Dir: dir, GW: gw, handlers: handlers}, os.Chmod(dir, 0o755)
}

// Build compiles gw when it is wanted and not given, and the reference servers.
func (k *Kit) Build(ctx context.Context, wantGW bool) error {
	packages := []string{"gw/bench/reference/awake", "gw/bench/reference/fasthttp", "gw/bench/reference/rawepoll"}
	if wantGW && k.GW == "" {
		k.GW = k.Program("gw")
		packages = append(packages, "gw")
	}
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", k.Dir + "/bin/"}, packages...)...)
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	return nil
}

// Program is the path of a program that Build made.
func (k *Kit) Program(name string) string { return filepath.Join(k.Dir, "bin", name) }

// NewJob gives a job its folder and writes the handlers there.
func (k *Kit) NewJob(scenario string, workers int) (Job, error) {
	k.jobs++
	job := Job{Scenario: scenario, Workers: workers, Dir: filepath.Join(k.Dir, strconv.Itoa(k.jobs))}
	files, err := fs.Sub(k.handlers, "handlers")
	if err != nil {
		return job, err
	}
	return job, os.CopyFS(job.Dir, files)
}

// Close removes the folder.
func (k *Kit) Close() error { return os.RemoveAll(k.Dir) }

// freePort is a port nobody listens on; another program may take it before the
// server does, which then fails to start.
func freePort() (netip.AddrPort, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).AddrPort(), nil
}

// handlerFile is the handler of a scenario.
func (j Job) handlerFile(extension string) string {
	name := map[string]string{Hello: "hello", Vary: "vary", JSON: "order", WS: "echo", Text: "echo", Broadcast: "broadcast", Groups: "groups", TLS: "hello"}[j.Scenario]
	return filepath.Join(j.Dir, name+extension)
}

// php is the command line of a PHP program as a service would run it.
func php(arguments ...string) []string {
	return append([]string{"php", "-d", "opcache.enable_cli=1"}, arguments...)
}

// needs is for peers that need programs.
func needs(programs ...string) func(*Kit) string {
	return func(*Kit) string {
		var missing []string
		for _, program := range programs {
			if _, err := exec.LookPath(program); err != nil {
				missing = append(missing, program)
			}
		}
		if missing == nil {
			return ""
		}
		return strings.Join(missing, ", ") + " not found"
	}
}

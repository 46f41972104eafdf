package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Daemon is gw as it is used by hand: started in the background, told to reload
// and to stop. What is measured is how long its commands take.
type Daemon struct {
	gw, dir string
	boot    time.Duration
}

// DaemonOptions say what it supervises: one pool of PHP workers.
type DaemonOptions struct {
	Workers        int
	ReloadParallel int
	Boot           time.Duration // that the program takes to load
}

// NewDaemon writes the configuration of a daemon, which does not run yet.
func (k *Kit) NewDaemon(o DaemonOptions) (*Daemon, error) {
	job, err := k.NewJob(Hello, o.Workers)
	if err != nil {
		return nil, err
	}
	command, err := json.Marshal(php(filepath.Join(job.Dir, "boot.php")))
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("pools:\n  p:\n    command: %s\n    workers: %d\n    reload_parallel: %d\nlisteners:\n  - {listen: \"http://127.0.0.1:0\", pool: p}\n",
		command, o.Workers, o.ReloadParallel)
	return &Daemon{gw: k.GW, dir: job.Dir, boot: o.Boot}, os.WriteFile(filepath.Join(job.Dir, "gw.yaml"), []byte(text), 0o644)
}

// Start returns when every worker is ready.
func (d *Daemon) Start(ctx context.Context) (time.Duration, error) {
	return d.time(ctx, d.gw, "start", "-d", "gw.yaml")
}

// Reload returns when every worker is replaced.
func (d *Daemon) Reload(ctx context.Context) (time.Duration, error) {
	return d.time(ctx, d.gw, "reload", "gw.yaml")
}

// Stop returns when no process is left.
func (d *Daemon) Stop() error {
	_, err := d.time(context.Background(), d.gw, "stop", "gw.yaml")
	return err
}

// Alone loads the workers' program once without gw.
func (d *Daemon) Alone(ctx context.Context) (time.Duration, error) {
	argv := php(filepath.Join(d.dir, "boot.php"))
	return d.time(ctx, "env", append([]string{"BENCH_ALONE=1"}, argv...)...)
}

// time runs a program to its end.
func (d *Daemon) time(ctx context.Context, program string, arguments ...string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = d.dir
	command.Env = append(os.Environ(), "GW_STATE_DIR="+filepath.Join(d.dir, "state"), "BENCH_BOOT="+strconv.FormatInt(d.boot.Milliseconds(), 10))
	began := time.Now()
	text, err := command.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("%s %v: %w\n%s", program, arguments, err, text)
	}
	return took, nil
}

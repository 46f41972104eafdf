package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"gw/master"
	"gw/master/config"
)

// stateMode lets handlers of other users pass through to the SDKs; the control
// socket in the folder has a mode of its own.
const stateMode = 0o711

// stateFolder is the state folder of the instance we are about to be.
type stateFolder struct {
	path  string
	fresh bool        // was not there before us
	kept  atomic.Bool // the start succeeded: log and SDKs stay
}

// openState makes the folder of an instance. The folder above may lie in /tmp,
// where anybody could have made it before us.
func openState(c *config.Config) (*stateFolder, error) {
	if root := config.StateRoot(); root != "" {
		if err := makeFolder(root); err != nil {
			return nil, err
		}
		if err := checkOwner(root); err != nil {
			return nil, err
		}
	}
	fresh := !exists(c.StateDir)
	return &stateFolder{path: c.StateDir, fresh: fresh}, makeFolder(c.StateDir)
}

// leave tidies up after a master that ended with err. One that lost a race
// against another leaves the folder to it; a start that failed leaves nothing.
func (s *stateFolder) leave(i *instance, err error) {
	var running *master.AlreadyRunningError
	switch {
	case errors.As(err, &running):
		i.PID = running.PID
		_ = i.write(s.path) // what stands there names the same instance
	case s.fresh && !s.kept.Load():
		os.RemoveAll(s.path)
	default:
		os.Remove(filepath.Join(s.path, instanceFile))
	}
}

func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(path, stateMode); err != nil {
		return &failure{exitFailure, fmt.Sprintf("cannot make the state folder: %v", err), "set GW_STATE_DIR to a folder gw may write to"}
	}
	return os.Chmod(path, stateMode) // MkdirAll is subject to the umask
}

func checkOwner(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || known && int(owner.Uid) != os.Getuid() {
		return &failure{exitFailure, fmt.Sprintf("%s is not a folder that only we may write to", path), "remove it, or set GW_STATE_DIR"}
	}
	return nil
}

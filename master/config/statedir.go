package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// StateDir is the folder of pid file, control socket, log and the rest of what
// one running gw keeps, for a configuration or handler with the absolute path
// file: $GW_STATE_DIR itself, else a folder of its own in StateRoot.
func StateDir(file string) string {
	return hostSystem().stateDir(file)
}

// StateRoot is the folder that holds the state folders of a user's instances:
// /run/gw for root, else $XDG_RUNTIME_DIR/gw, else /tmp/gw-<uid>. With
// $GW_STATE_DIR there is no such folder and StateRoot is "".
func StateRoot() string {
	return hostSystem().stateRoot()
}

func (s system) stateDir(file string) string {
	if dir, ok := s.getenv("GW_STATE_DIR"); ok && dir != "" {
		return absolute(dir)
	}
	return filepath.Join(s.stateRoot(), instanceName(file))
}

// DaemonLog is where a daemon logs unless log_file says otherwise.
func DaemonLog(file string) string { return hostSystem().diskPaths(file).log }

// diskPaths are the folders and files of an instance that must not lie in memory:
// root's state folder is on a tmpfs, which large bodies would fill and a
// reboot empties.
type diskPaths struct{ temp, setAside, log string }

func (s system) diskPaths(file string) diskPaths {
	if s.uid == 0 && s.stateRoot() != "" {
		name := instanceName(file)
		// Not /var/tmp: anybody could put a link there before us.
		return diskPaths{temp: filepath.Join("/var/lib/gw", name, "tmp"), setAside: filepath.Join("/var/lib/gw", name, "set-aside"), log: filepath.Join("/var/log/gw", name+".log")}
	}
	state := s.stateDir(file)
	return diskPaths{temp: filepath.Join(state, "tmp"), setAside: filepath.Join(state, "set-aside"), log: filepath.Join(state, "gw.log")}
}

func (s system) stateRoot() string {
	if dir, _ := s.getenv("GW_STATE_DIR"); dir != "" {
		return ""
	}
	if s.uid == 0 {
		return "/run/gw"
	}
	if dir, ok := s.getenv("XDG_RUNTIME_DIR"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "gw")
	}
	return filepath.Join(os.TempDir(), "gw-"+strconv.Itoa(s.uid))
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// instanceName tells a person which instance it is, and its hash of the whole
// path tells two of the same name apart. gw.yaml says nothing, so its folder does.
func instanceName(file string) string {
	name := filepath.Base(file)
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		name = filepath.Base(filepath.Dir(file))
	}
	name = strings.Trim(notInNames.ReplaceAllString(name, "-"), "-.")
	if name == "" {
		name = "gw"
	}
	sum := sha256.Sum256([]byte(file))
	return fmt.Sprintf("%.40s-%s", name, hex.EncodeToString(sum[:4]))
}

// absolute joins a relative path to the current folder without resolving
// symlinks: a deployment that swaps a link is to be followed.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}

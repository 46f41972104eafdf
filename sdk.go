package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"gw/master/config"
)

// The SDKs travel in the binary, so that they always fit it. `all:` because
// Python's private modules begin with an underscore.
//
//go:embed all:sdk-php/src sdk-php/autoload.php all:sdk-python/gw
var sdkFiles embed.FS

// pythonShim stands on PYTHONPATH in front of installed packages, and lets one
// of those win.
const pythonShim = `"""The package gw: the one that is installed, else the one that the binary gw carries."""

import importlib.util
import os
import sys


def _find():
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    path = sys.path[:]
    sys.path[:] = [entry for entry in path if os.path.realpath(entry or os.curdir) != here]
    try:
        for finder in sys.meta_path:
            spec = finder.find_spec("gw", None)
            # A folder without __init__.py, or a lone gw.py, is something else.
            if spec is not None and spec.has_location and spec.submodule_search_locations:
                return spec
    finally:
        sys.path[:] = path
    carried = os.path.join(os.path.dirname(here), "python-sdk", "gw")
    return importlib.util.spec_from_file_location(
        "gw", os.path.join(carried, "__init__.py"), submodule_search_locations=[carried]
    )


__spec__ = _find()
__file__ = __spec__.origin
__cached__ = __spec__.cached
__loader__ = __spec__.loader
__path__ = __spec__.submodule_search_locations
del _find, importlib, os
__loader__.exec_module(sys.modules[__name__])
`

// plainSDK is both SDKs as their own repositories hold them.
func plainSDK() fileTree {
	tree := fileTree{}
	tree.add("sdk-php", "php")
	tree.add("sdk-python", "python")
	return tree
}

// add copies an embedded folder, without what an interpreter left there.
func (t fileTree) add(from, to string) {
	err := fs.WalkDir(sdkFiles, from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if strings.Contains(name, "__pycache__") || strings.HasSuffix(name, ".pyc") {
			return nil
		}
		t[path.Join(to, strings.TrimPrefix(name, from+"/"))], err = sdkFiles.ReadFile(name)
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("sdk: the binary is damaged: %v", err))
	}
}

// carriedSDK is the folder the SDKs were written to for handlers.
type carriedSDK struct{ dir string }

// writeSDK writes the SDKs into the state folder, once per version. The folder
// appears complete or not at all.
func writeSDK(state string) (*carriedSDK, error) {
	tree := fileTree{}
	tree.add("sdk-php", "php")
	tree.add("sdk-python", "python-sdk")
	tree["python/gw/__init__.py"] = []byte(pythonShim)
	dir := filepath.Join(state, "sdk-"+version+"-"+tree.hash())
	if exists(dir) {
		return &carriedSDK{dir}, nil
	}
	tree["php-ini/gw.ini"] = fmt.Appendf(nil, "auto_prepend_file=\"%s\"\n", filepath.Join(dir, "php", "autoload.php"))
	draft, err := os.MkdirTemp(state, ".sdk-")
	if err != nil {
		return nil, fmt.Errorf("sdk: %w", err)
	}
	defer os.RemoveAll(draft)
	if err := tree.write(draft); err != nil {
		return nil, err
	}
	if err := openToAll(draft); err != nil {
		return nil, fmt.Errorf("sdk: %w", err)
	}
	if err := os.Rename(draft, dir); err != nil && !exists(dir) {
		return nil, fmt.Errorf("sdk: %w", err)
	}
	return &carriedSDK{dir}, nil
}

// environment is what handlers need to find the SDKs. PHP reads the folders of
// PHP_INI_SCAN_DIR in order, an empty one being its own.
func (s *carriedSDK) environment() []string {
	ini, set := os.LookupEnv("PHP_INI_SCAN_DIR")
	if !set || ini != "" {
		ini += ":"
	}
	return []string{
		"PHP_INI_SCAN_DIR=" + ini + s.phpINI(),
		"PYTHONPATH=" + inFront(s.python(), os.Getenv("PYTHONPATH")),
		"PYTHONUNBUFFERED=1",
	}
}

// join puts the SDKs into the pools' own settings of the same variables, which
// would hide ours.
func (s *carriedSDK) join(c *config.Config) {
	for _, pool := range c.Pools {
		if ini, set := pool.Env["PHP_INI_SCAN_DIR"]; set {
			pool.Env["PHP_INI_SCAN_DIR"] = ini + ":" + s.phpINI()
		}
		if path, set := pool.Env["PYTHONPATH"]; set {
			pool.Env["PYTHONPATH"] = inFront(s.python(), path)
		}
	}
}

func (s *carriedSDK) phpINI() string { return filepath.Join(s.dir, "php-ini") }
func (s *carriedSDK) python() string { return filepath.Join(s.dir, "python") }

func inFront(first, rest string) string {
	if rest == "" {
		return first
	}
	return first + ":" + rest
}

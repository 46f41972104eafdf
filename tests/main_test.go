package tests

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// root is the folder of the module.
var root string

// gwBinary is the gw that most tests run.
var gwBinary string

// raceBinary builds gw with the race detector, for the tests under load.
var raceBinary func() (string, error)

// beside each other: most tests wait for processes, few compute.
const parallelTests = "4"

func TestMain(m *testing.M) {
	given := false
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", parallelTests)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if root, err = filepath.Abs(".."); err != nil {
		return fail(err)
	}
	dir, err := os.MkdirTemp("", "gw-build-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	if gwBinary, err = build(filepath.Join(dir, "gw")); err != nil {
		return fail(err)
	}
	raceBinary = sync.OnceValues(func() (string, error) {
		return build(filepath.Join(dir, "gw-race"), "-race")
	})
	return m.Run()
}

func build(path string, flags ...string) (string, error) {
	arguments := append([]string{"build", "-buildvcs=false", "-o", path}, flags...)
	command := exec.Command("go", append(arguments, ".")...)
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build gw: %w\n%s", err, output)
	}
	return path, nil
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

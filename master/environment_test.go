package master

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLaterVariablesWin(t *testing.T) {
	got := mergeEnvironment([]string{"A=1", "B=2"}, []string{"C=3", "A=4"}, variables(map[string]string{"B": "", "D": "x=y"}))
	if want := []string{"A=4", "B=", "C=3", "D=x=y"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestProgramIsFoundAsAShellWould(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "bin", "program")
	os.Mkdir(filepath.Dir(program), 0o755)
	os.WriteFile(program, nil, 0o755)
	os.WriteFile(filepath.Join(folder, "text"), nil, 0o644)
	path := []string{"PATH=/nowhere:bin:" + filepath.Dir(program)}
	for name, want := range map[string]string{"program": program, "bin/program": program, "./bin/program": program, program: program} {
		if got, err := findProgram(name, folder, path); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for _, name := range []string{"other", "./other", "./text", "./bin"} {
		if got, err := findProgram(name, folder, path); err == nil {
			t.Errorf("%s: found %s", name, got)
		}
	}
}

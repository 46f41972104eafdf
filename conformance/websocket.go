package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// autobahn is the suite, as PyPI has it. It is written for Python 2.7 (what
// PyPI offers for Python 3 is the same source, which Python 3 does not read).
const autobahn = "autobahntestsuite==0.8.2"

// webSocketSuite runs Autobahn's fuzzing client against echo servers: handlers
// behind gw, and what stands beside it.
func webSocketSuite(ctx context.Context, w *workshop) ([]score, error) {
	python, err := w.installAutobahn(ctx)
	if err != nil {
		return nil, err
	}
	servers, err := w.echoServers(ctx)
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	// A run for each server: a report is written at its end only, and one server must not cost the others theirs.
	own, results := map[string]bool{}, map[string]map[string]verdict{}
	for _, s := range servers {
		own[s.name] = s.own
		if err := w.fuzz(ctx, python, s, results); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return verdicts(results, own), nil
}

// installAutobahn puts the suite under build/, once.
func (w *workshop) installAutobahn(ctx context.Context) (python string, err error) {
	python = findPython2()
	if python == "" {
		return "", fmt.Errorf("%w: Autobahn's suite needs Python 2.7; name one with PYTHON2=/path/to/python2.7", errAbsent)
	}
	target := w.autobahnFolder()
	if _, err := os.Stat(filepath.Join(target, "autobahntestsuite")); err == nil {
		return python, nil
	}
	command := exec.CommandContext(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", target, autobahn)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: cannot install %s: %w\n%s", errAbsent, autobahn, err, output)
	}
	return python, nil
}

func (w *workshop) autobahnFolder() string { return filepath.Join(w.build, "autobahn") }

func findPython2() string {
	if python := os.Getenv("PYTHON2"); python != "" {
		return python
	}
	candidates := []string{"python2.7", "python2"}
	if home, err := os.UserHomeDir(); err == nil {
		installed, _ := filepath.Glob(filepath.Join(home, ".pyenv", "versions", "2.7.*", "bin", "python"))
		candidates = append(candidates, installed...)
	}
	for _, name := range candidates {
		path, err := exec.LookPath(name)
		if err == nil && exec.CommandContext(context.Background(), path, "-m", "pip", "--version").Run() == nil {
			return path
		}
	}
	return ""
}

// echoServers starts all that are to be had.
func (w *workshop) echoServers(ctx context.Context) (servers []*server, err error) {
	handlers := filepath.Join(w.root, "tests", "handlers")
	// The longest message of section 9 has 16 MiB.
	const listener = "    websocket: {compress_from: 0}\n    limits: {max_message: 16MiB, send_buffer: 64MiB}\n"
	for _, h := range []struct {
		name    string
		command []string
	}{
		{"gw, PHP", []string{"php", filepath.Join(handlers, "echo.php")}},
		{"gw, Python", []string{"/usr/bin/python3", filepath.Join(handlers, "echo.py")}},
	} {
		if _, err := exec.LookPath(h.command[0]); err != nil {
			continue
		}
		s, err := w.serveGW(ctx, h.name, h.command, listener)
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	if source := os.Getenv("WORKERMAN_SRC"); source != "" {
		if s := w.serveBeside(ctx, "Workerman", "php", "workerman.php", "start"); s != nil {
			servers = append(servers, s)
		}
	}
	python := cmp.Or(os.Getenv("PEERS_PYTHON"), "python3")
	if exec.CommandContext(ctx, python, "-c", "import uvicorn, websockets").Run() == nil {
		if s := w.serveBeside(ctx, "uvicorn", python, "uvicorn_echo.py"); s != nil {
			servers = append(servers, s)
		}
	}
	return servers, nil
}

// serveBeside starts another server; one that does not start is left out.
func (w *workshop) serveBeside(ctx context.Context, name, program, handler string, arguments ...string) *server {
	address, err := freeAddress()
	if err != nil {
		return nil
	}
	dir, err := os.MkdirTemp(w.build, "beside-")
	if err != nil {
		return nil
	}
	argv := append([]string{program, filepath.Join(w.root, "conformance", "handlers", handler)}, arguments...)
	s, err := serve(ctx, name, false, address, dir, []string{"ADDRESS=" + address}, argv...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "left out:", err)
		return nil
	}
	return s
}

// fuzz runs the suite's client against a server, and adds what it says.
func (w *workshop) fuzz(ctx context.Context, python string, s *server, results map[string]map[string]verdict) error {
	report := filepath.Join(w.report, "websocket", strings.Map(inFileName, s.name))
	if err := os.RemoveAll(report); err != nil {
		return err
	}
	type target struct {
		Agent string `json:"agent"`
		URL   string `json:"url"`
	}
	spec := struct {
		Outdir  string              `json:"outdir"`
		Servers []target            `json:"servers"`
		Cases   []string            `json:"cases"`
		Exclude []string            `json:"exclude-cases"`
		Agents  map[string][]string `json:"exclude-agent-cases"`
	}{report, []target{{s.name, "ws://" + s.address}}, strings.Split(cmp.Or(w.cases, "*"), ","), []string{}, map[string][]string{}}
	b, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	file := filepath.Join(w.build, "fuzzingclient.json")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		return err
	}
	// The suite's own script would not find its packages: they lie in a folder that only addsitedir reads as Python's own.
	const start = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"
	command := exec.CommandContext(ctx, python, "-u", "-c", start, w.autobahnFolder(), "-m", "fuzzingclient", "-s", file)
	command.Dir = w.build
	command.Stderr, command.Stdout = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return err
	}
	if b, err = os.ReadFile(filepath.Join(report, "index.json")); err != nil {
		return err
	}
	if err := json.Unmarshal(b, &results); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// inFileName keeps letters and digits.
func inFileName(c rune) rune {
	if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return c
	}
	return '-'
}

// verdict is what the suite says of one case.
type verdict struct {
	Behavior      string `json:"behavior"`
	BehaviorClose string `json:"behaviorClose"`
}

// passed is strict: what the suite calls NON-STRICT or UNIMPLEMENTED is not.
// INFORMATIONAL are cases without a right answer.
func (v verdict) passed() bool {
	right := func(s string) bool { return s == "OK" || s == "INFORMATIONAL" }
	return right(v.Behavior) && right(v.BehaviorClose)
}

func (v verdict) String() string {
	if v.Behavior == "OK" || v.Behavior == "INFORMATIONAL" {
		return "close " + v.BehaviorClose
	}
	return v.Behavior
}

// parts of the suite: RFC 6455, and permessage-deflate.
var parts = []struct {
	name string
	has  func(section int) bool
}{
	{"RFC 6455 (1-7, 9, 10)", func(section int) bool { return section <= 10 }},
	{"permessage-deflate (12, 13)", func(section int) bool { return section >= 12 }},
}

// verdicts makes scores of what the suite said: server, case, verdict.
func verdicts(results map[string]map[string]verdict, own map[string]bool) (scores []score) {
	for _, part := range parts {
		for _, name := range slices.SortedFunc(maps.Keys(results), func(a, b string) int {
			return cmp.Or(-cmp.Compare(strconv.FormatBool(own[a]), strconv.FormatBool(own[b])), strings.Compare(a, b))
		}) {
			s := score{suite: "Autobahn", part: part.name, server: name, own: own[name]}
			for _, id := range slices.SortedFunc(maps.Keys(results[name]), byNumbers) {
				if !part.has(numbers(id)[0]) {
					continue
				}
				v := results[name][id]
				if s.total++; v.passed() {
					s.passed++
				} else {
					s.failed = append(s.failed, id+" "+v.String())
				}
			}
			if s.total > 0 {
				scores = append(scores, s)
			}
		}
	}
	return scores
}

// numbers takes 9.1.10 apart.
func numbers(id string) []int {
	var list []int
	for _, part := range strings.Split(id, ".") {
		n, _ := strconv.Atoi(part)
		list = append(list, n)
	}
	return list
}

func byNumbers(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }

package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// setup describes the gateway of a test: one pool and its listeners, or a
// whole configuration.
type setup struct {
	language language
	handler  string   // program in handlers/, without extension
	workers  int      // 0: one
	listen   []string // schemes, one listener each, default http; "text+unix" listens on a unix socket
	pool     string   // further settings of the pool, as in a YAML flow map
	listener string   // further settings of every listener, the same way
	top      string   // further lines at the top level

	// config replaces all of the above but language: a whole gw.yaml where
	// {http}, {text}, ... become addresses, {run} the interpreter and {ext}
	// the extension.
	config string

	binary string   // empty: the one built without the race detector
	env    []string // of the master
}

// addresses gives out one address per name and remembers it.
type addresses map[string]string

func (a addresses) of(t testing.TB, dir, name string) string {
	if a[name] == "" {
		if strings.HasSuffix(name, "+unix") {
			a[name] = "unix:" + filepath.Join(dir, name+".sock")
		} else {
			a[name] = freeAddress(t)
		}
	}
	return a[name]
}

// yaml is the configuration of the setup.
func (s setup) yaml(t testing.TB, dir string, known addresses) string {
	if s.config == "" {
		s.config = s.onePool()
	}
	if loops := os.Getenv("GW_TEST_LOOPS"); loops != "" && !strings.Contains(s.config, "loops:") {
		s.config = "loops: " + loops + "\n" + s.config
	}
	s.config = strings.NewReplacer("{run}", s.language.interpreter, "{ext}", s.language.extension).Replace(s.config)
	for {
		start := strings.Index(s.config, "://{")
		if start < 0 {
			return s.config
		}
		name, _, _ := strings.Cut(s.config[start+4:], "}")
		s.config = strings.Replace(s.config, "://{"+name+"}", "://"+known.of(t, dir, name), 1)
	}
}

func (s setup) onePool() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\npools:\n", s.top)
	fmt.Fprintf(&b, "  main: {%s}\n", flow(fmt.Sprintf("command: [{run}, %s], workers: %d", s.language.file(s.handler), max(s.workers, 1)), s.pool))
	b.WriteString("listeners:\n")
	if s.listen == nil {
		s.listen = []string{"http"}
	}
	for _, name := range s.listen {
		scheme, _, _ := strings.Cut(name, "+")
		fmt.Fprintf(&b, "  - {%s}\n", flow(fmt.Sprintf("listen: \"%s://{%s}\", pool: main", scheme, name), s.listener))
	}
	return b.String()
}

// flow joins the parts of a YAML flow map.
func flow(parts ...string) string {
	var used []string
	for _, part := range parts {
		if part != "" {
			used = append(used, part)
		}
	}
	return strings.Join(used, ", ")
}

// deploy copies every handler of the language into a folder, so that a test
// may edit them.
func (s setup) deploy(t testing.TB, dir string) {
	t.Helper()
	files, err := filepath.Glob("handlers/*." + s.language.extension)
	if err != nil || len(files) == 0 {
		t.Fatalf("no handlers to deploy: %v", err)
	}
	for _, file := range files {
		copyFile(t, file, filepath.Join(dir, filepath.Base(file)))
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// given holds the ports that were given out: a port that a stopped listener
// left free is not handed to the next test, which may run beside this one.
var given = struct {
	sync.Mutex
	ports map[string]bool
}{ports: map[string]bool{}}

// freeAddress finds a port that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	given.Lock()
	defer given.Unlock()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		listener.Close()
		if !given.ports[address] {
			given.ports[address] = true
			return address
		}
	}
}

package config

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DefaultListen is where a handler that is started without a gw.yaml listens.
const DefaultListen = "http://0.0.0.0:8080"

// HandlerOptions are what the command line says about a handler that is
// started without a gw.yaml.
type HandlerOptions struct {
	Listen  []string // empty: DefaultListen
	Workers int      // 0: one
	Debug   bool
}

// ForHandler is the configuration of one pool that runs the handler at path:
// with the program for its ending, or with that of its #! line, or by itself
// when it is executable. The error is Faults.
func ForHandler(path string, o HandlerOptions) (*Config, error) {
	return hostSystem().forHandler(path, o)
}

func (s system) forHandler(path string, o HandlerOptions) (*Config, error) {
	file := absolute(path)
	command, err := handlerCommand(path, file)
	if err != nil {
		return nil, Faults{*err}
	}
	c := s.defaults(file)
	c.Debug = o.Debug
	var faults Faults
	r := &reader{system: s, file: path, dir: c.Dir, where: "of " + filepath.Base(path), faults: &faults}
	pool := defaultPool()
	pool.Name, pool.Dir, pool.Env, pool.Command = handlerPool(file), c.Dir, map[string]string{}, command
	if o.Workers != 0 {
		pool.Workers = o.Workers
	}
	if pool.Workers < 1 || pool.Workers > maxWorkers {
		r.fault(&yaml.Node{}, "", "workers must be a number from 1 to %d, not %d", maxWorkers, pool.Workers)
	}
	r.checkProgram(&yaml.Node{}, &pool)
	r.checkControl(nil, c)
	c.Pools = []Pool{pool}
	r.listenTo(o.Listen, c)
	if err := faults.orNil(); err != nil {
		return nil, err
	}
	return c, nil
}

func (r *reader) listenTo(texts []string, c *Config) {
	if len(texts) == 0 {
		texts = []string{DefaultListen}
	}
	for _, text := range texts {
		scheme, address, err := parseListen(text, c.Dir)
		var wrong *listenError
		if errors.As(err, &wrong) {
			r.fault(&yaml.Node{}, wrong.hint, "listen %s", wrong.message)
			continue
		}
		l := defaultListener(c.Limits)
		l.Name, l.Scheme, l.Address, l.Framing = text, scheme, address, defaultFraming(scheme)
		l.Routes = []Route{{Prefix: "/", Pool: c.Pools[0].Name}}
		for _, other := range c.Listeners {
			if collide(&other, &l) {
				r.fault(&yaml.Node{}, other.Name+" already takes it", "duplicate address %s", text)
			}
		}
		c.Listeners = append(c.Listeners, l)
	}
}

// handlerPool names the pool after the file: app.py gives app.
func handlerPool(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	name = strings.Trim(notInNames.ReplaceAllString(name, "-"), "-.")
	if !poolName.MatchString(name) {
		return "app"
	}
	return name
}

func handlerCommand(path, file string) ([]string, *Fault) {
	info, err := os.Stat(file)
	base := filepath.Base(file)
	switch {
	case err != nil:
		f := fileFault(path, err)
		return nil, &f
	case info.IsDir():
		return nil, &Fault{File: path, Message: "this is a folder", Hint: "name the handler's file in it"}
	}
	if strings.HasPrefix(base, "-") {
		base = "./" + base // or it would be taken for an option
	}
	if language, known := languages[filepath.Ext(base)]; known {
		return []string{language.program, base}, nil
	}
	if info.Mode()&0o111 != 0 {
		return []string{"./" + filepath.Base(file)}, nil
	}
	if words := shebang(file); len(words) > 0 {
		return append(words, base), nil
	}
	return nil, &Fault{File: path, Message: "cannot tell what runs it",
		Hint: fmt.Sprintf("give it an ending (.php, .py, .js, .rb), a #! line, or make it executable: chmod +x %s", path)}
}

// shebang is the command of a file's #! line. Linux passes everything behind
// the program as one argument (execve(2)); `env -S` exists because of that.
func shebang(file string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 256).ReadSlice('\n')
	text, found := strings.CutPrefix(string(line), "#!")
	if !found {
		return nil
	}
	program, argument, _ := strings.Cut(strings.TrimSpace(text), " ")
	if program == "" {
		return nil
	}
	if argument = strings.TrimSpace(argument); argument != "" {
		return []string{program, argument}
	}
	return []string{program}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

var (
	poolName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
)

// ownEnv is what the master sets for each handler.
var ownEnv = []string{"GW_IPC", "GW_FD_IN", "GW_FD_OUT", "GW_WORKER_ID", "GW_POOL", "GW_SLOT"}

func readPools(r *reader, n *yaml.Node, c *Config) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.misfit(n, "pools", "a mapping of names to pools", "write pools: {web: {command: [php, app.php]}}")
		return
	}
	list := r.pairs(n, "in pools")
	if len(list) == 0 {
		r.fault(n, "write pools: {web: {command: [php, app.php]}}", "there are no pools")
	}
	for _, p := range list {
		name := p.key.Value
		switch {
		case !poolName.MatchString(name):
			r.fault(p.key, "use letters, digits, - and _", "%q cannot name a pool", name)
		case name == noPool:
			r.fault(p.key, "choose another name", "%q cannot name a pool: pool: none is a listener without one", name)
		}
		c.Pools = append(c.Pools, readPool(r.in("in pool "+name), name, p))
	}
}

func readPool(r *reader, name string, p pair) Pool {
	pool := defaultPool()
	pool.Name, pool.Dir, pool.Env = name, r.dir, map[string]string{}
	n := resolve(p.value)
	if n.Kind != yaml.MappingNode {
		r.fault(n, "write command: [php, app.php] below it", "pool %s must be a mapping, not %s", name, describe(n))
		return pool
	}
	values := mapping(r, n, poolKeys, &pool)
	switch command := values["command"]; {
	case command == nil:
		r.fault(p.key, "write command: [php, app.php]", "pool %s has no command", name)
	case len(pool.Command) > 0:
		r.checkProgram(resolve(command), &pool)
	}
	if dir := values["dir"]; dir != nil && !isFolder(pool.Dir) {
		r.fault(resolve(dir), "", "dir %s: there is no folder %s", r.where, pool.Dir)
	}
	return pool
}

func readCommand(r *reader, n *yaml.Node, p *Pool) {
	const wanted = "a list of words or one text"
	n = resolve(n)
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			word, ok := r.text(item, "command", "a list of words")
			if !ok {
				p.Command = nil
				return
			}
			p.Command = append(p.Command, word)
		}
	} else {
		text, ok := r.text(n, "command", wanted)
		if !ok {
			return
		}
		words, err := splitWords(text)
		if err != nil {
			r.fault(n, "close it, or write a list", "command %s %s", r.where, err)
			return
		}
		p.Command = words
	}
	if len(p.Command) == 0 || p.Command[0] == "" {
		r.fault(n, "write command: [php, app.php]", "command %s is empty", r.where)
		p.Command = nil
	}
}

// checkProgram looks whether the command can be run at all. The master looks
// again at every start: what is installed may change.
func (r *reader) checkProgram(n *yaml.Node, p *Pool) {
	program := p.Command[0]
	path, set := p.Env["PATH"]
	if !set {
		path, _ = r.getenv("PATH")
	}
	if err := findProgram(program, p.Dir, path); err != nil {
		r.fault(wordNode(n, 0), installHint(program), "command %s: %s", r.where, err)
	}
	i := handlerWord(p.Command[1:])
	if i < 0 {
		return
	}
	if file := within(p.Dir, p.Command[i+1]); !isFile(file) {
		r.fault(wordNode(n, i+1), "check its name, or set dir", "command %s: there is no file %s", r.where, file)
	}
}

func wordNode(n *yaml.Node, i int) *yaml.Node {
	if n.Kind == yaml.SequenceNode && i < len(n.Content) {
		return n.Content[i]
	}
	return n
}

func readWorkers(r *reader, n *yaml.Node, p *Pool) {
	wanted := fmt.Sprintf("a number from 1 to %d or auto", maxWorkers)
	text, ok := r.text(n, "workers", wanted)
	if !ok {
		return
	}
	if text == "auto" {
		p.Workers = min(r.processors, maxWorkers)
		return
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 || value > maxWorkers {
		r.fault(n, "", "workers %s must be %s, not %q", r.where, wanted, text)
		return
	}
	p.Workers = value
}

func readEnv(r *reader, n *yaml.Node, p *Pool) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.misfit(n, "env", "a mapping of names to values", "write env: {APP_ENV: prod}")
		return
	}
	for _, entry := range r.pairs(n, "in env of pool "+p.Name) {
		name := entry.key.Value
		switch {
		case !envName.MatchString(name):
			r.fault(entry.key, "", "env %s: %q cannot name an environment variable", r.where, name)
		case slices.Contains(ownEnv, name):
			r.fault(entry.key, "choose another name", "env %s: %s is set by gw itself", r.where, name)
		case resolve(entry.value).Tag == "!!null":
			p.Env[name] = ""
		default:
			if text, ok := r.text(entry.value, name, "text"); ok {
				p.Env[name] = text
			}
		}
	}
}

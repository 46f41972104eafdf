package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// taken is an address that a listener of the file has.
type taken struct {
	listener Listener
	text     string // as the file writes it
	line     int
}

func readListeners(r *reader, n *yaml.Node, c *Config) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		r.misfit(n, "listeners", "a list", `write listeners: [{listen: "http://0.0.0.0:8080", pool: web}]`)
		return
	}
	inner := r.in(r.where)
	for _, p := range c.Pools {
		inner.pools = append(inner.pools, p.Name)
	}
	var before []taken
	for i, item := range n.Content {
		l, t, ok := readListener(inner, resolve(item), i, c)
		if !ok {
			continue
		}
		r.checkTaken(before, t, item)
		before = append(before, t)
		c.Listeners = append(c.Listeners, l)
	}
}

func readListener(r *reader, n *yaml.Node, index int, c *Config) (Listener, taken, bool) {
	if n.Kind != yaml.MappingNode {
		r.fault(n, `write - {listen: "http://0.0.0.0:8080", pool: web}`, "listener %d must be a mapping, not %s", index+1, describe(n))
		return Listener{}, taken{}, false
	}
	listen, at := listenText(n)
	called := fmt.Sprintf("listener %d", index+1)
	if listen != "" {
		called = "listener " + listen
	}
	l := defaultListener(c.Limits)
	l.AccessLog, l.TrustedProxies = c.AccessLog, c.TrustedProxies
	r = r.in("in " + called)
	values := mapping(r, n, listenerKeys, &l)
	if values["listen"] == nil {
		r.fault(n, "write listen: http://0.0.0.0:8080", "%s has no listen", called)
	}
	if values["pool"] == nil {
		r.onlyPool(n, called, &l)
	}
	r.checkRoutes(values["routes"], &l)
	r.checkAccessLog(values["access_log"], &l)
	r.checkStatic(n, values, &l)
	sortRoutes(l.Routes)
	if l.Address == "" {
		return l, taken{}, false
	}
	return l, taken{listener: l, text: listen, line: at}, true
}

// listenText is what the file calls the listener, for messages.
func listenText(n *yaml.Node) (text string, line int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		value := resolve(n.Content[i+1])
		if n.Content[i].Value == "listen" && value.Kind == yaml.ScalarNode {
			return value.Value, value.Line
		}
	}
	return "", n.Line
}

func (r *reader) checkTaken(before []taken, t taken, n *yaml.Node) {
	for _, b := range before {
		if collide(&b.listener, &t.listener) {
			r.fault(n, fmt.Sprintf("%s in line %d already takes it", b.text, b.line), "duplicate address %s", t.text)
			return
		}
		if b.listener.Name == t.listener.Name && t.listener.Name != t.text {
			r.fault(n, fmt.Sprintf("it is already in line %d", b.line), "duplicate listener name %s", t.listener.Name)
			return
		}
	}
}

func readListen(r *reader, n *yaml.Node, l *Listener) {
	text, ok := r.text(n, "listen", "text such as http://0.0.0.0:8080")
	if !ok {
		return
	}
	scheme, address, err := parseListen(text, r.dir)
	var wrong *listenError
	if errors.As(err, &wrong) {
		r.fault(n, wrong.hint, "listen %s", wrong.message)
		return
	}
	l.Scheme, l.Address, l.Name = scheme, address, text
	l.Framing = defaultFraming(scheme)
}

func showListen(l *Listener) any { return l.Scheme + "://" + l.Address }

func readListenerPool(r *reader, n *yaml.Node, l *Listener) {
	if resolve(n).Value == noPool {
		return
	}
	if name, ok := r.poolName(n); ok {
		l.Routes = append(l.Routes, Route{Prefix: "/", Pool: name})
	}
}

// noPool says that a listener has none on purpose.
const noPool = "none"

func showListenerPool(l *Listener) any {
	if i := len(l.Routes) - 1; i >= 0 && l.Routes[i].catchAll() {
		return l.Routes[i].Pool
	}
	if len(l.Static) > 0 {
		return noPool
	}
	return nil
}

// poolName reads the name of a pool that exists.
func (r *reader) poolName(n *yaml.Node) (string, bool) {
	name, ok := r.text(n, "pool", "the name of a pool")
	if !ok {
		return "", false
	}
	if len(r.pools) > 0 && !slices.Contains(r.pools, name) {
		hint := didYouMean(name, r.pools)
		if hint == "" {
			hint = "known are " + strings.Join(r.pools, ", ")
		}
		r.fault(n, hint, "unknown pool %q %s", name, r.where)
		return "", false
	}
	return name, true
}

// onlyPool gives a listener that names no pool the only one there is.
func (r *reader) onlyPool(n *yaml.Node, called string, l *Listener) {
	if slices.ContainsFunc(l.Routes, Route.catchAll) {
		return
	}
	switch len(r.pools) {
	case 0:
	case 1:
		l.Routes = append(l.Routes, Route{Prefix: "/", Pool: r.pools[0]})
	default:
		r.fault(n, "write pool: and one of "+strings.Join(r.pools, ", ")+orNone(l), "%s has no pool", called)
	}
}

func orNone(l *Listener) string {
	if len(l.Static) > 0 {
		return ", or none"
	}
	return ""
}

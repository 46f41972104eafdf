package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// catchAll tells the route that takes whatever no other took.
func (t Route) catchAll() bool { return t.Host == "" && t.Prefix == "/" }

func readRoutes(r *reader, n *yaml.Node, l *Listener) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		r.misfit(n, "routes", "a list", "write routes: [{path: /api, pool: api}]")
		return
	}
	inside := strings.Replace(r.where, "in ", "in a route of ", 1)
	for _, item := range n.Content {
		item = resolve(item)
		if item.Kind != yaml.MappingNode {
			r.fault(item, "write {path: /api, pool: api}", "a route %s must be a mapping, not %s", r.where, describe(item))
			continue
		}
		route := Route{Prefix: "/"}
		values := mapping(r.in(inside), item, routeKeys, &route)
		if values["pool"] == nil {
			r.fault(item, "write pool: and its name", "a route %s has no pool", r.where)
		}
		same := func(t Route) bool { return t.Host == route.Host && t.Prefix == route.Prefix }
		if slices.ContainsFunc(l.Routes, same) {
			r.fault(item, "delete one of them", "two routes %s take %s", r.where, route)
			continue
		}
		l.Routes = append(l.Routes, route)
	}
}

// String is the route as a person would write it.
func (t Route) String() string { return t.Host + t.Prefix }

// showRoutes leaves the last one out: it is the listener's pool.
func showRoutes(l *Listener) any {
	list := []any{}
	for _, route := range l.Routes {
		if !route.catchAll() {
			list = append(list, shown(routeKeys, &route))
		}
	}
	return list
}

func readHost(r *reader, n *yaml.Node, t *Route) {
	if host, ok := r.host(n); ok {
		t.Host = host
	}
}

func (r *reader) host(n *yaml.Node) (string, bool) {
	text, ok := r.text(n, "host", "a host name")
	if !ok {
		return "", false
	}
	host := strings.ToLower(strings.TrimSuffix(text, "."))
	switch {
	case strings.Contains(host, "*"):
		r.fault(n, "name the hosts one by one", "host %s: wildcards are not supported by this version", r.where)
	case strings.Contains(host, ":") && !strings.HasPrefix(host, "["):
		r.fault(n, "leave scheme and port out", "host %s must be a host name, not %q", r.where, text)
	case host != "" && !strings.HasPrefix(host, "[") && !hostName.MatchString(host):
		r.fault(n, "write a name such as example.com", "host %s must be a host name, not %q", r.where, text)
	default:
		return host, true
	}
	return "", false
}

func readPath(r *reader, n *yaml.Node, t *Route) {
	if prefix, ok := r.prefix(n); ok {
		t.Prefix = prefix
	}
}

func (r *reader) prefix(n *yaml.Node) (string, bool) {
	text, ok := r.text(n, "path", "a path prefix")
	if !ok {
		return "", false
	}
	switch {
	case !strings.HasPrefix(text, "/"):
		r.fault(n, fmt.Sprintf("write /%s", text), "path %s must begin with a slash, not %q", r.where, text)
	case strings.ContainsAny(text, "*?# "):
		r.fault(n, "a path is a prefix: /api takes /api and /api/...", "path %s must not have wildcards or a query: %q", r.where, text)
	case text == "/":
		return text, true
	default:
		return "/" + strings.Trim(text, "/"), true
	}
	return "", false
}

func readRoutePool(r *reader, n *yaml.Node, t *Route) {
	if name, ok := r.poolName(n); ok {
		t.Pool = name
	}
}

// checkRoutes refuses routes where there is no host or path to go by.
func (r *reader) checkRoutes(n *yaml.Node, l *Listener) {
	if n == nil || len(resolve(n).Content) == 0 || l.Scheme == "" || l.Scheme == "http" || l.Scheme == "websocket" {
		return
	}
	r.fault(n, "use pool", "routes %s: %s has neither host nor path to go by", r.where, l.Scheme)
}

// sortRoutes puts the most specific first: with a host before any host, then
// the longest prefix, then by name so that equal files give equal lists.
func sortRoutes(list []Route) {
	slices.SortStableFunc(list, func(a, b Route) int {
		return cmp.Or(
			cmp.Compare(min(len(b.Host), 1), min(len(a.Host), 1)),
			cmp.Compare(len(b.Prefix), len(a.Prefix)),
			cmp.Compare(a.String(), b.String()),
		)
	})
}

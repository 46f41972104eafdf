package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Static is a folder that the gateway serves by itself.
type Static struct {
	Host          string
	Prefix        string
	Root          string // absolute, not resolved through symlinks
	Index         string // "": folders have no page
	Missing       string // pool, 404, or the path of the page that is shown instead
	CacheControl  string
	Never         []string // lower-case endings of names
	Symlinks      string   // inside, follow, never
	Precompressed bool
	Hidden        bool
	Browse        bool
}

// neverServed are the endings of source code and of what editors leave behind:
// served as text they would tell what they were meant to do.
var neverServed = []string{".php", ".phtml", ".phar", ".inc", ".py", ".pyc", ".rb", ".pl", ".cgi", ".bak", ".swp", "~"}

func defaultStatic() Static {
	return Static{Prefix: "/", Index: "index.html", Missing: missingPool, Never: neverServed, Symlinks: "inside", Precompressed: true}
}

const (
	missingPool = "pool"
	missing404  = "404"
)

var staticKeys = []key[Static]{
	{name: "root", kind: kindText, doc: "Folder whose files are served.", must: true, read: readRoot, show: func(s *Static) any { return s.Root }},
	{name: "path", kind: kindText, doc: "Path prefix under which its files are found. Default: /.", read: func(r *reader, n *yaml.Node, s *Static) {
		if path, ok := r.prefix(n); ok {
			s.Prefix = path
		}
	}, show: func(s *Static) any { return s.Prefix }},
	{name: "host", kind: kindText, doc: "Host name without port. Default: any.", read: func(r *reader, n *yaml.Node, s *Static) {
		if host, ok := r.host(n); ok {
			s.Host = host
		}
	}, show: func(s *Static) any { return s.Host }},
	{name: "index", kind: kindText, doc: "File that is the page of a folder. Empty: folders have none.", read: readIndex, show: func(s *Static) any { return s.Index }},
	{name: "missing", kind: kindText, doc: "What answers when there is no such file: pool, 404, or the path of a page for it, as /index.html of a single-page application.",
		read: readMissing, show: func(s *Static) any { return s.Missing }},
	{name: "cache_control", kind: kindText, doc: "Cache-Control field of its files, as \"public, max-age=3600\".", read: readCacheControl, show: func(s *Static) any { return s.CacheControl }},
	flagKey("precompressed", "Whether app.js.br, .zst or .gz is sent for app.js to clients that take it.", func(s *Static) *bool { return &s.Precompressed }),
	choiceKey("symlinks", "Which symlinks are followed: those that stay inside of root, all, or none.", func(s *Static) *string { return &s.Symlinks }, "inside", "follow", "never"),
	flagKey("hidden", "Whether names that begin with a dot are served.", func(s *Static) *bool { return &s.Hidden }),
	{name: "never", kind: kindEndings, doc: "Endings of names that are not served: source code, backups.", read: readNever, show: func(s *Static) any { return s.Never }},
	flagKey("browse", "Whether folders without an index are listed.", func(s *Static) *bool { return &s.Browse }),
}

func readStatic(r *reader, n *yaml.Node, l *Listener) {
	n = resolve(n)
	items := []*yaml.Node{n}
	switch n.Kind {
	case yaml.SequenceNode:
		items = n.Content
	case yaml.MappingNode:
	default:
		r.misfit(n, "static", "a mapping or a list of them", "write static: {root: public}")
		return
	}
	inside := strings.Replace(r.where, "in ", "in static of ", 1)
	for _, item := range items {
		item = resolve(item)
		if item.Kind != yaml.MappingNode {
			r.fault(item, "write {root: public}", "static %s must be a mapping, not %s", r.where, describe(item))
			continue
		}
		s := defaultStatic()
		values := mapping(r.in(inside), item, staticKeys, &s)
		if values["root"] == nil {
			r.fault(item, "write root: and the folder", "static %s has no root", r.where)
		}
		r.checkServed(values, &s)
		same := func(t Static) bool { return t.Host == s.Host && t.Prefix == s.Prefix }
		if slices.ContainsFunc(l.Static, same) {
			r.fault(item, "give one of them another path", "two folders of static %s take %s", r.where, s.Host+s.Prefix)
			continue
		}
		l.Static = append(l.Static, s)
	}
	slices.SortStableFunc(l.Static, func(a, b Static) int {
		return cmp.Or(
			cmp.Compare(min(len(b.Host), 1), min(len(a.Host), 1)),
			cmp.Compare(len(b.Prefix), len(a.Prefix)),
			cmp.Compare(a.Host+a.Prefix, b.Host+b.Prefix),
		)
	})
}

// checkServed refuses pages that would be shown as their source.
func (r *reader) checkServed(values map[string]*yaml.Node, s *Static) {
	for _, page := range []struct{ name, value string }{{"index", s.Index}, {"missing", s.Missing}} {
		n := values[page.name]
		if n != nil && slices.ContainsFunc(s.Never, func(ending string) bool { return strings.HasSuffix(strings.ToLower(page.value), ending) }) {
			r.fault(n, "leave "+page.name+" out: the pool answers what is no file", "%s in static of %s is source code, which never is served: %q", page.name, strings.TrimPrefix(r.where, "in "), page.value)
		}
	}
}

func showStatic(l *Listener) any {
	list := []any{}
	for _, s := range l.Static {
		list = append(list, shown(staticKeys, &s))
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

func readRoot(r *reader, n *yaml.Node, s *Static) {
	text, ok := r.text(n, "root", "a folder")
	if !ok {
		return
	}
	root := within(r.dir, text)
	switch {
	case text == "":
		r.fault(n, "name a folder", "root %s is empty", r.where)
	case !isFolder(root):
		r.fault(n, "create it, or check the path", "root %s: there is no folder %s", r.where, root)
	case holds(root, within(r.dir, filepath.Base(r.file))):
		r.fault(n, "serve a folder of its own, such as public", "root %s: visitors could read %s itself", r.where, filepath.Base(r.file))
	default:
		s.Root = root
	}
}

// holds tells whether file lies in folder; both may be reached by symlinks.
func holds(folder, file string) bool {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return false
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	return err == nil && (dir == folder || folder == "/" || strings.HasPrefix(dir, folder+"/"))
}

var ending = regexp.MustCompile(`^[^/\x00]{1,16}$`)

func readIndex(r *reader, n *yaml.Node, s *Static) {
	text, ok := r.text(n, "index", "the name of a file")
	if ok && strings.Contains(text, "/") {
		r.fault(n, "write index.html", "index %s must be the name of a file, not %q", r.where, text)
	} else if ok {
		s.Index = text
	}
}

func readMissing(r *reader, n *yaml.Node, s *Static) {
	text, ok := r.text(n, "missing", "pool, 404 or a path")
	switch {
	case !ok:
	case text == missingPool, text == missing404:
		s.Missing = text
	case strings.HasPrefix(text, "/") && filepath.Clean(text) == text && text != "/":
		s.Missing = text
	default:
		hint := didYouMean(text, []string{missingPool, missing404})
		if hint == "" {
			hint = fmt.Sprintf("write %q if that is a page in root", filepath.Clean("/"+text))
		}
		r.fault(n, hint, "missing %s must be pool, 404 or the path of a page, not %q", r.where, text)
	}
}

func readCacheControl(r *reader, n *yaml.Node, s *Static) {
	text, ok := r.text(n, "cache_control", "text")
	if ok && strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
		r.fault(n, `write "public, max-age=3600"`, "cache_control %s cannot be sent as a header: %q", r.where, text)
	} else if ok {
		s.CacheControl = text
	}
}

func readNever(r *reader, n *yaml.Node, s *Static) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		r.misfit(n, "never", "a list of endings", "write never: [.php, .inc]")
		return
	}
	list := []string{}
	for _, item := range n.Content {
		text, ok := r.text(item, "never", "a list of endings")
		switch {
		case !ok:
		case !ending.MatchString(text):
			r.fault(item, "write an ending such as .php", "never %s: %q is no ending of a name", r.where, text)
		default:
			list = append(list, strings.ToLower(text))
		}
	}
	s.Never = list
}

// readFolders reads absolute paths of folders, of which each must be there.
func readFolders[T any](name string, field func(*T) *[]string) func(*reader, *yaml.Node, *T) {
	return func(r *reader, n *yaml.Node, t *T) {
		n = resolve(n)
		items := n.Content
		switch n.Kind {
		case yaml.ScalarNode:
			items = []*yaml.Node{n}
		case yaml.MappingNode:
			r.misfit(n, name, "a list of folders", fmt.Sprintf("write %s: [storage]", name))
			return
		}
		list := []string{}
		for _, item := range items {
			text, ok := r.text(item, name, "a list of folders")
			if !ok {
				continue
			}
			folder := within(r.dir, text)
			if text == "" || !isFolder(folder) {
				r.fault(item, "create it, or check the path", "%s %s: there is no folder %s", name, r.where, folder)
				continue
			}
			list = append(list, folder)
		}
		*field(t) = list
	}
}

// checkStatic refuses files where nobody asks for a path, and a listener that
// has neither files nor a pool.
func (r *reader) checkStatic(n *yaml.Node, values map[string]*yaml.Node, l *Listener) {
	static, pool := values["static"], values["pool"]
	switch {
	case static != nil && l.Scheme != "" && l.Scheme != "http":
		r.fault(static, "use http", "static %s: nobody asks %s for a file", r.where, l.Scheme)
	case static == nil && pool != nil && resolve(pool).Value == noPool && len(l.Routes) == 0:
		r.fault(pool, "name a pool, or add static: {root: public}", "pool %s is none, and there is no static", r.where)
	}
	if len(l.Routes) > 0 {
		return
	}
	for i := range l.Static {
		if l.Static[i].Missing == missingPool { // there is none
			l.Static[i].Missing = missing404
		}
	}
}

// onlyFiles tells a configuration that needs no pools.
func (c *Config) onlyFiles() bool {
	return len(c.Listeners) > 0 && !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return len(l.Static) == 0 })
}

func showSendfile(p *Pool) any {
	if p.Sendfile == nil {
		return nil
	}
	return p.Sendfile
}

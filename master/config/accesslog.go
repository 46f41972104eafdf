package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// AccessLog is where a line for each request goes.
type AccessLog struct {
	// File is its absolute path, or "-" for standard output (a daemon's
	// stdout_file). Empty: there is no access log.
	File    string
	Format  string   // combined or json; empty without a file
	Exclude []string // path prefixes of requests that get no line
}

const (
	standardOutput    = "-"
	defaultLogFormat  = "combined"
	accessLogMeanings = "write access_log: access.log, access_log: {file: access.log, format: json}, or false"
)

var accessLogKeys = []key[AccessLog]{
	{name: "file", kind: kindText, doc: "File the lines are added to; - is standard output.", read: readAccessFile, show: func(a *AccessLog) any { return a.File }},
	choiceKey("format", "How a line looks: combined as Apache and nginx have it, or an object of JSON.", func(a *AccessLog) *string { return &a.Format }, "combined", "json"),
	{name: "exclude", kind: kindPaths, doc: "Path prefixes of requests that get no line.", read: readExclude, show: func(a *AccessLog) any { return append([]string{}, a.Exclude...) }},
}

// accessLogKey is false, a path, or a mapping.
func accessLogKey[T any](doc string, field func(*T) *AccessLog) key[T] {
	return key[T]{name: "access_log", kind: kindAccessLog, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) { readAccessLog(r, n, field(t)) },
		show: func(t *T) any {
			if a := field(t); a.File != "" {
				return shown(accessLogKeys, a)
			}
			return false
		},
	}
}

func readAccessLog(r *reader, n *yaml.Node, a *AccessLog) {
	value := resolve(n)
	if value.Kind == yaml.MappingNode {
		mapping(r.in(accessLogOf(r.where)), value, accessLogKeys, a)
		if a.File == "" {
			r.fault(n, "write file: access.log, or file: - for standard output", "access_log %s has no file", r.where)
			*a = AccessLog{}
		}
	} else if value.Kind == yaml.ScalarNode && value.Tag == "!!bool" {
		if value.Value == "true" {
			r.fault(n, "name a file, or - for standard output", "access_log %s does not say where to", r.where)
		}
		*a = AccessLog{}
	} else if value.Kind != yaml.ScalarNode {
		r.misfit(n, "access_log", "false, a path or a mapping", accessLogMeanings)
	} else {
		readAccessFile(r, n, a)
	}
	if a.File != "" && a.Format == "" {
		a.Format = defaultLogFormat
	}
}

func accessLogOf(where string) string {
	if where == atTop {
		return "in access_log"
	}
	return strings.Replace(where, "in ", "in access_log of ", 1)
}

func readAccessFile(r *reader, n *yaml.Node, a *AccessLog) {
	text, ok := r.text(n, "access_log", "a path")
	switch {
	case !ok:
	case text == "":
		r.fault(n, "give it a value, or write access_log: false", "the path of access_log %s is empty", r.where)
	case strings.HasSuffix(text, "/"):
		r.fault(n, "write "+text+"access.log", "access_log %s must be a file, not the folder %q", r.where, text)
	case text == standardOutput:
		a.File = text
	default:
		a.File = within(r.dir, text)
	}
}

func readExclude(r *reader, n *yaml.Node, a *AccessLog) {
	a.Exclude = nil
	r.each(n, "exclude", "a list of paths", "write exclude: [/health]", func(item *yaml.Node, text string) {
		if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, "*? ") {
			r.fault(item, "a path is a prefix: /api takes /api and /api/...", "exclude %s must be paths that begin with a slash, not %q", r.where, text)
			return
		}
		a.Exclude = append(a.Exclude, text)
	})
}

// each reads a list of texts; one text alone is a list of one.
func (r *reader) each(n *yaml.Node, name, wanted, hint string, read func(item *yaml.Node, text string)) {
	n = resolve(n)
	items := []*yaml.Node{n}
	switch n.Kind {
	case yaml.SequenceNode:
		items = n.Content
	case yaml.ScalarNode:
	default:
		r.misfit(n, name, wanted, hint)
		return
	}
	for _, item := range items {
		if text, ok := r.text(item, name, "text"); ok {
			read(item, text)
		}
	}
}

// checkAccessLog refuses a log of a listener's own where there are no requests.
func (r *reader) checkAccessLog(n *yaml.Node, l *Listener) {
	if l.Scheme == "" || l.Scheme == "http" || l.Scheme == "websocket" {
		return
	}
	if n != nil && l.AccessLog.File != "" {
		r.fault(n, "delete it", "access_log %s: %s has no requests that could be logged", r.where, l.Scheme)
	}
	l.AccessLog = AccessLog{}
}

package config

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"gw/protocol/websocket"
)

// CORS says which scripts of other origins may read answers. Origins nil: a
// handler says it.
type CORS struct {
	Off         bool
	Origins     []string
	Methods     []string
	Headers     []string
	Expose      []string
	Credentials bool
	MaxAge      time.Duration
}

func defaultCORS() CORS {
	return CORS{Methods: []string{"GET", "HEAD", "POST"}, MaxAge: 10 * time.Minute}
}

var corsKeys = []key[CORS]{
	{name: "origins", kind: kindOrigins, doc: "Pages that may, such as https://example.com or https://*.example.com; *: all.", must: true,
		read: readCORSOrigins, show: func(o *CORS) any { return showNames(o.Origins) }},
	tokensKey("methods", "Methods that they may use.", "methods: [GET, POST]", func(o *CORS) *[]string { return &o.Methods }),
	tokensKey("headers", "Request headers that they may set.", "headers: [Content-Type]", func(o *CORS) *[]string { return &o.Headers }),
	tokensKey("expose", "Response headers that they may read.", "expose: [X-Total]", func(o *CORS) *[]string { return &o.Expose }),
	flagKey("credentials", "Whether cookies and Authorization are sent along.", func(o *CORS) *bool { return &o.Credentials }),
	durationKey("max_age", "How long a browser remembers the answer to its question. 0: as long as it likes.", 0, func(o *CORS) *time.Duration { return &o.MaxAge }),
}

// corsKey is false, or a mapping.
func corsKey[T any](doc string, field func(*T) *CORS) key[T] {
	return key[T]{name: "cors", kind: kindCORS, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) { readCORS(r, n, field(t)) },
		show: func(t *T) any {
			switch o := field(t); {
			case o.Off:
				return false
			case o.Origins == nil:
				return nil
			default:
				return shown(corsKeys, o)
			}
		},
	}
}

func readCORS(r *reader, n *yaml.Node, o *CORS) {
	value := resolve(n)
	switch {
	case value.Kind == yaml.ScalarNode && value.Value == "false":
		*o = CORS{Off: true}
		return
	case value.Kind != yaml.MappingNode:
		r.misfit(n, "cors", "false or a mapping", "write cors: {origins: [https://example.com]}")
		return
	}
	*o = defaultCORS()
	inner := r.in(strings.Replace(r.where, "in ", "in cors of ", 1))
	values := mapping(inner, value, corsKeys, o)
	if values["origins"] == nil {
		r.fault(n, "write origins: [https://example.com]", "cors %s has no origins", r.where)
	}
	if o.Credentials {
		inner.checkCredentials(values, o)
	}
}

// checkCredentials refuses stars, which browsers do not take for wildcards when
// credentials are sent (Fetch, section 3.3.5): everybody could read what only
// one user may.
func (r *reader) checkCredentials(values map[string]*yaml.Node, o *CORS) {
	for name, list := range map[string][]string{"origins": o.Origins, "methods": o.Methods, "headers": o.Headers, "expose": o.Expose} {
		if slices.Contains(list, "*") {
			r.fault(values[name], "name them one by one", "%s %s: browsers refuse * together with credentials", name, r.where)
		}
	}
}

func readCORSOrigins(r *reader, n *yaml.Node, o *CORS) {
	o.Origins = []string{}
	r.each(n, "origins", "a list of origins", "write origins: [https://example.com]", func(item *yaml.Node, text string) {
		if _, err := websocket.ParseOrigins([]string{text}); err != nil {
			r.fault(item, originHint(text), "origins %s: %q %s", r.where, text, err)
			return
		}
		o.Origins = append(o.Origins, text)
	})
	if value := resolve(n); value.Kind == yaml.SequenceNode && len(value.Content) == 0 {
		r.fault(n, "write cors: false", "origins %s is empty", r.where)
	}
}

// tokensKey is a list of methods or names of headers.
func tokensKey(name, doc, example string, field func(*CORS) *[]string) key[CORS] {
	return key[CORS]{name: name, kind: kindPaths, doc: doc,
		read: func(r *reader, n *yaml.Node, o *CORS) {
			*field(o) = nil
			r.each(n, name, "a list of names", "write "+example, func(item *yaml.Node, text string) {
				if !fieldName.MatchString(text) {
					r.fault(item, "write "+example, "%s %s: %q is not a name", name, r.where, text)
					return
				}
				*field(o) = append(*field(o), text)
			})
		},
		show: func(o *CORS) any { return append([]string{}, *field(o)...) },
	}
}

package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Headers changes the header fields of every answer of a listener. Names are
// lower-case.
type Headers struct {
	Set     []Field // instead of what the answer has
	Default []Field // where the answer has none
	Remove  []string
}

// Field is a header field.
type Field struct{ Name, Value string }

// fieldName is a token (RFC 9110 section 5.6.2).
var fieldName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// gatewayFields are written by the gateway, which knows how the body is framed.
var gatewayFields = []string{"connection", "content-length", "date", "keep-alive", "trailer", "transfer-encoding", "upgrade"}

var headersKeys = []key[Headers]{
	{name: "set", kind: kindTexts, doc: "Fields every answer has, instead of a handler's.",
		read: func(r *reader, n *yaml.Node, h *Headers) { h.Set = r.fields(n, "set") }, show: func(h *Headers) any { return showFields(h.Set) }},
	{name: "default", kind: kindTexts, doc: "Fields of answers that have none of that name.",
		read: func(r *reader, n *yaml.Node, h *Headers) { h.Default = r.fields(n, "default") }, show: func(h *Headers) any { return showFields(h.Default) }},
	{name: "remove", kind: kindPaths, doc: "Names of fields that no answer has.", read: readRemove, show: func(h *Headers) any { return showNames(h.Remove) }},
}

var headersKey = onHTTP(key[Listener]{name: "headers", kind: kindHeaders, doc: "Header fields of every answer: set, default, remove.",
	read: readHeaders,
	show: func(l *Listener) any {
		if l.Headers.empty() {
			return nil
		}
		return shown(headersKeys, &l.Headers)
	}})

func (h *Headers) empty() bool { return len(h.Set)+len(h.Default)+len(h.Remove) == 0 }

func readHeaders(r *reader, n *yaml.Node, l *Listener) {
	value := resolve(n)
	if value.Kind != yaml.MappingNode {
		r.misfit(n, "headers", "a mapping", "write headers: {set: {Server: gw}}")
		return
	}
	mapping(r.in(strings.Replace(r.where, "in ", "in headers of ", 1)), value, headersKeys, &l.Headers)
}

func (r *reader) fields(n *yaml.Node, name string) []Field {
	value := resolve(n)
	if value.Kind != yaml.MappingNode {
		r.misfit(n, name, "a mapping of names to values", "write "+name+": {X-Frame-Options: DENY}")
		return nil
	}
	var list []Field
	for _, p := range r.pairs(value, name+" "+r.where) {
		text, ok := r.text(p.value, p.key.Value, "text")
		switch {
		case !r.fieldName(p.key, name) || !ok:
		case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			r.fault(p.value, "write it in one line", "%s %s: the value of %s has a control character", name, r.where, p.key.Value)
		default:
			list = append(list, Field{strings.ToLower(p.key.Value), strings.TrimSpace(text)})
		}
	}
	return list
}

// fieldName reports a name that may be set or removed.
func (r *reader) fieldName(n *yaml.Node, name string) bool {
	switch {
	case !fieldName.MatchString(n.Value):
		r.fault(n, "write a name such as X-Frame-Options", "%s %s: %q is not the name of a header", name, r.where, n.Value)
	case slices.Contains(gatewayFields, strings.ToLower(n.Value)):
		r.fault(n, "delete it", "%s %s: gw itself writes %s, for it says how the answer is sent", name, r.where, n.Value)
	default:
		return true
	}
	return false
}

func readRemove(r *reader, n *yaml.Node, h *Headers) {
	h.Remove = nil
	r.each(n, "remove", "a list of names", "write remove: [X-Powered-By]", func(item *yaml.Node, text string) {
		if r.fieldName(item, "remove") {
			h.Remove = append(h.Remove, strings.ToLower(text))
		}
	})
}

func showNames(list []string) any {
	if list == nil {
		return nil
	}
	return list
}

func showFields(list []Field) any {
	if list == nil {
		return nil
	}
	texts := map[string]string{}
	for _, f := range list {
		texts[f.Name] = f.Value
	}
	return texts
}

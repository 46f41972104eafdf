package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reader turns nodes into values and collects what is wrong with them.
type reader struct {
	system
	file   string // as faults name it
	dir    string // that relative paths start in
	where  string // such as "in pool web"
	pools  []string
	faults *Faults
	// What does not keep gw from starting.
	warnings *Faults
	acmeDir  string
}

func (r *reader) in(where string) *reader {
	inner := *r
	inner.where = where
	return &inner
}

func (r *reader) fault(n *yaml.Node, hint, format string, args ...any) {
	*r.faults = append(*r.faults, r.at(n, hint, format, args...))
}

// warn reports what does not keep gw from starting.
func (r *reader) warn(n *yaml.Node, hint, format string, args ...any) {
	*r.warnings = append(*r.warnings, r.at(n, hint, format, args...))
}

func (r *reader) at(n *yaml.Node, hint, format string, args ...any) Fault {
	return Fault{
		File: r.file, Line: n.Line, Column: n.Column,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	}
}

// misfit is the fault of a value of the wrong kind.
func (r *reader) misfit(n *yaml.Node, name, wanted, hint string) {
	r.fault(n, hint, "%s %s must be %s, not %s", name, r.where, wanted, describe(n))
}

// text returns a scalar with its variables expanded.
func (r *reader) text(n *yaml.Node, name, wanted string) (string, bool) {
	value, ok := r.bytes(n, name, wanted)
	if ok && (strings.ContainsRune(value, 0) || !utf8.ValidString(value)) {
		r.fault(resolve(n), "", "%s %s must be text, not bytes", name, r.where)
		return "", false
	}
	return value, ok
}

// bytes is text that may hold anything.
func (r *reader) bytes(n *yaml.Node, name, wanted string) (string, bool) {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode {
		r.misfit(n, name, wanted, "")
		return "", false
	}
	if n.Tag == "!!null" {
		r.fault(n, "give it a value, or delete the key", "%s %s is empty", name, r.where)
		return "", false
	}
	value, err := expand(n.Value, r.getenv)
	var unset *expandError
	if errors.As(err, &unset) {
		r.fault(n, unset.hint, "%s %s: %s", name, r.where, unset.message)
		return "", false
	}
	return value, true
}

func (r *reader) number(n *yaml.Node, name string, least, most int) (int, bool) {
	wanted := fmt.Sprintf("a whole number from %d to %d", least, most)
	text, ok := r.text(n, name, wanted)
	if !ok {
		return 0, false
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > most {
		r.fault(n, "", "%s %s must be %s, not %q", name, r.where, wanted, text)
		return 0, false
	}
	return value, true
}

// pair is one entry of a mapping.
type pair struct{ key, value *yaml.Node }

// pairs lists a mapping's entries, those of `<<` behind its own.
func (r *reader) pairs(n *yaml.Node, what string) []pair {
	list, seen := []pair{}, map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			r.fault(key, "", "a key %s must be a word, not %s", what, describe(key))
			continue
		}
		if key.Tag == "!!merge" {
			continue
		}
		if first := seen[key.Value]; first != nil {
			r.fault(key, fmt.Sprintf("it is already in line %d", first.Line), "duplicate key %q %s", key.Value, what)
			continue
		}
		seen[key.Value] = key
		list = append(list, pair{key, n.Content[i+1]})
	}
	for _, merged := range mergedPairs(n, map[*yaml.Node]bool{n: true}) {
		if seen[merged.key.Value] == nil {
			seen[merged.key.Value] = merged.key
			list = append(list, merged)
		}
	}
	return list
}

// mergedPairs follows `<<: *anchor` and `<<: [*a, *b]`, each mapping once: an
// anchor may hold itself.
func mergedPairs(n *yaml.Node, followed map[*yaml.Node]bool) []pair {
	var list []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		from := resolve(n.Content[i+1])
		sources := []*yaml.Node{from}
		if from.Kind == yaml.SequenceNode {
			sources = from.Content
		}
		for _, source := range sources {
			list = append(list, entries(resolve(source), followed)...)
		}
	}
	return list
}

func entries(n *yaml.Node, followed map[*yaml.Node]bool) []pair {
	if n.Kind != yaml.MappingNode || followed[n] {
		return nil
	}
	followed[n] = true
	var list []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := resolve(n.Content[i]); key.Kind == yaml.ScalarNode && key.Tag != "!!merge" {
			list = append(list, pair{key, n.Content[i+1]})
		}
	}
	return append(list, mergedPairs(n, followed)...)
}

// mapping reads the keys of one table into t. It returns the nodes it saw.
func mapping[T any](r *reader, n *yaml.Node, table []key[T], t *T) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	for _, p := range r.pairs(n, r.where) {
		if !slices.ContainsFunc(table, func(k key[T]) bool { return k.name == p.key.Value }) {
			r.unknownKey(p.key, names(table))
			continue
		}
		values[p.key.Value] = p.value
	}
	// In the table's order: pools are known before listeners name them.
	for _, k := range table {
		if value := values[k.name]; value != nil {
			k.read(r, value, t)
		}
	}
	return values
}

func (r *reader) unknownKey(n *yaml.Node, known []string) {
	if laterKeys[n.Value] {
		r.fault(n, "delete it", "%s %s is not supported by this version", n.Value, r.where)
		return
	}
	near := Suggest(n.Value, known)
	hint := ""
	switch place := places[n.Value]; {
	case near != "" && (place == "" || edits(n.Value, near) == 1):
		hint = didYouMean(n.Value, known)
	case place != "":
		hint = "it belongs " + place
	}
	if hint == "" {
		hint = "known are " + strings.Join(known, ", ")
	}
	r.fault(n, hint, "unknown key %q %s", n.Value, r.where)
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// describe names a node's kind, or quotes its value.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Tag == "!!null" {
		return "empty"
	}
	return strconv.Quote(n.Value)
}

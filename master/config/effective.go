package config

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Effective is the configuration as YAML with every default written out. Load
// reads it back as the same configuration.
func (c *Config) Effective() []byte {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	// Neither can fail: the nodes are ours and the buffer grows.
	_ = encoder.Encode(shown(topKeys, c))
	_ = encoder.Close()
	return b.Bytes()
}

// shown is t as a mapping, in the table's order.
func shown[T any](table []key[T], t *T) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range table {
		if value := k.show(t); value != nil {
			n.Content = append(n.Content, textNode(k.name), node(value))
		}
	}
	return n
}

func node(value any) *yaml.Node {
	switch v := value.(type) {
	case *yaml.Node:
		return v
	case string:
		return textNode(escape(v))
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(v)}
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, s := range v {
			n.Content = append(n.Content, textNode(escape(s)))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, node(item))
		}
		return n
	case map[string]string:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, textNode(name), textNode(escape(v[name])))
		}
		return n
	}
	panic(fmt.Sprintf("config: a key shows a %T", value))
}

// textNode has a tag, so that the encoder quotes what would read as a number.
func textNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

func showPools(c *Config) any {
	if len(c.Pools) == 0 {
		return nil
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, p := range c.Pools {
		n.Content = append(n.Content, textNode(p.Name), shown(poolKeys, &p))
	}
	return n
}

func showListeners(c *Config) any {
	list := []any{}
	for _, l := range c.Listeners {
		list = append(list, shown(listenerKeys, &l))
	}
	return list
}

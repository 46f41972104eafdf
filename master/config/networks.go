package config

import (
	"gw/protocol/address"

	"go.yaml.in/yaml/v3"
)

// networksKey is a list of addresses, networks, and the words loopback,
// private and unix.
func networksKey[T any](name, doc string, field func(*T) *[]string) key[T] {
	return key[T]{name: name, kind: kindNetworks, doc: doc,
		read: func(r *reader, n *yaml.Node, t *T) {
			*field(t) = nil
			r.each(n, name, "a list of addresses and networks", "write "+name+": [10.0.0.0/8]", func(item *yaml.Node, text string) {
				if _, err := address.Parse(text); err != nil {
					r.fault(item, "write 192.0.2.1, 10.0.0.0/8, 2001:db8::/32, loopback, private or unix", "%s %s: %q is not an address or a network", name, r.where, text)
					return
				}
				*field(t) = append(*field(t), text)
			})
		},
		show: func(t *T) any { return append([]string{}, *field(t)...) },
	}
}

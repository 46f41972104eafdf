package gateway

import "gw/protocol/control"

// dress changes the fields of every answer of a listener, the gateway's own
// among them. Not those of 101 and 100, which are no answers yet.
type dress struct {
	set, byDefault []control.Field
	remove         []string
}

func configureDress(m *control.Headers) *dress {
	if m == nil {
		return nil
	}
	return &dress{set: m.Set, byDefault: m.Default, remove: m.Remove}
}

func (d *dress) apply(r *reply) {
	for _, name := range d.remove {
		r.remove(name)
	}
	for i := range d.byDefault {
		if f := &d.byDefault[i]; r.index(f.Name) < 0 {
			r.add(f.Name, f.Value)
		}
	}
	for i := range d.set {
		f := &d.set[i]
		r.remove(f.Name)
		r.add(f.Name, f.Value)
	}
}

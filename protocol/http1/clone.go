package http1

import "bytes"

// Clone is a copy of r that stays valid when the buffer changes.
func (r *Request) Clone() *Request {
	c := *r
	c.Method, c.Target, c.Path, c.Query, c.Host = bytes.Clone(r.Method), bytes.Clone(r.Target), bytes.Clone(r.Path), bytes.Clone(r.Query), bytes.Clone(r.Host)
	c.Fields = CloneFields(r.Fields)
	return &c
}

// CloneFields copies fields and what they point to.
func CloneFields(fields []Field) []Field {
	size := 0
	for i := range fields {
		size += len(fields[i].Name) + len(fields[i].Value)
	}
	text := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		begin := len(text)
		text = append(text, b...)
		return text[begin:len(text):len(text)]
	}
	list := make([]Field, len(fields))
	for i := range fields {
		list[i] = Field{Name: keep(fields[i].Name), Value: keep(fields[i].Value)}
	}
	return list
}

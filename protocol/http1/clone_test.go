package http1

import (
	"reflect"
	"testing"
)

func TestCloneOutlivesTheBuffer(t *testing.T) {
	head := []byte("GET http://example.org/a%20b?q HTTP/1.0\r\nA: 1\r\nB:\r\na: 2\r\nContent-Length: 3\r\n\r\n")
	var first, again Request
	if _, err := again.Parse(append([]byte(nil), head...), Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Parse(head, Limits{}); err != nil {
		t.Fatal(err)
	}
	clone := first.Clone()
	clear(head)
	for i := range clone.Fields {
		if string(clone.Fields[i].Name) != string(again.Fields[i].Name) || string(clone.Fields[i].Value) != string(again.Fields[i].Value) {
			t.Errorf("field %d is %q", i, clone.Fields[i])
		}
	}
	clone.Fields, again.Fields = nil, nil
	if !reflect.DeepEqual(clone, &again) {
		t.Errorf("got %+v, want %+v", clone, &again)
	}
}

package load

import "testing"

func TestLinesAreTakenOneByOne(t *testing.T) {
	p := NewText()
	data := append(append([]byte{}, p.Request(1)...), p.Request(2)...)
	a, err := p.Answer(data, 1)
	if err != nil || a.Size != MessageBytes || !a.Done {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, err = p.Answer(data[a.Size:a.Size+10], 2); err != nil || a.Size != 0 {
		t.Errorf("part of a line: %+v, %v", a, err)
	}
	if _, err = p.Answer(data, 2); err == nil {
		t.Error("line 1 passed for line 2")
	}
}

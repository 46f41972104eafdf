package gateway

import "testing"

func TestSpareMemoryOfABurstIsGivenBack(t *testing.T) {
	var s itemStore
	var b buffers
	s.buffers = &b
	var items []*item
	var bufs [][]byte
	for range 100 {
		items = append(items, s.get(0, 1, nil, nil))
		bufs = append(bufs, b.get())
	}
	for i := range items {
		s.put(items[i])
		b.put(bufs[i])
	}
	s.trim()
	b.trim()
	if s.count != 100 || len(b.free[0]) != 100 {
		t.Fatalf("the burst was in this interval: %d items, %d buffers", s.count, len(b.free[0]))
	}
	for range 10 { // a quiet interval needs one at a time
		s.put(s.get(0, 1, nil, nil))
		b.put(b.get())
	}
	s.trim()
	b.trim()
	if s.count != 1 || len(b.free[0]) != 1 {
		t.Fatalf("kept %d items and %d buffers", s.count, len(b.free[0]))
	}
}

package order

import (
	"encoding/json"
	"testing"
)

func TestEveryOrderIsOneKiB(t *testing.T) {
	for i := range 4096 {
		text := New(i).Encode()
		if len(text) != Bytes {
			t.Fatalf("order %d: %d bytes", i, len(text))
		}
		var back Order
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("order %d: %v", i, err)
		}
	}
}

func TestSummarySumsTheLines(t *testing.T) {
	o := Order{Number: "ORD-1", Lines: []Line{{"A", "", 2, 150}, {"B", "", 3, 1000}}}
	s := o.Summary("web", "v1")
	if s.Net != 3300 || s.VAT != 627 || s.Gross != 3927 || s.Count != 5 || s.Channel != "web" || s.Visit != "v1" {
		t.Fatalf("got %+v", s)
	}
}

func TestSummariesAreAbout850Bytes(t *testing.T) {
	for _, i := range []int{0, 17, 4095} {
		if n := len(New(i).Summary("web", "v000017").Encode()); n < 800 || n > 900 {
			t.Errorf("summary %d: %d bytes", i, n)
		}
	}
}

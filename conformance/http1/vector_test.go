package http1

import (
	"testing"
)

func TestEveryVectorIsReadable(t *testing.T) {
	vectors, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 600 {
		t.Errorf("%d vectors", len(vectors))
	}
	t.Logf("%d vectors", len(vectors))
}

package resource

import (
	"bytes"
	"io"
	"mime/multipart"
	"testing"
)

func TestPartsAreReadBackByAnotherImplementation(t *testing.T) {
	const boundary, kind = "3d6b6a416f9b5", "text/plain; charset=utf-8"
	content := []byte("0123456789")
	ranges := []Range{{0, 2}, {5, 1}, {8, 2}}
	var body []byte
	for _, r := range ranges {
		body = AppendPartHead(body, boundary, kind, r, int64(len(content)))
		body = append(body, content[r.Start:r.end()]...)
	}
	body = AppendLastBoundary(body, boundary)
	if want := MultipartLength(boundary, kind, ranges, int64(len(content))); int64(len(body)) != want {
		t.Errorf("length %d, announced %d", len(body), want)
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for i, want := range []struct{ data, place string }{{"01", "bytes 0-1/10"}, {"5", "bytes 5-5/10"}, {"89", "bytes 8-9/10"}} {
		part, err := reader.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(part)
		if string(data) != want.data || part.Header.Get("Content-Range") != want.place || part.Header.Get("Content-Type") != kind {
			t.Errorf("part %d is %q with %v", i, data, part.Header)
		}
	}
	if _, err := reader.NextPart(); err != io.EOF {
		t.Errorf("behind the last part: %v", err)
	}
}

func TestUnsatisfiedRangeTellsTheSize(t *testing.T) {
	if got := string(AppendUnsatisfied(nil, 1234)); got != "bytes */1234" {
		t.Error(got)
	}
}

package resource

import "testing"

func TestQualityOfACoding(t *testing.T) {
	for _, test := range []struct {
		accept, coding string
		want           int
	}{
		{"", "br", 0},
		{"br", "br", 1000},
		{"gzip, deflate, br, zstd", "br", 1000},
		{"gzip, deflate, br, zstd", "zstd", 1000},
		{"BR", "br", 1000},
		{"gzip", "br", 0},
		{"*", "br", 1000},
		{"*;q=0", "br", 0},
		{"*, br;q=0", "br", 0},
		{"br;q=0, *", "br", 0},
		{"br;q=0", "br", 0},
		{"br;q=0.000", "br", 0},
		{"br;q=0.001", "br", 1},
		{"br;q=0.5, gzip;q=1.0", "br", 500},
		{"br;q=0.5, gzip;q=1.0", "gzip", 1000},
		{"br ; q=0.25", "br", 250},
		{"br;Q=0.25", "br", 250},
		{"x-gzip", "gzip", 1000},
		{"identity", "gzip", 0},
		{"br;q=2", "br", 0},
		{"br;q=-1", "br", 0},
		{"br;q=", "br", 0},
		{"br;q=0.1234", "br", 0},
		{"br;q=1.5", "br", 1000},
		{"br;level=3", "br", 0},
		{"abr, brx", "br", 0},
	} {
		if got := Quality([]byte(test.accept), test.coding); got != test.want {
			t.Errorf("%q for %s: %d, want %d", test.accept, test.coding, got, test.want)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	for name, want := range map[string]string{
		"index.html": "text/html; charset=utf-8", "a/b/app.JS": "text/javascript; charset=utf-8", "x.mjs": "text/javascript; charset=utf-8",
		"style.css": "text/css; charset=utf-8", "a.min.css.map": "application/json", "logo.svg": "image/svg+xml", "a.woff2": "font/woff2",
		"a.tar.gz": "application/gzip", "README": "application/octet-stream", "a.unknown": "application/octet-stream", "a.": "application/octet-stream",
		"": "application/octet-stream", "a.b/c": "application/octet-stream", "html": "application/octet-stream", ".html": "text/html; charset=utf-8",
		"a.averyveryverylongending": "application/octet-stream", "module.wasm": "application/wasm",
	} {
		if got, _ := MediaType([]byte(name)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if _, text := MediaType([]byte("a.css")); !text {
		t.Error("css is worth compressing")
	}
	if _, text := MediaType([]byte("a.png")); text {
		t.Error("png is not worth compressing")
	}
}

func TestETagsTellFilesApart(t *testing.T) {
	seen := map[string]bool{}
	for inode := range uint64(4) {
		for size := range int64(4) {
			for modified := range int64(4) {
				tag := AppendETag(nil, inode, size, modified, false)
				if !ValidETag(tag) || seen[string(tag)] {
					t.Errorf("%d %d %d: %s", inode, size, modified, tag)
				}
				seen[string(tag)] = true
			}
		}
	}
	if weak := AppendETag(nil, 1, 2, 3, true); !ValidETag(weak) || !sameTag(weak, AppendETag(nil, 1, 2, 3, false), false) || sameTag(weak, weak, true) {
		t.Errorf("weak tag %s", weak)
	}
}

package tests

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

// The answers of handlers are compressed, dressed and judged as the
// configuration says, event streams as they come.
func TestCompressionAndCORSAndHeaders(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		g := start(t, setup{language: l, config: `
pools:
  main: {command: [{run}, stream.{ext}]}
listeners:
  - listen: "http://{http}"
    compression: {types: [text/event-stream, text/plain, application/octet-stream, text/html], min_size: 100}
    headers: {set: {Server: shop}, default: {X-Frame-Options: DENY}}
    cors: {origins: ["https://shop.example"], methods: [GET, PUT]}
`})
		w := newWire(g, "http")
		w.send("OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
		if r := w.want(http.MethodOptions, 204, ""); r.Header.Get("Access-Control-Allow-Methods") != "GET, PUT" || r.Header.Get("Server") != "shop" {
			t.Errorf("preflight: %v", r.Header)
		}
		w.send("GET /events HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nOrigin: https://shop.example\r\n\r\n")
		r, body := w.response(http.MethodGet)
		unpacked, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%v: %v", err, r.Header)
		}
		text, err := io.ReadAll(unpacked)
		if want := "event: number\nid: 1\ndata: number 1\n\n"; err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%q, %v", text, err)
		}
		for field, want := range map[string]string{"Access-Control-Allow-Origin": "https://shop.example", "Vary": "origin, accept-encoding", "X-Frame-Options": "DENY"} {
			if got := r.Header.Get(field); got != want {
				t.Errorf("%s: %q, want %q", field, got, want)
			}
		}
		w.send("GET /nowhere%00 HTTP/1.0\r\n\r\n")
		if _, err := io.Copy(io.Discard, bufio.NewReader(w.in)); err != nil {
			t.Error(err)
		}
	})
}

package tests

import (
	"net/http"
	"testing"
)

const routedConfig = `
pools:
  web: {command: [{run}, describe.{ext}]}
  api: {command: [{run}, answers.{ext}]}
  shop: {command: [{run}, hello.{ext}]}
listeners:
  - listen: "http://{http}"
    pool: web
    routes:
      - {path: /text, pool: api}
      - {host: shop.test, pool: shop}
      - {host: shop.test, path: /text, pool: api}
      - {path: /ws, pool: echo}
`

func TestRouting(t *testing.T) {
	inEachLanguage(t, func(t *testing.T, l language) {
		config := routedConfig + "  - {listen: \"text://{text}\", pool: echo}\n"
		config = "pools:\n  echo: {command: [{run}, echo.{ext}]}\n" + config[len("\npools:\n"):]
		g := start(t, setup{language: l, config: config})
		for _, c := range []struct{ host, path, pool string }{
			{"a", "/", "web"},
			{"a", "/text", "api"},
			{"a", "/text/more", "api"},
			{"a", "/textile", "web"},
			{"shop.test", "/", "shop"},
			{"SHOP.test:8080", "/cart", "shop"},
			{"shop.test", "/text", "api"},
			{"other.test", "/cart", "web"},
		} {
			w := newWire(g, "http")
			w.send("GET " + c.path + " HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n")
			response, body := w.response(http.MethodGet)
			if got := poolOf(response, body); got != c.pool {
				t.Errorf("%s%s went to %s (%s), want %s", c.host, c.path, got, body, c.pool)
			}
		}
		w := openWebSocket(g, "http", "/ws/room")
		if got := w.ask("routed"); got != "routed" {
			t.Errorf("answer %q", got)
		}
	})
}

func poolOf(response *http.Response, body string) string {
	switch {
	case body == "Hello Client":
		return "shop"
	case response.Header.Get("Content-Type") == "application/json":
		return "web"
	case body == "plain text" || body == "no such page":
		return "api"
	}
	return "nobody"
}

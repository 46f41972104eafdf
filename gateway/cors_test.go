package gateway

import (
	"net/http"
	"testing"
	"time"

	"gw/protocol/control"
	"gw/protocol/wire"
)

// want compares fields of an answer; "" for one that must not be there.
func wantFields(t *testing.T, name string, r *http.Response, want map[string]string) {
	t.Helper()
	for field, value := range want {
		if got := r.Header.Values(field); len(got) > 1 || r.Header.Get(field) != value {
			t.Errorf("%s: %s: %q, want %q", name, field, got, value)
		}
	}
}

func TestOriginsThatMayReadAnswers(t *testing.T) {
	some := &control.CORS{Origins: []string{"https://shop.example", "https://*.shop.example"}, Methods: []string{"GET", "PUT"}, Headers: []string{"X-Token"},
		Expose: []string{"X-Total", "ETag"}, Credentials: true, MaxAge: time.Hour}
	everybody := &control.CORS{Origins: []string{"*"}, Methods: []string{"GET"}}
	const preflight = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-token\r\n"
	for name, x := range map[string]struct {
		cors            *control.CORS
		request, fields string
		status          int // of the gateway's own answer; 0: the handler is asked
		want            map[string]string
	}{
		"same origin": {some, "GET", "", 0, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "origin"}},
		"allowed": {some, "GET", "Origin: https://shop.example\r\n", 0, map[string]string{"Access-Control-Allow-Origin": "https://shop.example",
			"Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "X-Total, ETag", "Vary": "origin", "Access-Control-Allow-Methods": ""}},
		"a subdomain":   {some, "GET", "Origin: https://a.shop.example\r\n", 0, map[string]string{"Access-Control-Allow-Origin": "https://a.shop.example"}},
		"another":       {some, "GET", "Origin: https://evil.example\r\n", 0, map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "", "Access-Control-Expose-Headers": "", "Vary": "origin"}},
		"null":          {some, "GET", "Origin: null\r\n", 0, map[string]string{"Access-Control-Allow-Origin": ""}},
		"http of https": {some, "GET", "Origin: http://shop.example\r\n", 0, map[string]string{"Access-Control-Allow-Origin": ""}},
		"everybody":     {everybody, "GET", "Origin: https://evil.example\r\n", 0, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "", "Vary": ""}},
		"preflight": {some, "OPTIONS", "Origin: https://shop.example\r\n" + preflight, 204, map[string]string{"Access-Control-Allow-Origin": "https://shop.example",
			"Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Methods": "GET, PUT", "Access-Control-Allow-Headers": "X-Token", "Access-Control-Max-Age": "3600", "Vary": "origin"}},
		"preflight of another":   {some, "OPTIONS", "Origin: https://evil.example\r\n" + preflight, 403, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "origin"}},
		"preflight of everybody": {everybody, "OPTIONS", "Origin: https://evil.example\r\n" + preflight, 204, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET", "Access-Control-Max-Age": ""}},
		"OPTIONS of a program":   {some, "OPTIONS", "", 0, map[string]string{"Vary": "origin"}},
		"OPTIONS of a script":    {some, "OPTIONS", "Origin: https://shop.example\r\n", 0, map[string]string{"Access-Control-Allow-Origin": "https://shop.example"}},
		"not configured":         {nil, "OPTIONS", "Origin: https://shop.example\r\n" + preflight, 0, map[string]string{"Access-Control-Allow-Origin": "of the handler", "Vary": ""}},
	} {
		h := startLoop(t, func(c *control.Configuration) { c.Listeners[0].Answers.CORS = x.cors })
		w, c := h.worker(1), h.dial("http")
		for range 2 { // the connection goes on
			c.write(x.request + " /a HTTP/1.1\r\nHost: x\r\n" + x.fields + "\r\n")
			status := x.status
			if status == 0 {
				status = 200
				w.say(head(wire.OpRes, w.expect(wire.OpReq).id, 200, "ok", "Access-Control-Allow-Origin: of the handler"), ack(1))
			}
			r, _ := c.response(x.request)
			if r.StatusCode != status {
				t.Errorf("%s: %d", name, r.StatusCode)
			}
			wantFields(t, name, r, x.want)
		}
	}
}

func TestARouteHasItsOwnOrigins(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Answers.CORS = &control.CORS{Origins: []string{"https://listener.example"}}
		c.Listeners[0].Routes = []control.Route{
			{Prefix: "/own", Pool: "web", CORS: &control.CORS{Origins: []string{"https://route.example"}}},
			{Prefix: "/none", Pool: "web", CORS: &control.CORS{Off: true}},
			{Prefix: "/", Pool: "web"},
		}
	})
	w, c := h.worker(1), h.dial("http")
	for path, want := range map[string]string{"/own/a": "https://route.example", "/none": "", "/other": "https://listener.example"} {
		for _, origin := range []string{"https://route.example", "https://listener.example"} {
			c.write("GET " + path + " HTTP/1.1\r\nHost: x\r\nOrigin: " + origin + "\r\n\r\n")
			w.say(res(w.expect(wire.OpReq).id, 200, "ok"), ack(1))
			r, _ := c.response("GET")
			allowed := r.Header.Get("Access-Control-Allow-Origin")
			if origin == want && allowed != want || origin != want && allowed != "" {
				t.Errorf("%s for %s: %q", path, origin, allowed)
			}
		}
	}
}

// Scripts that may read the answers may also read why there is none.
func TestTheGatewaysOwnAnswersHaveFieldsToo(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Answers = control.Answers{
			CORS:    &control.CORS{Origins: []string{"https://shop.example"}},
			Headers: &control.Headers{Set: []control.Field{{Name: "server", Value: "shop"}}, Default: []control.Field{{Name: "x-frame-options", Value: "DENY"}}, Remove: []string{"content-type"}},
		}
		c.Listeners[0].Routes = []control.Route{{Host: "x", Prefix: "/", Pool: "web"}}
	})
	for request, want := range map[string]map[string]string{
		"GET / HTTP/1.1\r\nHost: other\r\nOrigin: https://shop.example\r\n\r\n": {"Access-Control-Allow-Origin": "https://shop.example", "Server": "shop", "X-Frame-Options": "DENY", "Content-Type": ""},
		"GET / HTTP/9.9\r\n\r\n": {"Server": "shop", "X-Frame-Options": "DENY", "Content-Type": ""},
	} {
		c := h.dial("http")
		c.write(request)
		r, _ := c.response("GET")
		wantFields(t, request, r, want)
	}
}

func TestFieldsOfEveryAnswer(t *testing.T) {
	h := startLoop(t, func(c *control.Configuration) {
		c.Listeners[0].Answers.Headers = &control.Headers{
			Set:     []control.Field{{Name: "server", Value: "shop"}, {Name: "strict-transport-security", Value: "max-age=1"}},
			Default: []control.Field{{Name: "x-frame-options", Value: "DENY"}, {Name: "cache-control", Value: "no-store"}},
			Remove:  []string{"x-powered-by"},
		}
	})
	w, c := h.worker(1), h.dial("http")
	c.write(get)
	w.say(head(wire.OpRes, w.expect(wire.OpReq).id, 200, "ok", "Server: handler", "X-Powered-By: PHP/8", "X-Frame-Options: SAMEORIGIN", "X-Other: o"), ack(1))
	r, _ := c.response("GET")
	wantFields(t, "answer", r, map[string]string{"Server": "shop", "Strict-Transport-Security": "max-age=1", "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store",
		"X-Powered-By": "", "X-Other": "o"})
}

package config

import (
	"reflect"
	"testing"
	"time"
)

const withAnswers = `
pools: {web: {command: [php, app.php]}}
listeners:
  - {listen: "http://:80", compression: true}
  - {listen: "http://:81", compression: {encodings: [gzip], types: [text/*, "*+json", APPLICATION/json], min_size: 2KiB, level: small, private: true}}
  - {listen: "http://:82", compression: false}
  - {listen: "websocket://:83", compression: {level: balanced}}
  - listen: "http://:84"
    headers:
      set: {Server: shop, Strict-Transport-Security: max-age=63072000}
      default: {X-Frame-Options: DENY}
      remove: [X-Powered-By]
  - {listen: "http://:85", headers: {remove: x-debug}}
`

func TestCompressionAndHeadersAreRead(t *testing.T) {
	c := mustLoad(t, withAnswers)
	on, balanced := defaultCompression(), defaultCompression()
	on.On, balanced.On, balanced.Level = true, true, "balanced"
	for i, want := range []Listener{
		{Compression: on},
		{Compression: Compression{On: true, Encodings: []string{"gzip"}, Types: []string{"text/*", "*+json", "application/json"}, MinSizeBytes: 2048, Level: "small", Private: true}},
		{},
		{Compression: balanced},
		{Headers: Headers{Set: []Field{{"server", "shop"}, {"strict-transport-security", "max-age=63072000"}}, Default: []Field{{"x-frame-options", "DENY"}}, Remove: []string{"x-powered-by"}}},
		{Headers: Headers{Remove: []string{"x-debug"}}},
	} {
		got := c.Listeners[i]
		if got = (Listener{Compression: got.Compression, Headers: got.Headers}); !reflect.DeepEqual(got, want) {
			t.Errorf("listener %d:\ngot  %+v\nwant %+v", i+1, got, want)
		}
	}
}

func TestEffectiveKeepsCompressionAndHeaders(t *testing.T) {
	first := mustLoad(t, withAnswers)
	write(t, first.File, string(first.Effective()), 0o644)
	again, err := fakeSystem(t).load(first.File)
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, first.Effective())
	}
	if !reflect.DeepEqual(again, first) {
		t.Errorf("got  %+v\nwant %+v", again, first)
	}
}

func TestFaultsOfCompressionAndHeaders(t *testing.T) {
	const listen = "{listen: 'http://:80', "
	for text, want := range map[string]string{
		listen + "compression: on}":                               `gw.yaml:4:41: compression in listener http://:80 must be true or false, not "on"`,
		listen + "compression: [gzip]}":                           `gw.yaml:4:41: compression in listener http://:80 must be true, false or a mapping, not a list: write compression: true`,
		listen + "compression: {levle: fast}}":                    `gw.yaml:4:42: unknown key "levle" in compression of listener http://:80: did you mean "level"?`,
		listen + "compression: {level: best}}":                    `gw.yaml:4:49: level in compression of listener http://:80 must be fast, balanced or small, not "best": did you mean "fast"?`,
		listen + "compression: {encodings: [gzpi]}}":              `gw.yaml:4:54: encodings in compression of listener http://:80 must be zstd, br or gzip, not "gzpi": did you mean "gzip"?`,
		listen + "compression: {encodings: deflate}}":             `gw.yaml:4:53: encodings in compression of listener http://:80: deflate is not offered, for clients read two different formats by that name: use gzip, which everybody has`,
		listen + "compression: {encodings: [br, br]}}":            `gw.yaml:4:58: encodings in compression of listener http://:80 has br twice: delete one of them`,
		listen + "compression: {encodings: []}}":                  `gw.yaml:4:53: encodings in compression of listener http://:80 is empty: write compression: false`,
		listen + "compression: {types: [html]}}":                  `gw.yaml:4:50: types in compression of listener http://:80: "html" is not a media type: write text/html, text/* or *+json, without parameters`,
		listen + "compression: {types: text/html;charset=utf-8}}": `gw.yaml:4:49: types in compression of listener http://:80: "text/html;charset=utf-8" is not a media type: write text/html, text/* or *+json, without parameters`,
		listen + "compression: {min_size: 2MiB}}":                 `gw.yaml:4:52: min_size in compression of listener http://:80 must be at most 1MiB, not 2MiB`,
		"{listen: 'text://:80', compression: true}":               `gw.yaml:4:41: compression in listener text://:80 has no meaning: it is for http and websocket: delete it`,
		listen + "headers: [a]}":                                  `gw.yaml:4:37: headers in listener http://:80 must be a mapping, not a list: write headers: {set: {Server: gw}}`,
		listen + "headers: {Server: gw}}":                         `gw.yaml:4:38: unknown key "Server" in headers of listener http://:80: known are set, default, remove`,
		listen + "headers: {set: {'a b': c}}}":                    `gw.yaml:4:44: set in headers of listener http://:80: "a b" is not the name of a header: write a name such as X-Frame-Options`,
		listen + "headers: {default: {Content-Length: 0}}}":       `gw.yaml:4:48: default in headers of listener http://:80: gw itself writes Content-Length, for it says how the answer is sent: delete it`,
		listen + "headers: {remove: [Date]}}":                     `gw.yaml:4:47: remove in headers of listener http://:80: gw itself writes Date, for it says how the answer is sent: delete it`,
		listen + `headers: {set: {a: "b\r\nc: d"}}}`:              `gw.yaml:4:47: set in headers of listener http://:80: the value of a has a control character: write it in one line`,
		listen + "headers: {set: [a]}}":                           `gw.yaml:4:43: set in headers of listener http://:80 must be a mapping of names to values, not a list: write set: {X-Frame-Options: DENY}`,
	} {
		if got := faultsOf(t, listenerWith(text)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

const withCORS = `
pools: {web: {command: [php, app.php]}}
listeners:
  - listen: http://:80
    cors: {origins: ["https://*.example.com", "https://example.com"], methods: [GET, PUT], headers: [X-Token], expose: X-Total, credentials: true, max_age: 1h}
    routes:
      - {path: /public, pool: web, cors: {origins: "*"}}
      - {path: /inside, pool: web, cors: false}
      - {path: /other, pool: web}
  - {listen: "http://:81"}
`

func TestCORSIsRead(t *testing.T) {
	c := mustLoad(t, withCORS)
	all := defaultCORS()
	all.Origins = []string{"*"}
	l := c.Listeners[0]
	want := CORS{Origins: []string{"https://*.example.com", "https://example.com"}, Methods: []string{"GET", "PUT"}, Headers: []string{"X-Token"}, Expose: []string{"X-Total"},
		Credentials: true, MaxAge: time.Hour}
	routes := map[string]CORS{"/public": all, "/inside": {Off: true}, "/other": {}, "/": {}}
	for _, r := range l.Routes {
		if !reflect.DeepEqual(r.CORS, routes[r.Prefix]) {
			t.Errorf("%s: %+v", r.Prefix, r.CORS)
		}
	}
	if !reflect.DeepEqual(l.CORS, want) || !reflect.DeepEqual(c.Listeners[1].CORS, CORS{}) {
		t.Errorf("%+v\n%+v", l.CORS, c.Listeners[1].CORS)
	}
	write(t, c.File, string(c.Effective()), 0o644)
	again, err := fakeSystem(t).load(c.File)
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%v\n%+v\n%+v", err, again, c)
	}
}

func TestFaultsOfCORS(t *testing.T) {
	for text, want := range map[string]string{
		"true":                              `gw.yaml:4:34: cors in listener http://:80 must be false or a mapping, not "true": write cors: {origins: [https://example.com]}`,
		"{}":                                `gw.yaml:4:34: cors in listener http://:80 has no origins: write origins: [https://example.com]`,
		"{origins: []}":                     `gw.yaml:4:44: origins in cors of listener http://:80 is empty: write cors: false`,
		"{origins: [example.com]}":          `gw.yaml:4:45: origins in cors of listener http://:80: "example.com" is not an origin: write https://example.com`,
		"{origin: [https://a.b]}":           "gw.yaml:4:34: cors in listener http://:80 has no origins: write origins: [https://example.com]\n" + `gw.yaml:4:35: unknown key "origin" in cors of listener http://:80: did you mean "origins"?`,
		"{origins: '*', credentials: true}": `gw.yaml:4:44: origins in cors of listener http://:80: browsers refuse * together with credentials: name them one by one`,
		"{origins: 'https://a.b', methods: [GET, 'P T']}": `gw.yaml:4:74: methods in cors of listener http://:80: "P T" is not a name: write methods: [GET, POST]`,
	} {
		if got := faultsOf(t, listenerWith("{listen: 'http://:80', cors: "+text+"}")); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

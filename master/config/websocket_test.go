package config

import "testing"

func TestWebSocketFaults(t *testing.T) {
	with := func(block string) string {
		return listenerWith("{listen: 'http://:80', websocket: " + block + "}")
	}
	for _, c := range []struct{ name, text, want string }{
		{"a list", with("[self]"), `gw.yaml:4:39: websocket in listener http://:80 must be a mapping, not a list: write websocket: {origins: [https://example.com]}`},
		{"unknown key", with("{origin: self}"), `gw.yaml:4:40: unknown key "origin" in websocket of listener http://:80: did you mean "origins"?`},
		{"not a list", with("{origins: {a: b}}"), `gw.yaml:4:49: origins in websocket of listener http://:80 must be a list, not a mapping: write origins: [https://example.com]`},
		{"no scheme", with("{origins: [example.com]}"), `gw.yaml:4:50: origins in websocket of listener http://:80: "example.com" is not an origin: write https://example.com`},
		{"with a path", with("{origins: ['https://example.com/app']}"), `gw.yaml:4:50: origins in websocket of listener http://:80: "https://example.com/app" has something behind the host: write https://example.com, https://*.example.com, http://localhost:*, self or *`},
		{"no origin at all", with("{origins: []}"), `gw.yaml:4:49: origins in websocket of listener http://:80 is empty: name one, or delete the key to allow all`},
		{"twice", with("{origins: [self, self]}"), `gw.yaml:4:56: origins in websocket of listener http://:80 has self twice: delete one of them`},
		{"no token", with("{subprotocols: ['chat v1']}"), `gw.yaml:4:55: subprotocols in websocket of listener http://:80: "chat v1" cannot name one: use letters, digits, dots and dashes`},
		{"compression", with("{compression: true}"), `gw.yaml:4:53: compression in websocket of listener http://:80 must be off, message or connection, not "true"`},
		{"window", with("{compression_window: 5KiB}"), `gw.yaml:4:60: compression_window in websocket of listener http://:80 must be a power of two: write 4KiB or 8KiB`},
		{"window too large", with("{compression_window: 64KiB}"), `gw.yaml:4:60: compression_window in websocket of listener http://:80 must be at most 32KiB, not 64KiB`},
		{"not for lines", listenerWith("{listen: 'text://:80', websocket: {origins: [self]}}"), `gw.yaml:4:39: websocket in listener text://:80 means nothing for text: delete it`},
		{"in the wrong place", listenerWith("{listen: 'http://:80', origins: [self]}"), `gw.yaml:4:28: unknown key "origins" in listener http://:80: it belongs in websocket of a listener`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := faultsOf(t, c.text); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

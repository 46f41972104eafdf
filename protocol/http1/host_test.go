package http1

import "testing"

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"":                       true,
		"example.com":            true,
		"EXAMPLE.com.":           true,
		"example.com:8080":       true,
		"example.com:":           true,
		"example.com:65535":      true,
		"127.0.0.1:80":           true,
		"[::1]":                  true,
		"[::ffff:127.0.0.1]:80":  true,
		"a-b_c~d":                true,
		"m%C3%BCller.de":         true,
		"!$&'()*+,;=":            true,
		"example.com:65536":      false,
		"example.com:8080000000": false,
		"example.com:80:80":      false,
		"example.com:http":       false,
		"example.com:-1":         false,
		"user@example.com":       false,
		"example.com/path":       false,
		"example.com?query":      false,
		"example.com#fragment":   false,
		"exa mple.com":           false,
		"a, b:80 ":               false,
		"a\tb":                   false,
		"m\xc3\xbcller.de":       false,
		"a%zzb":                  false,
		"a%4":                    false,
		"a%":                     false,
		"[]":                     false,
		"[::1":                   false,
		"::1":                    false,
		"[::1]x":                 false,
		"[::1]]":                 false,
		"[fe80::1%25eth0]":       false,
		"http://example.com":     false,
		"\"example.com\"":        false,
		"<script>":               false,
		"a\\b":                   false,
	} {
		if got := validHost([]byte(host)); got != want {
			t.Errorf("validHost(%q) = %v", host, got)
		}
	}
}

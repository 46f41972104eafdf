package config

import (
	"reflect"
	"testing"
	"time"
)

// withEdge is a configuration with everything that concerns who clients are.
const withEdge = `
access_log: {file: logs/access.log, format: json, exclude: [/health, /static]}
trusted_proxies: [10.0.0.0/8, unix]
limits: {max_requests_per_address: 300/m, burst_per_address: 50, exempt_addresses: loopback}
pools: {web: {command: [php, app.php]}}
listeners:
  - {listen: "http://:80"}
  - {listen: "http://:81", access_log: front.log, trusted_proxies: [], proxy_protocol: true, limits: {max_connections_per_address: 20, max_requests_per_address: 0}}
  - {listen: "http://:82", access_log: false}
  - {listen: "http://:83", access_log: {file: "-", exclude: []}}
  - {listen: "text://:84", proxy_protocol: true}
`

func TestAccessLogAndProxiesAndAddressLimitsAreRead(t *testing.T) {
	c := mustLoad(t, withEdge)
	log := AccessLog{File: c.Dir + "/logs/access.log", Format: "json", Exclude: []string{"/health", "/static"}}
	limits := defaultLimits()
	limits.RequestEvery, limits.BurstPerAddress, limits.ExemptAddresses = 200*time.Millisecond, 50, []string{"loopback"}
	other := limits
	other.RequestEvery, other.MaxConnectionsPerAddress = 0, 20
	proxies := []string{"10.0.0.0/8", "unix"}
	for i, want := range []Listener{
		{AccessLog: log, TrustedProxies: proxies, Limits: limits},
		{AccessLog: AccessLog{File: c.Dir + "/front.log", Format: "json", Exclude: log.Exclude}, ProxyProtocol: true, Limits: other},
		{TrustedProxies: proxies, Limits: limits},
		{AccessLog: AccessLog{File: "-", Format: "json"}, TrustedProxies: proxies, Limits: limits},
		{TrustedProxies: proxies, ProxyProtocol: true, Limits: limits}, // text has no requests
	} {
		got := c.Listeners[i]
		got = Listener{AccessLog: got.AccessLog, TrustedProxies: got.TrustedProxies, ProxyProtocol: got.ProxyProtocol, Limits: got.Limits}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("listener %d:\ngot  %+v\nwant %+v", i+1, got, want)
		}
	}
}

func TestEffectiveKeepsAccessLogAndProxiesAndAddressLimits(t *testing.T) {
	first := mustLoad(t, withEdge)
	write(t, first.File, string(first.Effective()), 0o644)
	again, err := fakeSystem(t).load(first.File)
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, first.Effective())
	}
	if !reflect.DeepEqual(again, first) {
		t.Errorf("got  %+v\nwant %+v", again, first)
	}
}

func TestRates(t *testing.T) {
	for text, want := range map[string]time.Duration{"20/s": 50 * time.Millisecond, "300/m": 200 * time.Millisecond, "3/s": 333333333, "7/m": 8571428571, "100/h": 36 * time.Second, "0": 0, "100000/s": 10000, "99999/s": 10000} {
		got, err := parseRate(text)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
		if shown, ok := showRate(want).(string); ok {
			if again, err := parseRate(shown); err != nil || again != want {
				t.Errorf("%s is shown as %s", want, shown)
			}
		} else if want != 0 {
			t.Errorf("%s is not shown", want)
		}
	}
	for _, text := range []string{"", "20", "20/d", "-1/s", "1.5/s", "20 /s", "/s", "0/s", "100001/s"} {
		if got, err := parseRate(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestFaultsOfAccessLogAndProxiesAndAddressLimits(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"access log true", "access_log: true\n" + smallest, `gw.yaml:1:13: access_log at the top level does not say where to: name a file, or - for standard output`},
		{"access log a list", "access_log: [a]\n" + smallest, `gw.yaml:1:13: access_log at the top level must be false, a path or a mapping, not a list: write access_log: access.log, access_log: {file: access.log, format: json}, or false`},
		{"access log without a file", "access_log: {format: json}\n" + smallest, `gw.yaml:1:13: access_log at the top level has no file: write file: access.log, or file: - for standard output`},
		{"access log in a folder", "access_log: /var/log/\n" + smallest, `gw.yaml:1:13: access_log at the top level must be a file, not the folder "/var/log/": write /var/log/access.log`},
		{"access log empty", "access_log: ''\n" + smallest, `gw.yaml:1:13: the path of access_log at the top level is empty: give it a value, or write access_log: false`},
		{"access log format", "access_log: {file: a, format: jsno}\n" + smallest, `gw.yaml:1:31: format in access_log must be combined or json, not "jsno": did you mean "json"?`},
		{"access log key", listenerWith("{listen: 'http://:80', access_log: {path: a}}"),
			"gw.yaml:4:40: access_log in listener http://:80 has no file: write file: access.log, or file: - for standard output\n" +
				`gw.yaml:4:41: unknown key "path" in access_log of listener http://:80: known are file, format, exclude`},
		{"access log exclude", "access_log: {file: a, exclude: [health]}\n" + smallest, `gw.yaml:1:33: exclude in access_log must be paths that begin with a slash, not "health": a path is a prefix: /api takes /api and /api/...`},
		{"access log of text", listenerWith("{listen: 'text://:80', access_log: a.log}"), `gw.yaml:4:40: access_log in listener text://:80: text has no requests that could be logged: delete it`},
		{"trusted proxies", "trusted_proxies: [10.0.0.0/8, nginx.local]\n" + smallest, `gw.yaml:1:31: trusted_proxies at the top level: "nginx.local" is not an address or a network: write 192.0.2.1, 10.0.0.0/8, 2001:db8::/32, loopback, private or unix`},
		{"trusted proxies a mapping", "trusted_proxies: {a: b}\n" + smallest, `gw.yaml:1:18: trusted_proxies at the top level must be a list of addresses and networks, not a mapping: write trusted_proxies: [10.0.0.0/8]`},
		{"proxy protocol", listenerWith("{listen: 'http://:80', proxy_protocol: v2}"), `gw.yaml:4:44: proxy_protocol in listener http://:80 must be true or false, not "v2"`},
		{"proxy protocol at the top", "proxy_protocol: true\n" + smallest, `gw.yaml:1:1: unknown key "proxy_protocol" at the top level: it belongs in a listener`},
		{"rate", "limits: {max_requests_per_address: 20}\n" + smallest, `gw.yaml:1:36: max_requests_per_address in limits is not a rate: "20": write 20/s, 300/m or 0 for no limit`},
		{"exempt", "limits: {exempt_addresses: [10.0.0.0/40]}\n" + smallest, `gw.yaml:1:29: exempt_addresses in limits: "10.0.0.0/40" is not an address or a network: write 192.0.2.1, 10.0.0.0/8, 2001:db8::/32, loopback, private or unix`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := faultsOf(t, c.text); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

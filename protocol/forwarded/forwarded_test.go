package forwarded

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"gw/protocol/address"
	"gw/protocol/http1"
)

var proxies = func() *address.Set {
	s, err := address.ParseSet([]string{"10.0.0.0/8", "fd00::/8"})
	if err != nil {
		panic(err)
	}
	return &s
}()

// fieldsOf reads lines "name: value".
func fieldsOf(head string) (fields []http1.Field) {
	for _, line := range strings.Split(head, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields = append(fields, http1.Field{Name: []byte(strings.ToLower(name)), Value: []byte(strings.TrimSpace(value))})
		}
	}
	return fields
}

// show is a client on one line.
func (c Client) show() string {
	address := "-"
	if c.Address.IsValid() {
		address = c.Address.String()
	}
	return strings.TrimRight(address+" "+c.Scheme+" "+string(c.Host)+" "+string(c.Port), " ")
}

func TestClientIsTheRightmostThatIsNoProxy(t *testing.T) {
	for head, want := range map[string]string{
		"":                   "-",
		"accept: */*":        "-",
		"x-real-ip: 1.2.3.4": "-",

		"x-forwarded-for: 192.0.2.1":                                                           "192.0.2.1:0",
		"x-forwarded-for: 6.6.6.6, 192.0.2.1":                                                  "192.0.2.1:0",
		"x-forwarded-for: 192.0.2.1, 10.0.0.2, 10.0.0.1":                                       "192.0.2.1:0",
		"x-forwarded-for: 6.6.6.6,192.0.2.1 ,10.0.0.2":                                         "192.0.2.1:0",
		"x-forwarded-for: 6.6.6.6\nx-forwarded-for: 192.0.2.1":                                 "192.0.2.1:0",
		"x-forwarded-for: 192.0.2.1\nx-forwarded-for: 10.0.0.2":                                "192.0.2.1:0",
		"x-forwarded-for: 10.0.0.3, 10.0.0.2":                                                  "10.0.0.3:0",  // a client inside
		"x-forwarded-for: <script>, 192.0.2.1":                                                 "192.0.2.1:0", // what a client made up does not matter
		"x-forwarded-for: , 192.0.2.1, ,":                                                      "192.0.2.1:0",
		"x-forwarded-for: 192.0.2.1:51000":                                                     "192.0.2.1:51000",
		"x-forwarded-for: 2001:db8::1":                                                         "[2001:db8::1]:0",
		"x-forwarded-for: [2001:db8::1]":                                                       "[2001:db8::1]:0",
		"x-forwarded-for: [2001:db8::1]:443, fd00::1":                                          "[2001:db8::1]:443",
		"x-forwarded-for: ::ffff:192.0.2.1, ::ffff:10.0.0.1":                                   "192.0.2.1:0",
		"x-forwarded-for: 6.6.6.6, unknown":                                                    "-",
		"x-forwarded-for: 6.6.6.6, unknown, 10.0.0.1":                                          "-",
		"x-forwarded-proto: https":                                                             "- https",
		"x-forwarded-for: 192.0.2.1\nx-forwarded-proto: HTTPS":                                 "192.0.2.1:0 https",
		"x-forwarded-for: 192.0.2.1\nx-forwarded-proto: wss":                                   "192.0.2.1:0 https",
		"x-forwarded-for: 192.0.2.1, 10.0.0.1\nx-forwarded-proto: https, http":                 "192.0.2.1:0 https",
		"x-forwarded-for: 192.0.2.1\nx-forwarded-proto: https, http":                           "192.0.2.1:0 http", // the first is the client's own
		"x-forwarded-for: 192.0.2.1, 10.0.0.1\nx-forwarded-proto: https":                       "192.0.2.1:0 https",
		"x-forwarded-for: 192.0.2.1\nx-forwarded-host: a.example:8443\nx-forwarded-port: 8443": "192.0.2.1:0  a.example:8443 8443",

		"forwarded: for=192.0.2.1":                                        "192.0.2.1:0",
		"forwarded: For=192.0.2.1;Proto=https;Host=a.example;by=10.0.0.9": "192.0.2.1:0 https a.example",
		`forwarded: for="[2001:db8::1]:4711"`:                             "[2001:db8::1]:4711",
		`forwarded: for="192.0.2.1:4711";host="a.example:8443"`:           "192.0.2.1:4711  a.example:8443",
		`forwarded: for="192.0.2.1:_p"`:                                   "192.0.2.1:0",
		"forwarded: for=6.6.6.6;proto=https, for=192.0.2.1;proto=http":    "192.0.2.1:0 http",
		"forwarded: for=192.0.2.1;proto=https, for=10.0.0.1;proto=http":   "192.0.2.1:0 https",
		"forwarded: for=192.0.2.1;proto=https\nforwarded: for=10.0.0.1":   "192.0.2.1:0 https",
		"forwarded: for=\"\nforwarded: for=192.0.2.1":                     "192.0.2.1:0", // its quote does not reach into the proxy's line
		"forwarded: ;;for=192.0.2.1; ;proto=https;":                       "192.0.2.1:0 https",
		"forwarded: for=unknown;proto=https":                              "- https",
		"forwarded: for=6.6.6.6, for=_hidden":                             "-",
		"forwarded: proto=https":                                          "- https",
		"forwarded: for=192.0.2.1 ; proto=https ,":                        "192.0.2.1:0 https",
		"forwarded: for=192.0.2.1;secret=\"a,b;c\"":                       "192.0.2.1:0",
		"forwarded: for=6.6.6.6\nx-forwarded-for: 192.0.2.1":              "192.0.2.1:0",
	} {
		c, err := Read(fieldsOf(head), proxies)
		if got := c.show(); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", head, got, err, want)
		}
	}
}

func TestMalformedFieldsAreVoidAsAWhole(t *testing.T) {
	for _, head := range []string{
		"x-forwarded-for: 192.0.2.1, garbage", "x-forwarded-for: garbage, 10.0.0.1", "x-forwarded-for: 192.0.2.1.", "x-forwarded-for: 192.0.2.01",
		"x-forwarded-for: 192.0.2.1:", "x-forwarded-for: 192.0.2.1:65536", "x-forwarded-for: 192.0.2.1:+1", "x-forwarded-for: [192.0.2.1]:80",
		"x-forwarded-for: [2001:db8::1", "x-forwarded-for: [2001:db8::1]80", "x-forwarded-for: [::1]:", "x-forwarded-for: fe80::1%eth0", "x-forwarded-for: :80", "x-forwarded-for: [",
		"x-forwarded-for: 192.0.2.1\nx-forwarded-proto: ftp", "x-forwarded-for: 192.0.2.1\nx-forwarded-host: a b", "x-forwarded-for: 192.0.2.1\nx-forwarded-host: user@a",
		"x-forwarded-for: 192.0.2.1\nx-forwarded-port: 70000", "x-forwarded-for: 192.0.2.1\nx-forwarded-port: -1",
		"forwarded: for", "forwarded: for=", "forwarded: =192.0.2.1", `forwarded: for="192.0.2.1`, `forwarded: for="192.0.2\.1"`, "forwarded: for=192.0.2.1;for=10.0.0.1",
		"forwarded: for=192.0.2.1 proto=https", "forwarded: for=192.0.2.1;proto=gopher", "forwarded: for=192.0.2.1;host=\"a b\"", "forwarded: for=2001:db8::1",
		"forwarded: for=garbage", "forwarded: for=garbage, for=10.0.0.1", `forwarded: for="", , for="x`, `forwarded: for=a"b"`,
		"forwarded: " + strings.Repeat("for=10.0.0.1,", maxElements+1),
	} {
		if c, err := Read(fieldsOf(head), proxies); err != ErrMalformed {
			t.Errorf("%q: %s, %v", head, c.show(), err)
		}
	}
}

func TestFieldsThatSpeakOfTheClientAreKnown(t *testing.T) {
	for name, want := range map[string]bool{
		"forwarded": true, "x-forwarded-for": true, "x-forwarded-proto": true, "x-forwarded-anything": true, "x-real-ip": true, "x_forwarded_for": true, "x-forwarded_host": true, "x_real_ip": true,
		"x-forwarded": false, "x-real-iq": false, "forwarder": false, "user-agent": false, "x-request-id": false, "from": false, "x": false, "x-forwards-for": false,
	} {
		if Speaks([]byte(name)) != want {
			t.Errorf("%s: want %t", name, want)
		}
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	fields := fieldsOf("host: x\nx-forwarded-for: 6.6.6.6, 2001:db8::1, 10.0.0.1\nx-forwarded-proto: https\nx-forwarded-host: a.example")
	standard := fieldsOf(`forwarded: for="[2001:db8::1]:80";proto=https;host=a.example, for=10.0.0.1`)
	if n := testing.AllocsPerRun(100, func() { Read(fields, proxies); Read(standard, proxies) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzRead: whatever a client sends, with a proxy's address behind it as proxies add it, that address is the client's.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"192.0.2.1", "6.6.6.6, [::1]:80", "for=192.0.2.1;proto=https", `for="[2001:db8::1]:80";host="a:1"`, `"`, ",,", "unknown", "for=_x;by=y"} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if !http1.ValidValue(a) || !http1.ValidValue(b) {
			return
		}
		c, err := Read([]http1.Field{{Name: []byte(nameFor), Value: a}, {Name: []byte(nameProto), Value: b}, {Name: []byte(nameHost), Value: b}}, proxies)
		check(t, c, err)
		c, err = Read([]http1.Field{{Name: []byte(nameStandard), Value: a}, {Name: []byte(nameStandard), Value: b}}, proxies)
		check(t, c, err)

		appended := append(bytes.Clone(a), ", 192.0.2.1"...)
		c, err = Read([]http1.Field{{Name: []byte(nameFor), Value: appended}}, proxies)
		if want := netip.MustParseAddrPort("192.0.2.1:0"); err != nil || c.Address != want {
			t.Fatalf("%q: %s, %v", appended, c.show(), err)
		}
		c, err = Read([]http1.Field{{Name: []byte(nameStandard), Value: a}, {Name: []byte(nameStandard), Value: []byte("for=192.0.2.1")}}, proxies)
		if want := netip.MustParseAddrPort("192.0.2.1:0"); err != nil || c.Address != want {
			t.Fatalf("%q: %s, %v", a, c.show(), err)
		}
	})
}

func check(t *testing.T, c Client, err error) {
	t.Helper()
	switch {
	case err != nil && c.show() != "-":
		t.Fatalf("%v, and %s", err, c.show())
	case c.Host != nil && !http1.ValidHost(c.Host), c.Scheme != "" && c.Scheme != "http" && c.Scheme != "https":
		t.Fatalf("%+v", c)
	}
}

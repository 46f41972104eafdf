package proxyproto

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// version2 makes a header: command, family, addresses, parameters.
func version2(command, family byte, body string) string {
	head := signature + string([]byte{command, family})
	return head + string(binary.BigEndian.AppendUint16(nil, uint16(len(body)))) + body
}

func parameter(kind byte, value string) string {
	return string(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value)))) + value
}

// withChecksum adds a CRC32c parameter to a TCP4 header.
func withChecksum(off uint32) string {
	header := []byte(version2(versionProxy, familyTCP4, tcp4+parameter(parameterChecksum, "\x00\x00\x00\x00")))
	at := len(header) - 4
	binary.BigEndian.PutUint32(header[at:], checksum(header, at)+off)
	return string(header)
}

const (
	tcp4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xc7\x38\x01\xbb"
	tcp6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\xc7\x38\x01\xbb"
)

func from(source, destination string) Header {
	return Header{Version: 2, Known: true, Source: netip.MustParseAddrPort(source), Destination: netip.MustParseAddrPort(destination)}
}

func (h Header) with(change func(*Header)) Header {
	change(&h)
	return h
}

var headers = map[string]struct {
	bytes string
	want  Header
}{
	"line, IPv4":   {"PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n", from("192.0.2.1:51000", "198.51.100.2:443").with(func(h *Header) { h.Version = 1 })},
	"line, IPv6":   {"PROXY TCP6 2001:db8::1 2001:db8::2 51000 443\r\n", from("[2001:db8::1]:51000", "[2001:db8::2]:443").with(func(h *Header) { h.Version = 1 })},
	"line, mapped": {"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", from("192.0.2.1:1", "[::1]:2").with(func(h *Header) { h.Version = 1 })},
	"line, port 0": {"PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\n", from("192.0.2.1:0", "198.51.100.2:65535").with(func(h *Header) { h.Version = 1 })},
	"longest line": {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", Header{Version: 1}},
	"unknown":      {"PROXY UNKNOWN\r\n", Header{Version: 1}},

	"IPv4":                 {version2(versionProxy, familyTCP4, tcp4), from("192.0.2.1:51000", "198.51.100.2:443")},
	"IPv6":                 {version2(versionProxy, familyTCP6, tcp6), from("[2001:db8::1]:51000", "[2001:db8::2]:443")},
	"unix":                 {version2(versionProxy, familyUnix, pad("/run/a.sock")+pad("/run/b.sock")), Header{Version: 2, Known: true, Path: []byte("/run/a.sock")}},
	"unix, unnamed":        {version2(versionProxy, familyUnix, pad("")+pad("")), Header{Version: 2, Known: true, Path: []byte{}}},
	"local":                {version2(versionLocal, familyUnspecified, ""), Header{Version: 2}},
	"local with addresses": {version2(versionLocal, familyTCP4, tcp4), Header{Version: 2}},
	"local, odd family":    {version2(versionLocal, 0x7f, "xyz"), Header{Version: 2}},
	"unspecified":          {version2(versionProxy, familyUnspecified, "anything"), Header{Version: 2}},
	"checksum":             {withChecksum(0), from("192.0.2.1:51000", "198.51.100.2:443")},
	"unknown parameters":   {version2(versionProxy, familyTCP4, tcp4+parameter(0x04, "\x00\x00\x00")+parameter(0xea, "\x01vpce-1")), from("192.0.2.1:51000", "198.51.100.2:443")},
	"TLS and authority": {version2(versionProxy, familyTCP4, tcp4+parameter(parameterAuthority, "example.org")+parameter(parameterTLS, "\x01\x00\x00\x00\x00"+parameter(0x21, "TLSv1.3"))),
		from("192.0.2.1:51000", "198.51.100.2:443").with(func(h *Header) { h.TLS, h.Authority = true, []byte("example.org") })},
	"no TLS": {version2(versionProxy, familyTCP4, tcp4+parameter(parameterTLS, "\x00\x00\x00\x00\x01")), from("192.0.2.1:51000", "198.51.100.2:443")},
}

func pad(path string) string { return path + strings.Repeat("\x00", unixPathLen-len(path)) }

func TestHeadersAreRead(t *testing.T) {
	for name, c := range headers {
		h, n, err := Parse([]byte(c.bytes + "GET / HTTP/1.1\r\n"))
		if err != nil || n != len(c.bytes) || !reflect.DeepEqual(h, c.want) {
			t.Errorf("%s: %+v, %d of %d bytes, %v\nwant %+v", name, h, n, len(c.bytes), err, c.want)
		}
	}
}

func TestHeadersMayComeInPieces(t *testing.T) {
	for name, c := range headers {
		for cut := range len(c.bytes) {
			if _, n, err := Parse([]byte(c.bytes[:cut])); n != 0 || err != nil {
				t.Fatalf("%s, %d bytes: n %d, %v", name, cut, n, err)
			}
		}
	}
}

func TestFaultsAreRefused(t *testing.T) {
	for text, want := range map[string]error{
		"GET / HTTP/1.1\r\n":                                     ErrNoHeader,
		"\x16\x03\x01\x02\x00":                                   ErrNoHeader, // a TLS client
		"PROXY\tTCP4":                                            ErrNoHeader,
		"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n":                 ErrNoHeader,
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n":                   ErrLine,
		"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n":                   ErrLine,
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n":               ErrLine,
		"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n":                ErrLine,
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n":             ErrLine,
		"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n":                ErrLine,
		"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n":                ErrLine,
		"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n":                ErrLine,
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n":             ErrLine,
		"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n":                 ErrLine,
		"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n":                ErrLine,
		"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n":                 ErrLine,
		"PROXY UNKNOWNS\r\n":                                     ErrLine,
		"PROXY \r\n":                                             ErrLine,
		"PROXY \n":                                               ErrLine,
		"PROXY UNKNOWN" + strings.Repeat(" ", 94):                ErrLineLong,
		signature + "\x11":                                       ErrVersion,
		signature + "\x22":                                       ErrVersion,
		version2(versionProxy, 0x12, tcp4):                       ErrFamily,
		version2(versionProxy, 0x41, tcp4):                       ErrFamily,
		version2(versionProxy, familyTCP4, tcp4[:11]):            ErrLength,
		version2(versionProxy, familyTCP6, tcp4):                 ErrLength,
		version2(versionProxy, familyUnix, pad("/a")):            ErrLength,
		version2(versionProxy, familyTCP4, tcp4+"\x04\x00"):      ErrParameter,
		version2(versionProxy, familyTCP4, tcp4+"\x04\x00\x02x"): ErrParameter,
		version2(versionProxy, familyTCP4, tcp4+parameter(parameterTLS, "\x01\x00\x00\x00")): ErrParameter,
		version2(versionProxy, familyTCP4, tcp4+parameter(parameterChecksum, "\x00")):        ErrParameter,
		withChecksum(1): ErrChecksum,
		version2(versionProxy, familyTCP4, tcp4)[:14] + "\x0f\xf1": ErrTooLong,
	} {
		if _, n, err := Parse([]byte(text)); err != want || n != 0 {
			t.Errorf("%q: n %d, %v, want %v", text, n, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range headers {
		f.Add([]byte(c.bytes), 5)
	}
	f.Add([]byte(withChecksum(1)), 20)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		b = b[:min(len(b), 2*MaxBytes)]
		h, n, err := Parse(b)
		if n > MaxBytes || n > len(b) || err != nil && n != 0 {
			t.Fatalf("n %d of %d, %v", n, len(b), err)
		}
		if n == 0 {
			return
		}
		if again, m, err := Parse(b[:n:n]); m != n || err != nil || !reflect.DeepEqual(h, again) {
			t.Fatalf("what follows changes it: %+v and %+v", h, again)
		}
		if _, m, err := Parse(b[:max(0, min(cut, n-1))]); m != 0 || err != nil {
			t.Fatalf("a part of a good header: n %d, %v", m, err)
		}
		if h.Known && h.Path == nil && !(h.Source.IsValid() && h.Destination.IsValid()) {
			t.Fatalf("known, and no address: %+v", h)
		}
	})
}

package address

import (
	"net/netip"
	"testing"
)

func TestSetHoldsWhatItNames(t *testing.T) {
	for _, c := range []struct {
		words   []string
		in, out []string
	}{
		{nil, nil, []string{"127.0.0.1", "", "::1"}},
		{[]string{"10.0.0.0/8"}, []string{"10.0.0.0", "10.255.255.255"}, []string{"11.0.0.0", "", "::1"}},
		{[]string{"10.1.2.3/8"}, []string{"10.255.0.1"}, []string{"11.0.0.0"}},
		{[]string{"192.0.2.1"}, []string{"192.0.2.1"}, []string{"192.0.2.2"}},
		{[]string{"::ffff:192.0.2.1", "::ffff:10.0.0.0/104"}, []string{"192.0.2.1", "10.9.9.9"}, []string{"192.0.2.2", "11.0.0.1"}},
		{[]string{"2001:db8::/32"}, []string{"2001:db8:ffff::1"}, []string{"2001:db9::1", "192.0.2.1"}},
		{[]string{"loopback"}, []string{"127.0.0.1", "127.9.9.9", "::1"}, []string{"10.0.0.1", ""}},
		{[]string{"private", "unix"}, []string{"10.0.0.1", "172.31.0.1", "192.168.1.1", "fd00::1", ""}, []string{"172.32.0.1", "127.0.0.1"}},
		{[]string{"0.0.0.0/0", "::/0"}, []string{"1.2.3.4", "2001:db8::1"}, []string{""}},
	} {
		s, err := ParseSet(c.words)
		if err != nil {
			t.Fatal(c.words, err)
		}
		if s.Empty() != (len(c.words) == 0) {
			t.Errorf("%v: empty %t", c.words, s.Empty())
		}
		for _, text := range c.in {
			if !s.Has(addr(text)) {
				t.Errorf("%v: %q is not in it", c.words, text)
			}
		}
		for _, text := range c.out {
			if s.Has(addr(text)) {
				t.Errorf("%v: %q is in it", c.words, text)
			}
		}
	}
}

func addr(text string) netip.Addr {
	a, _ := netip.ParseAddr(text)
	return a
}

func TestWhatNamesNoAddressesIsRefused(t *testing.T) {
	for _, text := range []string{"", "localhost", "10.0.0.0/33", "10.0.0/8", "10.0.0.1-9", "fe80::1%eth0", "::ffff:10.0.0.0/8", "*", "unix:/run/a.sock"} {
		if _, err := ParseSet([]string{text}); err != ErrNetwork {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOneClientIsAnIPv4AddressOrAnIPv6Subnet(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "::1": "::", "": ""} {
		if got := Client(addr(in)); got != addr(want) {
			t.Errorf("%q: %s", in, got)
		}
	}
}

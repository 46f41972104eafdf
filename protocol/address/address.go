// Package address is about sets of client addresses, as the configuration names them, and about which addresses are
// likely one client. It resolves no names.
package address

import (
	"errors"
	"net/netip"
	"strings"
)

// ErrNetwork is the fault of a word that names no addresses.
var ErrNetwork = errors.New("is not an address, a network such as 10.0.0.0/8, or one of loopback, private, unix")

// words stand for networks everybody has.
var words = map[string][]string{
	"loopback": {"127.0.0.0/8", "::1/128"},
	"private":  {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}, // RFC 1918, RFC 4193
	"unix":     {},
}

// Set is a set of addresses. The zero Set is empty.
type Set struct {
	networks []netip.Prefix
	unix     bool
}

// ParseSet reads addresses, networks, and the words loopback, private and unix. The error names the first word that is
// none of them.
func ParseSet(texts []string) (Set, error) {
	var s Set
	for _, text := range texts {
		networks, err := Parse(text)
		if err != nil {
			return Set{}, err
		}
		s.networks = append(s.networks, networks...)
		s.unix = s.unix || text == "unix"
	}
	return s, nil
}

// Parse reads one word of a set. unix has no networks.
func Parse(text string) ([]netip.Prefix, error) {
	list, known := words[text]
	if !known {
		list = []string{text}
	}
	var networks []netip.Prefix
	for _, each := range list {
		network, err := parseNetwork(each)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, ErrNetwork
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, ErrNetwork
	}
	if p.Addr().Is4In6() { // ::ffff:10.0.0.0/104 is 10.0.0.0/8
		if p.Bits() < 96 {
			return netip.Prefix{}, ErrNetwork
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Empty says that nothing is in the set.
func (s *Set) Empty() bool { return len(s.networks) == 0 && !s.unix }

// Has says whether a is in the set. The zero address is that of every client on a unix socket; IPv4 addresses must not be
// mapped into IPv6.
func (s *Set) Has(a netip.Addr) bool {
	if !a.IsValid() {
		return s.unix
	}
	for _, network := range s.networks {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// Client is the address that limits count by: an IPv4 address, or the /64 that one IPv6 subscriber has at the least
// (RFC 6177). The zero address stays.
func Client(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	b := a.As16()
	clear(b[8:])
	return netip.AddrFrom16(b)
}

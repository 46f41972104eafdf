// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2, which a load balancer sends in front of
// everything else on a connection to say who its client is (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt).
//
// It knows nothing of sockets and of who may be believed. Invariants:
//
//   - What is parsed does not depend on where the stream was cut into pieces.
//   - No byte behind the header is looked at: what follows belongs to the protocol of the listener.
//   - Every length inside the header is checked against the header's own.
//   - An error is the peer's fault and is final: the connection is to be closed.
package proxyproto

import (
	"errors"
	"net/netip"
)

// MaxBytes is the longest header that is taken. The specification allows 64 KiB in version 2; what load balancers send,
// certificates' names included, stays below 1 KiB.
const MaxBytes = 4 << 10

// The faults of a header.
var (
	ErrNoHeader  = errors.New("it does not begin with a PROXY protocol header")
	ErrLine      = errors.New("the line of PROXY protocol 1 is malformed")
	ErrLineLong  = errors.New("the line of PROXY protocol 1 is longer than 107 bytes")
	ErrVersion   = errors.New("the version or command of PROXY protocol 2 is unknown")
	ErrFamily    = errors.New("the address family of PROXY protocol 2 is unknown, or not that of a stream")
	ErrLength    = errors.New("the length of PROXY protocol 2 does not fit what it announces")
	ErrTooLong   = errors.New("the header of PROXY protocol 2 is longer than 4 KiB")
	ErrParameter = errors.New("a parameter of PROXY protocol 2 is malformed")
	ErrChecksum  = errors.New("the checksum of PROXY protocol 2 is wrong")
)

// Header is what a proxy says about the connection it forwards.
type Header struct {
	Version int
	// Known says that the proxy tells addresses: not for its own health checks (LOCAL) and not where it does not know
	// (UNKNOWN, UNSPEC). Then the socket's addresses hold.
	Known bool
	// Source is the client and Destination what it connected to. Both are zero when it came through a unix socket.
	Source, Destination netip.AddrPort
	// Path is the client's unix socket, without the zeros behind it; nil or empty for most.
	Path []byte
	// TLS says that the client speaks TLS to the proxy, Authority which host it asked for there (SNI).
	TLS       bool
	Authority []byte
}

// Parse reads the header at the beginning of b. n is its length; 0 without an error: it is not complete, call again with
// the same bytes and more behind them. Path and Authority are views into b.
func Parse(b []byte) (h Header, n int, err error) {
	switch {
	case begins(b, signature):
		return parseBinary(b)
	case begins(b, linePrefix):
		return parseLine(b)
	}
	return h, 0, ErrNoHeader
}

// begins says that b begins with prefix, as far as there is something of it.
func begins(b []byte, prefix string) bool {
	n := min(len(b), len(prefix))
	return string(b[:n]) == prefix[:n]
}

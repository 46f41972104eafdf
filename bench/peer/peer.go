// Package peer starts and stops the servers that are measured: gw with each of
// its languages, our own reference servers, and what else is installed.
//
// A peer is one file and one line in [All]. It knows how its server is started,
// found ready and ended, nothing of loads or figures. Invariant: a peer ends
// only processes it started itself.
package peer

import (
	"context"
	"net/netip"
	"slices"

	"gw/bench/gauge"
)

// Scenario names, as every peer and handler knows them.
const (
	Hello = "hello" // GET, 13 bytes, all alike
	Vary  = "vary"  // GET, query argument and header repeated
	JSON  = "json"  // POST of a 1 KiB order
	WS    = "ws"    // WebSocket echo
	Text  = "text"  // line echo
	TLS   = "tls"   // hello inside TLS, for idle connections
	// Broadcast is hello beside messages to every WebSocket; gw alone knows it.
	Broadcast = "broadcast"
	// Groups is messages to groups, gw alone knows it.
	Groups = "groups"
)

// Peer is a kind of server.
type Peer struct {
	Name      string
	Scenarios []string
	Beside    string // the peer of gw that it is compared with; empty for those
	// Absent says why the peer cannot run here, "" when it can.
	Absent func(*Kit) string
	Start  func(context.Context, *Kit, Job) (*Server, error)
}

// Job is what a server shall do.
type Job struct {
	Scenario string
	Workers  int
	Dir      string // a folder of its own, with the handlers in it
}

// Server is a running server, ready for connections.
type Server struct {
	Target netip.AddrPort
	Root   int // the process all others of the server descend from
	Role   func(gauge.Process) gauge.Role
	Output func() string // the end of what it printed
	Stop   func() error
}

// All is every peer, in the order of the tables.
func All() []Peer {
	return slices.Concat(gwPeers(), []Peer{workerman()}, swoolePeers(), []Peer{roadrunner(), fpm()}, pythonPeers(), []Peer{fasthttp(), rawEpoll()})
}

// Serves tells whether the peer knows a scenario.
func (p Peer) Serves(scenario string) bool { return slices.Contains(p.Scenarios, scenario) }

// onlyHandlers is the role of every process where there is no gateway.
func onlyHandlers(gauge.Process) gauge.Role { return gauge.Handler }

// here is for peers that need nothing but Go.
func here(*Kit) string { return "" }

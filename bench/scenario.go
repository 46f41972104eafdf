package main

import (
	"gw/bench/load"
	"gw/bench/peer"
	"gw/bench/report"
)

// scenario is one kind of work.
type scenario struct {
	name     string
	asks     string // what a server must know, see package peer
	depth    int    // requests under way per connection
	only     int    // the one number of connections it makes sense for; 0: all
	protocol func() load.Protocol
}

// scenarios in the order of the tables.
var scenarios = []scenario{
	{name: "hello", asks: peer.Hello, depth: 1, protocol: func() load.Protocol { return load.NewHello() }},
	{name: "vary", asks: peer.Vary, depth: 1, protocol: func() load.Protocol { return load.NewVary() }},
	{name: "json", asks: peer.JSON, depth: 1, protocol: func() load.Protocol { return load.NewJSON() }},
	{name: "ws", asks: peer.WS, depth: 1, protocol: func() load.Protocol { return load.NewWebSocket() }},
	{name: "ws16", asks: peer.WS, depth: 16, only: report.BudgetConnections, protocol: func() load.Protocol { return load.NewWebSocket() }},
	{name: "text", asks: peer.Text, depth: 1, protocol: func() load.Protocol { return load.NewText() }},
}

// idleScenarios measure memory. Only one gw peer serves each: what a handler is
// written in does not change what the gateway keeps for a connection.
var idleScenarios = []scenario{
	{name: "http", asks: peer.Hello, protocol: func() load.Protocol { return load.NewHello() }},
	{name: "ws", asks: peer.WS, protocol: func() load.Protocol { return load.NewWebSocket() }},
	{name: "text", asks: peer.Text, protocol: func() load.Protocol { return load.NewText() }},
	{name: "tls", asks: peer.TLS, protocol: func() load.Protocol { return load.NewTLS() }},
}

// idlePeers are the peers whose idle connections are measured.
var idlePeers = []string{"gw-php", "workerman", "uvicorn", "fasthttp", "rawepoll"}

package main

import (
	"github.com/urfave/cli/v2"

	"gw/gateway"
)

// gatewayControl is the descriptor on which the master gives the gateway
// process its control channel.
const gatewayControl = 3

// gatewayCommand is what the master starts; people never do.
func gatewayCommand() *cli.Command {
	return &cli.Command{
		Name:   "gateway",
		Usage:  "run the gateway process of a master",
		Hidden: true,
		Action: func(*cli.Context) error { return gateway.Main(gatewayControl) },
	}
}

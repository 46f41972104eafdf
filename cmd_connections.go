package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"gw/master/api"
)

func connectionsCommand() *cli.Command {
	return &cli.Command{
		Name:        "connections",
		Usage:       "list the clients' connections",
		ArgsUsage:   "[FILE] [FILTER]",
		Description: "FILTER is any text of a row: an address, a worker, a group. A first argument that is a file on disk is FILE, as for the other commands.\n\nExample:\n   gw connections 203.0.113.7",
		Flags:       []cli.Flag{configFlag(), jsonFlag()},
		Action:      connections,
	}
}

func connections(ctx *cli.Context) error {
	file, filter := configFlagOf(ctx), ctx.Args().Slice()
	if file == "" && len(filter) > 0 && exists(filter[0]) {
		file, filter = filter[0], filter[1:]
	}
	t, err := runningTarget(file)
	if err != nil {
		return err
	}
	list, err := newClient(t.control()).connections(ctx.Context, strings.Join(filter, " "))
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return printJSON(ctx.App.Writer, list)
	}
	if err := connectionTable(list.Connections).write(ctx.App.Writer, paletteFor(ctx.App.Writer)); err != nil {
		return err
	}
	shown := ""
	if len(list.Connections) < list.Total {
		shown = fmt.Sprintf(", %d shown", len(list.Connections))
	}
	_, err = fmt.Fprintf(ctx.App.Writer, "%s%s\n", count(list.Total, "connection"), shown)
	return err
}

func connectionTable(list []api.Connection) *table {
	t := &table{
		titles: []string{"id", "protocol", "tls", "state", "local", "peer", "age", "idle", "in", "out", "queue-in", "queue-out", "worker", "groups", "uid"},
		right:  map[string]bool{"id": true, "age": true, "idle": true, "in": true, "out": true, "queue-in": true, "queue-out": true},
	}
	for _, c := range list {
		t.add(fmt.Sprint(c.ID), c.Protocol, orDash(c.TLS), c.State, c.Local, throughProxy(c), showAge(c.Age), showAge(c.Idle),
			showBytes(int64(c.BytesIn)), showBytes(int64(c.BytesOut)), fmt.Sprint(c.QueueIn), showBytes(int64(c.QueueOut)),
			orDash(c.Worker), orDash(strings.Join(c.Groups, ",")), orDash(c.UID))
	}
	return t
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// throughProxy names the client, and the proxy that told of it.
func throughProxy(c api.Connection) string {
	if c.Proxy == "" {
		return c.Peer
	}
	return c.Peer + " via " + c.Proxy
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"gw/master/api"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "show workers, load and counters",
		ArgsUsage:   "[FILE]",
		Description: "Example:\n   gw status --json | jq .totals",
		Flags:       []cli.Flag{configFlag(), jsonFlag()},
		Action:      status,
	}
}

func status(ctx *cli.Context) error {
	name, err := namedFile(ctx)
	if err != nil {
		return err
	}
	t, err := runningTarget(name)
	if err != nil {
		return err
	}
	s, err := newClient(t.control()).status(ctx.Context)
	if err != nil {
		return err
	}
	if ctx.Bool("json") {
		return printJSON(ctx.App.Writer, s)
	}
	p := paletteFor(ctx.App.Writer)
	if err := statusHeader(ctx.App.Writer, p, s); err != nil {
		return err
	}
	return workerTable(s).write(ctx.App.Writer, p)
}

func statusHeader(w io.Writer, p palette, s *api.Status) error {
	var b strings.Builder
	fmt.Fprintf(&b, "gw %s  pid %d  %s  %s  up %s  load %.2f %.2f %.2f\n", s.Version, s.PID, s.Mode,
		p.paint(stateColours[s.State], s.State), showAge(s.Uptime), s.Load[0], s.Load[1], s.Load[2])
	fmt.Fprintf(&b, "configuration  %s\n", s.ConfigFile)
	g := s.Gateway
	fmt.Fprintf(&b, "gateway        pid %d  %s  %s  %s", g.PID, p.paint(stateColours[g.State], g.State), showBytes(g.MemoryBytes), count(g.Restarts, "restart"))
	if g.LastExit != "" {
		fmt.Fprintf(&b, ", last exit: %s", g.LastExit)
	}
	b.WriteByte('\n')
	if r := s.Reload; r != nil {
		fmt.Fprintf(&b, "last reload    %s  %s", r.At.Local().Format("2006-01-02 15:04:05"), p.paint(stateColours[r.Result], r.Result))
		if r.Reason != "" {
			fmt.Fprintf(&b, ": %s", r.Reason)
		}
		b.WriteByte('\n')
	}
	for _, pool := range s.Pools {
		if pool.Queued > 0 || pool.Ready < pool.Workers {
			fmt.Fprintf(&b, "pool %-9s %d of %d workers ready, %d waiting\n", pool.Name, pool.Ready, pool.Workers, pool.Queued)
		}
		if pool.SetAside > 0 {
			fmt.Fprintf(&b, "pool %-9s %s set aside, two handlers died on each: see %s\n", pool.Name, count(int(pool.SetAside), "message"), pool.SetAsideDir)
		}
	}
	for _, a := range s.AccessLogs {
		if a.Dropped > 0 {
			fmt.Fprintf(&b, "access log %s  %d of %d lines dropped: its disk is too slow, or full\n", a.Path, a.Dropped, a.Lines)
		}
	}
	for _, l := range s.Listeners {
		if refused := refusals(&l); refused != "" {
			fmt.Fprintf(&b, "listener %s  refused %s\n", l.Name, refused)
		}
		if lost := losses(l.Datagrams); lost != "" {
			fmt.Fprintf(&b, "listener %s  %s\n", l.Name, lost)
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// losses are the datagrams that were not handled, or not sent.
func losses(d *api.Datagrams) string {
	if d == nil || d.Dropped+d.Truncated+d.SendDrops == 0 {
		return ""
	}
	return fmt.Sprintf("%s received, %d dropped, %d longer than max_message, %d answers not sent", count(int(d.Received), "datagram"), d.Dropped, d.Truncated, d.SendDrops)
}

// refusals are what a listener has not let in because of who it was.
func refusals(l *api.Listener) string {
	var list []string
	for _, r := range []struct {
		n    uint64
		what string
	}{
		{l.AddressRefused, "connection over max_connections_per_address"},
		{l.RateRefused, "request over max_requests_per_address"},
		{l.ProxyRefused, "connection without a good PROXY header"},
	} {
		if r.n > 0 {
			noun, why, _ := strings.Cut(r.what, " ")
			list = append(list, count(int(r.n), noun)+" "+why)
		}
	}
	return strings.Join(list, ", ")
}

func workerTable(s *api.Status) *table {
	t := &table{
		titles: []string{"pid", "memory", "pool", "slot", "listen", "state", "connections", "in-flight", "requests", "restarts", "qps", "last-exit"},
		right: map[string]bool{"pid": true, "memory": true, "slot": true, "connections": true, "in-flight": true,
			"requests": true, "restarts": true, "qps": true},
	}
	for _, w := range s.Workers {
		pid := "-"
		if w.PID > 0 {
			pid = fmt.Sprint(w.PID)
		}
		t.add(pid, showBytes(w.MemoryBytes), w.Pool, fmt.Sprint(w.Slot), orDash(w.Listen), w.State, fmt.Sprint(w.Connections),
			fmt.Sprint(w.InFlight), fmt.Sprint(w.Requests), fmt.Sprint(w.Restarts), fmt.Sprintf("%.1f", w.QPS), orDash(w.LastExit))
	}
	sum := s.Totals
	t.footer = []string{"all", showBytes(sum.MemoryBytes), "-", fmt.Sprint(sum.Workers), "-", fmt.Sprintf("%d ready", sum.Ready), fmt.Sprint(sum.Connections),
		fmt.Sprint(sum.InFlight), fmt.Sprint(sum.Requests), fmt.Sprint(sum.Restarts), fmt.Sprintf("%.1f", sum.QPS), "-"}
	return t
}

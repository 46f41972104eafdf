package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"gw/master/api"
)

func reloadCommand() *cli.Command {
	return &cli.Command{
		Name:      "reload",
		Usage:     "replace the handlers one by one, without an interruption",
		ArgsUsage: "[FILE]",
		Description: "Reads the configuration again, then starts a new handler for each slot, waits until it is ready,\n" +
			"and lets the old one finish. When a new one does not start, the old ones go on and the exit code is 9.\n\n" +
			"Example:\n   gw reload --pool web",
		Flags: []cli.Flag{configFlag(),
			&cli.StringFlag{Name: "pool", Aliases: []string{"p"}, Usage: "only this `POOL`"},
			&cli.BoolFlag{Name: "no-wait", Usage: "return when the reload has begun"},
			jsonFlag()},
		Action: reload,
	}
}

func reload(ctx *cli.Context) error {
	name, err := namedFile(ctx)
	if err != nil {
		return err
	}
	t, err := runningTarget(name)
	if err != nil {
		return err
	}
	w, p := ctx.App.Writer, paletteFor(ctx.App.Writer)
	print := func(event api.ReloadEvent) { printEvent(w, p, event) }
	if ctx.Bool("json") {
		lines := json.NewEncoder(w)
		print = func(event api.ReloadEvent) { _ = lines.Encode(event) }
	}
	var last, failed api.ReloadEvent
	request := api.ReloadRequest{Pool: ctx.String("pool"), NoWait: ctx.Bool("no-wait")}
	err = newClient(t.control()).reload(ctx.Context, request, func(event api.ReloadEvent) {
		print(event)
		if event.State == "failed" {
			failed = event
		}
		last = event
	})
	if err != nil {
		return err
	}
	return reloadFailure(last, failed)
}

// printEvent has one line per slot: what only leads to it is left out.
func printEvent(w io.Writer, p palette, e api.ReloadEvent) {
	worker := fmt.Sprintf("%s#%d", e.Pool, e.Slot)
	note := ""
	switch e.State {
	case "replaced":
		note = fmt.Sprintf("pid %d takes over from pid %d", e.PID, e.OldPID)
	case "added":
		note = fmt.Sprintf("pid %d", e.PID)
	case "removed":
		note = fmt.Sprintf("pid %d has left", max(e.OldPID, e.PID))
	case "failed":
		note = e.Reason
	case "unchanged":
	default:
		printResult(w, p, e)
		return
	}
	if e.Took > 0 {
		note += fmt.Sprintf("  %.2f s", e.Took)
	}
	state := p.paint(stateColours[e.State], fmt.Sprintf("%-9s", e.State))
	fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-12s  %s  %s", worker, state, note), " "))
}

func printResult(w io.Writer, p palette, e api.ReloadEvent) {
	switch e.Result {
	case "ok":
		fmt.Fprintln(w, p.paint(green, "reloaded"))
	case "accepted":
		fmt.Fprintln(w, "the reload has begun; gw status shows how it ends")
	}
}

func reloadFailure(last, failed api.ReloadEvent) error {
	switch last.Result {
	case "ok", "accepted":
		return nil
	case "busy":
		return &failure{exitReloadBusy, "another reload is under way", "try again when it has ended; gw status shows it"}
	case "aborted":
		return abortedReload(last, failed)
	}
	return &failure{exitFailure, "the reload ended without a result", "gw status shows whether the master still runs; look into its log"}
}

func abortedReload(last, failed api.ReloadEvent) error {
	text := "the reload was aborted"
	if reason := firstOf(last.Reason, failed.Reason); reason != "" {
		text += ": " + reason
	}
	if output := strings.TrimRight(firstOf(last.Output, failed.Output), "\n"); output != "" {
		text += "\n  | " + strings.ReplaceAll(output, "\n", "\n  | ")
	}
	return &failure{exitReloadAborted, text, "the old handlers go on; repair the code and reload again"}
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// palette paints words for a terminal, and does nothing elsewhere.
type palette bool

// paletteFor: colours are for terminals, unless NO_COLOR (no-color.org) is set
// to anything.
func paletteFor(w io.Writer) palette {
	return palette(os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

func (p palette) paint(colour, text string) string {
	if !p || colour == "" {
		return text
	}
	return colour + text + plain
}

// stateColours go by the words of the control API.
var stateColours = map[string]string{
	"ready": green, "active": green, "running": green, "ok": green, "replaced": green, "added": green,
	"starting": yellow, "draining": yellow, "stopping": yellow, "reloading": yellow, "restarting": yellow, "back-off": yellow,
	"crash-loop": red, "not answering": red, "failed": red, "aborted": red, "not ready": red,
}

package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completionFlag is what the shells' completion functions append.
const completionFlag = "--generate-bash-completion"

// arrange puts the flags of a verb before its other arguments, where the cli
// package wants them: people write gw start app.py -d.
func arrange(app *cli.App, args []string) []string {
	at := verbIndex(app, args)
	if at < 0 || slices.Contains(args, completionFlag) {
		return args
	}
	command := app.Command(args[at])
	if command == nil {
		return args
	}
	var flags, others []string
	rest := args[at+1:]
	for i := 0; i < len(rest); i++ {
		word := rest[i]
		if word == "--" {
			others = append(others, rest[i+1:]...)
			break
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			others = append(others, word)
			continue
		}
		flags = append(flags, word)
		if takesValue(command.Flags, word) && i+1 < len(rest) {
			i++
			flags = append(flags, rest[i])
		}
	}
	arranged := append(slices.Clone(args[:at+1]), flags...)
	if len(others) > 0 {
		arranged = append(arranged, "--")
	}
	return append(arranged, others...)
}

// verbIndex is the place of the first word that is neither a flag of gw itself
// nor the value of one.
func verbIndex(app *cli.App, args []string) int {
	for i := 1; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			return i
		}
		if takesValue(app.Flags, args[i]) {
			i++
		}
	}
	return -1
}

func takesValue(flags []cli.Flag, word string) bool {
	if strings.Contains(word, "=") {
		return false
	}
	name := strings.TrimLeft(word, "-")
	for _, f := range flags {
		if value, ok := f.(cli.DocGenerationFlag); ok && slices.Contains(f.Names(), name) {
			return value.TakesValue()
		}
	}
	return false
}

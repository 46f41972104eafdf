package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

const bashCompletion = `_gw() {
  local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]} line
  if [[ $cur == -* ]]; then
    line=("${COMP_WORDS[@]:0:COMP_CWORD}" "$cur")
  else
    line=("${COMP_WORDS[@]:0:COMP_CWORD}")
  fi
  COMPREPLY=($(compgen -W "$("${line[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur"))
}
complete -o bashdefault -o default -F _gw gw
`

const zshCompletion = `#compdef gw
_gw() {
  local -a choices
  local cur=${words[-1]}
  if [[ $cur == -* ]]; then
    choices=("${(@f)$(${words[@]:0:#words[@]-1} ${cur} --generate-bash-completion 2>/dev/null)}")
  else
    choices=("${(@f)$(${words[@]:0:#words[@]-1} --generate-bash-completion 2>/dev/null)}")
  fi
  if [[ -n ${choices[1]} ]]; then
    _describe 'values' choices
  fi
  _files
}
compdef _gw gw
`

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print the completion script of a shell",
		ArgsUsage:   "bash|zsh",
		Description: "Example:\n   source <(gw completion bash)",
		Action: func(ctx *cli.Context) error {
			scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion}
			script, known := scripts[ctx.Args().First()]
			if !known {
				return usage("write gw completion bash, or zsh", "no completion for %q", ctx.Args().First())
			}
			_, err := fmt.Fprint(ctx.App.Writer, script)
			return err
		},
	}
}

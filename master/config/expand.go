package config

import (
	"fmt"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// expandError says which variable of a value cannot be expanded, and what to do.
type expandError struct{ message, hint string }

func (e *expandError) Error() string { return e.message + ": " + e.hint }

// expand replaces ${NAME}, ${NAME:-default} and $$ in one value. As in a
// shell, the default also stands in for a variable that is set but empty. Any
// other dollar sign stays: `sh -c 'echo $HOME'` is for the shell to expand.
func expand(text string, getenv func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		b.WriteString(text[:i])
		text = text[i:]
		switch {
		case strings.HasPrefix(text, "$$"):
			b.WriteByte('$')
			text = text[2:]
		case strings.HasPrefix(text, "${"):
			value, rest, err := expandOne(text, getenv)
			if err != nil {
				return "", err
			}
			b.WriteString(value)
			text = rest
		default:
			b.WriteByte('$')
			text = text[1:]
		}
	}
}

func expandOne(text string, getenv func(string) (string, bool)) (value, rest string, err error) {
	m := variable.FindStringSubmatch(text)
	if m == nil {
		return "", "", &expandError{
			fmt.Sprintf("cannot read the variable in %q", text),
			"write ${NAME}, ${NAME:-default}, or $$ for a dollar sign"}
	}
	value, set := getenv(m[1])
	switch {
	case m[2] != "" && value == "":
		value = m[3]
	case !set:
		return "", "", &expandError{
			fmt.Sprintf("environment variable %s is not set", m[1]),
			fmt.Sprintf("set it, or write ${%s:-default}", m[1])}
	}
	return value, text[len(m[0]):], nil
}

// escape is the reverse of expand.
func escape(text string) string { return strings.ReplaceAll(text, "$", "$$") }

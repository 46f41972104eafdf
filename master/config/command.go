package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var errOpenQuote = errors.New("has a quote that is never closed")

// splitWords cuts a command at blanks as a shell does, with single quotes,
// double quotes and backslashes, and without anything else of a shell.
func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			inWord, escaped = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			inWord, quote = true, c
		case strings.ContainsRune(" \t\r\n", c):
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			inWord = true
			word.WriteRune(c)
		}
	}
	if quote != 0 || escaped {
		return nil, errOpenQuote
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// languages are the programs that run a handler by the ending of its file.
var languages = map[string]struct{ program, install string }{
	".php": {"php", "install PHP 8.1 or newer (Debian and Ubuntu: apt install php-cli)"},
	".py":  {"python3", "install Python 3.9 or newer (Debian and Ubuntu: apt install python3)"},
	".js":  {"node", "install Node.js (Debian and Ubuntu: apt install nodejs)"},
	".rb":  {"ruby", "install Ruby (Debian and Ubuntu: apt install ruby)"},
}

// findProgram looks a command's first word up as the master will: in the
// absolute folders of path unless it has a slash. The error is nil when it can
// be run from dir.
func findProgram(word, dir, path string) error {
	if strings.Contains(word, "/") {
		return runnable(within(dir, word))
	}
	for _, folder := range filepath.SplitList(path) {
		if filepath.IsAbs(folder) && runnable(filepath.Join(folder, word)) == nil {
			return nil
		}
	}
	return fmt.Errorf("%s is not in PATH", word)
}

func runnable(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("%s does not exist", file)
	case info.IsDir():
		return fmt.Errorf("%s is a folder", file)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable", file)
	}
	return nil
}

// installHint says how to get a program that is not there.
func installHint(word string) string {
	for _, language := range languages {
		if word == language.program {
			return language.install + ", or give its full path"
		}
	}
	if strings.Contains(word, "/") {
		return "check the path"
	}
	return "install it, or give its full path"
}

// handlerWord is the index of the word that names the handler's file, or -1:
// the first argument with the ending of a language. Options such as
// `-d auto_prepend_file=x.php` and shell text are something else.
func handlerWord(words []string) int {
	return slices.IndexFunc(words, func(w string) bool {
		_, known := languages[filepath.Ext(w)]
		return known && !strings.HasPrefix(w, "-") && !strings.ContainsAny(w, "= \t")
	})
}

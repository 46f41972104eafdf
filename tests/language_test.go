package tests

import "testing"

// language is one of the two the handlers are written in.
type language struct {
	name        string
	interpreter string
	extension   string
}

var (
	php    = language{"php", "/usr/bin/php", "php"}
	python = language{"python", "/usr/bin/python3", "py"}
)

// inEachLanguage runs a test with PHP handlers and with Python handlers.
func inEachLanguage(t *testing.T, test func(t *testing.T, l language)) {
	t.Parallel()
	for _, l := range []language{php, python} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			test(t, l)
		})
	}
}

// file is the name of a handler in this language.
func (l language) file(handler string) string { return handler + "." + l.extension }

package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration; the largest sensible one is a few kilobytes.
const maxFile = mib

const atTop = "at the top level"

// Load reads a gw.yaml and checks all of it. The error is Faults, with path as
// the name of the file. It may be called again at any time: nothing is kept.
func Load(path string) (*Config, error) { return hostSystem().load(path) }

func (s system) load(path string) (*Config, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, Faults{fileFault(path, err)}
	}
	root, fault := parse(path, text)
	if fault != nil {
		return nil, Faults{*fault}
	}
	var faults Faults
	c := s.defaults(absolute(path))
	r := &reader{system: s, file: path, dir: c.Dir, where: atTop, faults: &faults, warnings: &c.Warnings, acmeDir: s.diskPaths(c.File).acmeDir()}
	values := mapping(r, root, topKeys, c)
	if values["pools"] == nil && !c.onlyFiles() {
		r.fault(root, "write pools: {web: {command: [php, app.php]}}", "there are no pools")
	}
	r.checkControl(values["control"], c)
	if err := faults.orNil(); err != nil {
		return nil, err
	}
	c.Warnings = c.Warnings.sorted()
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("larger than %s, which no configuration is", showSize(maxFile))
	}
	return text, err
}

func fileFault(path string, err error) Fault {
	var reason *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Fault{File: path, Message: "there is no such file", Hint: "name one, or let gw init write a first one"}
	case errors.As(err, &reason):
		return Fault{File: path, Message: "cannot read it: " + reason.Err.Error()}
	}
	return Fault{File: path, Message: "cannot read it: " + err.Error()}
}

// parse returns the mapping at the top of the file.
func parse(path string, text []byte) (*yaml.Node, *Fault) {
	var document, second yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	err := decoder.Decode(&document)
	if err == io.EOF || err == nil && blank(&document) {
		return nil, &Fault{File: path, Line: 1, Message: "the file is empty", Hint: "gw init writes a first one"}
	}
	if err != nil {
		return nil, syntaxFault(path, string(text), err)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, &Fault{File: path, Line: root.Line, Column: root.Column,
			Message: "the file must hold keys such as pools and listeners, not " + describe(root)}
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, &Fault{File: path, Line: second.Line, Column: second.Column,
			Message: "the file holds more than one document", Hint: "delete the --- in between"}
	} else if err != io.EOF {
		return nil, syntaxFault(path, string(text), err)
	}
	return root, nil
}

func blank(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Tag == "!!null"
}

var (
	yamlLine   = regexp.MustCompile(`^line (\d+): `)
	yamlAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	// The parser half of the library counts lines from 0, its scanner from 1.
	yamlParser = regexp.MustCompile(`^did not find expected (<|node content|'|key)`)
)

// syntaxFault finds the place in the library's message, which leaves the first
// line out and knows no columns, and adds what people usually got wrong.
func syntaxFault(path, text string, err error) *Fault {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	lines := strings.Split(text, "\n")
	switch {
	case !utf8.ValidString(text):
		line, message = 1+badLine(lines, func(s string) bool { return !utf8.ValidString(s) }), "the file is not UTF-8"
	case yamlAnchor.MatchString(message):
		name := "*" + yamlAnchor.FindStringSubmatch(message)[1]
		line = 1 + badLine(lines, func(s string) bool { return strings.Contains(s, name) })
	case yamlParser.MatchString(message):
		line++
	}
	line = min(max(line, 1), len(lines))
	return &Fault{File: path, Line: line, Column: firstColumn(lines[line-1]), Message: message, Hint: syntaxHint(lines[line-1])}
}

func badLine(lines []string, bad func(string) bool) int {
	for i, line := range lines {
		if bad(line) {
			return i
		}
	}
	return 0
}

func firstColumn(line string) int {
	return len(line) - len(strings.TrimLeft(line, " \t")) + 1
}

var (
	tabIndent   = regexp.MustCompile(`^ *\t`)
	starValue   = regexp.MustCompile(`[:\[,-] +\*[:.0-9]`)
	bareBraces  = regexp.MustCompile(`[\[{].*\$\{`)
	colonInText = regexp.MustCompile(`^[^"'#]*: [^"'#]*: `)
)

func syntaxHint(line string) string {
	switch {
	case tabIndent.MatchString(line):
		return "indent with spaces, YAML allows no tabs"
	case starValue.MatchString(line):
		return `quote values that begin with *, such as "*:8080"`
	case bareBraces.MatchString(line):
		return `quote "${NAME}" inside braces and brackets`
	case colonInText.MatchString(line):
		return "quote values with a colon and a blank, or begin a new line"
	}
	return ""
}

func (r *reader) checkControl(n *yaml.Node, c *Config) {
	if len(c.Control) <= maxUnixPath {
		return
	}
	if n == nil {
		n = &yaml.Node{}
	}
	long := longSocket("control: "+c.Control, c.Control)
	r.fault(n, "set control, or GW_STATE_DIR, to a shorter path", "%s", long.message)
}

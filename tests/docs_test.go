package tests

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced code block of a page.
type block struct {
	page   string
	line   int
	tag    string // the word behind the fence
	marker string // path in the comment above it: <!-- examples/php/http.php -->
	text   string
}

var markerComment = regexp.MustCompile(`^<!-- ([\w./-]+) -->$`)

// pages are the documents this rule holds for, all paths relative to root.
func pages(t *testing.T) []string {
	t.Helper()
	list := []string{"README.md", "README.zh-CN.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			relative, _ := filepath.Rel(root, path)
			list = append(list, relative)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// blocks cuts a page into its code blocks.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	var list []block
	var open *block
	above := ""
	for i, line := range strings.Split(read(t, page), "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{page: page, line: i + 1, tag: strings.TrimPrefix(line, "```")}
			if m := markerComment.FindStringSubmatch(above); m != nil {
				open.marker = m[1]
			}
		case fence:
			list = append(list, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
		if open == nil && line != "" {
			above = line
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the code block does not end", page, open.line)
	}
	return list
}

var update = flag.Bool("update", false, "copy the files into the code blocks of the documentation")

// What the documentation shows is a file that the tests run, to the byte.
// go test ./tests -run TestCodeBlocksAreFiles -update brings it up to date.
func TestCodeBlocksAreFiles(t *testing.T) {
	if *update {
		for _, page := range pages(t) {
			updateBlocks(t, page)
		}
	}
	marked := 0
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			switch {
			case b.marker != "":
				marked++
				if b.text != read(t, b.marker) {
					t.Errorf("%s:%d differs from %s", b.page, b.line, b.marker)
				}
			case strings.Contains(" php python yaml sh bash html dockerfile ini ", " "+b.tag+" "):
				t.Errorf("%s:%d: a %s block is a copy of a file and names it: <!-- examples/... -->", b.page, b.line, b.tag)
			}
		}
	}
	if marked < 10 {
		t.Errorf("%d marked blocks", marked)
	}
}

// updateBlocks writes each named file into its code block.
func updateBlocks(t *testing.T, page string) {
	t.Helper()
	var out []string
	named, inside := "", false
	for _, line := range strings.Split(read(t, page), "\n") {
		fence := strings.HasPrefix(line, "```")
		if !inside || fence || named == "" {
			out = append(out, line)
		}
		switch m := markerComment.FindStringSubmatch(line); {
		case fence && !inside && named != "":
			out = append(out, strings.Split(strings.TrimSuffix(read(t, named), "\n"), "\n")...)
		case fence && inside:
			named = ""
		case m != nil && !inside:
			named = m[1]
		}
		inside = inside != fence
	}
	if err := os.WriteFile(filepath.Join(root, page), []byte(strings.Join(out, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

var gwCommand = regexp.MustCompile(`^(?:[$#] )?(?:sudo )?gw ([a-z]+)(.*)$`)

// Every gw command in a session exists, with its options.
func TestCommandsInSessionsExist(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	help := map[string]string{}
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.tag != "console" {
				continue
			}
			for _, line := range strings.Split(b.text, "\n") {
				m := gwCommand.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				verb := m[1]
				if help[verb] == "" {
					r := g.run("help", verb)
					if r.code != exitOK {
						t.Errorf("%s:%d: there is no gw %s", b.page, b.line, verb)
					}
					help[verb] = r.stdout + " "
				}
				wantOptions(t, b, help[verb], m[2])
			}
		}
	}
}

func wantOptions(t *testing.T, b block, help, arguments string) {
	t.Helper()
	arguments, _, _ = strings.Cut(arguments, " #")
	for _, word := range strings.Fields(arguments) {
		if strings.HasPrefix(word, "-") && !strings.Contains(help, word) {
			t.Errorf("%s:%d: the command has no option %s", b.page, b.line, word)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			target := filepath.Join(root, filepath.Dir(page), m[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
	}
}

// Every key of the configuration, as gw check --effective prints it, is in
// the reference.
func TestConfigurationReferenceIsComplete(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	reference := read(t, "docs/configuration.md")
	key := regexp.MustCompile(`(?m)^[ -]*([a-z_]+):`)
	for _, m := range key.FindAllStringSubmatch(g.mustRun("check", "--effective"), -1) {
		if m[1] != "main" && !strings.Contains(reference, "`"+m[1]+"`") {
			t.Errorf("docs/configuration.md does not explain %s", m[1])
		}
	}
}

// Every verb of the command line is in its page.
func TestCommandLineReferenceIsComplete(t *testing.T) {
	t.Parallel()
	g := prepare(t, setup{language: php, handler: "hello"})
	reference := read(t, "docs/command-line.md")
	verb := regexp.MustCompile(`(?m)^ +([a-z]+)(?:, [a-z]+)*  +\S`)
	found := verb.FindAllStringSubmatch(g.mustRun("help"), -1)
	if len(found) < 8 {
		t.Fatalf("gw help names %d verbs", len(found))
	}
	for _, m := range found {
		if !strings.Contains(reference, "gw "+m[1]) {
			t.Errorf("docs/command-line.md does not explain gw %s", m[1])
		}
	}
}

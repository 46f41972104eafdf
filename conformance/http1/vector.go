// Package http1 is a suite for servers of HTTP/1.1: what a client sends, byte
// for byte, and what a server may answer (RFC 9112, RFC 9110).
//
// The vectors are the .txt files of this folder, one file a chapter; README.md
// beside them explains their form. This package reads them, plays them to a
// server that runs the recording handler, and judges what came back. It knows
// no server: who starts one gives its address.
package http1

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

//go:embed *.txt
var files embed.FS

// Vector is one conversation: the client's part, and what a server may do.
type Vector struct {
	Chapter string // the file it is from
	Name    string // unique among all
	Rule    string // the section it follows from, such as RFC 9112 section 6.1
	Steps   []Step
	// Outcomes are those the RFCs allow; the first is what gw does.
	Outcomes []Outcome
}

// Step is one thing the client does.
type Step struct {
	Send  []byte
	Await bool // read one answer before the next step
	End   bool // close the client's side, keep reading
}

// Ending is what becomes of the connection.
type Ending string

const (
	Keep  Ending = "keep"  // the server answers one more request on it
	Close Ending = "close" // the server closes it
	Wait  Ending = "wait"  // the server waits for more; never what gw does
)

// Outcome is a sequence of answers, and the connection's end.
type Outcome struct {
	Answers []Answer
	Ending  Ending
}

// Answer is one response, or a pattern for one.
type Answer struct {
	Statuses []string // "200", "4xx"; any of them
	HeadOnly bool     // no body follows, whatever the head says
	Fields   []string // conditions: "allow", "!date", "connection: close"
	Seen     string   // what the recording handler must say it saw; "": anything
}

// Load reads all vectors. An error names file and line.
func Load() ([]Vector, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Vector
	line := map[string]string{}
	for _, entry := range entries {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		list, err := parse(entry.Name(), string(text))
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			if line[v.Name] != "" {
				return nil, fmt.Errorf("%s: the name %q is taken in %s", entry.Name(), v.Name, line[v.Name])
			}
			line[v.Name] = entry.Name()
		}
		all = append(all, list...)
	}
	return all, nil
}

// variant stands where a vector has another text in each of its variants.
const variant = "@@"

// parse reads one file.
func parse(file, text string) ([]Vector, error) {
	var list []Vector
	lines := strings.Split(text, "\n")
	for at := 0; at < len(lines); {
		if lines[at] == "" || lines[at][0] == '#' {
			at++
			continue
		}
		end := at + 1
		for end < len(lines) && !strings.HasPrefix(lines[end], "[") {
			end++
		}
		vectors, err := section(lines[at:end])
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, at+1, err)
		}
		for _, v := range vectors {
			v.Chapter = strings.TrimSuffix(path.Base(file), ".txt")
			list = append(list, v)
		}
		at = end
	}
	return list, nil
}

// section reads one heading with what belongs to it: a vector, or one for each
// of its variants.
func section(lines []string) ([]Vector, error) {
	variants := []string{""}
	for _, line := range lines[1:] {
		if text, ok := strings.CutPrefix(line, ". "); ok {
			variants = append(variants, text)
		}
	}
	if len(variants) > 1 {
		variants = variants[1:]
	}
	var list []Vector
	for _, text := range variants {
		v, err := heading(strings.ReplaceAll(lines[0], variant, text))
		if err != nil {
			return nil, err
		}
		for _, line := range lines[1:] {
			if line == "" || line[0] == '#' || line[0] == '.' {
				continue
			}
			if err := v.add(strings.ReplaceAll(line, variant, text)); err != nil {
				return nil, fmt.Errorf("%s: %w", line, err)
			}
		}
		if len(v.Steps) == 0 || len(v.Outcomes) == 0 {
			return nil, fmt.Errorf("%q sends or expects nothing", v.Name)
		}
		list = append(list, v)
	}
	return list, nil
}

// heading reads "[name] rule".
func heading(line string) (Vector, error) {
	at := strings.LastIndex(line, "] ")
	if at < 0 || line[0] != '[' {
		return Vector{}, errors.New("write [name] and the section it follows from")
	}
	return Vector{Name: line[1:at], Rule: line[at+2:]}, nil
}

func (v *Vector) add(line string) error {
	mark, rest := line[0], strings.TrimPrefix(line[1:], " ")
	switch mark {
	case '>', '+':
		b, err := unescape(rest)
		if err != nil {
			return err
		}
		if mark == '>' {
			b = append(b, "\r\n"...)
		}
		v.send(b)
	case '~':
		v.Steps = append(v.Steps, Step{Await: true})
	case '$':
		v.Steps = append(v.Steps, Step{End: true})
	case '=', '|':
		if (mark == '=') != (len(v.Outcomes) == 0) {
			return errors.New("the first outcome begins with =, the others with |")
		}
		text, err := unescape(rest)
		if err != nil {
			return err
		}
		o, err := outcome(string(text))
		if err != nil {
			return err
		}
		v.Outcomes = append(v.Outcomes, o)
	default:
		return fmt.Errorf("a line begins with one of # [ > + ~ $ = |, not %q", mark)
	}
	return nil
}

// send adds bytes to the last step, if it sends.
func (v *Vector) send(b []byte) {
	if n := len(v.Steps); n > 0 && v.Steps[n-1].Send != nil {
		v.Steps[n-1].Send = append(v.Steps[n-1].Send, b...)
		return
	}
	v.Steps = append(v.Steps, Step{Send: b})
}

// unescape reads \r \n \t \0 \\ \xHH and \{text*count}.
func unescape(text string) ([]byte, error) {
	b := []byte{}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b = append(b, text[i])
			continue
		}
		if i++; i == len(text) {
			return nil, errors.New(`a line ends with \`)
		}
		switch c := text[i]; c {
		case 'x':
			digits := text[i+1 : min(i+3, len(text))]
			value, err := strconv.ParseUint(digits, 16, 8)
			if err != nil || len(digits) < 2 {
				return nil, fmt.Errorf(`\x needs two hex digits, not %q`, digits)
			}
			b = append(b, byte(value))
			i += 2
		case '{':
			body, _, ok := strings.Cut(text[i+1:], "}")
			word, count, counted := strings.Cut(body, "*")
			n, err := strconv.Atoi(count)
			if !ok || !counted || err != nil {
				return nil, errors.New(`write \{text*count}`)
			}
			repeated, err := unescape(word)
			if err != nil {
				return nil, err
			}
			for range n {
				b = append(b, repeated...)
			}
			i += len(body) + 1
		default:
			at := strings.IndexByte(`rnt0\`, c)
			if at < 0 {
				return nil, fmt.Errorf(`there is no \%c`, c)
			}
			b = append(b, "\r\n\t\x00\\"[at])
		}
	}
	return b, nil
}

// outcome reads "100 200 {allow} "GET / a" keep".
func outcome(text string) (Outcome, error) {
	var o Outcome
	for text != "" {
		var word string
		var err error
		if word, text, err = cutWord(text); err != nil {
			return o, err
		}
		last := len(o.Answers) - 1
		switch {
		case o.Ending != "":
			return o, errors.New("keep, close or wait stands last")
		case word == string(Keep) || word == string(Close) || word == string(Wait):
			o.Ending = Ending(word)
		case word[0] == '"' && last >= 0:
			o.Answers[last].Seen = word[1 : len(word)-1]
		case word[0] == '{' && last >= 0:
			o.Answers[last].Fields = append(o.Answers[last].Fields, word[1:len(word)-1])
		case word[0] >= '1' && word[0] <= '5':
			a := Answer{HeadOnly: strings.HasSuffix(word, "-")}
			a.Statuses = strings.Split(strings.TrimSuffix(word, "-"), ",")
			o.Answers = append(o.Answers, a)
		default:
			return o, fmt.Errorf("%q is no status, field, quoted text or ending", word)
		}
	}
	if o.Ending == "" {
		return o, errors.New("an outcome ends with keep, close or wait")
	}
	return o, nil
}

// cutWord takes a word, a "quoted text" or a {condition} off.
func cutWord(text string) (word, rest string, err error) {
	end := strings.IndexByte(text, ' ')
	if closing := map[byte]string{'"': `"`, '{': `}`}[text[0]]; closing != "" {
		if end = strings.Index(text[1:], closing); end < 0 {
			return "", "", fmt.Errorf("no %s closes %q", closing, text)
		}
		end += 2
	}
	if end < 0 {
		end = len(text)
	}
	return text[:end], strings.TrimLeft(text[end:], " "), nil
}

// Size is how many bytes the client sends.
func (v Vector) Size() int {
	size := 0
	for _, step := range v.Steps {
		size += len(step.Send)
	}
	return size
}

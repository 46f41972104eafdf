package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Framing is how a listener's messages stand on the byte stream: those of text
// end with Delimiter, those of frame begin with a length field.
type Framing struct {
	Delimiter   string // text; any bytes, never empty
	LengthBytes int    // frame: 1, 2, 4 or 8
	Endian      string // frame: big, little
	Counts      string // frame: whole, payload
	Offset      int    // frame: bytes before the length field
}

const (
	maxDelimiter = 16
	maxOffset    = 256
)

func defaultFraming(scheme string) Framing {
	switch scheme {
	case "text":
		return Framing{Delimiter: "\n"}
	case "frame":
		return Framing{LengthBytes: 4, Endian: "big", Counts: "whole"}
	}
	return Framing{}
}

var textFramingKeys = []key[Framing]{
	{name: "delimiter", kind: kindText, doc: `What ends a message, up to 16 bytes, with the escapes \n \r \t \0 \xHH and \\. With \n, the default, a \r before it is cut off too.`,
		read: readDelimiter, show: func(f *Framing) any { return showDelimiter(f.Delimiter) }},
}

var frameFramingKeys = []key[Framing]{
	{name: "length_bytes", kind: kindNumber, doc: "Size of the length field: 1, 2, 4 or 8 bytes.", read: readLengthBytes, show: func(f *Framing) any { return f.LengthBytes }},
	choiceKey("endian", "Byte order of the length field.", func(f *Framing) *string { return &f.Endian }, "big", "little"),
	choiceKey("counts", "What the length counts: the whole frame with the field itself, or the payload behind it.", func(f *Framing) *string { return &f.Counts }, "whole", "payload"),
	numberKey("offset", "Bytes before the length field. They are the beginning of the message.", 0, maxOffset, func(f *Framing) *int { return &f.Offset }),
}

// framingKeys are those that a scheme has.
func framingKeys(scheme string) []key[Framing] {
	switch scheme {
	case "text":
		return textFramingKeys
	case "frame":
		return frameFramingKeys
	}
	return nil
}

func readFraming(r *reader, n *yaml.Node, l *Listener) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.misfit(n, "framing", "a mapping", `write framing: {delimiter: "\r\n"}, or for frame {length_bytes: 2}`)
		return
	}
	mapping(r.in(strings.Replace(r.where, "in ", "in framing of ", 1)), n, framingKeys(l.Scheme), &l.Framing)
}

func showFraming(l *Listener) any { return shown(framingKeys(l.Scheme), &l.Framing) }

func readLengthBytes(r *reader, n *yaml.Node, f *Framing) {
	text, ok := r.text(n, "length_bytes", "1, 2, 4 or 8")
	switch {
	case !ok:
	case text == "1" || text == "2" || text == "4" || text == "8":
		f.LengthBytes = int(text[0] - '0')
	default:
		r.fault(n, "", "length_bytes %s must be 1, 2, 4 or 8, not %q", r.where, text)
	}
}

// readDelimiter takes bytes that YAML has unescaped ("\r\n") and escapes that it
// has left as they are (\r\n without quotes) alike.
func readDelimiter(r *reader, n *yaml.Node, f *Framing) {
	const hint = `write "\r\n", "\0" or "|"`
	text, ok := r.bytes(n, "delimiter", "text")
	if !ok {
		return
	}
	n = resolve(n)
	delimiter, ok := unescape(text)
	switch {
	case !ok:
		r.fault(n, `known are \n \r \t \0 \xHH and \\`, "delimiter %s has an unknown escape: %q", r.where, text)
	case delimiter == "":
		r.fault(n, hint, "delimiter %s is empty", r.where)
	case len(delimiter) > maxDelimiter:
		r.fault(n, hint, "delimiter %s has %d bytes, at most %d are allowed", r.where, len(delimiter), maxDelimiter)
	default:
		f.Delimiter = delimiter
	}
}

var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '0': 0, '\\': '\\'}

func unescape(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			return "", false
		}
		if text[i] == 'x' && i+2 < len(text) {
			n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 2
			continue
		}
		plain, known := escapes[text[i]]
		if !known {
			return "", false
		}
		b.WriteByte(plain)
	}
	return b.String(), true
}

// showDelimiter writes it as readDelimiter reads it.
func showDelimiter(delimiter string) string {
	var b strings.Builder
	for i := range len(delimiter) {
		switch c := delimiter[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c > '~':
			b.WriteString(`\x` + strconv.FormatUint(uint64(c)|1<<8, 16)[1:])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

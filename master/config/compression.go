package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Compression says which answers go out compressed.
type Compression struct {
	On           bool
	Encodings    []string // zstd, br, gzip
	Types        []string // lower-case media types: text/html, text/*, *+json
	MinSizeBytes int64
	Level        string // fast, balanced, small
	Private      bool
}

// knownEncodings in the order of our preference: the fastest of the good ones first.
var knownEncodings = []string{"zstd", "br", "gzip"}

// compressedTypes are texts. Not text/event-stream: a compressor of its own for
// each open stream costs more than events are long.
var compressedTypes = []string{
	"text/html", "text/css", "text/plain", "text/csv", "text/xml", "text/javascript", "text/markdown", "text/calendar",
	"application/json", "application/javascript", "application/xml", "application/wasm", "application/x-ndjson", "*+json", "*+xml",
}

// mediaType: a token on each side of the slash, or a star for one of them.
var mediaType = regexp.MustCompile(`^(\*\+[a-z0-9.-]+|[a-z]+/(\*|[a-z0-9!#$&^_.+-]+))$`)

func defaultCompression() Compression {
	return Compression{Encodings: knownEncodings, Types: compressedTypes, MinSizeBytes: kib, Level: "fast"}
}

var compressionKeys = []key[Compression]{
	{name: "encodings", kind: kindPaths, doc: "Of zstd, br and gzip those that are used; of several a client likes equally the first.",
		read: readEncodings, show: func(k *Compression) any { return k.Encodings }},
	{name: "types", kind: kindPaths, doc: "Media types that are compressed; text/* and *+json stand for many.",
		read: readTypes, show: func(k *Compression) any { return k.Types }},
	sizeKey("min_size", "Shorter answers stay as they are.", 0, mib, func(k *Compression) *int64 { return &k.MinSizeBytes }),
	choiceKey("level", "How hard it is tried: fast costs least processor, small least traffic.", func(k *Compression) *string { return &k.Level }, "fast", "balanced", "small"),
	flagKey("private", "Also answers to requests with a cookie or Authorization that are not public. See BREACH in the documentation.", func(k *Compression) *bool { return &k.Private }),
}

// compressionKey is true, false, or a mapping.
var compressionKey = onHTTP(key[Listener]{name: "compression", kind: kindCompression, doc: "Compress answers: true, false, or how.",
	read: readCompression,
	show: func(l *Listener) any {
		if !l.Compression.On {
			return false
		}
		return shown(compressionKeys, &l.Compression)
	}})

func readCompression(r *reader, n *yaml.Node, l *Listener) {
	l.Compression = defaultCompression()
	if value := resolve(n); value.Kind == yaml.MappingNode {
		l.Compression.On = true
		mapping(r.in(strings.Replace(r.where, "in ", "in compression of ", 1)), value, compressionKeys, &l.Compression)
		return
	} else if value.Kind != yaml.ScalarNode {
		r.misfit(n, "compression", "true, false or a mapping", "write compression: true")
		return
	}
	flagKey("compression", "", func(l *Listener) *bool { return &l.Compression.On }).read(r, n, l)
	if !l.Compression.On {
		l.Compression = Compression{}
	}
}

func readEncodings(r *reader, n *yaml.Node, k *Compression) {
	k.Encodings = []string{}
	r.each(n, "encodings", "a list of encodings", "write encodings: [zstd, br, gzip]", func(item *yaml.Node, text string) {
		switch {
		case slices.Contains(k.Encodings, text):
			r.fault(item, "delete one of them", "encodings %s has %s twice", r.where, text)
		case text == "deflate":
			r.fault(item, "use gzip, which everybody has", "encodings %s: deflate is not offered, for clients read two different formats by that name", r.where)
		case !slices.Contains(knownEncodings, text):
			r.fault(item, didYouMean(text, knownEncodings), "encodings %s must be zstd, br or gzip, not %q", r.where, text)
		default:
			k.Encodings = append(k.Encodings, text)
		}
	})
	if value := resolve(n); value.Kind == yaml.SequenceNode && len(value.Content) == 0 {
		r.fault(n, "write compression: false", "encodings %s is empty", r.where)
	}
}

func readTypes(r *reader, n *yaml.Node, k *Compression) {
	k.Types = []string{}
	r.each(n, "types", "a list of media types", "write types: [text/html, application/json]", func(item *yaml.Node, text string) {
		text = strings.ToLower(text)
		if !mediaType.MatchString(text) {
			r.fault(item, "write text/html, text/* or *+json, without parameters", "types %s: %q is not a media type", r.where, text)
			return
		}
		k.Types = append(k.Types, text)
	})
}

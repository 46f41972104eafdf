package control

import "time"

// Answers says what becomes of every answer of a listener on its way out.
type Answers struct {
	Compression *Compression `msgpack:"compression,omitempty"` // nil: they go out as they are
	Headers     *Headers     `msgpack:"headers,omitempty"`     // nil: they have what they have
	CORS        *CORS        `msgpack:"cors,omitempty"`        // nil: other origins are the handlers' business
}

// Compression says which answers are compressed, and how.
type Compression struct {
	Encodings []string `msgpack:"encodings"` // zstd, br, gzip; the first of those a client likes equally wins
	Types     []string `msgpack:"types"`     // lower-case media types: text/html, text/*, *+json
	MinBytes  int64    `msgpack:"min_bytes"` // shorter bodies stay as they are
	Level     string   `msgpack:"level"`     // fast, balanced, small
	Private   bool     `msgpack:"private"`   // also answers to requests with credentials
}

// Headers changes the fields of every answer. Names are lower-case.
type Headers struct {
	Set     []Field  `msgpack:"set"`     // instead of what the answer has
	Default []Field  `msgpack:"default"` // where the answer has none
	Remove  []string `msgpack:"remove"`
}

// Field is a header field.
type Field struct {
	Name  string `msgpack:"name"`
	Value string `msgpack:"value"`
}

// CORS says what scripts of other origins may do (https://fetch.spec.whatwg.org/#http-cors-protocol).
type CORS struct {
	Off         bool          `msgpack:"off,omitempty"` // of a route: that of its listener does not hold
	Origins     []string      `msgpack:"origins"`       // as websocket.ParseOrigins reads them
	Methods     []string      `msgpack:"methods"`
	Headers     []string      `msgpack:"headers"` // of requests
	Expose      []string      `msgpack:"expose"`  // of answers
	Credentials bool          `msgpack:"credentials"`
	MaxAge      time.Duration `msgpack:"max_age"` // of a preflight's answer
}

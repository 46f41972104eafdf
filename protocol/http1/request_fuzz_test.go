package http1

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzParseHead holds three things: what we accept fasthttp accepts too and reads the same; a head means the same however
// the stream is cut; and it can be written down again without meaning anything else.
func FuzzParseHead(f *testing.F) {
	f.Add([]byte(smallHead))
	f.Add([]byte(browserHead))
	f.Add([]byte("\r\nPOST http://a:80/b?c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"))
	f.Add([]byte("GET /chat HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"))
	f.Add([]byte("PUT / HTTP/1.0\r\nContent-Length: 10\r\nConnection: keep-alive\r\n\r\n"))
	for _, test := range refusals {
		f.Add([]byte(test.head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		head = head[:min(len(head), 1024)] // what follows is quadratic
		limits := Limits{MaxBytes: 512, MaxFields: 16, MaxTarget: 128}
		var r Request
		n, err := r.Parse(bytes.Clone(head), limits)
		_, grownN, _, grownErr := parseGrowing(head, limits)
		if n != grownN || err != grownErr {
			t.Fatalf("whole %d, %v; byte by byte %d, %v", n, err, grownN, grownErr)
		}
		if n == 0 || err != nil {
			if n != 0 {
				t.Fatalf("n = %d with %v", n, err)
			}
			return
		}
		compareWithFasthttp(t, head[:n], &r)
		for _, field := range r.Fields {
			if !ValidName(field.Name) || !ValidValue(field.Value) {
				t.Fatalf("field %q: %q is not valid", field.Name, field.Value)
			}
		}
	})
}

func compareWithFasthttp(t *testing.T, head []byte, r *Request) {
	var theirs, plain fasthttp.RequestHeader
	if err := theirs.Read(bufio.NewReader(bytes.NewReader(head))); err != nil {
		if r.Header("trailer") != nil || r.ContentLength > 1e17 {
			return // fasthttp judges the names in Trailer, RFC 9110 6.6.2 does not ask for it; it ends at 18 digits
		}
		t.Fatalf("fasthttp refuses %q: %v", head, err)
	}
	plain.DisableNormalizing()
	plain.DisableSpecialHeader()
	if err := plain.Read(bufio.NewReader(bytes.NewReader(head))); err != nil {
		t.Fatalf("fasthttp refuses %q: %v", head, err)
	}
	if !bytes.Equal(theirs.Method(), r.Method) || !bytes.Equal(theirs.RequestURI(), r.Target) {
		t.Fatalf("fasthttp reads %q %q, we read %q %q", theirs.Method(), theirs.RequestURI(), r.Method, r.Target)
	}
	var fields []Field
	for name, value := range plain.AllInOrder() {
		fields = append(fields, Field{bytes.ToLower(name), bytes.Clone(value)})
	}
	if absolute := r.Target[0] != '/' && r.Target[0] != '*'; absolute { // fasthttp leaves the field as it came
		theirs := Request{Fields: fields, Host: r.Host}
		theirs.replaceHost()
		fields = theirs.Fields
	}
	if ours, want := AppendFields(nil, r.Fields), AppendFields(nil, fields); !bytes.Equal(ours, want) {
		t.Fatalf("fasthttp reads %q, we read %q", want, ours)
	}
	length := int64(theirs.ContentLength())
	if r.Chunked && length != -1 || r.ContentLength >= 0 && length != r.ContentLength {
		t.Fatalf("fasthttp reads length %d, we read %d, chunked %v", length, r.ContentLength, r.Chunked)
	}
}

package http1

import (
	"bufio"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

const smallHead = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

const browserHead = "GET /articles/2026/07?page=2&sort=new HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"Connection: keep-alive\r\n" +
	"Cache-Control: max-age=0\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Referer: https://www.example.com/articles\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n"

// want is a request in words: only what a test names is compared.
type want map[string]string

func describe(r *Request) want {
	fields := ""
	for _, f := range r.Fields {
		fields += string(f.Name) + "=" + string(f.Value) + ";"
	}
	flags := ""
	for _, flag := range []struct {
		name string
		set  bool
	}{{"chunked", r.Chunked}, {"keep-alive", r.KeepAlive}, {"expect", r.Expect100}, {"upgrade", r.Upgrade}} {
		if flag.set {
			flags += flag.name + " "
		}
	}
	return want{
		"method": string(r.Method), "target": string(r.Target), "path": string(r.Path), "query": orNil(r.Query),
		"host": orNil(r.Host), "minor": fmt.Sprint(r.Minor), "length": fmt.Sprint(r.ContentLength),
		"flags": strings.TrimSpace(flags), "fields": fields,
	}
}

func orNil(b []byte) string {
	if b == nil {
		return "nil"
	}
	return string(b)
}

func TestParseReadsValidHeads(t *testing.T) {
	get := func(fields string) string { return "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" }
	for name, test := range map[string]struct {
		head string
		want want
	}{
		"origin form": {"GET /a/b?c=d HTTP/1.1\r\nHost: h\r\n\r\n", want{
			"method": "GET", "target": "/a/b?c=d", "path": "/a/b", "query": "c=d", "host": "h", "minor": "1", "length": "-1",
			"flags": "keep-alive", "fields": "host=h;"}},
		"no query":    {"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", want{"path": "/a", "query": "nil"}},
		"empty query": {"GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", want{"path": "/a", "query": ""}},
		"question marks after the first are query": {"GET /?a?b HTTP/1.1\r\nHost: h\r\n\r\n", want{"path": "/", "query": "a?b"}},
		"percent-encoding is left alone":           {"GET /a%2Fb%00 HTTP/1.1\r\nHost: h\r\n\r\n", want{"path": "/a%2Fb%00"}},
		"double slash stays a path":                {"GET //evil/x HTTP/1.1\r\nHost: h\r\n\r\n", want{"path": "//evil/x", "host": "h"}},
		"absolute form names the host":             {"GET http://A.b:80/c?d HTTP/1.1\r\nHost: other\r\n\r\n", want{"host": "A.b:80", "path": "/c", "query": "d", "target": "http://A.b:80/c?d"}},
		"absolute form without path":               {"GET HTTPS://a HTTP/1.1\r\nHost: a\r\n\r\n", want{"host": "a", "path": "/"}},
		"absolute form with query only":            {"GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n", want{"host": "a", "path": "/", "query": "q"}},
		"absolute form in HTTP/1.0":                {"GET http://a/ HTTP/1.0\r\n\r\n", want{"host": "a", "fields": "host=a;"}},
		"absolute form replaces the Host field":    {"GET http://a:81/ HTTP/1.1\r\nX: y\r\nHost: b\r\n\r\n", want{"host": "a:81", "fields": "x=y;host=a:81;"}},
		"asterisk form":                            {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", want{"path": "*", "target": "*", "query": "nil"}},
		"asterisk in absolute form":                {"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", want{"path": "*", "host": "a"}},
		"unknown method":                           {"M-SEARCH / HTTP/1.1\r\nHost: h\r\n\r\n", want{"method": "M-SEARCH"}},
		"methods keep their case":                  {"get / HTTP/1.1\r\nHost: h\r\n\r\n", want{"method": "get"}},
		"method of 32 characters":                  {strings.Repeat("M", 32) + " / HTTP/1.1\r\nHost: h\r\n\r\n", want{"path": "/"}},
		"HTTP/1.0 closes":                          {"GET / HTTP/1.0\r\n\r\n", want{"minor": "0", "host": "nil", "flags": ""}},
		"HTTP/1.0 keep-alive":                      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", want{"flags": "keep-alive"}},
		"HTTP/1.2 is spoken to as HTTP/1.1":        {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", want{"minor": "1", "flags": "keep-alive"}},
		"empty lines before":                       {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", want{"method": "GET"}},
		"names become lower-case":                  {get("X-A_b~Z: V\r\n"), want{"fields": "host=h;x-a_b~z=V;"}},
		"values are trimmed":                       {get("a: \t b c \t\r\nd:e\r\n"), want{"fields": "host=h;a=b c;d=e;"}},
		"empty values":                             {get("a:\r\nb: \t \r\n"), want{"fields": "host=h;a=;b=;"}},
		"HTAB and obs-text in a value":             {get("a: x\ty\x80\xff\x7e~\xff~~~~~~~\r\n"), want{"fields": "host=h;a=x\ty\x80\xff\x7e~\xff~~~~~~~;"}},
		"empty Host":                               {"GET / HTTP/1.1\r\nHost:\r\n\r\n", want{"host": ""}},
		"Content-Length":                           {get("Content-Length: 0042\r\n"), want{"length": "42"}},
		"largest Content-Length":                   {get("Content-Length: 9223372036854775807\r\n"), want{"length": "9223372036854775807"}},
		"chunked":                                  {get("Transfer-Encoding: Chunked\r\n"), want{"flags": "chunked keep-alive", "length": "-1"}},
		"Connection: close":                        {get("Connection: x , CLOSE\r\n"), want{"flags": ""}},
		"close wins over keep-alive":               {get("Connection: close\r\nConnection: keep-alive\r\n"), want{"flags": ""}},
		"Expect":                                   {get("Expect: 100-Continue\r\n"), want{"flags": "keep-alive expect"}},
		"Expect in HTTP/1.0 is ignored":            {"GET / HTTP/1.0\r\nExpect: what\r\n\r\n", want{"flags": ""}},
		"upgrade to websocket":                     {get("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"), want{"flags": "keep-alive upgrade"}},
		"upgrade to one of several":                {get("Connection: upgrade\r\nUpgrade: h2c, websocket\r\n"), want{"flags": "keep-alive upgrade"}},
		"upgrade over several lines":               {get("Connection: keep-alive\r\nUpgrade: h2c\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"), want{"flags": "keep-alive upgrade"}},
		"upgrade to h2c is ignored":                {get("Connection: upgrade\r\nUpgrade: h2c\r\n"), want{"flags": "keep-alive"}},
		"Upgrade without Connection is ignored":    {get("Upgrade: websocket\r\n"), want{"flags": "keep-alive"}},
		"upgrade in HTTP/1.0 is ignored":           {"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", want{"flags": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Request
			n, err := r.Parse([]byte(test.head), Limits{})
			if err != nil || n != len(test.head) {
				t.Fatalf("Parse = %d, %v; want %d", n, err, len(test.head))
			}
			got := describe(&r)
			for key, value := range test.want {
				if got[key] != value {
					t.Errorf("%s = %q, want %q", key, got[key], value)
				}
			}
		})
	}
}

// refusals are heads with the error they deserve. Each is a complete head, so that no test passes for lack of bytes.
var refusals = map[string]struct {
	head string
	want *Error
}{
	"empty method":                         {" / HTTP/1.1\r\nHost: h\r\n\r\n", ErrMethod},
	"method not a token":                   {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", ErrMethod},
	"method of 33 characters":              {strings.Repeat("M", 33) + " / HTTP/1.1\r\nHost: h\r\n\r\n", ErrMethodTooLong},
	"TLS instead of HTTP":                  {"\x16\x03\x01\x02\x00\x01\x00", ErrMethod},
	"tab after the method":                 {"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", ErrMethod},
	"two spaces after the method":          {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"HTTP/0.9":                             {"GET /\r\n\r\n", ErrTarget},
	"CONNECT":                              {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", ErrConnect},
	"asterisk for other methods":           {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"relative target":                      {"GET a/b HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"authority form":                       {"GET a:80 HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"other scheme":                         {"GET ftp://a/ HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"absolute form without host":           {"GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"absolute form with a port alone":      {"GET http://:80/a HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"absolute form with user":              {"GET http://u:p@a/ HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"absolute form without Host field":     {"GET http://a/ HTTP/1.1\r\n\r\n", ErrHost},
	"fragment":                             {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"fragment in absolute form":            {"GET http://a#b HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"tab in target":                        {"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"NUL in target":                        {"GET /a\x00b HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"DEL in target":                        {"GET /abcdefgh\x7fb HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"non-ASCII target":                     {"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
	"space in target":                      {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", ErrRequestLine},
	"two spaces before the version":        {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", ErrRequestLine},
	"lower-case version":                   {"GET / http/1.1\r\nHost: h\r\n\r\n", ErrRequestLine},
	"version with two digits":              {"GET / HTTP/1.10\r\nHost: h\r\n\r\n", ErrRequestLine},
	"version without minor":                {"GET / HTTP/1\r\nHost: h\r\n\r\n", ErrRequestLine},
	"short garbage for a version":          {"GET / x\r\n\r\n", ErrRequestLine},
	"space after the version":              {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", ErrRequestLine},
	"bare LF after the request line":       {"GET / HTTP/1.1\nHost: h\r\n\r\n", ErrRequestLine},
	"bare CR after the request line":       {"GET / HTTP/1.1\rHost: h\r\n\r\n", ErrRequestLine},
	"HTTP/2.0":                             {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", ErrVersion},
	"HTTP/2 preface":                       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrVersion},
	"HTTP/9.9":                             {"GET / HTTP/9.9\r\nHost: h\r\n\r\n", ErrVersion},
	"HTTP/0.9 spelled out":                 {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", ErrVersion},
	"bare LF before the request line":      {"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ErrLineEnd},
	"bare CR before the request line":      {"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", ErrLineEnd},
	"space before the first field":         {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", ErrFieldName},
	"space before the colon":               {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", ErrFieldName},
	"empty name":                           {"GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", ErrFieldName},
	"name without colon":                   {"GET / HTTP/1.1\r\nHost: h\r\nab\r\n\r\n", ErrFieldName},
	"non-ASCII name":                       {"GET / HTTP/1.1\r\nHost: h\r\n\xc3\xa4: b\r\n\r\n", ErrFieldName},
	"NUL in a name":                        {"GET / HTTP/1.1\r\nHost: h\r\na\x00: b\r\n\r\n", ErrFieldName},
	"obs-fold":                             {"GET / HTTP/1.1\r\nHost: h\r\na: b\r\n c\r\n\r\n", ErrFieldName},
	"obs-fold with a tab":                  {"GET / HTTP/1.1\r\nHost: h\r\na: b\r\n\tc\r\n\r\n", ErrFieldName},
	"NUL in a value":                       {"GET / HTTP/1.1\r\nHost: h\r\na: b\x00\r\n\r\n", ErrFieldValue},
	"DEL in a value":                       {"GET / HTTP/1.1\r\nHost: h\r\na: bcdefghij\x7f\r\n\r\n", ErrFieldValue},
	"DEL behind obs-text":                  {"GET / HTTP/1.1\r\nHost: h\r\na:\xff\x7f~~~~~~~~\r\n\r\n", ErrFieldValue},
	"escape in a value":                    {"GET / HTTP/1.1\r\nHost: h\r\na: \x1b[0m\r\n\r\n", ErrFieldValue},
	"bare LF after a field":                {"GET / HTTP/1.1\r\nHost: h\n\r\n", ErrLineEnd},
	"bare CR in a value":                   {"GET / HTTP/1.1\r\nHost: h\r\na: b\rc: d\r\n\r\n", ErrLineEnd},
	"CR CR LF":                             {"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", ErrLineEnd},
	"bare LF as the empty line":            {"GET / HTTP/1.1\r\nHost: h\r\n\n", ErrLineEnd},
	"bare CR as the empty line":            {"GET / HTTP/1.1\r\nHost: h\r\n\rX", ErrLineEnd},
	"no Host":                              {"GET / HTTP/1.1\r\n\r\n", ErrHost},
	"two Hosts":                            {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", ErrHost},
	"two Hosts in HTTP/1.0":                {"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", ErrHost},
	"Host with a path":                     {"GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", ErrHost},
	"Content-Length empty":                 {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", ErrContentLength},
	"Content-Length with plus":             {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n", ErrContentLength},
	"Content-Length negative":              {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", ErrContentLength},
	"Content-Length in hex":                {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\n", ErrContentLength},
	"Content-Length with underscore":       {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1_0\r\n\r\n", ErrContentLength},
	"Content-Length a list":                {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\n", ErrContentLength},
	"Content-Length with a space inside":   {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 5\r\n\r\n", ErrContentLength},
	"Content-Length twice, equal":          {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", ErrContentLength},
	"Content-Length overflow":              {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775808\r\n\r\n", ErrContentLength},
	"Content-Length overflow by far":       {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", ErrContentLength},
	"Transfer-Encoding and Content-Length": {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", ErrAmbiguousLength},
	"Content-Length and Transfer-Encoding": {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", ErrAmbiguousLength},
	"Transfer-Encoding in HTTP/1.0":        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ErrTransferEncoding},
	"Transfer-Encoding empty":              {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n", ErrTransferEncoding},
	"Transfer-Encoding: identity":          {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", ErrTransferEncoding},
	"Transfer-Encoding: xchunked":          {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", ErrTransferEncoding},
	"Transfer-Encoding with a parameter":   {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", ErrTransferEncoding},
	"Transfer-Encoding with empty element": {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked,\r\n\r\n", ErrTransferEncoding},
	"Transfer-Encoding with vertical tab":  {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \vchunked\r\n\r\n", ErrFieldValue},
	"chunked is not last":                  {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", ErrTransferEncoding},
	"chunked twice":                        {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrTransferEncoding},
	"chunked over another coding":          {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", ErrTransferCoding},
	"chunked over another coding, 2 lines": {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", ErrTransferCoding},
	"other expectation":                    {"GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", ErrExpectation},
}

func TestParseRefuses(t *testing.T) {
	for name, test := range refusals {
		t.Run(name, func(t *testing.T) {
			var r Request
			n, err := r.Parse([]byte(test.head), Limits{})
			var typed *Error
			if !errors.As(err, &typed) || typed != test.want || n != 0 {
				t.Fatalf("Parse = %d, %v; want %v", n, err, test.want)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	limits := Limits{MaxBytes: 100, MaxFields: 3, MaxTarget: 20}
	head := func(target, fields string) string { return "GET " + target + " HTTP/1.1\r\n" + fields + "\r\n" }
	target20 := "/" + strings.Repeat("t", 19)
	fill := strings.Repeat("x", 100-len(head("/", "a:\r\nb:\r\nHost:\r\n")))
	for name, test := range map[string]struct {
		head string
		want error
	}{
		"head as large as allowed":     {head("/", "a:\r\nb:"+fill+"\r\nHost:\r\n"), nil},
		"head one byte larger":         {head("/", "a:x\r\nb:"+fill+"\r\nHost:\r\n"), ErrHeadTooLarge},
		"head incomplete at the limit": {strings.Repeat("\r\n", 50), ErrHeadTooLarge},
		"endless value":                {"GET / HTTP/1.1\r\na: " + strings.Repeat("a", 1000), ErrHeadTooLarge},
		"endless name":                 {"GET / HTTP/1.1\r\n" + strings.Repeat("a", 1000), ErrHeadTooLarge},
		"as many fields as allowed":    {head("/", "a:\r\nb:\r\nHost:\r\n"), nil},
		"one field more":               {head("/", "a:\r\nb:\r\nHost:\r\nc:\r\n"), ErrTooManyFields},
		"target as long as allowed":    {head(target20, "Host:\r\n"), nil},
		"target one byte longer":       {head(target20+"t", "Host:\r\n"), ErrTargetTooLong},
		"endless target":               {"GET /" + strings.Repeat("a", 1000), ErrTargetTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			var r Request
			if _, err := r.Parse([]byte(test.head), limits); err != test.want && (err != nil || test.want != nil) {
				t.Fatalf("Parse: %v, want %v", err, test.want)
			}
		})
	}
}

func TestDefaultLimits(t *testing.T) {
	var r Request
	for name, test := range map[string]struct {
		head string
		want *Error
	}{
		"16 KiB of head":  {"GET / HTTP/1.1\r\na: " + strings.Repeat("a", 16<<10), ErrHeadTooLarge},
		"101 fields":      {"GET / HTTP/1.1\r\n" + strings.Repeat("a:\r\n", 101), ErrTooManyFields},
		"8 KiB of target": {"GET /" + strings.Repeat("a", 8<<10), ErrTargetTooLong},
	} {
		if _, err := r.Parse([]byte(test.head), Limits{}); err != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestParseLeavesWhatFollows(t *testing.T) {
	var r Request
	buf := []byte(smallHead + "GET /2 HTTP/1.0\r\n\r\nbody")
	first, err := r.Parse(buf, Limits{MaxBytes: len(smallHead)})
	if err != nil || first != len(smallHead) {
		t.Fatalf("first: %d, %v", first, err)
	}
	second, err := r.Parse(buf[first:], Limits{})
	if err != nil || string(buf[first+second:]) != "body" || string(r.Path) != "/2" || len(r.Fields) != 0 || r.Host != nil {
		t.Fatalf("second: %d, %v, %v", second, err, describe(&r))
	}
}

// parseGrowing feeds a head byte by byte and returns what came of it and when.
func parseGrowing(head []byte, limits Limits) (r Request, n, at int, err error) {
	buf := make([]byte, 0, len(head))
	for at = 1; at <= len(head); at++ {
		buf = append(buf, head[at-1])
		if n, err = r.Parse(buf, limits); n > 0 || err != nil {
			return r, n, at, err
		}
	}
	return r, 0, at, nil
}

func TestParseIsIndependentOfSegments(t *testing.T) {
	heads := []string{smallHead, browserHead, "\r\n" + browserHead, "POST http://a/b HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"}
	for _, test := range refusals {
		heads = append(heads, test.head)
	}
	for _, head := range heads {
		var whole Request
		n, err := whole.Parse([]byte(head), Limits{})
		grown, grownN, at, grownErr := parseGrowing([]byte(head), Limits{})
		if n != grownN || err != grownErr || n > 0 && at != n {
			t.Errorf("%q: whole %d, %v; byte by byte %d at %d, %v", head, n, err, grownN, at, grownErr)
		}
		if err == nil && !reflect.DeepEqual(describe(&whole), describe(&grown)) {
			t.Errorf("%q: whole %v; byte by byte %v", head, describe(&whole), describe(&grown))
		}
	}
}

func TestIncompleteSparesParsingAgain(t *testing.T) {
	limits := Limits{MaxBytes: 60}
	for name, test := range map[string]struct {
		buf     string
		scanned int
		want    bool
	}{
		"nothing new":              {"GET / HT", 8, true},
		"new bytes within a line":  {"GET / HTTP/1.1\r\nHost: h", 17, true},
		"a line has ended":         {"GET / HTTP/1.1\r\nHost: h\r\n", 17, false},
		"only the CR of a line":    {"GET / HTTP/1.1\r\nHost: h\r", 17, true},
		"limit reached":            {strings.Repeat("a", 60), 59, false},
		"fewer bytes than scanned": {"GET", 4, false},
	} {
		if got := Incomplete([]byte(test.buf), test.scanned, limits); got != test.want {
			t.Errorf("%s: Incomplete = %v", name, got)
		}
	}
}

// TestIncompleteNeverHidesAHead feeds heads byte by byte, parsing only when Incomplete does not say it is in vain.
func TestIncompleteNeverHidesAHead(t *testing.T) {
	for _, head := range []string{smallHead, browserHead, "\r\n\r\n" + browserHead} {
		var r Request
		parsed, n := 0, 0
		for at := 1; at <= len(head) && n == 0; at++ {
			if at > 1 && Incomplete([]byte(head[:at]), at-1, Limits{}) {
				continue
			}
			var err error
			if n, err = r.Parse([]byte(head[:at]), Limits{}); err != nil {
				t.Fatal(err)
			}
			parsed++
		}
		if n != len(head) || parsed > strings.Count(head, "\n")+1 {
			t.Errorf("%q: n = %d after parsing %d times", head, n, parsed)
		}
	}
}

func TestHeaderFindsTheFirstValue(t *testing.T) {
	var r Request
	if _, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\na: 2\r\nB:\r\nA: 3\r\n\r\n"), Limits{}); err != nil {
		t.Fatal(err)
	}
	if got := r.Header("a"); string(got) != "1" {
		t.Errorf("a = %q", got)
	}
	if got := r.Header("b"); got == nil || len(got) != 0 {
		t.Errorf("b = %v, want an empty value", got)
	}
	if got := r.Header("c"); got != nil {
		t.Errorf("c = %q, want nil", got)
	}
	if got := r.Combined("a"); string(got) != "1, 2, 3" {
		t.Errorf("a combined = %q", got)
	}
	if got := r.Combined("host"); string(got) != "h" {
		t.Errorf("host combined = %q", got)
	}
	if got := r.Combined("c"); got != nil {
		t.Errorf("c combined = %q, want nil", got)
	}
	if got := r.Header("a"); string(got) != "1" {
		t.Errorf("a after combining = %q", got)
	}
}

func TestErrorsNameTheirStatus(t *testing.T) {
	if got := ErrHeadTooLarge.Error(); got != "431: request head too large" {
		t.Error(got)
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	for name, head := range map[string]string{"small": smallHead, "browser": browserHead, "refused": refusals["two Hosts"].head} {
		var r Request
		buf := []byte(head)
		if allocs := testing.AllocsPerRun(100, func() { r.Parse(buf, Limits{}) }); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, test := range []struct{ name, head string }{{"small", smallHead}, {"browser", browserHead}} {
		b.Run(test.name, func(b *testing.B) {
			var r Request
			buf := []byte(test.head)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := r.Parse(buf, Limits{}); n != len(buf) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkParseFasthttp(b *testing.B) {
	for _, test := range []struct{ name, head string }{{"small", smallHead}, {"browser", browserHead}} {
		b.Run(test.name, func(b *testing.B) {
			var r fasthttp.RequestHeader
			source := strings.NewReader(test.head)
			buffer := bufio.NewReader(source)
			b.ReportAllocs()
			for b.Loop() {
				source.Reset(test.head)
				buffer.Reset(source)
				if err := r.Read(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIncomplete(b *testing.B) {
	buf := []byte(browserHead[:len(browserHead)-2])
	b.ReportAllocs()
	for b.Loop() {
		if !Incomplete(buf, len(buf)-1, Limits{}) && buf[len(buf)-1] != '\n' {
			b.Fatal()
		}
	}
}

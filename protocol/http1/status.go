package http1

import "strconv"

// reasonPhrases are those of the IANA registry of status codes.
var reasonPhrases = map[int]string{
	100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
	200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content", 205: "Reset Content",
	206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 305: "Use Proxy",
	307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
	414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
	418: "I'm a teapot", 421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked", 424: "Failed Dependency",
	425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests",
	431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 506: "Variant Also Negotiates", 507: "Insufficient Storage",
	508: "Loop Detected", 510: "Not Extended", 511: "Network Authentication Required",
}

// statusLines are whole status lines by code; a code without a phrase keeps the space before it (RFC 9112 4).
var statusLines = func() (lines [1000]string) {
	for status := 100; status < len(lines); status++ {
		lines[status] = "HTTP/1.1 " + strconv.Itoa(status) + " " + reasonPhrases[status] + "\r\n"
	}
	return lines
}()

// AppendStatus appends a status line. The version is always ours, HTTP/1.1, whatever minor version the client spoke
// (RFC 9110 6.2). A status outside 100 to 999 cannot be sent and becomes 500.
func AppendStatus(dst []byte, minor int, status int) []byte {
	if status < 100 || status > 999 {
		status = 500
	}
	return append(dst, statusLines[status]...)
}

// ReasonPhrase is the registered phrase of a status code, or "".
func ReasonPhrase(status int) string { return reasonPhrases[status] }

// HasNoBody reports that the response to a request with this method and status ends with its head (RFC 9112 6.3).
func HasNoBody(method []byte, status int) bool {
	return status < 200 || status == 204 || status == 304 || string(method) == "HEAD"
}

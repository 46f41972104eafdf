package http1

import "strconv"

// Error says that the peer sent something that is not a request we take. Status is the answer it deserves; the connection
// cannot be used any further, because where the next request begins is unknown.
type Error struct {
	Status int
	Reason string
}

func (e *Error) Error() string { return strconv.Itoa(e.Status) + ": " + e.Reason }

// The errors of Request.Parse, in the order in which a head meets them.
var (
	ErrLineEnd          = &Error{400, "line does not end with CRLF"}                    // RFC 9112 2.2
	ErrMethod           = &Error{400, "method is not a token"}                          // RFC 9110 9.1
	ErrMethodTooLong    = &Error{501, "method too long"}                                // RFC 9112 3
	ErrTarget           = &Error{400, "invalid request target"}                         // RFC 9112 3.2
	ErrTargetTooLong    = &Error{414, "request target too long"}                        // RFC 9110 15.5.15
	ErrConnect          = &Error{501, "CONNECT is not implemented"}                     // RFC 9110 9.3.6
	ErrRequestLine      = &Error{400, "invalid request line"}                           // RFC 9112 3
	ErrVersion          = &Error{505, "only HTTP/1.0 and HTTP/1.1 are spoken here"}     // RFC 9110 15.6.6
	ErrFieldName        = &Error{400, "header name is not a token followed by a colon"} // RFC 9112 5.1, 5.2
	ErrFieldValue       = &Error{400, "header value has a control character"}           // RFC 9110 5.5
	ErrHost             = &Error{400, "missing, repeated or invalid Host"}              // RFC 9112 3.2
	ErrContentLength    = &Error{400, "invalid or repeated Content-Length"}             // RFC 9112 6.3
	ErrTransferEncoding = &Error{400, "invalid Transfer-Encoding"}                      // RFC 9112 6.1, 6.3
	ErrTransferCoding   = &Error{501, "transfer coding not implemented"}                // RFC 9112 6.1
	ErrAmbiguousLength  = &Error{400, "Transfer-Encoding together with Content-Length"} // RFC 9112 6.1
	ErrExpectation      = &Error{417, "only 100-continue can be expected"}              // RFC 9110 10.1.1
	ErrTooManyFields    = &Error{431, "too many header fields"}                         // RFC 6585 5
	ErrHeadTooLarge     = &Error{431, "request head too large"}                         // RFC 6585 5
)

// The errors of Chunked.Decode.
var (
	ErrChunkSize       = &Error{400, "invalid chunk size"}                   // RFC 9112 7.1
	ErrChunkExtension  = &Error{400, "invalid or excessive chunk extension"} // RFC 9112 7.1.1
	ErrChunkEnd        = &Error{400, "chunk data does not end with CRLF"}
	ErrTrailer         = &Error{400, "invalid trailer field"} // RFC 9112 7.1.2
	ErrTrailerTooLarge = &Error{431, "trailer section too large"}
)

// The refusals a server decides on a head that is well-formed.
var (
	ErrLengthRequired  = &Error{411, "length required"}          // RFC 9110 15.5.12
	ErrContentTooLarge = &Error{413, "content too large"}        // RFC 9110 15.5.14
	ErrTimeout         = &Error{408, "request not sent in time"} // RFC 9110 15.5.9
)

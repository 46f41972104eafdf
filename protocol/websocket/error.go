package websocket

import "strconv"

// Error says that the peer broke the protocol. Code is the close code to send before the connection is dropped (RFC 6455
// 7.1.7).
type Error struct {
	Code   uint16
	Reason string
}

func (e *Error) Error() string { return strconv.Itoa(int(e.Code)) + ": " + e.Reason }

// The errors of Reader.Next and Inflater.Message, in the order in which a frame meets them.
var (
	ErrReserved           = &Error{CloseProtocolError, "reserved bit set"}                     // RFC 6455 5.2
	ErrOpcode             = &Error{CloseProtocolError, "reserved opcode"}                      // RFC 6455 5.2
	ErrControlFragmented  = &Error{CloseProtocolError, "fragmented control frame"}             // RFC 6455 5.5
	ErrContinuation       = &Error{CloseProtocolError, "continuation without a message"}       // RFC 6455 5.4
	ErrMessageInterrupted = &Error{CloseProtocolError, "new message inside a message"}         // RFC 6455 5.4
	ErrUnmasked           = &Error{CloseProtocolError, "frame of a client not masked"}         // RFC 6455 5.1
	ErrControlTooLong     = &Error{CloseProtocolError, "control frame longer than 125 bytes"}  // RFC 6455 5.5
	ErrLength             = &Error{CloseProtocolError, "payload length not in its least form"} // RFC 6455 5.2
	ErrMessageTooLong     = &Error{CloseTooBig, "message too long"}                            // RFC 6455 7.4.1
	ErrDeflate            = &Error{CloseInvalidPayload, "compressed message is damaged"}       // RFC 7692 7.2.2
	ErrText               = &Error{CloseInvalidPayload, "text is not UTF-8"}                   // RFC 6455 8.1
	ErrClosePayload       = &Error{CloseProtocolError, "close frame with half a code"}         // RFC 6455 5.5.1
	ErrCloseCode          = &Error{CloseProtocolError, "invalid close code"}                   // RFC 6455 7.4
	ErrCloseReason        = &Error{CloseInvalidPayload, "close reason is not UTF-8"}           // RFC 6455 5.5.1
)

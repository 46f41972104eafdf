package websocket

import (
	"encoding/binary"
	"unicode/utf8"
)

// Close codes (RFC 6455 7.4.1 and the IANA registry).
const (
	CloseNormal         = 1000
	CloseGoingAway      = 1001
	CloseProtocolError  = 1002
	CloseUnsupported    = 1003
	CloseNoStatus       = 1005 // never on the wire: the close frame was empty
	CloseAbnormal       = 1006 // never on the wire: there was no close frame
	CloseInvalidPayload = 1007
	ClosePolicy         = 1008
	CloseTooBig         = 1009
	CloseExtension      = 1010
	CloseInternal       = 1011
	CloseServiceRestart = 1012
	CloseTryAgainLater  = 1013
	CloseBadGateway     = 1014
	CloseTLSHandshake   = 1015 // never on the wire
)

// maxCloseReason is what the code leaves of a control frame.
const maxCloseReason = maxControl - 2

// ValidCloseCode reports whether code may stand in a close frame: registered and not reserved for local use, or from the
// ranges of libraries (3000) and applications (4000) (RFC 6455 7.4).
func ValidCloseCode(code uint16) bool {
	switch {
	case code >= 3000:
		return code < 5000
	case code >= 1000 && code <= 1014:
		return code != 1004 && code != CloseNoStatus && code != CloseAbnormal
	}
	return false
}

// AppendClose appends a close frame. The reason is cut to fit, between two runes. Without a code (0 or 1005) the frame is
// empty. The caller answers for a code that ValidCloseCode refuses and for a reason that is not UTF-8.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	if code == 0 || code == CloseNoStatus {
		return AppendHeader(dst, OpClose, 0)
	}
	if len(reason) > maxCloseReason {
		end := maxCloseReason
		for end > maxCloseReason-utf8.UTFMax && !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	dst = AppendHeader(dst, OpClose, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}

// parseClose reads the payload of a close frame (RFC 6455 5.5.1).
func parseClose(payload []byte) (code uint16, reason []byte, err error) {
	switch len(payload) {
	case 0:
		return CloseNoStatus, nil, nil
	case 1:
		return 0, nil, ErrClosePayload
	}
	code, reason = binary.BigEndian.Uint16(payload), payload[2:]
	if !ValidCloseCode(code) {
		return 0, nil, ErrCloseCode
	}
	if !utf8.Valid(reason) {
		return 0, nil, ErrCloseReason
	}
	return code, reason, nil
}

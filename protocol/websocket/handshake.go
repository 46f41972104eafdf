package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"strconv"
)

// acceptGUID is appended to the client's key (RFC 6455 1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// A key is 16 bytes in base64.
const (
	keyBytes  = 16
	keyLength = (keyBytes + 2) / 3 * 4
)

// HandshakeError says why an upgrade was refused, and with which answer. Headers belong to that answer.
type HandshakeError struct {
	Status  int
	Reason  string
	Headers [][2]string
}

func (e *HandshakeError) Error() string { return strconv.Itoa(e.Status) + ": " + e.Reason }

// The refusals of CheckHandshake, in its order.
var (
	ErrHandshakeMethod  = &HandshakeError{405, "a WebSocket handshake is a GET request", [][2]string{{"Allow", "GET"}}}
	ErrHandshakeVersion = &HandshakeError{Status: 400, Reason: "a WebSocket handshake needs HTTP/1.1"}
	ErrHandshakeHost    = &HandshakeError{Status: 400, Reason: "Host missing"}
	ErrUpgrade          = &HandshakeError{Status: 400, Reason: "Upgrade does not name websocket"}
	ErrConnection       = &HandshakeError{Status: 400, Reason: "Connection does not name upgrade"}
	ErrKey              = &HandshakeError{Status: 400, Reason: "Sec-WebSocket-Key is not 16 bytes in base64"}
	ErrWebSocketVersion = &HandshakeError{426, "only version 13 of WebSocket is spoken here", [][2]string{
		{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}, // RFC 6455 4.4, RFC 9110 15.5.22
	}}
)

// CheckHandshake judges an upgrade request (RFC 6455 4.2.1). header returns the value of a field by its lower-case name, nil
// when it is missing, lines of the same name joined by commas.
func CheckHandshake(method []byte, minor int, header func(name string) []byte) *HandshakeError {
	switch {
	case string(method) != "GET":
		return ErrHandshakeMethod
	case minor < 1:
		return ErrHandshakeVersion
	case header("host") == nil:
		return ErrHandshakeHost
	case !hasToken(header("upgrade"), "websocket"):
		return ErrUpgrade
	case !hasToken(header("connection"), "upgrade"):
		return ErrConnection
	case string(header("sec-websocket-version")) != "13": // before the key, which other versions write otherwise
		return ErrWebSocketVersion
	case !ValidKey(header("sec-websocket-key")):
		return ErrKey
	}
	return nil
}

// CheckExtended judges an extended CONNECT of HTTP/2 or later for a WebSocket (RFC 8441 5): its version, for key, upgrade
// and method are the other protocol's business.
func CheckExtended(header func(name string) []byte) *HandshakeError {
	if string(header("sec-websocket-version")) != "13" {
		return ErrWebSocketVersion
	}
	return nil
}

// ValidKey reports whether key is base64 of 16 bytes (RFC 6455 4.1).
func ValidKey(key []byte) bool {
	if len(key) != keyLength {
		return false
	}
	var nonce [keyLength / 4 * 3]byte
	n, err := base64.StdEncoding.Decode(nonce[:], key)
	return err == nil && n == keyBytes
}

// AppendAccept appends the value of Sec-WebSocket-Accept that proves the key was read (RFC 6455 4.2.2).
func AppendAccept(dst, key []byte) []byte {
	var room [keyLength + len(acceptGUID)]byte
	proof := append(append(room[:0], key...), acceptGUID...)
	sum := sha1.Sum(proof)
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// hasToken looks for a lower-case word in a comma-separated list, in any case (RFC 9110 5.6.1).
func hasToken(list []byte, lower string) bool {
	for start := 0; start <= len(list); {
		end := start
		for end < len(list) && list[end] != ',' {
			end++
		}
		if equalToken(list[start:end], lower) {
			return true
		}
		start = end + 1
	}
	return false
}

// equalToken compares a list element, whitespace around it, with a lower-case word.
func equalToken(element []byte, lower string) bool {
	for len(element) > 0 && (element[0] == ' ' || element[0] == '\t') {
		element = element[1:]
	}
	for len(element) > 0 && (element[len(element)-1] == ' ' || element[len(element)-1] == '\t') {
		element = element[:len(element)-1]
	}
	if len(element) != len(lower) {
		return false
	}
	for i, c := range element {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

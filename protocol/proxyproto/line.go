package proxyproto

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

const (
	linePrefix = "PROXY "
	// maxLine is the longest line, its end included (section 2.1): two IPv6 addresses in full.
	maxLine = 107
)

// parseLine reads version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 51000 443\r\n".
func parseLine(b []byte) (h Header, n int, err error) {
	end := bytes.IndexByte(b[:min(len(b), maxLine)], '\n')
	switch {
	case end < 0 && len(b) >= maxLine:
		return h, 0, ErrLineLong
	case end < 0:
		return h, 0, nil
	case b[end-1] != '\r':
		return h, 0, ErrLine
	}
	h.Version = 1
	// What follows UNKNOWN is to be ignored up to the end of the line.
	if line := string(b[len(linePrefix) : end-1]); line != "UNKNOWN" && !strings.HasPrefix(line, "UNKNOWN ") {
		err = h.readLine(line)
	}
	if err != nil {
		return Header{}, 0, err
	}
	return h, end + 1, nil
}

// readLine wants exactly one blank between the words.
func (h *Header) readLine(line string) error {
	words := strings.Split(line, " ")
	if len(words) != 5 || words[0] != "TCP4" && words[0] != "TCP6" {
		return ErrLine
	}
	source, ok1 := lineAddress(words[1], words[3], words[0] == "TCP4")
	destination, ok2 := lineAddress(words[2], words[4], words[0] == "TCP4")
	if !ok1 || !ok2 {
		return ErrLine
	}
	h.Known, h.Source, h.Destination = true, source, destination
	return nil
}

func lineAddress(host, port string, four bool) (netip.AddrPort, bool) {
	address, err := netip.ParseAddr(host)
	if err != nil || address.Zone() != "" || address.Is4() != four {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(number, 10) != port {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number)), true
}

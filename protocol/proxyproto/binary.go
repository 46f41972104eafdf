package proxyproto

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

const (
	signature = "\r\n\r\n\x00\r\nQUIT\n"
	fixedLen  = len(signature) + 4
)

// Version and command, and family and transport (section 2.2).
const (
	versionLocal = 0x20
	versionProxy = 0x21

	familyUnspecified = 0x00
	familyTCP4        = 0x11
	familyTCP6        = 0x21
	familyUnix        = 0x31

	unixPathLen = 108
)

// parseBinary reads version 2.
func parseBinary(b []byte) (h Header, n int, err error) {
	// Each byte is judged as soon as it is there.
	if len(b) > 12 && b[12] != versionLocal && b[12] != versionProxy {
		return h, 0, ErrVersion
	}
	if len(b) < fixedLen {
		return h, 0, nil
	}
	n = fixedLen + int(binary.BigEndian.Uint16(b[14:]))
	if n > MaxBytes {
		return h, 0, ErrTooLong
	}
	if len(b) < n {
		return h, 0, nil
	}
	h.Version = 2
	// LOCAL is the proxy itself, such as its health check: whatever stands behind it says nothing about a client, and the
	// family must not be looked at (section 2.2).
	if b[12] == versionProxy {
		err = h.readBinary(b[13], b[:n:n])
	}
	if err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// readBinary reads the addresses and parameters of a whole header.
func (h *Header) readBinary(family byte, header []byte) error {
	body := header[fixedLen:]
	size, ok := map[byte]int{familyUnspecified: 0, familyTCP4: 12, familyTCP6: 36, familyUnix: 2 * unixPathLen}[family]
	switch {
	case !ok:
		return ErrFamily
	case len(body) < size:
		return ErrLength
	}
	switch family {
	case familyTCP4:
		h.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body[4:])), binary.BigEndian.Uint16(body[10:]))
	case familyTCP6:
		h.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)).Unmap(), binary.BigEndian.Uint16(body[32:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body[16:])).Unmap(), binary.BigEndian.Uint16(body[34:]))
	case familyUnix:
		h.Path, _, _ = bytes.Cut(body[:unixPathLen], []byte{0})
	}
	h.Known = family != familyUnspecified
	if family == familyUnspecified {
		return nil // a proxy may leave anything behind it: "the receiver must ignore"
	}
	return h.readParameters(header, fixedLen+size)
}

// The types of parameters (TLV, section 2.2) that are read; others are passed over.
const (
	parameterAuthority = 0x02
	parameterChecksum  = 0x03
	parameterTLS       = 0x20

	clientTLS = 0x01 // of parameterTLS's first byte: the client came by TLS
)

// readParameters walks through type, length, value from index at on.
func (h *Header) readParameters(header []byte, at int) error {
	for at < len(header) {
		if len(header)-at < 3 {
			return ErrParameter
		}
		kind, size := header[at], int(binary.BigEndian.Uint16(header[at+1:]))
		at += 3
		if len(header)-at < size {
			return ErrParameter
		}
		value := header[at : at+size : at+size]
		switch kind {
		case parameterAuthority:
			h.Authority = value
		case parameterChecksum:
			if size != 4 {
				return ErrParameter
			}
			if binary.BigEndian.Uint32(value) != checksum(header, at) {
				return ErrChecksum
			}
		case parameterTLS:
			if size < 5 { // flags, and the verdict on the client's certificate
				return ErrParameter
			}
			h.TLS = value[0]&clientTLS != 0
		}
		at += size
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC32c over the header with the checksum's own four bytes, at index at, as zeros (section 2.2.3).
func checksum(header []byte, at int) uint32 {
	sum := crc32.Update(0, castagnoli, header[:at])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	return crc32.Update(sum, castagnoli, header[at+4:])
}

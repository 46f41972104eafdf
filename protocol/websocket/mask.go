package websocket

import (
	"encoding/binary"
	"math/bits"
)

// Unmask applies the masking key to b in place (RFC 6455 5.3). offset is how many bytes of the frame came before b. The same
// call masks.
func Unmask(b []byte, key [4]byte, offset int) {
	k := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*(offset&3))
	wide := uint64(k)<<32 | uint64(k)
	for len(b) >= 32 {
		part := b[:32]
		binary.LittleEndian.PutUint64(part[0:], binary.LittleEndian.Uint64(part[0:])^wide)
		binary.LittleEndian.PutUint64(part[8:], binary.LittleEndian.Uint64(part[8:])^wide)
		binary.LittleEndian.PutUint64(part[16:], binary.LittleEndian.Uint64(part[16:])^wide)
		binary.LittleEndian.PutUint64(part[24:], binary.LittleEndian.Uint64(part[24:])^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}

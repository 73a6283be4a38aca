package scan

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones    = 0x0101010101010101
	low     = 0x7f7f7f7f7f7f7f7f
	high    = 0x8080808080808080
	collect = 0x0102040810204080 // gathers the lowest bit of each byte into the highest byte
)

// mask returns one bit for each of 64 bytes that equals a or b. Both are given eight times over.
func mask(p *[64]byte, a, b uint64) uint64 {
	return mask8(p[0:8], a, b) | mask8(p[8:16], a, b)<<8 | mask8(p[16:24], a, b)<<16 | mask8(p[24:32], a, b)<<24 |
		mask8(p[32:40], a, b)<<32 | mask8(p[40:48], a, b)<<40 | mask8(p[48:56], a, b)<<48 | mask8(p[56:64], a, b)<<56
}

// mask8 is exact for all byte values: the additions never carry from one byte into the next.
func mask8(p []byte, a, b uint64) uint64 {
	w := binary.LittleEndian.Uint64(p)
	x, y := w^a, w^b
	differs := (x&low + low | x) & (y&low + low | y)
	return (^differs & high >> 7) * collect >> 56
}

func lowest(m uint64) int { return bits.TrailingZeros64(m) }

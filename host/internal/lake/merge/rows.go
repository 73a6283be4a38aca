package merge

import (
	"encoding/binary"
	"math/bits"
)

// Rows is a set of rows of parts: which of them go.
type Rows map[int32][]uint64

// Add puts a row into the set and says whether it is new there.
func (r Rows) Add(part, row int32) bool {
	words := r[part]
	for int(row>>6) >= len(words) {
		words = append(words, 0)
	}
	r[part] = words
	bit := uint64(1) << (row & 63)
	isNew := words[row>>6]&bit == 0
	words[row>>6] |= bit
	return isNew
}

// Has says whether a row is in the set.
func (r Rows) Has(part, row int32) bool {
	words := r[part]
	return int(row>>6) < len(words) && words[row>>6]&(1<<(row&63)) != 0
}

// Count returns how many rows of a part are in the set.
func (r Rows) Count(part int32) (n int64) {
	for _, w := range r[part] {
		n += int64(bits.OnesCount64(w))
	}
	return n
}

// filter says "perhaps" or "no" of a key: a Bloom filter of 16 bits a key, at most 64 MiB.
type filter struct {
	words []uint64
	mask  uint64
}

func newFilter(keys int64) *filter {
	size := uint64(1024)
	for size < uint64(keys)*16 && size < 64<<23 {
		size *= 2
	}
	return &filter{words: make([]uint64, size/64), mask: size - 1}
}

// positions come from the two halves of the hash, which is random already.
func (f *filter) positions(h Hash) [4]uint64 {
	a, b := binary.LittleEndian.Uint64(h[:8]), binary.LittleEndian.Uint64(h[8:])
	return [4]uint64{a & f.mask, b & f.mask, (a + b) & f.mask, (a + 3*b) & f.mask}
}

func (f *filter) add(h Hash) {
	for _, p := range f.positions(h) {
		f.words[p>>6] |= 1 << (p & 63)
	}
}

func (f *filter) has(h Hash) bool {
	for _, p := range f.positions(h) {
		if f.words[p>>6]&(1<<(p&63)) == 0 {
			return false
		}
	}
	return true
}

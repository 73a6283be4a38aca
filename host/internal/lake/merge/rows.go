package merge

import (
	"encoding/binary"
	"math/bits"
)

// Rows is a set of rows, by stream or part and row: which of them go.
type Rows map[int32][]uint64

// Add puts a row into the set and says whether it is new there.
func (r Rows) Add(no, row int32) bool {
	words := r[no]
	for int(row>>6) >= len(words) {
		words = append(words, 0)
	}
	r[no] = words
	bit := uint64(1) << (row & 63)
	isNew := words[row>>6]&bit == 0
	words[row>>6] |= bit
	return isNew
}

// Has says whether a row is in the set.
func (r Rows) Has(no, row int32) bool {
	words := r[no]
	return int(row>>6) < len(words) && words[row>>6]&(1<<(row&63)) != 0
}

// Count returns how many of n rows from first on are in the set.
func (r Rows) Count(no, first int32, n int64) (count int64) {
	words, end := r[no], int64(first)+n
	for w := int64(first >> 6); w < int64(len(words)) && w<<6 < end; w++ {
		word := words[w]
		if from := int64(first) - w<<6; from > 0 {
			word &= ^uint64(0) << from
		}
		if to := end - w<<6; to < 64 {
			word &= 1<<to - 1
		}
		count += int64(bits.OnesCount64(word))
	}
	return count
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

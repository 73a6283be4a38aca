package values

import (
	"math"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/zeebo/xxh3"
)

// Mix spreads a number over 64 bits: the finalizer of MurmurHash3 (A. Appleby, public domain).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15 // no small number becomes 0, which a Set keeps for itself
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// Hashes of what has no bits of its own.
const (
	nullHash = 0x6e756c6c6e756c6c
	nanHash  = 0x7ff8000000000001
)

// MixFloat spreads a number over 64 bits; equal ones, 0 and −0 too, to the same.
func MixFloat(v float64) uint64 {
	switch {
	case v == 0: // and −0
		return Mix(0)
	case v != v:
		return nanHash
	default:
		return Mix(math.Float64bits(v))
	}
}

// Join makes one hash of two, in order.
func Join(a, b uint64) uint64 { return Mix(bits.RotateLeft64(a, 23) ^ b*0x9e3779b97f4a7c15) }

// HashRows returns a hash of every row of any array, NULL included. Equal values have equal hashes.
func HashRows(cells arrow.Array) []uint64 {
	out := make([]uint64, cells.Len())
	switch a := cells.(type) {
	case *array.Map:
		hashLists(a, a.ListValues(), out)
	case *array.List:
		hashLists(a, a.ListValues(), out)
	case *array.Struct:
		for i := range a.NumField() {
			field := HashRows(a.Field(i))
			for row := range out {
				out[row] = Join(out[row], field[row])
			}
		}
	case *array.Int64:
		for i := range out {
			out[i] = Mix(uint64(a.Value(i)))
		}
	case *array.Float64:
		for i := range out {
			out[i] = MixFloat(a.Value(i))
		}
	case *array.String:
		for i := range out {
			out[i] = xxh3.HashString(a.Value(i))
		}
	case *array.Binary:
		for i := range out {
			out[i] = xxh3.Hash(a.Value(i))
		}
	case *array.Time64:
		for i := range out {
			out[i] = Mix(uint64(a.Value(i)))
		}
	default: // children of nested columns that are rare enough
		for i := range out {
			out[i] = xxh3.HashString(cells.ValueStr(i))
		}
	}
	if cells.NullN() > 0 {
		for i := range out {
			if cells.IsNull(i) {
				out[i] = nullHash
			}
		}
	}
	return out
}

func hashLists(lists array.ListLike, children arrow.Array, out []uint64) {
	items := HashRows(children)
	for row := range out {
		from, to := lists.ValueOffsets(row)
		h := Mix(uint64(to - from))
		for _, item := range items[from:to] {
			h = Join(h, item)
		}
		out[row] = h
	}
}

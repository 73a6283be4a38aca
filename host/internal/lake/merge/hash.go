// Package merge decides by key which rows of a run and of a table stay, and rewrites parts without those that go: copy
// on write, no delete files, so that the simplest reader is right (lake.md §4).
//
// Memory is bounded at any size: what does not fit goes to files in the draft's folder. It knows no catalogs and no
// modes. Only host/internal/lake and its sub-folders import it.
package merge

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Hash stands for a key or for the content of a row. Two that are equal are the same by all odds: 128 bits under a seed
// drawn anew for each run, so that no source can prepare collisions.
type Hash [16]byte

// Hasher makes Hashes that are comparable with each other.
type Hasher struct {
	a, b   maphash.Seed
	buffer []byte
}

// NewHasher draws new seeds.
func NewHasher() *Hasher { return &Hasher{a: maphash.MakeSeed(), b: maphash.MakeSeed()} }

// Key hashes the key of row i. −0 is 0 and every NaN is one value, as in SQL's grouping.
func (h *Hasher) Key(columns []arrow.Array, i int) Hash { return h.row(columns, i, true) }

// Content hashes all values of row i exactly.
func (h *Hasher) Content(columns []arrow.Array, i int) Hash { return h.row(columns, i, false) }

func (h *Hasher) row(columns []arrow.Array, i int, asKey bool) (out Hash) {
	b := h.buffer[:0]
	for _, c := range columns {
		b = appendValue(b, c, i, asKey)
	}
	h.buffer = b
	binary.LittleEndian.PutUint64(out[:8], maphash.Bytes(h.a, b))
	binary.LittleEndian.PutUint64(out[8:], maphash.Bytes(h.b, b))
	return out
}

// appendValue adds a value so that no two rows of different values give the same bytes.
func appendValue(b []byte, values arrow.Array, i int, asKey bool) []byte {
	if values.IsNull(i) {
		return append(b, 0)
	}
	b = append(b, 1)
	switch values := values.(type) {
	case *array.Boolean:
		if values.Value(i) {
			return append(b, 1)
		}
		return append(b, 0)
	case *array.Int64:
		return binary.LittleEndian.AppendUint64(b, uint64(values.Value(i)))
	case *array.Float64:
		return appendFloat(b, values.Value(i), asKey)
	case *array.Decimal128:
		v := values.Value(i)
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(v.HighBits())), v.LowBits())
	case *array.String:
		return appendText(b, values.Value(i))
	case *array.Binary:
		return appendText(b, values.ValueString(i))
	case *array.Date32:
		return binary.LittleEndian.AppendUint32(b, uint32(values.Value(i)))
	case *array.Time64:
		return binary.LittleEndian.AppendUint64(b, uint64(values.Value(i)))
	case *array.Timestamp:
		return binary.LittleEndian.AppendUint64(b, uint64(values.Value(i)))
	case *array.Struct:
		for f := range values.NumField() {
			b = appendValue(b, values.Field(f), i, asKey)
		}
		return b
	case *array.Map:
		from, to := values.ValueOffsets(i)
		b = binary.LittleEndian.AppendUint32(b, uint32(to-from))
		for j := int(from); j < int(to); j++ {
			b = appendValue(appendValue(b, values.Keys(), j, asKey), values.Items(), j, asKey)
		}
		return b
	case *array.List:
		from, to := values.ValueOffsets(i)
		b = binary.LittleEndian.AppendUint32(b, uint32(to-from))
		for j := int(from); j < int(to); j++ {
			b = appendValue(b, values.ListValues(), j, asKey)
		}
		return b
	}
	panic(fmt.Sprintf("merge: %s is not a published type", values.DataType())) // parquet.Schema lets nothing else through
}

func appendFloat(b []byte, v float64, asKey bool) []byte {
	bits := math.Float64bits(v)
	if asKey && v == 0 {
		bits = 0
	}
	if asKey && v != v {
		bits = math.Float64bits(math.NaN())
	}
	return binary.LittleEndian.AppendUint64(b, bits)
}

func appendText(b []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
}

// Package batch knows the sizes of record batches, cuts them, and tells their rows apart.
//
// It makes no batches (rows) and sends none. Only sdk/connector and its other inner rooms import it.
package batch

import (
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Without returns the rows of record that are not in left, a rising list, as slices. The caller releases them.
func Without(record arrow.Record, left []int) []arrow.Record {
	var pieces []arrow.Record
	from := int64(0)
	for _, row := range append(left[:len(left):len(left)], int(record.NumRows())) {
		if int64(row) > from {
			pieces = append(pieces, record.NewSlice(from, int64(row)))
		}
		from = int64(row) + 1
	}
	return pieces
}

// Split cuts record into slices whose Size is at most limit; a single row stays whole. The caller releases them.
func Split(record arrow.Record, limit int) []arrow.Record {
	n := record.NumRows()
	if n <= 1 || Size(record) <= limit {
		record.Retain()
		return []arrow.Record{record}
	}
	left, right := record.NewSlice(0, n/2), record.NewSlice(n/2, n)
	defer left.Release()
	defer right.Release()
	return append(Split(left, limit), Split(right, limit)...)
}

// Size estimates, never below the truth, how many bytes record has as one encapsulated message.
func Size(record arrow.Record) int {
	size := 1024
	for _, column := range record.Columns() {
		size += arraySize(column)
	}
	return size
}

// arraySize counts the body's buffers, padded to 64 bytes, and 128 bytes of metadata.
func arraySize(a arrow.Array) int {
	n := a.Len()
	size := 128 + 64 + n/8 + 64
	switch a := a.(type) {
	case *array.String:
		return size + 4*n + len(a.ValueBytes()) + 64
	case *array.Binary:
		return size + 4*n + len(a.ValueBytes()) + 64
	case *array.Map:
		return size + 4*n + listSize(a)
	case *array.List:
		return size + 4*n + listSize(a)
	case *array.Struct:
		for i := range a.NumField() {
			child := array.NewSlice(a.Field(i), 0, int64(a.Field(i).Len()))
			size += arraySize(child)
			child.Release()
		}
		return size
	}
	if fixed, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		return size + (n*fixed.BitWidth()+7)/8
	}
	return size
}

func listSize(a array.ListLike) int {
	if a.Len() == 0 {
		return 0
	}
	from, _ := a.ValueOffsets(0)
	_, to := a.ValueOffsets(a.Len() - 1)
	values := array.NewSlice(a.ListValues(), from, to)
	defer values.Release()
	return arraySize(values)
}

// KeyOf names row of record by the key columns, for people.
func KeyOf(record arrow.Record, key []int, row int) string {
	if len(key) == 0 {
		return fmt.Sprintf("%d of the batch", row+1)
	}
	parts := make([]string, len(key))
	for n, i := range key {
		column, name := record.Column(i), record.ColumnName(i)
		switch column.(type) {
		case array.ListLike, *array.Struct:
			parts[n] = name
		default:
			parts[n] = name + "=" + Sample(column.ValueStr(row))
		}
	}
	return strings.Join(parts, ",")
}

// LargeField returns the place of the first text or binary value of more than limit bytes, if there is one.
func LargeField(record arrow.Record, limit int) (column, row int, found bool) {
	for i, c := range record.Columns() {
		var length func(int) int
		switch a := c.(type) {
		case *array.String:
			length = func(i int) int { return len(a.Value(i)) }
		case *array.Binary:
			length = func(i int) int { return len(a.Value(i)) }
		default:
			continue
		}
		for row := range c.Len() {
			if c.IsValid(row) && length(row) > limit {
				return i, row, true
			}
		}
	}
	return 0, 0, false
}

// HashRow writes row of record to h so that equal rows, and only they, write the same bytes.
func HashRow(h hash.Hash, record arrow.Record, row int) {
	for _, column := range record.Columns() {
		hashValue(h, column, row)
	}
}

func hashValue(h hash.Hash, a arrow.Array, i int) {
	if a.IsNull(i) {
		h.Write([]byte{0})
		return
	}
	h.Write([]byte{1})
	switch a := a.(type) {
	case *array.String:
		hashBytes(h, []byte(a.Value(i)))
	case *array.Binary:
		hashBytes(h, a.Value(i))
	case *array.Struct:
		for f := range a.NumField() {
			hashValue(h, a.Field(f), i)
		}
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		hashUint(h, uint64(to-from))
		for at := from; at < to; at++ {
			hashValue(h, a.ListValues(), int(at))
		}
	case *array.Float64:
		hashUint(h, math.Float64bits(a.Value(i)))
	case *array.Float32:
		hashUint(h, uint64(math.Float32bits(a.Value(i))))
	default:
		hashBytes(h, []byte(a.ValueStr(i)))
	}
}

func hashBytes(h hash.Hash, p []byte) {
	hashUint(h, uint64(len(p)))
	h.Write(p)
}

func hashUint(h hash.Hash, u uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], u)
	h.Write(b[:])
}

// Sample shortens text from the source for a message.
func Sample(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s), "\uFFFD")
}

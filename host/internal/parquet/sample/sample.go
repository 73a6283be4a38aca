// Package sample looks at batches before they are encoded: how large they are, and whether a dictionary pays. Only host/internal/parquet imports it.
package sample

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// rows are looked at.
const rows = 8192

// MostlyNew says whether more than half of the first values are new: then a dictionary does not pay.
func MostlyNew(values arrow.Array) bool {
	n := min(values.Len(), rows)
	switch values := values.(type) {
	case *array.Int64:
		return distinct(n, values.IsValid, values.Value)
	case *array.Timestamp:
		return distinct(n, values.IsValid, values.Value)
	case *array.Time64:
		return distinct(n, values.IsValid, values.Value)
	case *array.Date32:
		return distinct(n, values.IsValid, values.Value)
	case *array.Float64:
		return distinct(n, values.IsValid, values.Value)
	case *array.Decimal128:
		return distinct(n, values.IsValid, values.Value)
	case *array.String:
		return distinct(n, values.IsValid, values.Value)
	case *array.Binary:
		return distinct(n, values.IsValid, values.ValueString)
	}
	return false
}

func distinct[T comparable](n int, valid func(int) bool, value func(int) T) bool {
	seen := make(map[T]struct{}, n)
	total := 0
	for i := range n {
		if valid(i) {
			seen[value(i)] = struct{}{}
			total++
		}
	}
	return len(seen)*2 > total
}

// Bytes returns roughly how many bytes of memory the rows of batch take.
func Bytes(batch arrow.Record) int64 {
	total := int64(0)
	for _, c := range batch.Columns() {
		total += dataBytes(c.Data(), c.Data().Offset(), c.Data().Len())
	}
	return total
}

func dataBytes(data arrow.ArrayData, offset, n int) int64 {
	switch t := data.DataType().(type) {
	case *arrow.StructType:
		total := int64(n) / 8
		for _, child := range data.Children() {
			total += dataBytes(child, child.Offset()+offset, n)
		}
		return total
	case arrow.BinaryDataType:
		from, to := offsets(data, offset, n)
		return int64(to-from) + int64(n)*4
	case *arrow.ListType, *arrow.MapType:
		from, to := offsets(data, offset, n)
		child := data.Children()[0]
		return int64(n)*4 + dataBytes(child, child.Offset()+from, to-from)
	case arrow.FixedWidthDataType:
		return int64(n) * int64(t.BitWidth()) / 8
	}
	return int64(n)
}

// offsets returns where the values of n rows from offset begin and end.
func offsets(data arrow.ArrayData, offset, n int) (from, to int) {
	if n == 0 || data.Buffers()[1] == nil {
		return 0, 0
	}
	all := arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())
	return int(all[offset]), int(all[offset+n])
}

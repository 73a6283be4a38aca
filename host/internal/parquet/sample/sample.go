// Package sample looks at the first values of a column to decide how it is encoded. Only host/internal/parquet imports it.
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

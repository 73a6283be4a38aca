package parquet

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/sdk"
)

const (
	dayMicros      = 86_400_000_000
	firstTimestamp = -9_223_372_022_400_000_000 // the first whole day of 64-bit microseconds
)

// appendMisfits adds the rows of [from, to) whose value does not fit c. The whole range is checked at once; only a range
// with a misfit is halved until the rows are found.
func appendMisfits(found []Misfit, c Column, values arrow.Array, from, to int) []Misfit {
	reason := misfit(c, values, from, to)
	if reason == "" {
		return found
	}
	if to-from == 1 {
		return append(found, Misfit{Row: from, Column: c.Name, Reason: reason})
	}
	middle := from + (to-from)/2
	found = appendMisfits(found, c, values, from, middle)
	return appendMisfits(found, c, values, middle, to)
}

// misfit says why some value of values[from:to) does not fit c; "" = all fit.
func misfit(c Column, values arrow.Array, from, to int) string {
	if c.Required && values.NullN() > 0 {
		for i := from; i < to; i++ {
			if values.IsNull(i) {
				return "NULL in a column that has none"
			}
		}
	}
	switch values := values.(type) {
	case *array.String:
		if !validText(values, from, to) {
			return "text is not UTF-8"
		}
	case *array.Decimal128:
		return misfitDecimal(c.Type, values, from, to)
	case *array.Time64:
		return outside(values, values.Time64Values()[from:to], from, 0, dayMicros-1, "time is outside of a day")
	case *array.Timestamp:
		return outside(values, values.TimestampValues()[from:to], from, firstTimestamp, math.MaxInt64-1, "timestamp is beyond what readers can show")
	case *array.Date32:
		return outside(values, values.Date32Values()[from:to], from, -math.MaxInt32+1, math.MaxInt32-1, "date is beyond what readers can show")
	case *array.Struct:
		return misfitStruct(c, values, from, to)
	case *array.Map:
		return misfitMap(c, values, from, to)
	case *array.List:
		start, end := bounds(values, from, to)
		return misfit(c.Children[0], values.ListValues(), start, end)
	}
	return ""
}

// bounds returns the range of the children of rows [from, to).
func bounds(values array.ListLike, from, to int) (start, end int) {
	if from >= to {
		return 0, 0
	}
	first, _ := values.ValueOffsets(from)
	_, last := values.ValueOffsets(to - 1)
	return int(first), int(last)
}

func misfitStruct(c Column, values *array.Struct, from, to int) string {
	for i, child := range c.Children {
		if reason := misfit(child, values.Field(i), from, to); reason != "" {
			return reason
		}
	}
	return ""
}

// validText checks the bytes of all rows at once, and that no value starts inside a character; value by value only when
// that fails, because slots of NULLs may hold anything.
func validText(values *array.String, from, to int) bool {
	if from >= to {
		return true
	}
	whole := values.ValueBytes()
	if base := values.ValueOffset(0); len(whole) > 0 {
		whole = whole[values.ValueOffset(from)-base : values.ValueOffset(to)-base]
		if utf8.Valid(whole) && startsAreWhole(values, whole, from, to) {
			return true
		}
	}
	for i := from; i < to; i++ {
		if values.IsValid(i) && !utf8.ValidString(values.Value(i)) {
			return false
		}
	}
	return true
}

func startsAreWhole(values *array.String, whole []byte, from, to int) bool {
	base := values.ValueOffset(from)
	for i := from; i < to; i++ {
		if at := values.ValueOffset(i) - base; at < len(whole) && !utf8.RuneStart(whole[at]) {
			return false
		}
	}
	return true
}

func misfitDecimal(t sdk.Type, values *array.Decimal128, from, to int) string {
	limit := decimal128.GetScaleMultiplier(int(t.Precision))
	low := limit.Negate()
	for i := from; i < to; i++ {
		if v := values.Value(i); (v.GreaterEqual(limit) || v.LessEqual(low)) && values.IsValid(i) {
			return fmt.Sprintf("number has more than %d digits", t.Precision)
		}
	}
	return ""
}

// outside says reason when a value is below low or above high. The extremes of dates and timestamps stand for infinity
// to readers, and what lies beyond them cannot be printed: neither would be the value that came.
func outside[T arrow.Date32 | arrow.Time64 | arrow.Timestamp](array arrow.Array, values []T, first int, low, high T, reason string) string {
	for i, v := range values {
		if (v < low || v > high) && array.IsValid(first+i) {
			return reason
		}
	}
	return ""
}

// misfitMap checks keys and values, and that no key stands twice: readers keep one of them.
func misfitMap(c Column, values *array.Map, from, to int) string {
	start, end := bounds(values, from, to)
	if reason := orElse(misfit(c.Children[0], values.Keys(), start, end), misfit(c.Children[1], values.Items(), start, end)); reason != "" {
		return reason
	}
	keys := values.Keys().(*array.String) // sdk.Type.Validate lets nothing else through
	seen := map[string]bool{}
	for i := from; i < to; i++ {
		if values.IsNull(i) {
			continue
		}
		clear(seen)
		start, end := values.ValueOffsets(i)
		for j := int(start); j < int(end); j++ {
			if seen[keys.Value(j)] {
				return "a map has a key twice"
			}
			seen[keys.Value(j)] = true
		}
	}
	return ""
}

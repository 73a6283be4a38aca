package parquet

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/sdk"
)

const dayMicros = 86_400_000_000

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
		return misfitTime(values, from, to)
	case *array.Struct:
		return misfitStruct(c, values, from, to)
	case *array.Map:
		start, end := bounds(values, from, to)
		return orElse(misfit(c.Children[0], values.Keys(), start, end), misfit(c.Children[1], values.Items(), start, end))
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

func misfitTime(values *array.Time64, from, to int) string {
	for i := from; i < to; i++ {
		if v := values.Value(i); (v < 0 || v >= dayMicros) && values.IsValid(i) {
			return "time is outside of a day"
		}
	}
	return ""
}

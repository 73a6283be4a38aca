package cast

import (
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
)

// span is what whole numbers of a type may be.
type span struct{ low, high int64 }

var spans = map[sdk.TypeID]span{
	sdk.Int8: {math.MinInt8, math.MaxInt8}, sdk.Int16: {math.MinInt16, math.MaxInt16}, sdk.Int32: {math.MinInt32, math.MaxInt32}, sdk.Int64: {math.MinInt64, math.MaxInt64},
	sdk.Uint8: {0, math.MaxUint8}, sdk.Uint16: {0, math.MaxUint16}, sdk.Uint32: {0, math.MaxUint32},
}

// Within says whether every whole number of type from is one of type to.
func Within(from, to sdk.TypeID) bool {
	if from == to || to == sdk.Uint64 {
		return from == to
	}
	a, known := spans[from]
	b, sought := spans[to]
	return known && sought && a.low >= b.low && a.high <= b.high
}

// wide returns the whole numbers of in: as int64, or as uint64 where the type is that.
func wide(in arrow.Array) (signed []int64, unsigned []uint64) {
	switch in := in.(type) {
	case *array.Int8:
		return longs(in.Int8Values()), nil
	case *array.Int16:
		return longs(in.Int16Values()), nil
	case *array.Int32:
		return longs(in.Int32Values()), nil
	case *array.Int64:
		return in.Int64Values(), nil
	case *array.Uint8:
		return longs(in.Uint8Values()), nil
	case *array.Uint16:
		return longs(in.Uint16Values()), nil
	case *array.Uint32:
		return longs(in.Uint32Values()), nil
	case *array.Uint64:
		return nil, in.Uint64Values()
	}
	return nil, nil
}

func longs[T int8 | int16 | int32 | uint8 | uint16 | uint32](in []T) []int64 {
	out := make([]int64, len(in))
	for i, v := range in {
		out[i] = int64(v)
	}
	return out
}

// fromWhole returns a build from whole numbers of either kind; nil for other types.
func fromWhole[O arrow.FixedWidthType](from sdk.Type, signed func(int64) (O, string), unsigned func(uint64) (O, string)) build {
	if _, whole := spans[from.ID]; !whole && from.ID != sdk.Uint64 {
		return nil
	}
	return func(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
		narrow, wider := wide(in)
		if wider != nil {
			return values(each(in, wider, unsigned))
		}
		return values(each(in, narrow, signed))
	}
}

// toWhole makes whole numbers that are published as int64 of numbers of all kinds and of texts.
func toWhole(from sdk.Type, to sdk.TypeID) build {
	s, outside := spans[to], "number is outside of "+string(to)
	fit := func(v int64) (int64, string) {
		if v < s.low || v > s.high {
			return 0, outside
		}
		return v, ""
	}
	switch from.ID {
	case sdk.String:
		return parsing(from, fixed(func(text string) (int64, string) {
			v, reason := parseWhole(text)
			if reason == beyond {
				return 0, outside
			}
			if reason != "" {
				return 0, reason
			}
			return fit(v)
		}))
	case sdk.Float32, sdk.Float64:
		return fromFloat(func(v float64, _ int) (int64, string) {
			switch {
			case v != math.Trunc(v) || math.IsInf(v, 0): // NaN too
				return 0, notWhole
			case v < -1<<63 || v >= 1<<63:
				return 0, outside
			}
			return fit(int64(v))
		})
	case sdk.Decimal:
		whole := number(38, 0)
		return func(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
			return values(each(in, in.(*array.Decimal128).Values(), func(v decimal128.Num) (int64, string) {
				v, reason := whole.rescale(v, from.Scale)
				if reason != "" {
					return 0, reason
				}
				if long, ok := short(v); ok {
					return fit(long)
				}
				return 0, outside
			}))
		}
	}
	return fromWhole(from, fit, func(v uint64) (int64, string) {
		if v > math.MaxInt64 {
			return 0, outside
		}
		return fit(int64(v))
	})
}

// short returns v as int64, if it is one.
func short(v decimal128.Num) (int64, bool) {
	return int64(v.LowBits()), v.HighBits() == int64(v.LowBits())>>63
}

// decimals is what decimals of a type may be.
type decimals struct {
	precision, scale int32
	low, high        decimal128.Num // inclusive
	outside          string
}

func number(precision, scale int32) decimals {
	high := decimal128.GetScaleMultiplier(int(precision)).Sub(decimal128.FromU64(1))
	return decimals{precision, scale, high.Negate(), high, "number has more than " + strconv.Itoa(int(precision-scale)) + " digits before the point"}
}

// unsignedNumber is uint64, published as a decimal of 20 digits.
func unsignedNumber() decimals {
	return decimals{20, 0, decimal128.FromU64(0), decimal128.FromU64(math.MaxUint64), "number is outside of uint64"}
}

// finer is the reason of a number that d would have to round.
func (d decimals) finer() string {
	if d.scale == 0 {
		return notWhole
	}
	return "number has more than " + strconv.Itoa(int(d.scale)) + " digits behind the point"
}

func (d decimals) fit(v decimal128.Num) (decimal128.Num, string) {
	if v.Less(d.low) || v.Greater(d.high) {
		return decimal128.Num{}, d.outside
	}
	return v, ""
}

// rescale returns v, which counts 10^-scale, as d counts.
func (d decimals) rescale(v decimal128.Num, scale int32) (decimal128.Num, string) {
	if by := d.scale - scale; by > 0 {
		most := decimal128.GetScaleMultiplier(int(38 - by))
		if v.GreaterEqual(most) || v.LessEqual(most.Negate()) {
			return v, d.outside
		}
		v = v.Mul(decimal128.GetScaleMultiplier(int(by)))
	} else if by < 0 {
		quotient, rest := v.Div(decimal128.GetScaleMultiplier(int(-by)))
		if rest != (decimal128.Num{}) {
			return v, d.finer()
		}
		v = quotient
	}
	return d.fit(v)
}

// fromFloat returns a build from floating-point numbers of either width.
func fromFloat[O arrow.FixedWidthType](one func(v float64, bits int) (O, string)) build {
	return func(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
		if narrow, ok := in.(*array.Float32); ok {
			return values(each(in, narrow.Float32Values(), func(v float32) (O, string) { return one(float64(v), 32) }))
		}
		return values(each(in, in.(*array.Float64).Float64Values(), func(v float64) (O, string) { return one(v, 64) }))
	}
}

// shortest reads a floating-point number as the shortest decimal that is read back as it: 0.1 is 0.1, and what
// 0.1 + 0.2 is has seventeen digits. A whole number is what it is, digit by digit.
func (d decimals) shortest(v float64, bits int) (decimal128.Num, string) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return decimal128.Num{}, notNumber
	}
	digits := -1
	if v == math.Trunc(v) {
		digits = 0
	}
	return d.parse(strconv.FormatFloat(v, 'f', digits, bits))
}

// toDecimal makes decimals of numbers of all kinds and of texts.
func toDecimal(from sdk.Type, to decimals) build {
	switch from.ID {
	case sdk.Float32, sdk.Float64:
		return fromFloat(to.shortest)
	case sdk.String:
		return parsing(from, fixed(to.parse))
	case sdk.Decimal:
		return func(in arrow.Array) ([]*memory.Buffer, []Bad, error) {
			return values(each(in, in.(*array.Decimal128).Values(), func(v decimal128.Num) (decimal128.Num, string) { return to.rescale(v, from.Scale) }))
		}
	}
	return fromWhole(from, func(v int64) (decimal128.Num, string) { return to.rescale(decimal128.FromI64(v), 0) },
		func(v uint64) (decimal128.Num, string) { return to.rescale(decimal128.FromU64(v), 0) })
}

// toFloat makes floating-point numbers of texts, and of whole numbers that have one that is equal.
func toFloat(from sdk.Type) build {
	if from.ID == sdk.String {
		return parsing(from, fixed(parseFloat))
	}
	const inexact = "no floating-point number is equal to it"
	return fromWhole(from, func(v int64) (float64, string) {
		// 2^63 itself is float64's nearest to the highest int64 and not an int64.
		if f := float64(v); f < 1<<63 && int64(f) == v {
			return f, ""
		}
		return 0, inexact
	}, func(v uint64) (float64, string) {
		if f := float64(v); f < 1<<64 && uint64(f) == v {
			return f, ""
		}
		return 0, inexact
	})
}

// Package mark keeps the resume point of streams with a cursor field, for authors who keep none of their own: which
// value is safe to resume from, which rows were sent at its edge, and the state that says so.
//
// The rules are those of cursor safety (plugins.md §9.3). Only sdk/connector imports it.
package mark

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/ai-data-analyst/broker/sdk"
)

// Value is one value of a cursor field. The zero Value is "none" and lies below all others.
type Value struct {
	kind byte // 0 none, 'i' integers and times, 'u' unsigned, 'f' float, 's' text, 'd' decimal
	i    int64
	u    uint64
	f    float64
	s    string
	d    decimal128.Num
}

// Usable says whether a column of type t can be a cursor field.
func Usable(t sdk.Type) bool {
	switch t.ID {
	case sdk.Bool, sdk.Binary, sdk.List, sdk.Struct, sdk.Map:
		return false
	}
	return true
}

// Timely says whether t counts time, so that a lookback makes sense.
func Timely(t sdk.Type) bool { return t.ID == sdk.Timestamp || t.ID == sdk.Date }

// None says whether v is no value.
func (v Value) None() bool { return v.kind == 0 }

// Compare orders two values of one column.
func (v Value) Compare(o Value) int {
	if v.kind != o.kind {
		return cmp.Compare(v.kind, o.kind)
	}
	switch v.kind {
	case 'i':
		return cmp.Compare(v.i, o.i)
	case 'u':
		return cmp.Compare(v.u, o.u)
	case 'f':
		return cmp.Compare(v.f, o.f)
	case 's':
		return cmp.Compare(v.s, o.s)
	case 'd':
		return v.d.Cmp(o.d)
	}
	return 0
}

// at reads value i of a cursor column; none for NULL and NaN.
func at(a arrow.Array, i int) Value {
	if a.IsNull(i) {
		return Value{}
	}
	switch a := a.(type) {
	case *array.Timestamp:
		return Value{kind: 'i', i: int64(a.Value(i))}
	case *array.Int64:
		return Value{kind: 'i', i: a.Value(i)}
	case *array.Int32:
		return Value{kind: 'i', i: int64(a.Value(i))}
	case *array.Int16:
		return Value{kind: 'i', i: int64(a.Value(i))}
	case *array.Int8:
		return Value{kind: 'i', i: int64(a.Value(i))}
	case *array.Date32:
		return Value{kind: 'i', i: int64(a.Value(i))}
	case *array.Time64:
		return Value{kind: 'i', i: int64(a.Value(i))}
	case *array.Uint64:
		return Value{kind: 'u', u: a.Value(i)}
	case *array.Uint32:
		return Value{kind: 'u', u: uint64(a.Value(i))}
	case *array.Uint16:
		return Value{kind: 'u', u: uint64(a.Value(i))}
	case *array.Uint8:
		return Value{kind: 'u', u: uint64(a.Value(i))}
	case *array.Float64:
		return floatValue(a.Value(i))
	case *array.Float32:
		return floatValue(float64(a.Value(i)))
	case *array.String:
		return Value{kind: 's', s: a.Value(i)}
	case *array.Decimal128:
		return Value{kind: 'd', d: a.Value(i)}
	}
	return Value{}
}

func floatValue(f float64) Value {
	if math.IsNaN(f) {
		return Value{}
	}
	return Value{kind: 'f', f: f}
}

const wallLayout = "2006-01-02T15:04:05.999999"

// Text writes v, of type t, as it stands in the state and in Query.Since.
func (v Value) Text(t sdk.Type) string {
	switch v.kind {
	case 0:
		return ""
	case 'u':
		return strconv.FormatUint(v.u, 10)
	case 'f':
		return strconv.FormatFloat(v.f, 'g', -1, 64)
	case 's':
		return v.s
	case 'd':
		return v.d.ToString(t.Scale)
	}
	switch {
	case t.ID == sdk.Timestamp && t.Zone == "":
		return time.UnixMicro(v.i).UTC().Format(wallLayout)
	case t.ID == sdk.Timestamp:
		return time.UnixMicro(v.i).UTC().Format(time.RFC3339Nano)
	case t.ID == sdk.Date:
		return time.Unix(v.i*86_400, 0).UTC().Format(time.DateOnly)
	}
	return strconv.FormatInt(v.i, 10)
}

// Human writes v for people.
func (v Value) Human(t sdk.Type) string {
	if v.kind == 'i' && t.ID == sdk.Timestamp {
		text := time.UnixMicro(v.i).UTC().Format("2006-01-02 15:04:05.999999")
		if t.Zone != "" {
			text += " " + t.Zone
		}
		return text
	}
	return v.Text(t)
}

// Parse is the inverse of Text.
func Parse(text string, t sdk.Type) (Value, error) {
	var v Value
	var err error
	switch t.ID {
	case sdk.String:
		v = Value{kind: 's', s: text}
	case sdk.Timestamp:
		layout := time.RFC3339Nano
		if t.Zone == "" {
			layout = wallLayout
		}
		var at time.Time
		at, err = time.Parse(layout, text)
		v = OfTime(at, t)
	case sdk.Date:
		var at time.Time
		at, err = time.Parse(time.DateOnly, text)
		v = OfTime(at, t)
	case sdk.Float32, sdk.Float64:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v = floatValue(f)
	case sdk.Uint8, sdk.Uint16, sdk.Uint32, sdk.Uint64:
		v.kind = 'u'
		v.u, err = strconv.ParseUint(text, 10, 64)
	case sdk.Decimal:
		v.kind = 'd'
		v.d, err = parseDecimal(text, t.Scale)
	default:
		v.kind = 'i'
		v.i, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil {
		return Value{}, fmt.Errorf("%.60q is not a %s", text, t)
	}
	return v, nil
}

// parseDecimal reads what Decimal128's ToString wrote, exactly.
func parseDecimal(text string, scale int32) (decimal128.Num, error) {
	_, fraction, _ := strings.Cut(text, ".")
	n, ok := new(big.Int).SetString(strings.Replace(text, ".", "", 1), 10)
	if !ok || len(fraction) != int(scale) || n.BitLen() > 127 {
		return decimal128.Num{}, errors.New("not a decimal")
	}
	return decimal128.FromBigInt(n), nil
}

// OfTime is the value of an instant in a column of type t; none where t does not count time.
func OfTime(at time.Time, t sdk.Type) Value {
	switch t.ID {
	case sdk.Timestamp:
		return Value{kind: 'i', i: at.UnixMicro()}
	case sdk.Date:
		return Value{kind: 'i', i: floorDays(at.Unix())}
	}
	return Value{}
}

func floorDays(seconds int64) int64 {
	days := seconds / 86_400
	if seconds%86_400 < 0 {
		days--
	}
	return days
}

// Back returns v less d, in whole days for dates.
func (v Value) Back(d time.Duration, t sdk.Type) Value {
	if v.None() || d <= 0 {
		return v
	}
	switch t.ID {
	case sdk.Timestamp:
		v.i -= d.Microseconds()
	case sdk.Date:
		v.i -= int64((d + 24*time.Hour - 1) / (24 * time.Hour))
	}
	return v
}

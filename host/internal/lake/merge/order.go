package merge

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ai-data-analyst/broker/sdk"
)

// Ordered says whether values of this type have an order that Rank knows.
func Ordered(t sdk.TypeID) bool {
	switch t {
	case sdk.List, sdk.Struct, sdk.Map:
		return false
	}
	return true
}

// Rank returns bytes that compare as the values do. NULL is below everything; NaN above.
func Rank(values arrow.Array, i int) string {
	if values.IsNull(i) {
		return ""
	}
	switch values := values.(type) {
	case *array.Boolean:
		if values.Value(i) {
			return "\x01\x01"
		}
		return "\x01\x00"
	case *array.Int64:
		return rankInt(values.Value(i))
	case *array.Date32:
		return rankInt(int64(values.Value(i)))
	case *array.Time64:
		return rankInt(int64(values.Value(i)))
	case *array.Timestamp:
		return rankInt(int64(values.Value(i)))
	case *array.Float64:
		return rankFloat(values.Value(i))
	case *array.Decimal128:
		v := values.Value(i)
		return rankDecimal(v.HighBits(), v.LowBits())
	case *array.String:
		return "\x01" + values.Value(i)
	case *array.Binary:
		return "\x01" + values.ValueString(i)
	}
	return ""
}

// rankBound is Rank of a bound in Iceberg's single-value serialization; false when it has none.
func rankBound(t sdk.TypeID, bound []byte) (string, bool) {
	if bound == nil {
		return "", false
	}
	switch t {
	case sdk.Bool:
		return "\x01" + string(bound), true
	case sdk.Date:
		return rankInt(int64(int32(binary.LittleEndian.Uint32(bound)))), true
	case sdk.Int64, sdk.Time, sdk.Timestamp:
		return rankInt(int64(binary.LittleEndian.Uint64(bound))), true
	case sdk.String, sdk.Binary:
		return "\x01" + string(bound), true
	case sdk.Decimal:
		wide := make([]byte, 16)
		if len(bound) > 0 && bound[0] >= 0x80 {
			for i := range wide {
				wide[i] = 0xff
			}
		}
		copy(wide[16-len(bound):], bound)
		return rankDecimal(int64(binary.BigEndian.Uint64(wide[:8])), binary.BigEndian.Uint64(wide[8:])), true
	}
	return "", false // floats: NaN and −0 have no place in bounds
}

func rankInt(v int64) string {
	return string(binary.BigEndian.AppendUint64([]byte{1}, uint64(v)^1<<63))
}

func rankFloat(v float64) string {
	if v == 0 {
		v = 0 // −0 is 0
	}
	if v != v {
		return "\x02"
	}
	bits := math.Float64bits(v)
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return string(binary.BigEndian.AppendUint64([]byte{1}, bits))
}

func rankDecimal(high int64, low uint64) string {
	return string(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{1}, uint64(high)^1<<63), low))
}

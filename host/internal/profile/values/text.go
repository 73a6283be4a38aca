// Package values reads the cells of batches: as text that may be shown, and as hashes. Only host/internal/profile imports
// it.
package values

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// maxText is how many code points of a value are shown.
const maxText = 200

// Shown is a value as it may be shown: of bounded length, without characters that hide, reorder or carry unseen text (G15).
func Shown(value string) string {
	if len(value) > maxText { // bytes: a text of many code points is cut before it is looked at
		at := 0
		for range maxText {
			_, size := utf8.DecodeRuneInString(value[at:])
			if at += size; at >= len(value) {
				break
			}
		}
		if at < len(value) {
			value = value[:at] + "…"
		}
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) && r != utf8.RuneError {
			return r
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(value, "\uFFFD"))
}

// Cell is the value of a row as text. It is not NULL.
func Cell(cells arrow.Array, row int) string {
	switch a := cells.(type) {
	case *array.String:
		return Shown(strings.Clone(a.Value(row)))
	case *array.Timestamp:
		return Moment(int64(a.Value(row)), zoned(a.DataType()))
	case *array.Date32:
		return Date(int64(a.Value(row)))
	case *array.Time64:
		return clock(int64(a.Value(row)))
	case *array.Float64:
		return strconv.FormatFloat(a.Value(row), 'g', -1, 64)
	case *array.Decimal128:
		return a.Value(row).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	default:
		return Shown(cells.ValueStr(row))
	}
}

func zoned(t arrow.DataType) bool {
	ts, ok := t.(*arrow.TimestampType)
	return ok && ts.TimeZone != ""
}

const (
	daySeconds = 24 * 60 * 60
	// DayMicros is a day in microseconds.
	DayMicros = daySeconds * 1_000_000
)

// Date writes days since 1970.
func Date(days int64) string { return time.Unix(days*daySeconds, 0).UTC().Format(time.DateOnly) }

// Moment writes microseconds since 1970.
func Moment(micros int64, zoned bool) string {
	text := time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999")
	if zoned {
		return text + "Z"
	}
	return text
}

// clock writes microseconds since midnight.
func clock(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("15:04:05.999999")
}

package query

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ai-data-analyst/broker/sdk/service"
)

// value returns the value of one column in a row, as JSON has it.
type value func(row int) any

// exact is the largest integer that every reader of JSON keeps (2^53).
const exact = 1 << 53

// valueOf reads a column: integers beyond 2^53, HUGEINT and DECIMAL become text, NaN and infinities null, dates and
// times DuckDB's text, binary base64; lists, structs and maps, which travel as JSON, become JSON.
func valueOf(c service.Column, values arrow.Array) value {
	read := reader(c, values)
	return func(row int) any {
		if values.IsNull(row) {
			return nil
		}
		return read(row)
	}
}

func reader(c service.Column, values arrow.Array) value {
	switch a := values.(type) {
	case *array.Boolean:
		return func(row int) any { return a.Value(row) }
	case *array.Int64:
		return func(row int) any { return safe(a.Value(row)) }
	case *array.Uint64:
		return func(row int) any {
			if v := a.Value(row); v <= exact {
				return v
			}
			return a.ValueStr(row)
		}
	case *array.Float32:
		return func(row int) any { return finite(a.Value(row)) }
	case *array.Float64:
		return func(row int) any { return finite(a.Value(row)) }
	case *array.String:
		if nested(c) {
			return func(row int) any { return raw(a.Value(row)) }
		}
		return func(row int) any { return strings.Clone(a.Value(row)) }
	case *array.Binary:
		return func(row int) any { return base64.StdEncoding.EncodeToString(a.Value(row)) }
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return func(row int) any { return a.Value(row).ToString(scale) }
	case *array.Date32:
		return func(row int) any { return date(int64(a.Value(row))) }
	case *array.Time64:
		return func(row int) any { return clock(int64(a.Value(row))) }
	case *array.Timestamp:
		zone := ""
		if a.DataType().(*arrow.TimestampType).TimeZone != "" {
			zone = "+00"
		}
		return func(row int) any { return moment(int64(a.Value(row)), zone) }
	}
	return func(row int) any { return values.GetOneForMarshal(row) } // small integers; nested values of other engines
}

func safe(v int64) any {
	if v > exact || v < -exact {
		return fmt.Sprint(v)
	}
	return v
}

func finite[F float32 | float64](v F) any {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return nil
	}
	return v
}

// nested says whether a column of text holds the JSON of a nested value.
func nested(c service.Column) bool {
	t := c.EngineType
	return c.Type.Logical == "json" && (strings.HasPrefix(t, "STRUCT(") || strings.HasPrefix(t, "MAP(") || strings.HasSuffix(t, "]"))
}

func raw(text string) any {
	if !json.Valid([]byte(text)) {
		return strings.Clone(text)
	}
	return json.RawMessage(text)
}

// The two values beyond all others, of dates (days) and timestamps (microseconds).
const (
	endOfDates = math.MaxInt32
	endOfTimes = math.MaxInt64
)

func date(days int64) string {
	switch days {
	case endOfDates:
		return "infinity"
	case -endOfDates:
		return "-infinity"
	}
	return day(time.Unix(days*86_400, 0).UTC())
}

// day writes years before 1 as DuckDB does.
func day(t time.Time) string {
	year, era := t.Year(), ""
	if year < 1 {
		year, era = 1-year, " (BC)"
	}
	return fmt.Sprintf("%04d-%02d-%02d%s", year, t.Month(), t.Day(), era)
}

func clock(micros int64) string {
	seconds, rest := micros/1_000_000, micros%1_000_000
	text := fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if rest != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%06d", rest), "0")
	}
	return text
}

func moment(micros int64, zone string) string {
	switch micros {
	case endOfTimes:
		return "infinity"
	case -endOfTimes:
		return "-infinity"
	}
	days := micros / 86_400_000_000
	rest := micros % 86_400_000_000
	if rest < 0 {
		days, rest = days-1, rest+86_400_000_000
	}
	text, era, _ := strings.Cut(day(time.Unix(days*86_400, 0).UTC()), " ")
	if era != "" {
		era = " " + era
	}
	return text + " " + clock(rest) + zone + era
}

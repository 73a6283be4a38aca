//go:build cgo

package columns

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// writer appends one value as text. bare says that within JSON it stands without quotes.
type writer struct {
	text func(to []byte, vector duckdb.Vector, row int) []byte
	bare bool
}

// json appends a value, which may be missing, as JSON.
func (w writer) json(to []byte, vector duckdb.Vector, row int) []byte {
	if !valid(vector, row) {
		return append(to, "null"...)
	}
	if w.bare {
		return w.text(to, vector, row)
	}
	return quote(to, string(w.text(nil, vector, row)))
}

// quote appends a JSON string.
func quote(to []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil { // a string always has a form
		return append(to, `""`...)
	}
	return append(to, quoted...)
}

// writerOf returns how values of a type are written: lists, structs and maps as JSON, the rest as DuckDB shows them.
func writerOf(logical duckdb.LogicalType) (writer, error) {
	switch id := duckdb.GetTypeId(logical); id {
	case duckdb.TypeList, duckdb.TypeArray:
		return listWriter(logical, id)
	case duckdb.TypeStruct:
		return structWriter(logical)
	case duckdb.TypeMap:
		return mapWriter(logical)
	case duckdb.TypeEnum:
		return enumWriter(logical), nil
	case duckdb.TypeDecimal:
		read, scale := decimalPart(duckdb.DecimalInternalType(logical)), int32(duckdb.DecimalScale(logical))
		return quoted(func(to []byte, v duckdb.Vector, row int) []byte {
			n, _ := read(v, row)
			return append(to, n.ToString(scale)...)
		}), nil
	default:
		return plainWriter(id)
	}
}

func quoted(text func([]byte, duckdb.Vector, int) []byte) writer { return writer{text: text} }

func integer[T int8 | int16 | int32 | uint8 | uint16 | uint32]() writer {
	return writer{bare: true, text: func(to []byte, v duckdb.Vector, row int) []byte {
		return strconv.AppendInt(to, int64(values[T](v, row+1)[row]), 10)
	}}
}

func float[T float32 | float64](size int) writer {
	return writer{bare: true, text: func(to []byte, v duckdb.Vector, row int) []byte {
		x := float64(values[T](v, row+1)[row])
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return append(to, "null"...)
		}
		return strconv.AppendFloat(to, x, 'g', -1, size)
	}}
}

// of writes values of type T by a function of theirs.
func of[T any](show func(T) string) writer {
	return quoted(func(to []byte, v duckdb.Vector, row int) []byte { return append(to, show(values[T](v, row+1)[row])...) })
}

// plainWriter writes types without parameters. Integers of 64 bits stand as text within JSON: readers round them.
func plainWriter(id duckdb.Type) (writer, error) {
	switch id {
	case duckdb.TypeBoolean:
		return writer{bare: true, text: func(to []byte, v duckdb.Vector, row int) []byte {
			return strconv.AppendBool(to, values[byte](v, row+1)[row] != 0)
		}}, nil
	case duckdb.TypeTinyInt:
		return integer[int8](), nil
	case duckdb.TypeSmallInt:
		return integer[int16](), nil
	case duckdb.TypeInteger:
		return integer[int32](), nil
	case duckdb.TypeUTinyInt:
		return integer[uint8](), nil
	case duckdb.TypeUSmallInt:
		return integer[uint16](), nil
	case duckdb.TypeUInteger:
		return integer[uint32](), nil
	case duckdb.TypeBigInt:
		return of(func(v int64) string { return strconv.FormatInt(v, 10) }), nil
	case duckdb.TypeUBigInt:
		return of(func(v uint64) string { return strconv.FormatUint(v, 10) }), nil
	case duckdb.TypeFloat:
		return float[float32](32), nil
	case duckdb.TypeDouble:
		return float[float64](64), nil
	case duckdb.TypeVarchar:
		return quoted(func(to []byte, v duckdb.Vector, row int) []byte { return append(to, texts(v, row+1)[row].bytes()...) }), nil
	case duckdb.TypeBlob:
		return quoted(func(to []byte, v duckdb.Vector, row int) []byte {
			return hex.AppendEncode(to, texts(v, row+1)[row].bytes())
		}), nil
	case duckdb.TypeHugeInt:
		return of(func(w wide) string { return bigOf(w, true) }), nil
	case duckdb.TypeUHugeInt:
		return of(func(w wide) string { return bigOf(w, false) }), nil
	case duckdb.TypeUUID:
		return of(uuid), nil
	case duckdb.TypeInterval:
		return of(interval.String), nil
	case duckdb.TypeSQLNull:
		return quoted(func(to []byte, _ duckdb.Vector, _ int) []byte { return to }), nil
	}
	return timeWriter(id)
}

func timeWriter(id duckdb.Type) (writer, error) {
	stamp := func(perSecond int64, zone string) writer {
		return of(func(v int64) string { return moment(v, perSecond, zone) })
	}
	switch id {
	case duckdb.TypeDate:
		return of(func(days int32) string { return date(int64(days)) }), nil
	case duckdb.TypeTime:
		return of(func(micros int64) string { return clock(micros, 1_000_000) }), nil
	case duckdb.TypeTimestamp:
		return stamp(1_000_000, ""), nil
	case duckdb.TypeTimestampTZ:
		return stamp(1_000_000, "+00"), nil
	case duckdb.TypeTimestampS:
		return stamp(1, ""), nil
	case duckdb.TypeTimestampMS:
		return stamp(1_000, ""), nil
	case duckdb.TypeTimestampNS:
		return stamp(1_000_000_000, ""), nil
	case duckdb.TypeTimeTZ:
		return of(timeWithZone), nil
	}
	return writer{}, errType
}

// date and the two below write DuckDB's text; the largest value of each side is infinity.
func date(days int64) string {
	switch days {
	case math.MaxInt32:
		return "infinity"
	case -math.MaxInt32:
		return "-infinity"
	}
	t := time.Unix(days*86_400, 0).UTC()
	if t.Year() < 1 {
		return fmt.Sprintf("%04d-%02d-%02d (BC)", 1-t.Year(), t.Month(), t.Day())
	}
	return fmt.Sprintf("%04d-%02d-%02d", t.Year(), t.Month(), t.Day())
}

func clock(count, perSecond int64) string {
	seconds, rest := count/perSecond, count%perSecond
	text := fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if rest != 0 {
		digits := len(strconv.FormatInt(perSecond, 10)) - 1
		text += "." + strings.TrimRight(fmt.Sprintf("%0*d", digits, rest), "0")
	}
	return text
}

func moment(count, perSecond int64, zone string) string {
	switch count {
	case math.MaxInt64:
		return "infinity"
	case -math.MaxInt64:
		return "-infinity"
	}
	days, rest := count/(86_400*perSecond), count%(86_400*perSecond)
	if rest < 0 {
		days, rest = days-1, rest+86_400*perSecond
	}
	day, era, _ := strings.Cut(date(days), " ")
	if era != "" {
		era = " " + era
	}
	return day + " " + clock(rest, perSecond) + zone + era
}

// timeWithZone reads DuckDB's packed form: microseconds in the upper 40 bits, 57599 (16 hours less a second, as dtime_tz_t) minus the offset in seconds below.
func timeWithZone(packed uint64) string {
	offset, sign := 57_599-int64(packed&(1<<24-1)), "+"
	if offset < 0 {
		offset, sign = -offset, "-"
	}
	text := clock(int64(packed>>24), 1_000_000) + fmt.Sprintf("%s%02d", sign, offset/3600)
	if offset%3600 != 0 {
		text += fmt.Sprintf(":%02d", offset/60%60)
	}
	return text
}

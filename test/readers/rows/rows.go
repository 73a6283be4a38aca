// Package rows says what the all-types source delivers, and what readers have to see of it, as pure functions of the
// number of events. For the tests of readers only.
package rows

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Keys is how many rows there are at most; a later event of the same key takes the place of an earlier one.
const Keys = 211

// field is one column: its type, its value at an event, and how a reader's value is brought to text in DuckDB ("%s" is
// the column), and what that text is.
type field struct {
	name    string
	t       sdk.Type
	value   func(e int64) any
	sql     string
	text    func(v any) string
	evolved bool // comes with the second schema
}

func plain(id sdk.TypeID) sdk.Type { return sdk.Type{ID: id} }

func child(name string, t sdk.Type) sdk.Column { return sdk.Column{Name: name, Type: t} }

func list(t sdk.Type) sdk.Type {
	return sdk.Type{ID: sdk.List, Children: []sdk.Column{child("item", t)}}
}

const asText, asJSON = "CAST(%s AS VARCHAR)", "CAST(to_json(%s) AS VARCHAR)"

func print(v any) string { return fmt.Sprint(v) }

func asItIs(v any) string { return v.(string) }

// toJSON is the text of nested values; structs are given as raw JSON, since the order of their fields counts.
func toJSON(v any) string {
	if object, ok := v.(pair); ok {
		v = json.RawMessage(object.text)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// pair is a struct value: for the connector, and as JSON.
type pair struct {
	row  map[string]any
	text string
}

// edge gives both ends of an integer type, zero and something between in turn.
func edge(low, high int64) func(int64) any {
	return func(e int64) any { return []int64{low, high, 0, e % 100}[e%4] }
}

func start(e int64) time.Time {
	return time.Date(2026, time.Month(1+e%5), int(1+e%27), int(e%24), 0, 0, int(e)*1000, time.UTC)
}

func micros(v any) string { return strconv.FormatInt(v.(time.Time).UnixMicro(), 10) }

func days(v any) string { return strconv.FormatInt(v.(time.Time).Unix()/86400, 10) }

var fields = []field{
	{"flag", plain(sdk.Bool), func(e int64) any { return e%2 == 0 }, asText, print, false},
	{"i8", plain(sdk.Int8), edge(math.MinInt8, math.MaxInt8), asText, print, false},
	{"i16", plain(sdk.Int16), edge(math.MinInt16, math.MaxInt16), asText, print, false},
	{"i32", plain(sdk.Int32), edge(math.MinInt32, math.MaxInt32), asText, print, false},
	{"i64", plain(sdk.Int64), edge(math.MinInt64, math.MaxInt64), asText, print, false},
	{"u8", plain(sdk.Uint8), edge(1, math.MaxUint8), asText, print, false},
	{"u16", plain(sdk.Uint16), edge(1, math.MaxUint16), asText, print, false},
	{"u32", plain(sdk.Uint32), edge(1, math.MaxUint32), asText, print, false},
	{"u64", plain(sdk.Uint64), func(e int64) any { return []uint64{0, math.MaxUint64, uint64(e)}[e%3] }, asText, print, false},
	{"f32", plain(sdk.Float32), func(e int64) any { return float32(e) * -0.25 }, "printf('%%.4f', %s)", func(v any) string { return fmt.Sprintf("%.4f", v) }, false},
	{"extra", plain(sdk.String), func(e int64) any { return fmt.Sprint("extra ", e) }, asText, asItIs, true},
	{"f64", plain(sdk.Float64), func(e int64) any { return float64(e) * 1e12 / 8 }, "printf('%%.4f', %s)", func(v any) string { return fmt.Sprintf("%.4f", v) }, false},
	{"small", sdk.Type{ID: sdk.Decimal, Precision: 9, Scale: 2}, func(e int64) any { return fmt.Sprintf("-%d.%02d", e, e%100) }, asText, asItIs, false},
	{"large", sdk.Type{ID: sdk.Decimal, Precision: 38, Scale: 10}, func(e int64) any { return fmt.Sprintf("1234567890123456789012345%03d.%010d", e%1000, e) }, asText, asItIs, false},
	{"text", plain(sdk.String), func(e int64) any { return []string{"", "řádek ☃ 'x' \"y\"\n" + fmt.Sprint(e), "NULL"}[e%3] }, asText, asItIs, false},
	{"note", sdk.Type{ID: sdk.String, Logical: "json"}, func(e int64) any { return fmt.Sprintf(`{"e": %d}`, e) }, asText, asItIs, false},
	{"raw", plain(sdk.Binary), func(e int64) any { return []byte{0, byte(e), 255} }, "hex(%s)", func(v any) string { return fmt.Sprintf("%X", v) }, false},
	{"day", plain(sdk.Date), func(e int64) any { return start(e).Truncate(24 * time.Hour) }, "CAST(%s - DATE '1970-01-01' AS VARCHAR)", days, false},
	{"far_day", plain(sdk.Date), func(e int64) any { return time.Date([]int{1, 9999, 1969}[e%3], 12, 31, 0, 0, 0, 0, time.UTC) }, "CAST(%s - DATE '1970-01-01' AS VARCHAR)", days, false},
	{"clock", plain(sdk.Time), func(e int64) any { return time.Duration(e*1_000_003_000%86_400_000_000) * time.Microsecond }, "CAST(epoch_us(%s) AS VARCHAR)", func(v any) string { return print(v.(time.Duration).Microseconds()) }, false},
	{"local", plain(sdk.Timestamp), func(e int64) any { return start(e).AddDate(-30, 0, 0) }, "CAST(epoch_us(%s) AS VARCHAR)", micros, false},
	{"happened", sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, func(e int64) any { return start(e) }, "CAST(epoch_us(%s) AS VARCHAR)", micros, false},
	{"numbers", list(plain(sdk.Int32)), func(e int64) any { return []any{e, nil, -e}[:e%4%3+e%4/3] }, asJSON, toJSON, false},
	{"words", list(list(plain(sdk.String))), func(e int64) any { return []any{[]any{fmt.Sprint("w", e), ""}, []any{}} }, asJSON, toJSON, false},
	{"object", sdk.Type{ID: sdk.Struct, Children: []sdk.Column{child("a", plain(sdk.Int64)), child("b", plain(sdk.String)), child("c", list(plain(sdk.Bool)))}}, func(e int64) any {
		return pair{map[string]any{"a": e, "b": nil, "c": []any{true, e%2 == 0}}, fmt.Sprintf(`{"a":%d,"b":null,"c":[true,%t]}`, e, e%2 == 0)}
	}, asJSON, toJSON, false},
	{"tags", sdk.Type{ID: sdk.Map, Children: []sdk.Column{child("key", plain(sdk.String)), child("value", plain(sdk.Int64))}}, func(e int64) any {
		return map[string]any{"k": e}
	}, asJSON, toJSON, false},
	{"deep", list(sdk.Type{ID: sdk.Struct, Children: []sdk.Column{child("n", plain(sdk.Int16))}}), func(e int64) any {
		return []any{pair{map[string]any{"n": e % 1000}, ""}}
	}, asJSON, func(v any) string { return fmt.Sprintf(`[{"n":%d}]`, v.([]any)[0].(pair).row["n"]) }, true},
}

// Columns are those of the stream everything: id, version, and one of every type.
func Columns(evolved bool) []sdk.Column {
	columns := []sdk.Column{{Name: "id", Type: plain(sdk.Int64), NotNull: true}, {Name: "version", Type: plain(sdk.Int64), NotNull: true}}
	for _, f := range fields {
		if evolved || !f.evolved {
			columns = append(columns, child(f.name, f.t))
		}
	}
	return columns
}

// Gone says whether an event removes its row.
func Gone(e int64) bool { return e%10 == 7 }

// Row is the row that an event leaves, for the connector.
func Row(e int64, evolved bool) map[string]any {
	row := map[string]any{"id": e * 7919 % Keys, "version": e}
	for i, f := range fields {
		if (evolved || !f.evolved) && !null(i, e) {
			row[f.name] = plainValue(f.value(e))
		}
	}
	return row
}

// partition is the place of happened.
const partition = 21

// null says which values are NULL: some of every column.
func null(i int, e int64) bool { return (e+int64(i))%13 == 0 }

func plainValue(v any) any {
	switch v := v.(type) {
	case pair:
		return v.row
	case []any:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = plainValue(v[i])
		}
		return plain
	}
	return v
}

// Query brings the rows of everything in from to the texts of Want.
func Query(from string) string {
	sql := "SELECT CAST(id AS VARCHAR), CAST(version AS VARCHAR)"
	for _, f := range fields {
		sql += ", coalesce(" + fmt.Sprintf(f.sql, `"`+f.name+`"`) + ", 'is NULL')"
	}
	return sql + " FROM " + from + " ORDER BY id, version"
}

// Want is what readers see after so many events, when the second schema came after evolved events. A row without a value
// in the partition column is rejected, and the one before it stays.
func Want(events, evolved int64) [][]string {
	last := make([]int64, Keys)
	for e := int64(1); e <= events; e++ {
		switch {
		case Gone(e):
			last[e*7919%Keys] = 0
		case !null(partition, e):
			last[e*7919%Keys] = e
		}
	}
	var want [][]string
	for id, e := range last {
		if e == 0 {
			continue
		}
		row := []string{print(id), print(e)}
		for i, f := range fields {
			if null(i, e) || f.evolved && e <= evolved {
				row = append(row, "is NULL")
			} else {
				row = append(row, f.text(f.value(e)))
			}
		}
		want = append(want, row)
	}
	return want
}

package parquet_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// appendAny appends a value of the builder's type.
func appendAny(t testing.TB, b array.Builder, v any) {
	t.Helper()
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(v.(string))
	case *array.BinaryBuilder:
		b.Append([]byte(v.(string)))
	case *array.BooleanBuilder:
		b.Append(v.(bool))
	case *array.Int8Builder:
		b.Append(int8(v.(int)))
	case *array.Int32Builder:
		b.Append(int32(v.(int)))
	case *array.Int64Builder:
		b.Append(int64(v.(int)))
	case *array.Uint8Builder:
		b.Append(uint8(v.(int)))
	case *array.Uint64Builder:
		b.Append(v.(uint64))
	case *array.Float32Builder:
		b.Append(float32(v.(float64)))
	case *array.Float64Builder:
		b.Append(v.(float64))
	case *array.Decimal128Builder:
		n, ok := new(big.Int).SetString(v.(string), 10)
		if !ok {
			t.Fatalf("%v is no number", v)
		}
		b.Append(decimal128.FromBigInt(n))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.(int)))
	case *array.Time64Builder:
		b.Append(arrow.Time64(v.(int)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.(int)))
	default:
		if err := b.AppendValueFromString(v.(string)); err != nil { // JSON of nested values
			t.Fatal(err)
		}
	}
}

// shown is a published value as the tests write it.
func shown(values arrow.Array, i int) string {
	if values.IsNull(i) {
		return "NULL"
	}
	switch values := values.(type) {
	case *array.Decimal128:
		return values.Value(i).BigInt().String()
	case *array.Float64:
		return strconv.FormatFloat(values.Value(i), 'g', -1, 64)
	case *array.Timestamp:
		return strconv.FormatInt(int64(values.Value(i)), 10)
	case *array.Time64:
		return strconv.FormatInt(int64(values.Value(i)), 10)
	case *array.Binary:
		return fmt.Sprintf("%q", values.Value(i))
	}
	return values.ValueStr(i)
}

// convert puts values between NULLs into a slice of a longer batch, asks for a type, and shows what is published: a value,
// or the reason after an exclamation mark.
func convert(t testing.TB, from, asked sdk.Type, values ...any) []string {
	t.Helper()
	source := []sdk.Column{{Name: "v", Type: from}, {Name: "other", Type: sdk.Type{ID: sdk.Int64}}}
	schema, err := sdk.ArrowSchema(source)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for range 11 { // so that bits of NULLs do not begin at a byte
		appendAny(t, b.Field(0), values[0])
	}
	b.Field(0).AppendNull()
	for _, v := range values {
		appendAny(t, b.Field(0), v)
	}
	b.Field(0).AppendNull()
	for i := range len(values) + 13 {
		b.Field(1).(*array.Int64Builder).Append(int64(i))
	}
	whole := b.NewRecord()
	defer whole.Release()
	batch := whole.NewSlice(11, whole.NumRows())
	defer batch.Release()

	columns, casts, err := parquet.Ask(source, map[string]sdk.Type{"v": asked, "absent": {ID: sdk.Bool}})
	if err != nil {
		t.Fatal(err)
	}
	published, _, _, err := parquet.Assign(columns, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	converted, unfit, err := casts.Apply(batch)
	if err != nil {
		t.Fatal(err)
	}
	defer converted.Release()
	if converted.Column(1) != batch.Column(1) {
		t.Error("a column that nobody asked about was touched")
	}
	out, misfits, err := parquet.Conform(published, converted)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	if c := out.Column(0); !c.IsNull(0) || !c.IsNull(c.Len()-1) {
		t.Errorf("NULLs became %v and %v", c.ValueStr(0), c.ValueStr(c.Len()-1))
	}
	lines := make([]string, len(values))
	for i := range lines {
		lines[i] = shown(out.Column(0), i+1)
	}
	for _, m := range append(misfits, unfit...) {
		lines[m.Row-1] = "! " + m.Reason
	}
	return lines
}

func decimalOf(precision, scale int32) sdk.Type {
	return sdk.Type{ID: sdk.Decimal, Precision: precision, Scale: scale}
}

var (
	text   = sdk.Type{ID: sdk.String}
	utc    = sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}
	naive  = sdk.Type{ID: sdk.Timestamp}
	uuid   = sdk.Type{ID: sdk.String, Logical: "uuid"}
	asJSON = sdk.Type{ID: sdk.String, Logical: "json"}
)

// TestD13_AskedTypes: whatever is not exactly a value of the type asked for is a row to reject, never another value.
func TestD13_AskedTypes(t *testing.T) {
	const (
		noWhole, noNumber = "! not a whole number", "! not a number"
		noDate, noStamp   = "! not a date: YYYY-MM-DD", "! not a timestamp: YYYY-MM-DD HH:MM:SS"
		noTime, noUUID    = "! not a time: HH:MM:SS", "! not a UUID"
	)
	nines := strings.Repeat("9", 38)
	for _, c := range []struct {
		name        string
		from, asked sdk.Type
		rows        []any // value, what is published, value, …
	}{
		{"text to integer", text, sdk.Type{ID: sdk.Int64}, []any{
			"7", "7", "0017", "17", "-5", "-5", "+5", "5", "-0", "0", "9223372036854775807", "9223372036854775807", "-9223372036854775808", "-9223372036854775808",
			"9223372036854775808", "! number is outside of int64", "-9223372036854775809", "! number is outside of int64", strings.Repeat("9", 400), "! number is outside of int64",
			"", noWhole, " 7", noWhole, "7 ", noWhole, "7\n", noWhole, "1,000", noWhole, "1_000", noWhole, "1e3", noWhole, "7.0", noWhole, "0x10", noWhole, "-", noWhole, "--1", noWhole,
			"٣", noWhole, "７", noWhole, "NULL", noWhole, "nan", noWhole, "7\x00", noWhole, "\xff", noWhole, "−7", noWhole}},
		{"text to int8", text, sdk.Type{ID: sdk.Int8}, []any{"127", "127", "-128", "-128", "128", "! number is outside of int8", "-129", "! number is outside of int8"}},
		{"text to uint8", text, sdk.Type{ID: sdk.Uint8}, []any{"255", "255", "256", "! number is outside of uint8", "-1", "! number is outside of uint8", "-0", "0"}},
		{"text to uint64", text, sdk.Type{ID: sdk.Uint64}, []any{"18446744073709551615", "18446744073709551615", "18446744073709551616", "! number is outside of uint64", "-1", "! number is outside of uint64", "1.5", noWhole, "99999999999999999999", "! number is outside of uint64"}},
		{"text to decimal", text, decimalOf(6, 2), []any{"12.34", "1234", "-0.5", "-50", ".5", "50", "5.", "500", "0001.10", "110", "1.500000", "150", "9999.99", "999999", "-9999.99", "-999999",
			"10000", "! number has more than 4 digits before the point", "1.005", "! number has more than 2 digits behind the point", ".", noNumber, "", noNumber, "1e2", noNumber, "1.2.3", noNumber, "1,5", noNumber, "-", noNumber, "1.-5", noNumber, "NaN", noNumber}},
		{"text to the largest decimal", text, decimalOf(38, 0), []any{nines, nines, "-" + nines, "-" + nines, "1" + nines, "! number has more than 38 digits before the point", "0000000000" + nines, nines}},
		{"text to decimal of fractions", text, decimalOf(38, 38), []any{"0." + nines, nines, "1", "! number has more than 0 digits before the point", "0", "0"}},
		{"text to float", text, sdk.Type{ID: sdk.Float64}, []any{"1.5", "1.5", "-1e3", "-1000", ".5", "0.5", "5.", "5", "1E+2", "100", "0.0", "0", "-0", "-0", "NaN", "NaN", "Infinity", "+Inf", "-Infinity", "-Inf", "1.7976931348623157e308", "1.7976931348623157e+308",
			"1e309", "! number is outside of float64", "1e-400", "! number is too small for float64", "0e-400", "0", "5e-324", "5e-324",
			"nan", noNumber, "inf", noNumber, "0x1p4", noNumber, "1_0", noNumber, "1e", noNumber, "e5", noNumber, "1e5.5", noNumber, "1e+-5", noNumber, "", noNumber, " 1", noNumber, "1d", noNumber}},
		{"text to float32", text, sdk.Type{ID: sdk.Float32}, []any{"0.1", "0.1"}},
		{"text to bool", text, sdk.Type{ID: sdk.Bool}, []any{"true", "true", "FALSE", "false", "True", "true", "1", "! not true or false", "yes", "! not true or false", "", "! not true or false", "fal\u017fe", "! not true or false", "t", "! not true or false"}},
		{"text to date", text, sdk.Type{ID: sdk.Date}, []any{"1970-01-02", "1970-01-02", "2024-02-29", "2024-02-29", "0001-01-01", "0001-01-01", "9999-12-31", "9999-12-31", "1969-12-31", "1969-12-31",
			"2023-02-29", "! there is no such day", "2024-04-31", "! there is no such day", "2024-13-01", noDate, "2024-00-01", noDate, "2024-01-00", noDate, "0000-01-01", noDate, "2024-1-1", noDate, "01/02/2024", noDate, "20240102", noDate, "2024-01-02 ", noDate, "2024-01-02T00:00:00", noDate, "", noDate, "2024-01-0x", noDate, "-024-01-01", noDate}},
		{"text to time", text, sdk.Type{ID: sdk.Time}, []any{"00:00:00", "0", "23:59:59.999999", "86399999999", "01:02", "3720000000", "01:02:03.5", "3723500000", "01:02:03.1234560", "3723123456",
			"01:02:03.1234567", "! finer than microseconds", "24:00:00", noTime, "23:60:00", noTime, "23:59:60", noTime, "1:02:03", noTime, "01:02:03.", noTime, "01:02:", noTime, "01:02:3", noTime, "", noTime, "01:02:03Z", noTime}},
		{"text to timestamp", text, naive, []any{"1970-01-01 00:00:01", "1000000", "1970-01-01T00:00:00.000001", "1", "1969-12-31 23:59:59.5", "-500000", "1970-01-01 00:01", "60000000",
			"1970-01-01 00:00:00Z", "! timestamp has a zone; ask for timestamp(UTC)", "1970-01-01 00:00:00+01:00", "! timestamp has a zone; ask for timestamp(UTC)", "1970-01-01", noStamp, "1970-01-01 ", noStamp, "1970-02-30 00:00:00", "! there is no such day",
			"1970-01-01 00:00:00.0000001", "! finer than microseconds", "1970-01-01 25:00:00", noStamp, "1970-01-01x00:00:00", noStamp, "1700000000", noStamp, "1970-01-01 00:00:60", noStamp}},
		{"text to timestamp in UTC", text, utc, []any{"1970-01-01T00:00:01Z", "1000000", "1970-01-01T01:00:00+01:00", "0", "1969-12-31T19:00:00-05:00", "0", "1970-01-01 00:00:00", "0",
			"1970-01-01T00:00:00+25:00", noStamp, "1970-01-01T00:00:00+0100", noStamp, "1970-01-01T00:00:00+01", noStamp, "1970-01-01T00:00:00 CET", noStamp, "1970-01-01T00:00:00z", noStamp, "1970-01-01T00:00:00ZZ", noStamp, "1970-01-01T00:00-05:00-05:00", noStamp, "1970-01-01T+01:00", noStamp}},
		{"text to uuid", text, uuid, []any{"123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000",
			"123e4567e89b12d3a456426614174000", noUUID, "{23e4567-e89b-12d3-a456-426614174000", noUUID, "123e4567-e89b-12d3-a456-42661417400g", noUUID, "", noUUID, "123e4567-e89b-12d3-a456+426614174000", noUUID}},
		{"text to json", text, asJSON, []any{`{"a": [1, null]}`, `{"a": [1, null]}`, `"x"`, `"x"`, "1", "1", "{", "! not JSON", "", "! not JSON", "{'a':1}", "! not JSON", "{} {}", "! not JSON", strings.Repeat("[", 20000), "! not JSON"}},
		{"text to bytes", text, sdk.Type{ID: sdk.Binary}, []any{"a", `"a"`, "", `""`}},
		{"bytes to text", sdk.Type{ID: sdk.Binary}, text, []any{"č", "č", "\xff", "! bytes are not UTF-8 text"}},
		{"integers to a narrower one", sdk.Type{ID: sdk.Int64}, sdk.Type{ID: sdk.Int32}, []any{math.MaxInt32, "2147483647", math.MaxInt32 + 1, "! number is outside of int32", math.MinInt32 - 1, "! number is outside of int32"}},
		{"integers to a wider one", sdk.Type{ID: sdk.Int8}, sdk.Type{ID: sdk.Int64}, []any{-128, "-128"}},
		{"uint64 to int64", sdk.Type{ID: sdk.Uint64}, sdk.Type{ID: sdk.Int64}, []any{uint64(math.MaxInt64), "9223372036854775807", uint64(math.MaxInt64) + 1, "! number is outside of int64"}},
		{"int32 to uint64", sdk.Type{ID: sdk.Int32}, sdk.Type{ID: sdk.Uint64}, []any{5, "5", -1, "! number is outside of uint64"}},
		{"integers to decimal", sdk.Type{ID: sdk.Int64}, decimalOf(5, 2), []any{999, "99900", -999, "-99900", 1000, "! number has more than 3 digits before the point", math.MinInt64, "! number has more than 3 digits before the point"}},
		{"uint64 to decimal", sdk.Type{ID: sdk.Uint64}, decimalOf(38, 18), []any{uint64(math.MaxUint64), "18446744073709551615" + strings.Repeat("0", 18)}},
		{"integers to decimal of fractions", sdk.Type{ID: sdk.Uint8}, decimalOf(38, 38), []any{0, "0", 1, "! number has more than 0 digits before the point"}},
		{"integers to float", sdk.Type{ID: sdk.Int64}, sdk.Type{ID: sdk.Float64}, []any{1 << 53, "9.007199254740992e+15", 1<<53 + 1, "! no floating-point number is equal to it", math.MaxInt64, "! no floating-point number is equal to it", math.MinInt64, "-9.223372036854776e+18"}},
		{"uint64 to float", sdk.Type{ID: sdk.Uint64}, sdk.Type{ID: sdk.Float64}, []any{uint64(math.MaxUint64), "! no floating-point number is equal to it", uint64(1) << 63, "9.223372036854776e+18"}},
		{"float to decimal", sdk.Type{ID: sdk.Float64}, decimalOf(9, 2), []any{19.9, "1990", -0.5, "-50", 1e6, "100000000", 1e7, "! number has more than 7 digits before the point", 1e300, "! number has more than 7 digits before the point",
			math.Nextafter(0.3, 1), "! number has more than 2 digits behind the point", 1.005, "! number has more than 2 digits behind the point", math.NaN(), noNumber, math.Inf(1), noNumber, math.Copysign(0, -1), "0"}},
		{"float32 to decimal", sdk.Type{ID: sdk.Float32}, decimalOf(9, 2), []any{0.1, "10"}},
		{"float to uint64", sdk.Type{ID: sdk.Float64}, sdk.Type{ID: sdk.Uint64}, []any{float64(1 << 63), "9223372036854775808", -1.0, "! number is outside of uint64", 0.5, noWhole}},
		{"float to integer", sdk.Type{ID: sdk.Float64}, sdk.Type{ID: sdk.Int64}, []any{3.0, "3", 3.5, noWhole, float64(1 << 63), "! number is outside of int64", -float64(1 << 63), "-9223372036854775808", math.NaN(), noWhole, math.Inf(-1), noWhole}},
		{"float to int8", sdk.Type{ID: sdk.Float32}, sdk.Type{ID: sdk.Int8}, []any{127.0, "127", 128.0, "! number is outside of int8"}},
		{"decimal to a finer scale", decimalOf(4, 1), decimalOf(6, 3), []any{"9999", "999900", "-5", "-500"}},
		{"decimal to a coarser scale", decimalOf(10, 3), decimalOf(4, 1), []any{"1500", "15", "1550", "! number has more than 1 digits behind the point", "-1500", "-15", "9999900", "! number has more than 3 digits before the point"}},
		{"decimal beyond 38 digits", decimalOf(38, 0), decimalOf(38, 2), []any{nines, "! number has more than 36 digits before the point", nines[:36], nines[:36] + "00", "-" + nines, "! number has more than 36 digits before the point"}},
		{"decimal to integer", decimalOf(38, 2), sdk.Type{ID: sdk.Int64}, []any{"700", "7", "750", "! not a whole number", nines[:36] + "00", "! number is outside of int64", "-922337203685477580800", "-9223372036854775808", "-922337203685477580900", "! number is outside of int64"}},
		{"decimal to uint64", decimalOf(20, 0), sdk.Type{ID: sdk.Uint64}, []any{"18446744073709551615", "18446744073709551615", "18446744073709551616", "! number is outside of uint64"}},
		{"date to timestamp", sdk.Type{ID: sdk.Date}, utc, []any{1, "86400000000", -1, "-86400000000", math.MaxInt32, "! date is beyond what timestamps can show", math.MinInt32, "! date is beyond what timestamps can show"}},
		{"timestamp to date", utc, sdk.Type{ID: sdk.Date}, []any{86_400_000_000, "1970-01-02", -86_400_000_000, "1969-12-31", 1, "! timestamp is not midnight, so that it is no date", -1, "! timestamp is not midnight, so that it is no date", math.MinInt64, "! timestamp is not midnight, so that it is no date"}},
		{"timestamp gets a zone", naive, utc, []any{5, "5"}},
		{"bool to text", sdk.Type{ID: sdk.Bool}, text, []any{true, "true", false, "false"}},
		{"integer to text", sdk.Type{ID: sdk.Int64}, text, []any{math.MinInt64, "-9223372036854775808"}},
		{"uint64 to text", sdk.Type{ID: sdk.Uint64}, text, []any{uint64(math.MaxUint64), "18446744073709551615"}},
		{"float to text", sdk.Type{ID: sdk.Float64}, text, []any{0.1, "0.1", 1e21, "1e+21", math.NaN(), "NaN", math.Inf(-1), "-Infinity", math.Copysign(0, -1), "-0"}},
		{"float32 to text", sdk.Type{ID: sdk.Float32}, text, []any{0.1, "0.1"}},
		{"decimal to text", decimalOf(38, 3), text, []any{"5", "0.005", "-5", "-0.005", nines, nines[:35] + ".999", "-1000", "-1.000"}},
		{"whole decimal to text", decimalOf(5, 0), text, []any{"-12345", "-12345", "0", "0"}},
		{"date to text", sdk.Type{ID: sdk.Date}, text, []any{0, "1970-01-01", -719_162, "0001-01-01", -719_163, "! date is outside of the years 1 to 9999", 2_932_896, "9999-12-31", math.MaxInt32, "! date is outside of the years 1 to 9999"}},
		{"time to text", sdk.Type{ID: sdk.Time}, text, []any{86_399_999_999, "23:59:59.999999", 0, "00:00:00", 86_400_000_000, "! time is outside of a day", -1, "! time is outside of a day"}},
		{"timestamp to text", utc, text, []any{0, "1970-01-01T00:00:00Z", -1, "1969-12-31T23:59:59.999999Z", math.MaxInt64, "! timestamp is outside of the years 1 to 9999", math.MinInt64, "! timestamp is outside of the years 1 to 9999"}},
		{"naive timestamp to text", naive, text, []any{500_000, "1970-01-01T00:00:00.5"}},
		{"list to text", sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: text}}}, text, []any{`["a","b\"\\\n",null]`, `["a","b\"\\\u000a",null]`, `[]`, `[]`}},
		{"struct to json", sdk.Type{ID: sdk.Struct, Children: []sdk.Column{{Name: "f", Type: sdk.Type{ID: sdk.Float64}}, {Name: "d", Type: sdk.Type{ID: sdk.Date}}, {Name: "b", Type: sdk.Type{ID: sdk.Bool}}}}, asJSON,
			[]any{`{"f":1.5,"d":"2024-01-02","b":true}`, `{"f":1.5,"d":"2024-01-02","b":true}`, `{"f":null,"d":null,"b":null}`, `{"f":null,"d":null,"b":null}`}},
		{"map to text", sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: text, NotNull: true}, {Name: "value", Type: sdk.Type{ID: sdk.Int64}}}}, text,
			[]any{`[{"key":"a","value":1},{"key":"b","value":null}]`, `{"a":1,"b":null}`, `[{"key":"a","value":1},{"key":"a","value":2}]`, "! a map has a key twice"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var values []any
			var want []string
			for i := 0; i < len(c.rows); i += 2 {
				values, want = append(values, c.rows[i]), append(want, c.rows[i+1].(string))
			}
			if diff := cmp.Diff(want, convert(t, c.from, c.asked, values...)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Values that JSON has no number for are texts in it, and infinite ones inside of lists do not break it.
func TestNestedFloatsStayJSON(t *testing.T) {
	column := sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.Float64}}}}
	schema, err := sdk.ArrowSchema([]sdk.Column{{Name: "v", Type: column}})
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	list := b.Field(0).(*array.ListBuilder)
	list.Append(true)
	list.ValueBuilder().(*array.Float64Builder).AppendValues([]float64{math.NaN(), math.Inf(-1), math.Inf(1), 1}, nil)
	batch := b.NewRecord()
	defer batch.Release()
	_, casts, err := parquet.Ask([]sdk.Column{{Name: "v", Type: column}}, map[string]sdk.Type{"v": asJSON})
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := casts.Apply(batch)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	if got := out.Column(0).ValueStr(0); got != `["NaN","-Infinity","Infinity",1]` {
		t.Error(got)
	}
}

func TestWhatCannotBeConverted(t *testing.T) {
	list := sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: text}}}
	for _, c := range []struct{ from, asked sdk.Type }{
		{list, sdk.Type{ID: sdk.Int64}}, {list, uuid}, {sdk.Type{ID: sdk.Bool}, sdk.Type{ID: sdk.Int8}},
		{decimalOf(5, 2), sdk.Type{ID: sdk.Float64}}, {sdk.Type{ID: sdk.Int64}, sdk.Type{ID: sdk.Date}}, {utc, sdk.Type{ID: sdk.Time}}, {sdk.Type{ID: sdk.Binary}, asJSON}, {sdk.Type{ID: sdk.Int64}, asJSON},
		{sdk.Type{ID: sdk.Date}, sdk.Type{ID: sdk.Bool}}, {text, list}, {sdk.Type{ID: sdk.Int64}, sdk.Type{ID: sdk.Binary}},
	} {
		_, _, err := parquet.Ask([]sdk.Column{{Name: "v", Type: c.from}}, map[string]sdk.Type{"v": c.asked})
		var none *parquet.Uncastable
		if !errors.As(err, &none) || none.Column != "v" || parquet.Castable(c.from, c.asked) == nil {
			t.Errorf("%s to %s: %v", c.from, c.asked, err)
		}
	}
}

// What is asked for already costs nothing.
func TestEqualTypesAreNotConverted(t *testing.T) {
	for _, c := range []struct{ from, asked sdk.Type }{
		{text, text}, {asJSON, text}, {asJSON, asJSON}, {sdk.Type{ID: sdk.Int8}, sdk.Type{ID: sdk.Int64}}, {sdk.Type{ID: sdk.Uint32}, sdk.Type{ID: sdk.Int64}}, {sdk.Type{ID: sdk.Uint64}, sdk.Type{ID: sdk.Uint64}},
		{sdk.Type{ID: sdk.Float32}, sdk.Type{ID: sdk.Float64}}, {sdk.Type{ID: sdk.Float64}, sdk.Type{ID: sdk.Float32}}, {utc, utc}, {decimalOf(9, 2), decimalOf(9, 2)},
	} {
		if _, casts, err := parquet.Ask([]sdk.Column{{Name: "v", Type: c.from}}, map[string]sdk.Type{"v": c.asked}); casts != nil || err != nil {
			t.Errorf("%s to %s is converted (%v)", c.from, c.asked, err)
		}
	}
}

// A batch that is not what was declared is an error, not a guess.
func TestD5_ConversionOfAnotherTypeIsAnError(t *testing.T) {
	_, casts, err := parquet.Ask([]sdk.Column{{Name: "v", Type: text}}, map[string]sdk.Type{"v": {ID: sdk.Int64}})
	if err != nil {
		t.Fatal(err)
	}
	schema, err := sdk.ArrowSchema([]sdk.Column{{Name: "v", Type: sdk.Type{ID: sdk.Date}}})
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Date32Builder).Append(1)
	batch := b.NewRecord()
	defer batch.Release()
	if _, _, err := casts.Apply(batch); err == nil || !strings.Contains(err.Error(), `column "v"`) {
		t.Errorf("err %v", err)
	}
}

// FuzzAsked holds what texts become against the standard library's own reading of them.
func FuzzAsked(f *testing.F) {
	for _, seed := range []string{"7", "-0017", "1.50", "1e5", "-9223372036854775808", "2024-02-29", "2024-02-29T01:02:03.4+05:30", "0.00000000000000000001", "99999999999999999999999999999999999999", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		if v := convert(t, text, sdk.Type{ID: sdk.Int64}, given)[0]; !strings.HasPrefix(v, "!") {
			if want, err := strconv.ParseInt(given, 10, 64); err != nil || strconv.FormatInt(want, 10) != v {
				t.Errorf("%q as an integer is %s, strconv says %d, %v", given, v, want, err)
			}
		}
		if v := convert(t, text, decimalOf(38, 10), given)[0]; !strings.HasPrefix(v, "!") {
			want, ok := new(big.Rat).SetString(strings.TrimSuffix(given, "."))
			got, _ := new(big.Rat).SetString(v + "e-10")
			if !ok || want.Cmp(got) != 0 {
				t.Errorf("%q as a decimal is %s", given, v)
			}
		}
		if v := convert(t, text, sdk.Type{ID: sdk.Float64}, given)[0]; !strings.HasPrefix(v, "!") {
			if want, err := strconv.ParseFloat(given, 64); err != nil || strconv.FormatFloat(want, 'g', -1, 64) != v {
				t.Errorf("%q as a float is %s", given, v)
			}
		}
		if v := convert(t, text, sdk.Type{ID: sdk.Date}, given)[0]; !strings.HasPrefix(v, "!") && v != given {
			t.Errorf("%q as a date is %s", given, v)
		}
		if v := convert(t, text, utc, given)[0]; !strings.HasPrefix(v, "!") {
			found := false
			for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00"} {
				want, err := time.Parse(layout, strings.Replace(given, " ", "T", 1))
				found = found || err == nil && strconv.FormatInt(want.UnixMicro(), 10) == v
			}
			if !found {
				t.Errorf("%q as a timestamp is %s", given, v)
			}
		}
	})
}

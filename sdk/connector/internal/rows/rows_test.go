package rows_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/rows"
)

type status string

type line struct {
	Name  string            `col:"name"`
	Price *float64          `col:"price"`
	Tags  []string          `col:"tags"`
	More  map[string]int64  `col:"more"`
	Notes []json.RawMessage `col:"-"`
}

type Base struct {
	ID int64 `col:"id,key"`
}

type everything struct {
	Base
	I8     int8              `col:"i8"`
	I16    int16             `col:"i16"`
	I32    int32             `col:"i32"`
	U8     uint8             `col:"u8"`
	U64    uint64            `col:"u64"`
	F32    float32           `col:"f32"`
	F64    float64           `col:"f64"`
	Yes    bool              `col:"yes"`
	Status status            `col:"status"`
	Maybe  *string           `col:"maybe"`
	Bytes  []byte            `col:"bytes"`
	At     time.Time         `col:"at"`
	Exact  *time.Time        `col:"exact"`
	Wall   time.Time         `col:"wall" type:"timestamp"`
	Day    time.Time         `col:"day" type:"date"`
	Clock  time.Time         `col:"clock" type:"time"`
	Offset time.Duration     `col:"offset" type:"time"`
	Money  string            `col:"money" type:"decimal(18,4)"`
	Big    *big.Int          `col:"big" type:"decimal(38,0)"`
	Whole  int64             `col:"whole" type:"decimal(20,2)"`
	IP     netip.Addr        `col:"ip"`
	Raw    any               `col:"raw,json"`
	Text   json.RawMessage   `col:"text,json"`
	Lines  []line            `col:"lines"`
	Grid   [][]int32         `col:"grid"`
	Kinds  map[string]status `col:"kinds"`
	One    line              `col:"one"`
	Skip   chan int
}

// builder makes a Builder on a checked allocator.
func builder(t testing.TB, columns []sdk.Column, key ...string) *rows.Builder {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	b, err := rows.NewBuilder(mem, columns, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Release()
		mem.AssertSize(t, 0)
	})
	return b
}

// texts empties b and writes its rows as JSON objects.
func texts(t testing.TB, b *rows.Builder) []string {
	t.Helper()
	var out []string
	for _, batch := range b.Take() {
		for i := range int(batch.NumRows()) {
			var parts []string
			for c, column := range batch.Columns() {
				value, err := json.Marshal(column.GetOneForMarshal(i))
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, batch.ColumnName(c)+":"+string(value))
			}
			out = append(out, strings.Join(parts, " "))
		}
		batch.Release()
	}
	return out
}

func TestStructsOfEveryType(t *testing.T) {
	shape, err := rows.ShapeOf(reflect.TypeFor[everything]())
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, c := range shape.Columns {
		types = append(types, c.Name+" "+c.Type.String())
	}
	want := []string{"id int64", "i8 int8", "i16 int16", "i32 int32", "u8 uint8", "u64 uint64", "f32 float32", "f64 float64", "yes bool",
		"status string", "maybe string", "bytes binary", "at timestamp(UTC)", "exact timestamp(UTC)", "wall timestamp", "day date", "clock time",
		"offset time", "money decimal(18,4)", "big decimal(38,0)", "whole decimal(20,2)", "ip string", "raw string", "text string",
		"lines list<struct<name:string,price:float64,tags:list<string>,more:map<string,int64>>>", "grid list<list<int32>>",
		"kinds map<string,string>", "one struct<name:string,price:float64,tags:list<string>,more:map<string,int64>>"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	b := builder(t, shape.Columns, shape.Key...)
	if err := b.Bind(shape); err != nil {
		t.Fatal(err)
	}
	text, price, zero := "there", 1.25, time.Time{}
	prague := time.FixedZone("CEST", 7200)
	when := time.Date(2026, 8, 1, 23, 30, 15, 123456789, prague)
	full := everything{
		Base: Base{7}, I8: -128, I16: -5, I32: 6, U8: 255, U64: math.MaxUint64, F32: 0.5, F64: -1.5, Yes: true, Status: "new", Maybe: &text,
		Bytes: []byte{0, 1}, At: when, Exact: &zero, Wall: when, Day: when, Clock: when, Offset: 90 * time.Second,
		Money: "-12.3400", Big: new(big.Int).Exp(big.NewInt(10), big.NewInt(37), nil), Whole: 5, IP: netip.MustParseAddr("10.0.0.1"),
		Raw: map[string]any{"b": 1, "a": []int{1}}, Text: json.RawMessage(`{"n":1e400}`),
		Lines: []line{{Name: "x", Price: &price, Tags: []string{}, More: map[string]int64{"z": 1, "a": 2}}, {}},
		Grid:  [][]int32{{1, 2}, nil, {}}, Kinds: map[string]status{"k": "new"}, One: line{Name: "y"},
	}
	for _, row := range []everything{full, {Money: "0"}} {
		if err := b.AppendStruct(reflect.ValueOf(&row).Elem()); err != nil {
			t.Fatal(err)
		}
	}
	got := texts(t, b)
	if len(got) != 2 {
		t.Fatalf("%d rows", len(got))
	}
	wantRow := `id:7 i8:-128 i16:-5 i32:6 u8:255 u64:18446744073709551615 f32:0.5 f64:-1.5 yes:true status:"new" maybe:"there" bytes:"AAE=" ` +
		`at:"2026-08-01 21:30:15.123456Z" exact:"0001-01-01 00:00:00Z" wall:"2026-08-01 23:30:15.123456Z" day:"2026-08-01" clock:"23:30:15.123456" ` +
		`offset:"00:01:30" money:"-12.34" big:"10000000000000000000000000000000000000" whole:"5" ip:"10.0.0.1" raw:"{\"a\":[1],\"b\":1}" ` +
		`text:"{\"n\":1e400}" lines:[{"more":[{"key":"a","value":2},{"key":"z","value":1}],"name":"x","price":1.25,"tags":[]},` +
		`{"more":null,"name":"","price":null,"tags":null}] grid:[[1,2],null,[]] kinds:[{"key":"k","value":"new"}] ` +
		`one:{"more":null,"name":"y","price":null,"tags":null}`
	if diff := cmp.Diff(wantRow, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, part := range []string{"maybe:null", "bytes:null", "at:null", "exact:null", "big:null", "raw:null", "text:null", "lines:null", "grid:null", "kinds:null"} {
		if !strings.Contains(got[1], part) {
			t.Errorf("%s is not in\n%s", part, got[1])
		}
	}
}

func TestD11_ExtremeValuesAreExact(t *testing.T) {
	columns := []sdk.Column{
		{Name: "f", Type: sdk.Type{ID: sdk.Float64}}, {Name: "t", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
		{Name: "d", Type: sdk.Type{ID: sdk.Date}}, {Name: "n", Type: sdk.Type{ID: sdk.Decimal, Precision: 38, Scale: 10}},
	}
	b := builder(t, columns)
	for _, row := range []map[string]any{
		{"f": math.NaN(), "t": "9999-12-31T23:59:59.999999Z", "d": "9999-12-31", "n": strings.Repeat("9", 28) + ".9999999999"},
		{"f": math.Inf(-1), "t": "0001-01-01T00:00:00Z", "d": "0000-01-01", "n": "-" + strings.Repeat("9", 28) + ".9999999999"},
		{"f": math.Copysign(0, -1), "t": "1969-12-31T23:59:59.999999Z", "d": "1969-12-31", "n": "-0"},
	} {
		if err := b.AppendMap(row); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, batch := range b.Take() {
		for i := range int(batch.NumRows()) {
			var parts []string
			for _, c := range batch.Columns() {
				parts = append(parts, c.ValueStr(i))
			}
			got = append(got, strings.Join(parts, " "))
		}
		batch.Release()
	}
	want := []string{
		"NaN 9999-12-31 23:59:59.999999Z 9999-12-31 " + strings.Repeat("9", 28) + ".9999999999",
		"-Inf 0001-01-01 00:00:00Z 0000-01-01 -" + strings.Repeat("9", 28) + ".9999999999",
		"-0 1969-12-31 23:59:59.999999Z 1969-12-31 0",
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("row %d: got %q, want %q", i, got[i], w)
		}
	}
}

func TestValuesThatDoNotFitAreErrors(t *testing.T) {
	typ := func(id sdk.TypeID) sdk.Type { return sdk.Type{ID: id} }
	for i, tt := range []struct {
		t sdk.Type
		v any
	}{
		{typ(sdk.Int8), 128}, {typ(sdk.Int8), -129}, {typ(sdk.Uint8), -1}, {typ(sdk.Uint64), -1}, {typ(sdk.Int64), uint64(math.MaxInt64 + 1)},
		{typ(sdk.Int64), 1.5}, {typ(sdk.Int64), 1e300}, {typ(sdk.Int64), "7"}, {typ(sdk.Int64), json.Number("1e99")}, {typ(sdk.Int64), math.NaN()},
		{typ(sdk.Int32), json.Number("2147483648")}, {typ(sdk.Float64), "1"}, {typ(sdk.Float64), json.Number("1e400")}, {typ(sdk.Float32), 1e300},
		{typ(sdk.Float64), int64(1<<53 + 1)}, {typ(sdk.Bool), "true"}, {typ(sdk.Bool), 1}, {typ(sdk.String), 1}, {typ(sdk.String), true},
		{typ(sdk.String), map[string]any{}}, {typ(sdk.Binary), 1}, {typ(sdk.Date), "2026-13-01"}, {typ(sdk.Date), 20000},
		{typ(sdk.Time), "25:00:00"}, {typ(sdk.Time), 24 * time.Hour}, {typ(sdk.Timestamp), "now"},
		{sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, "2026-01-01T00:00:00"}, {sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{sdk.Type{ID: sdk.Decimal, Precision: 4, Scale: 2}, "100"}, {sdk.Type{ID: sdk.Decimal, Precision: 4, Scale: 2}, "1.001"},
		{sdk.Type{ID: sdk.Decimal, Precision: 4, Scale: 2}, "x"}, {sdk.Type{ID: sdk.Decimal, Precision: 4, Scale: 2}, "1e999999999"},
		{sdk.Type{ID: sdk.Decimal, Precision: 4, Scale: 2}, ""}, {sdk.Type{ID: sdk.Decimal, Precision: 4, Scale: 2}, "+-1"}, {sdk.Type{ID: sdk.Decimal, Precision: 4, Scale: 2}, "1_0"},
		{sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: typ(sdk.Int64)}}}, []any{1, "x"}},
		{sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: typ(sdk.Int64)}}}, 5},
		{sdk.Type{ID: sdk.Struct, Children: []sdk.Column{{Name: "a", Type: typ(sdk.Int64)}, {Name: "b", Type: typ(sdk.Int64)}}}, map[string]any{"a": "x"}},
		{sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: typ(sdk.String), NotNull: true}, {Name: "value", Type: typ(sdk.Int64)}}}, map[string]any{"k": 1, "l": "x"}},
		{typ(sdk.String), sdk.Secret("x")},
	} {
		b := builder(t, []sdk.Column{{Name: "first", Type: typ(sdk.Int64)}, {Name: "c", Type: tt.t}, {Name: "last", Type: typ(sdk.String)}})
		err := b.AppendMap(map[string]any{"first": 1, "c": tt.v, "last": "x"})
		if err == nil || !strings.Contains(err.Error(), "column c") {
			t.Errorf("%d: %v into %s: got %v, want an error naming the column", i, tt.v, tt.t, err)
		}
		if err := b.AppendMap(map[string]any{"first": 2}); err != nil {
			t.Error(err)
		}
		if got := texts(t, b); len(got) != 1 || !strings.HasPrefix(got[0], "first:2") {
			t.Errorf("%d: after the error the batch has %v", i, got)
		}
	}
}

func TestD20_JSON(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70), `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`,
		`{`, `{"a"`, `{"a":1} 2`, `nope`, ``, `{1:2}`, "\"\x01\"",
	} {
		if v, err := rows.ParseJSON([]byte(text)); err == nil {
			t.Errorf("%.30s: got %v, want an error", text, v)
		}
	}
	v, err := rows.ParseJSON([]byte(`{"n": 1e400, "s": "\ud800", "l": [1.50]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"n": json.Number("1e400"), "s": "\uFFFD", "l": []any{json.Number("1.50")}}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInvalidUTF8IsReplacedAndCounted(t *testing.T) {
	b := builder(t, []sdk.Column{{Name: "s", Type: sdk.Type{ID: sdk.String}}})
	for _, s := range []string{"a\xffb", "ok", "\xc3"} {
		if err := b.AppendMap(map[string]any{"s": s}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]rows.Note{{Column: "s", Code: rows.InvalidUTF8, Count: 2}}, b.Notes()); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`s:"a�b"`, `s:"ok"`, `s:"�"`}, texts(t, b)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestNotesAreBounded(t *testing.T) {
	b := builder(t, []sdk.Column{{Name: "s", Type: sdk.Type{ID: sdk.String}}})
	for i := range 5000 {
		if err := b.AppendMap(map[string]any{fmt.Sprint("x", i): 1}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(b.Notes()); n > 200 {
		t.Errorf("%d notes", n)
	}
	texts(t, b)
}

// FuzzAppendJSON: whatever comes, the builder neither panics nor loses its rectangle, and good rows stay good.
func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{
		`{"i": 1, "s": "a", "l": [{"a": 1}], "m": {"k": "v"}, "d": "1.5", "t": "2026-01-01T00:00:00Z", "j": {"x": [1]}}`,
		`{"i": 1.5}`, `{"l": [{"a": "x"}, 5]}`, `{"m": {"k": 1}}`, `{"l": null, "m": null}`, `{"d": 1e3}`, `{"t": "x"}`, `[]`, `{"i": 1`,
	} {
		f.Add([]byte(seed))
	}
	text := sdk.Type{ID: sdk.String}
	item := sdk.Type{ID: sdk.Struct, Children: []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.Int16}}, {Name: "b", Type: text}}}
	columns := []sdk.Column{
		{Name: "i", Type: sdk.Type{ID: sdk.Int64}}, {Name: "s", Type: text, NotNull: true},
		{Name: "l", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: item}}}},
		{Name: "m", Type: sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: text, NotNull: true}, {Name: "value", Type: text}}}},
		{Name: "d", Type: sdk.Type{ID: sdk.Decimal, Precision: 9, Scale: 3}}, {Name: "t", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
		{Name: "j", Type: sdk.Type{ID: sdk.String, Logical: "json"}},
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := rows.ParseJSON(text)
		object, ok := v.(map[string]any)
		if err != nil || !ok {
			return
		}
		b := builder(t, columns, "i")
		good := 0
		for range 2 {
			if b.AppendMap(object) == nil {
				good++
			}
			if err := b.AppendMap(map[string]any{"i": 7, "s": "ok"}); err != nil {
				t.Fatal(err)
			}
		}
		total := 0
		for _, batch := range b.Take() {
			total += int(batch.NumRows())
			for _, c := range batch.Columns() {
				if c.Len() != int(batch.NumRows()) {
					t.Errorf("a column of %d rows in a batch of %d", c.Len(), batch.NumRows())
				}
			}
			if !arrow.TypeEqual(batch.Column(0).DataType(), arrow.PrimitiveTypes.Int64) {
				t.Error("another type")
			}
			batch.Release()
		}
		if total != good+2 {
			t.Errorf("%d rows, want %d", total, good+2)
		}
	})
}

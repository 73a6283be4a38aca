package parquet_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
)

// allTypes returns columns of every type of the closed list, nested ones included.
func allTypes(r *rand.Rand) []sdk.Column {
	precision := 1 + r.Int32N(38)
	types := []sdk.Type{
		{ID: sdk.Bool}, {ID: sdk.Int8}, {ID: sdk.Int16}, {ID: sdk.Int32}, {ID: sdk.Int64},
		{ID: sdk.Uint8}, {ID: sdk.Uint16}, {ID: sdk.Uint32}, {ID: sdk.Uint64}, {ID: sdk.Float32}, {ID: sdk.Float64},
		{ID: sdk.Decimal, Precision: precision, Scale: r.Int32N(precision + 1)}, {ID: sdk.Decimal, Precision: 38, Scale: 4},
		{ID: sdk.Decimal, Precision: 9, Scale: 2}, {ID: sdk.Decimal, Precision: 18},
		{ID: sdk.String}, {ID: sdk.String, Logical: "json"}, {ID: sdk.Binary}, {ID: sdk.Date}, {ID: sdk.Time},
		{ID: sdk.Timestamp}, {ID: sdk.Timestamp, Zone: "UTC"},
	}
	for range 4 {
		types = append(types, nestedType(r, types, 0))
	}
	var columns []sdk.Column
	for i, t := range types {
		columns = append(columns, sdk.Column{Name: fmt.Sprintf("c%d", i), Type: t})
	}
	return columns
}

func nestedType(r *rand.Rand, plain []sdk.Type, depth int) sdk.Type {
	child := func(name string) sdk.Column {
		if depth < 2 && r.IntN(3) == 0 {
			return sdk.Column{Name: name, Type: nestedType(r, plain, depth+1)}
		}
		return sdk.Column{Name: name, Type: plain[r.IntN(len(plain))]}
	}
	switch r.IntN(3) {
	case 0:
		return sdk.Type{ID: sdk.List, Children: []sdk.Column{child("item")}}
	case 1:
		return sdk.Type{ID: sdk.Struct, Children: []sdk.Column{child("x"), child("y")}}
	}
	return sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: sdk.Type{ID: sdk.String}, NotNull: true}, child("value")}}
}

func randomBatch(t *testing.T, r *rand.Rand, columns []sdk.Column, rows int, withNulls bool) arrow.Record {
	t.Helper()
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range columns {
		dense := !withNulls || r.IntN(4) == 0
		for range rows {
			appendRandom(r, b.Field(i), dense)
		}
	}
	return b.NewRecord()
}

func nulls(t *testing.T, name string, typ arrow.DataType, n int) arrow.Record {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: name, Type: typ, Nullable: true}}, nil)
	return array.NewRecord(schema, []arrow.Array{array.MakeArrayOfNull(memory.DefaultAllocator, typ, n)}, int64(n))
}

func pick[T any](r *rand.Rand, edges ...T) T { return edges[r.IntN(len(edges))] }

func appendRandom(r *rand.Rand, b array.Builder, dense bool) {
	if !dense && r.IntN(5) == 0 {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(r.IntN(2) == 0)
	case *array.Int8Builder:
		b.Append(pick(r, math.MinInt8, math.MaxInt8, 0, int8(r.Int())))
	case *array.Int16Builder:
		b.Append(pick(r, math.MinInt16, math.MaxInt16, 0, int16(r.Int())))
	case *array.Int32Builder:
		b.Append(pick(r, math.MinInt32, math.MaxInt32, 0, int32(r.Int())))
	case *array.Int64Builder:
		b.Append(pick(r, math.MinInt64, math.MaxInt64, 0, int64(r.Uint64())))
	case *array.Uint8Builder:
		b.Append(pick(r, 0, math.MaxUint8, uint8(r.Int())))
	case *array.Uint16Builder:
		b.Append(pick(r, 0, math.MaxUint16, uint16(r.Int())))
	case *array.Uint32Builder:
		b.Append(pick(r, 0, math.MaxUint32, uint32(r.Int())))
	case *array.Uint64Builder:
		b.Append(pick(r, 0, math.MaxUint64, 1<<63, r.Uint64()))
	case *array.Float32Builder:
		b.Append(pick(r, 0, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, math.SmallestNonzeroFloat32, r.Float32()))
	case *array.Float64Builder:
		b.Append(pick(r, 0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, r.NormFloat64()))
	case *array.Decimal128Builder:
		b.Append(randomDecimal(r, b.Type().(*arrow.Decimal128Type).Precision))
	case *array.StringBuilder:
		b.Append(randomText(r))
	case *array.BinaryBuilder:
		b.Append([]byte(pick(r, "", "\x00", "\xff\xfe\x80", strings.Repeat("\xff", 20), randomText(r))))
	case *array.Date32Builder:
		b.Append(pick(r, arrow.Date32(-719162), 2932896, 0, arrow.Date32(r.Int32N(40000)-20000)))
	case *array.Time64Builder:
		b.Append(pick(r, 0, 86_399_999_999, arrow.Time64(r.Int64N(86_400_000_000))))
	case *array.TimestampBuilder:
		b.Append(pick(r, -62135596800000000, 253402300799999999, 0, arrow.Timestamp(r.Int64N(4e15)-2e15)))
	default:
		appendNested(r, b, dense)
	}
}

func appendNested(r *rand.Rand, b array.Builder, dense bool) {
	switch b := b.(type) {
	case *array.ListBuilder:
		b.Append(true)
		for range r.IntN(4) {
			appendRandom(r, b.ValueBuilder(), dense)
		}
	case *array.MapBuilder:
		b.Append(true)
		for i := range r.IntN(4) {
			b.KeyBuilder().(*array.StringBuilder).Append(fmt.Sprint("k", i))
			appendRandom(r, b.ItemBuilder(), dense)
		}
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			appendRandom(r, b.FieldBuilder(i), dense)
		}
	default:
		panic(fmt.Sprintf("no values for %T", b))
	}
}

func randomDecimal(r *rand.Rand, precision int32) decimal128.Num {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	most := new(big.Int).Sub(limit, big.NewInt(1))
	v := new(big.Int).SetBytes([]byte(fmt.Sprint(r.Uint64(), r.Uint64())))
	v.Mod(v, limit)
	switch r.IntN(4) {
	case 0:
		v = most
	case 1:
		v.Neg(most)
	case 2:
		v.Neg(v)
	}
	return decimal128.FromBigInt(v)
}

func randomText(r *rand.Rand) string {
	if r.IntN(2000) == 0 {
		return strings.Repeat("long \u010d ", 1<<17) // 1 MB
	}
	return pick(r, "", "NA", "a\x00b", "příliš žluťoučký kůň úpěl", "\U0001F600\U0010FFFF", "line\nline", fmt.Sprint(r.IntN(20)), fmt.Sprint(r.Uint64()))
}

func plainRows(batch arrow.Record) [][]any {
	rows := make([][]any, batch.NumRows())
	for i := range rows {
		rows[i] = make([]any, batch.NumCols())
		for j, c := range batch.Columns() {
			rows[i][j] = plain(c, i)
		}
	}
	return rows
}

// plain returns a value as it is to be published, in a form that go-cmp compares exactly.
func plain(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Uint8:
		return int64(a.Value(i))
	case *array.Uint16:
		return int64(a.Value(i))
	case *array.Uint32:
		return int64(a.Value(i))
	case *array.Uint64:
		return fmt.Sprint(a.Value(i), "e-0")
	case *array.Float32:
		return plainFloat(float64(a.Value(i)))
	case *array.Float64:
		return plainFloat(a.Value(i))
	case *array.Decimal128:
		return fmt.Sprintf("%se-%d", a.Value(i).BigInt(), a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.String:
		return a.Value(i)
	case *array.Binary:
		return "bytes " + a.ValueString(i)
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Time64:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	}
	return plainNested(a, i)
}

func plainFloat(v float64) any {
	if math.IsNaN(v) {
		return "NaN"
	}
	return math.Float64bits(v)
}

func plainNested(a arrow.Array, i int) any {
	out := []any{}
	switch a := a.(type) {
	case *array.Struct:
		for f := range a.NumField() {
			out = append(out, plain(a.Field(f), i))
		}
	case *array.Map:
		from, to := a.ValueOffsets(i)
		for j := int(from); j < int(to); j++ {
			out = append(out, plain(a.Keys(), j), plain(a.Items(), j))
		}
	case *array.List:
		from, to := a.ValueOffsets(i)
		for j := int(from); j < int(to); j++ {
			out = append(out, plain(a.ListValues(), j))
		}
	default:
		panic(fmt.Sprintf("no plain value of %T", a))
	}
	return out
}

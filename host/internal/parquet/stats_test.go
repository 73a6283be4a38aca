package parquet_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// column builds a batch of one column from plain values; nil is NULL.
func column(t *testing.T, typ sdk.Type, fill func(b array.Builder)) ([]sdk.Column, arrow.Record) {
	t.Helper()
	source := []sdk.Column{{Name: "a", Type: typ}}
	schema, err := sdk.ArrowSchema(source)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	fill(b.Field(0))
	return source, b.NewRecord()
}

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

func TestBoundsAreIcebergsSingleValues(t *testing.T) {
	negativeZero := le64(math.Float64bits(math.Copysign(0, -1)))
	for name, tc := range map[string]struct {
		typ  sdk.Type
		fill func(b array.Builder)
		want parquet.Stats
	}{
		"long": {sdk.Type{ID: sdk.Int8}, func(b array.Builder) {
			b.(*array.Int8Builder).AppendValues([]int8{3, -2, 7}, []bool{true, true, false})
		}, parquet.Stats{Values: 3, Nulls: 1, Lower: le64(1<<64 - 2), Upper: le64(3)}},
		"bool": {sdk.Type{ID: sdk.Bool}, func(b array.Builder) {
			b.(*array.BooleanBuilder).AppendValues([]bool{true, false}, nil)
		}, parquet.Stats{Values: 2, Lower: []byte{0}, Upper: []byte{1}}},
		"date": {sdk.Type{ID: sdk.Date}, func(b array.Builder) {
			b.(*array.Date32Builder).AppendValues([]arrow.Date32{-1, 256}, nil)
		}, parquet.Stats{Values: 2, Lower: []byte{255, 255, 255, 255}, Upper: []byte{0, 1, 0, 0}}},
		"NaN counts and has no order": {sdk.Type{ID: sdk.Float64}, func(b array.Builder) {
			b.(*array.Float64Builder).AppendValues([]float64{math.NaN(), 1, math.Inf(-1)}, nil)
		}, parquet.Stats{Values: 3, NaNs: 1, Lower: le64(math.Float64bits(math.Inf(-1))), Upper: le64(math.Float64bits(1))}},
		"NaN only": {sdk.Type{ID: sdk.Float32}, func(b array.Builder) {
			b.(*array.Float32Builder).AppendValues([]float32{float32(math.NaN())}, nil)
		}, parquet.Stats{Values: 1, NaNs: 1}},
		"zero below is −0": {sdk.Type{ID: sdk.Float64}, func(b array.Builder) {
			b.(*array.Float64Builder).AppendValues([]float64{0, 2}, nil)
		}, parquet.Stats{Values: 2, Lower: negativeZero, Upper: le64(math.Float64bits(2))}},
		"zero above is +0": {sdk.Type{ID: sdk.Float64}, func(b array.Builder) {
			b.(*array.Float64Builder).AppendValues([]float64{math.Copysign(0, -1)}, nil)
		}, parquet.Stats{Values: 1, Lower: negativeZero, Upper: le64(0)}},
		"all NULL": {sdk.Type{ID: sdk.String}, func(b array.Builder) { b.AppendNulls(5) }, parquet.Stats{Values: 5, Nulls: 5}},
		"empty text": {sdk.Type{ID: sdk.String}, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{"b", ""}, nil)
		}, parquet.Stats{Values: 2, Lower: []byte{}, Upper: []byte("b")}},
		"long text is cut and raised": {sdk.Type{ID: sdk.String}, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{strings.Repeat("č", 17), "0123456789abcdefXYZ"}, nil)
		}, parquet.Stats{Values: 2, Lower: []byte("0123456789abcdef"), Upper: []byte(strings.Repeat("č", 15) + "Ď")}},
		"text that cannot be raised": {sdk.Type{ID: sdk.String}, func(b array.Builder) {
			b.(*array.StringBuilder).Append(strings.Repeat("\U0010FFFF", 17))
		}, parquet.Stats{Values: 1, Lower: []byte(strings.Repeat("\U0010FFFF", 16))}},
		"raised over the surrogates": {sdk.Type{ID: sdk.String}, func(b array.Builder) {
			b.(*array.StringBuilder).Append(strings.Repeat("\uD7FF", 17))
		}, parquet.Stats{Values: 1, Lower: []byte(strings.Repeat("\uD7FF", 16)), Upper: []byte(strings.Repeat("\uD7FF", 15) + "\uE000")}},
		"binary": {sdk.Type{ID: sdk.Binary}, func(b array.Builder) {
			b.(*array.BinaryBuilder).AppendValues([][]byte{[]byte("abc"), append([]byte("0123456789abcd"), 0xff, 0xff, 1)}, nil)
		}, parquet.Stats{Values: 2, Lower: append([]byte("0123456789abcd"), 0xff, 0xff), Upper: []byte("abc")}},
		"decimal": {sdk.Type{ID: sdk.Decimal, Precision: 20, Scale: 2}, func(b array.Builder) {
			b.(*array.Decimal128Builder).AppendValues([]decimal128.Num{decimal128.FromI64(-129), decimal128.FromI64(128), decimal128.FromI64(0)}, nil)
		}, parquet.Stats{Values: 3, Lower: []byte{0xff, 0x7f}, Upper: []byte{0, 0x80}}},
		"uint64 is a decimal": {sdk.Type{ID: sdk.Uint64}, func(b array.Builder) {
			b.(*array.Uint64Builder).AppendValues([]uint64{math.MaxUint64, 0}, nil)
		}, parquet.Stats{Values: 2, Lower: []byte{0}, Upper: []byte{0, 255, 255, 255, 255, 255, 255, 255, 255}}},
	} {
		t.Run(name, func(t *testing.T) {
			source, batch := column(t, tc.typ, tc.fill)
			_, file := write(t, assign(t, source), parquet.Options{}, batch)
			got := file.Stats[0]
			if got.Bytes <= 0 || got.Bytes > file.Bytes {
				t.Errorf("%d bytes of %d", got.Bytes, file.Bytes)
			}
			tc.want.ID, tc.want.Bytes = 1, got.Bytes
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNestedLeavesAreCountedWithoutBoundsInLists(t *testing.T) {
	inner := sdk.Type{ID: sdk.Struct, Children: []sdk.Column{{Name: "x", Type: sdk.Type{ID: sdk.Int64}}, {Name: "l", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.Int64}}}}}}}
	source, batch := column(t, inner, func(b array.Builder) {
		s := b.(*array.StructBuilder)
		l := s.FieldBuilder(1).(*array.ListBuilder)
		s.Append(true)
		s.FieldBuilder(0).(*array.Int64Builder).Append(5)
		l.Append(true)
		l.ValueBuilder().(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, []bool{true, false, true})
		s.AppendNull()
		s.Append(true)
		s.FieldBuilder(0).AppendNull()
		l.AppendNull()
	})
	_, file := write(t, assign(t, source), parquet.Options{}, batch)
	want := []parquet.Stats{
		{ID: 2, Values: 3, Nulls: 2, Lower: le64(5), Upper: le64(5)},
		{ID: 4, Values: 3, Nulls: 1},
	}
	for i := range file.Stats {
		file.Stats[i].Bytes = 0
	}
	if diff := cmp.Diff(want, file.Stats); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

// TestBoundsHold checks bounds of text against random values cut in random batches.
func TestBoundsHold(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		source := []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.String}}}
		batch := randomBatch(t, r, source, 1+r.IntN(30), true)
		_, file := write(t, assign(t, source), parquet.Options{}, batch)
		lower, upper := file.Stats[0].Lower, file.Stats[0].Upper
		for _, row := range plainRows(batch) {
			v, ok := row[0].(string)
			if ok && (v < string(lower) || upper != nil && v > string(upper)) {
				t.Errorf("seed %d: %.40q is outside of %q and %q", seed, v, lower, upper)
			}
		}
	}
}

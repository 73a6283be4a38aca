package draft_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
)

// appendKey appends one of a few values of the type, its edges among them.
func appendKey(r *rand.Rand, b array.Builder) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(r.IntN(2) == 0)
	case *array.Int8Builder:
		b.Append(int8(r.IntN(256) - 128))
	case *array.Int64Builder:
		b.Append([]int64{math.MinInt64, -1, 0, 1, math.MaxInt64, r.Int64N(40)}[r.IntN(6)])
	case *array.Uint64Builder:
		b.Append([]uint64{0, math.MaxUint64, 1 << 63, r.Uint64N(40)}[r.IntN(4)])
	case *array.Float64Builder:
		b.Append([]float64{0, math.Inf(1), math.Inf(-1), -1.5, math.NaN(), float64(r.IntN(20))}[r.IntN(6)])
	case *array.Decimal128Builder:
		most := decimal128.GetScaleMultiplier(30)
		b.Append([]decimal128.Num{most, most.Negate(), decimal128.FromI64(-1), decimal128.FromI64(r.Int64N(400) - 200)}[r.IntN(4)])
	case *array.StringBuilder:
		b.Append([]string{"", "a", strings.Repeat("č", 20), strings.Repeat("č", 20) + "a", strings.Repeat("\U0010FFFF", 17), fmt.Sprint("key ", r.IntN(30))}[r.IntN(6)])
	case *array.BinaryBuilder:
		b.Append([]byte([]string{"", "\x00", "\xff", strings.Repeat("\xff", 20), strings.Repeat("\xff", 21), fmt.Sprint(r.IntN(30))}[r.IntN(6)]))
	case *array.Date32Builder:
		b.Append(arrow.Date32(r.Int32N(60) - 30))
	case *array.Time64Builder:
		b.Append(arrow.Time64(r.Int64N(40)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(r.Int64N(60) - 30))
	}
}

// TestEveryTypeCanBeAKey merges runs of few rows into tables of many parts by keys of every type, alone and as the
// second of two, so that a part passed over by its bounds would be seen as a key that stands twice.
func TestEveryTypeCanBeAKey(t *testing.T) {
	for _, typ := range []sdk.Type{
		{ID: sdk.Bool}, {ID: sdk.Int8}, {ID: sdk.Int64}, {ID: sdk.Uint64}, {ID: sdk.Float64}, {ID: sdk.Decimal, Precision: 38, Scale: 3},
		{ID: sdk.String}, {ID: sdk.Binary}, {ID: sdk.Date}, {ID: sdk.Time}, {ID: sdk.Timestamp, Zone: "UTC"},
	} {
		for _, key := range [][]string{{"k"}, {"n", "k"}} {
			t.Run(fmt.Sprint(typ, len(key)), func(t *testing.T) {
				r := rand.New(rand.NewPCG(11, 11))
				columns := []sdk.Column{{Name: "n", Type: sdk.Type{ID: sdk.Int16}}, {Name: "k", Type: typ}, {Name: "v", Type: sdk.Type{ID: sdk.Int32}}}
				x := newTable(t, version.Spec{Mode: version.Merge, Key: key})
				model := map[string]string{}
				for run := range 25 {
					batch := keyedBatch(t, r, columns, 1+r.IntN(8), run)
					for i := range int(batch.NumRows()) {
						cells := []string{batch.Column(0).ValueStr(i), batch.Column(1).ValueStr(i), batch.Column(2).ValueStr(i)}
						model[strings.Join(cells[2-len(key):2], "|")] = cells[2]
					}
					d := x.open(t)
					if err := d.Schema(columns, nil); err != nil {
						t.Fatal(err)
					}
					if err := d.Append("upsert", batch); err != nil {
						t.Fatal(err)
					}
					x.publish(t, d)
				}
				var want, got []string
				for _, v := range model {
					want = append(want, v)
				}
				for _, cells := range x.cells(t, x.now) {
					got = append(got, cells[2])
				}
				slices.Sort(want)
				slices.Sort(got)
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("values (-model +table):\n%s", diff)
				}
			})
		}
	}
}

func keyedBatch(t *testing.T, r *rand.Rand, columns []sdk.Column, rows, run int) arrow.Record {
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int16Builder).Append(int16(r.IntN(3)))
		appendKey(r, b.Field(1))
		b.Field(2).(*array.Int32Builder).Append(int32(run*100 + i))
	}
	return b.NewRecord()
}

// TestNestedRowsMergeUnchanged brings rows with lists, structs and maps again: they are the same rows, and one changed
// deep inside is not.
func TestNestedRowsMergeUnchanged(t *testing.T) {
	text := sdk.Column{Name: "item", Type: sdk.Type{ID: sdk.String}}
	columns := []sdk.Column{
		{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true},
		{Name: "l", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.Struct, Children: []sdk.Column{
			{Name: "x", Type: sdk.Type{ID: sdk.Float32}}, {Name: "tags", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{text}}}}}}}}},
		{Name: "m", Type: sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: sdk.Type{ID: sdk.String}, NotNull: true}, {Name: "value", Type: sdk.Type{ID: sdk.Uint64}}}}},
	}
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		t.Fatal(err)
	}
	nested := newTable(t, version.Spec{Mode: version.Merge})
	run := func(json string) version.Counts {
		batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(json))
		if err != nil {
			t.Fatal(err)
		}
		d := nested.open(t)
		if err := d.Schema(columns, []string{"id"}); err != nil {
			t.Fatal(err)
		}
		if err := d.Append("upsert", batch); err != nil {
			t.Fatal(err)
		}
		c := nested.publish(t, d).Rows
		c.Bytes = 0
		return c
	}
	first := `[{"id":1,"l":[{"x":1.5,"tags":["a",null]},null,{"x":null,"tags":[]}],"m":[{"key":"k","value":18446744073709551615}]},
	           {"id":2,"l":null,"m":null},{"id":3,"l":[],"m":[]},{"id":4,"l":[{"x":0,"tags":null}],"m":null}]`
	for i, tc := range []struct {
		rows string
		want version.Counts
	}{
		{first, version.Counts{Rows: 4, Added: 4}},
		{first, version.Counts{Rows: 4, Unchanged: 4}},
		{strings.Replace(first, `["a",null]`, `["a",""]`, 1), version.Counts{Rows: 4, Updated: 1, Unchanged: 3}},
		{strings.Replace(first, `"id":3,"l":[]`, `"id":3,"l":null`, 1), version.Counts{Rows: 4, Updated: 2, Unchanged: 2}},
		{strings.Replace(first, `"tags":null`, `"tags":[]`, 1), version.Counts{Rows: 4, Updated: 2, Unchanged: 2}},
	} {
		if diff := gocmp.Diff(tc.want, run(tc.rows)); diff != "" {
			t.Errorf("run %d: counts (-want +got):\n%s", i, diff)
		}
	}
}

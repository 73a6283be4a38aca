package merge_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/merge"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

func build(t arrow.DataType, fill func(b array.Builder)) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, t)
	defer b.Release()
	fill(b)
	return b.NewArray()
}

// TestRankOrdersAsValuesDo checks that ranks rise where values do.
func TestRankOrdersAsValuesDo(t *testing.T) {
	for name, rising := range map[string]arrow.Array{
		"long": build(arrow.PrimitiveTypes.Int64, func(b array.Builder) {
			b.AppendNull()
			b.(*array.Int64Builder).AppendValues([]int64{math.MinInt64, -1, 0, 1, math.MaxInt64}, nil)
		}),
		"double": build(arrow.PrimitiveTypes.Float64, func(b array.Builder) {
			b.(*array.Float64Builder).AppendValues([]float64{math.Inf(-1), -2, -1, 0, 1e-300, 3, math.Inf(1), math.NaN()}, nil)
		}),
		"text": build(arrow.BinaryTypes.String, func(b array.Builder) {
			b.AppendNull()
			b.(*array.StringBuilder).AppendValues([]string{"", "\x00", "a", "aa", "b", "č"}, nil)
		}),
		"bool": build(arrow.FixedWidthTypes.Boolean, func(b array.Builder) {
			b.AppendNull()
			b.(*array.BooleanBuilder).AppendValues([]bool{false, true}, nil)
		}),
		"date": build(arrow.FixedWidthTypes.Date32, func(b array.Builder) {
			b.(*array.Date32Builder).AppendValues([]arrow.Date32{-719162, -1, 0, 2932896}, nil)
		}),
		"decimal": build(&arrow.Decimal128Type{Precision: 38}, func(b array.Builder) {
			most := decimal128.GetScaleMultiplier(37)
			b.(*array.Decimal128Builder).AppendValues([]decimal128.Num{most.Negate(), decimal128.FromI64(-1), decimal128.FromI64(0), decimal128.FromU64(math.MaxUint64), most}, nil)
		}),
	} {
		for i := 1; i < rising.Len(); i++ {
			if a, b := merge.Rank(rising, i-1), merge.Rank(rising, i); a >= b {
				t.Errorf("%s: rank %q of %s is not below %q of %s", name, a, rising.ValueStr(i-1), b, rising.ValueStr(i))
			}
		}
	}
	zeros := build(arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).AppendValues([]float64{0, math.Copysign(0, -1)}, nil) })
	if merge.Rank(zeros, 0) != merge.Rank(zeros, 1) {
		t.Error("−0 and 0 have different ranks")
	}
}

func TestHashesTellRowsApart(t *testing.T) {
	a := build(arrow.BinaryTypes.String, func(b array.Builder) {
		b.(*array.StringBuilder).AppendValues([]string{"ab", "a", "", "", "ab"}, []bool{true, true, true, false, true})
	})
	c := build(arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).AppendValues([]string{"", "b", "ab", "ab", ""}, nil) })
	h := merge.NewHasher()
	for i := range 5 {
		for j := range i {
			same := h.Content([]arrow.Array{a, c}, i) == h.Content([]arrow.Array{a, c}, j)
			if same != (i == 4 && j == 0) {
				t.Errorf("rows %d and %d: same %v", j, i, same)
			}
		}
	}
	floats := build(arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).AppendValues([]float64{0, math.Copysign(0, -1)}, nil) })
	if h.Key([]arrow.Array{floats}, 0) != h.Key([]arrow.Array{floats}, 1) {
		t.Error("−0 and 0 are two keys")
	}
	if h.Content([]arrow.Array{floats}, 0) == h.Content([]arrow.Array{floats}, 1) {
		t.Error("−0 and 0 are one content")
	}
}

// TestLogGivesBackWhatItWasGiven compares a log that puts entries aside with one that does not.
func TestLogGivesBackWhatItWasGiven(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	small, large := merge.NewLog(disk.OS{}, filepath.Join(dir, "a", "b"), 7), merge.NewLog(disk.OS{}, dir, 0)
	for i := range int64(1000) {
		e := merge.Entry{Order: i, Place: part.Place{Stream: r.Int32(), Row: r.Int32()}, Delete: r.IntN(2) == 0, Base: r.IntN(4) == 0, Cursor: fmt.Sprint(r.IntN(100))[r.IntN(2):]}
		e.Key[0], e.Key[15], e.Content[3] = byte(r.IntN(20)), byte(r.IntN(3)), byte(i)
		for _, l := range []*merge.Log{small, large} {
			if err := l.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		if i == 500 { // reading in between must not disturb
			if err := small.Each(func(merge.Entry) {}); err != nil {
				t.Fatal(err)
			}
		}
	}
	collect := func(l *merge.Log) [][]merge.Entry {
		var groups [][]merge.Entry
		if err := l.Groups(func(g []merge.Entry) error { groups = append(groups, slices.Clone(g)); return nil }); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(groups, func(a, b []merge.Entry) int { return cmp.Compare(string(a[0].Key[:]), string(b[0].Key[:])) })
		return groups
	}
	want := collect(large)
	if len(want) != 60 || large.Len() != 1000 || small.Len() != 1000 {
		t.Fatalf("%d groups of %d entries", len(want), large.Len())
	}
	for _, g := range want {
		for i := 1; i < len(g); i++ {
			if g[i-1].Base && !g[i].Base || g[i-1].Base == g[i].Base && g[i-1].Order > g[i].Order {
				t.Fatalf("entries stand in the wrong order: %+v", g)
			}
		}
	}
	if diff := gocmp.Diff(want, collect(small)); diff != "" {
		t.Errorf("groups (-in memory +put aside):\n%s", diff)
	}
	if err := small.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "a", "b")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestRowsIsASet(t *testing.T) {
	rows := merge.Rows{}
	for _, row := range []int32{0, 63, 64, 1000} {
		if !rows.Add(3, row) || rows.Add(3, row) {
			t.Errorf("row %d is not new once", row)
		}
	}
	for _, c := range []struct{ first, n, want int64 }{{0, 2000, 4}, {1, 2000, 3}, {63, 1, 1}, {63, 2, 2}, {64, 936, 1}, {64, 937, 2}, {1001, 5, 0}, {5, 0, 0}} {
		if got := rows.Count(3, int32(c.first), c.n); got != c.want {
			t.Errorf("%d of %d rows from %d, want %d", got, c.n, c.first, c.want)
		}
	}
	if rows.Count(4, 0, 99) != 0 || !rows.Has(3, 64) || rows.Has(3, 65) || rows.Has(3, 5000) || rows.Has(2, 0) {
		t.Errorf("set %v", rows)
	}
}

var columns = []parquet.Column{{ID: 1, Name: "id", Type: sdk.Type{ID: sdk.Int64}}}

// published writes parts of consecutive numbers: partition and rows of each.
func published(t *testing.T, root string, sizes map[int][]int) version.Version {
	t.Helper()
	v := version.Version{Table: "shop.orders", Columns: columns, Seq: 1}
	shelf := part.Shelf{FS: disk.OS{}, Files: disk.IO{FS: disk.OS{}, Root: root}, Final: "shop/orders/data", Draft: filepath.Join(root, "drafts", "r")}
	schema, err := parquet.Schema(columns)
	if err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	for _, p := range slices.Sorted(maps(sizes)) {
		for _, n := range sizes[p] {
			w := part.NewWriter(shelf, part.Options{Columns: columns, First: int(next)})
			ids := build(arrow.PrimitiveTypes.Int64, func(b array.Builder) {
				for range n {
					b.(*array.Int64Builder).Append(next)
					next++
				}
			})
			value := int32(p)
			if _, err := w.Write(array.NewRecord(schema, []arrow.Array{ids}, int64(n)), nil, &value); err != nil {
				t.Fatal(err)
			}
			loose, err := w.Finish()
			if err != nil {
				t.Fatal(err)
			}
			placed, err := shelf.Place(context.Background(), loose[0])
			if err != nil {
				t.Fatal(err)
			}
			v.Parts = append(v.Parts, placed)
			v.Rows, v.Bytes = v.Rows+placed.Rows, v.Bytes+placed.Bytes
		}
	}
	return v
}

func maps(m map[int][]int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func ids(t *testing.T, shelf part.Shelf, parts []version.Part) map[int32][]int64 {
	t.Helper()
	out := map[int32][]int64{}
	for _, p := range parts {
		for batch, err := range shelf.Read(context.Background(), p, columns) {
			if err != nil {
				t.Fatal(err)
			}
			out[*p.Partition] = append(out[*p.Partition], batch.Column(0).(*array.Int64).Int64Values()...)
		}
	}
	return out
}

func TestCompactionKeepsRowsAndLeavesBigPartsAlone(t *testing.T) {
	root := t.TempDir()
	many := slices.Repeat([]int{3}, 40)
	v := published(t, root, map[int][]int{1: many, 2: many, 3: {2}})
	v.Parts[5].Bytes = merge.SmallBytes // as if it were large
	shelf := part.Shelf{FS: disk.OS{}, Files: disk.IO{FS: disk.OS{}, Root: root}, Final: "shop/orders/data", Draft: filepath.Join(root, "drafts", "c")}
	big := v.Parts[5]
	change, ok, err := merge.Compact(context.Background(), shelf, v, part.Options{})
	if err != nil || !ok {
		t.Fatalf("ok %v, err %v", ok, err)
	}
	if len(change.Remove) != 79 || len(change.Add) != 2 || change.Rows.Rows != v.Rows {
		t.Errorf("%d parts go, %d come, %d rows; want 79, 2, %d", len(change.Remove), len(change.Add), change.Rows.Rows, v.Rows)
	}
	if slices.Contains(change.Remove, big.Path) || slices.Contains(change.Remove, v.Parts[80].Path) {
		t.Error("a big part, or the only one of its partition, was touched")
	}
	before := v.Parts
	before = slices.Delete(slices.Clone(before), 80, 81)
	before = slices.Delete(before, 5, 6)
	if diff := gocmp.Diff(ids(t, shelf, before), ids(t, shelf, change.Add)); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	v.Parts = v.Parts[:64]
	if _, ok, err := merge.Compact(context.Background(), shelf, v, part.Options{}); ok || err != nil {
		t.Errorf("64 small parts: ok %v, err %v; want nothing done", ok, err)
	}
}

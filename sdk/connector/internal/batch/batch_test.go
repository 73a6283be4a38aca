package batch_test

import (
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/batch"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/rows"
)

// builder makes a Builder on a checked allocator.
func builder(t testing.TB, columns []sdk.Column) *rows.Builder {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	b, err := rows.NewBuilder(mem, columns, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Release()
		mem.AssertSize(t, 0)
	})
	return b
}

func TestSplitAndWithoutLoseNothing(t *testing.T) {
	b := builder(t, []sdk.Column{{Name: "i", Type: sdk.Type{ID: sdk.Int64}}, {Name: "s", Type: sdk.Type{ID: sdk.String}}})
	for i := range 1000 {
		if err := b.AppendMap(map[string]any{"i": i, "s": strings.Repeat("x", i%100)}); err != nil {
			t.Fatal(err)
		}
	}
	batches := b.Take()
	defer batches[0].Release()
	for _, limit := range []int{1, 2000, 5000, 1 << 20} {
		total := int64(0)
		for _, piece := range batch.Split(batches[0], limit) {
			if piece.NumRows() > 1 && batch.Size(piece) > limit {
				t.Errorf("limit %d: a piece of %d", limit, batch.Size(piece))
			}
			total += piece.NumRows()
			piece.Release()
		}
		if total != 1000 {
			t.Errorf("limit %d: %d rows", limit, total)
		}
	}
	for _, left := range [][]int{nil, {0}, {999}, {0, 1, 2, 500, 999}} {
		total := int64(0)
		for _, piece := range batch.Without(batches[0], left) {
			total += piece.NumRows()
			piece.Release()
		}
		if total != int64(1000-len(left)) {
			t.Errorf("without %v: %d rows", left, total)
		}
	}
}

// hashText collects what HashRow writes.
type hashText struct{ strings.Builder }

func (h *hashText) Sum([]byte) []byte { return nil }
func (h *hashText) Size() int         { return 0 }
func (h *hashText) BlockSize() int    { return 1 }

func TestHashRowTellsRowsApart(t *testing.T) {
	list := sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.String}}}}
	b := builder(t, []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.String}}, {Name: "b", Type: sdk.Type{ID: sdk.String}}, {Name: "l", Type: list}, {Name: "f", Type: sdk.Type{ID: sdk.Float64}}})
	for _, row := range []map[string]any{
		{"a": "x", "b": ""}, {"a": "", "b": "x"}, {"a": "x"}, {"a": "xx"}, {"l": []any{"a", "b"}}, {"l": []any{"ab"}}, {"l": []any{}}, {"l": nil},
		{"f": 0.0}, {"f": math.Copysign(0, -1)}, {"f": math.NaN()}, {"l": []any{nil}}, {"l": []any{""}},
	} {
		if err := b.AppendMap(row); err != nil {
			t.Fatal(err)
		}
	}
	record := b.Take()[0]
	defer record.Release()
	seen := map[string]int{}
	for i := range int(record.NumRows()) {
		var h hashText
		batch.HashRow(&h, record, i)
		if other, twice := seen[h.String()]; twice {
			t.Errorf("rows %d and %d write the same", other, i)
		}
		seen[h.String()] = i
		half := record.NewSlice(int64(i), int64(i+1))
		var again hashText
		batch.HashRow(&again, half, 0)
		half.Release()
		if again.String() != h.String() {
			t.Errorf("row %d writes something else in a slice", i)
		}
	}
}

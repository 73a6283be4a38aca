package batch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/batch"
)

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// messageSize is how long the message of record is.
func messageSize(t *testing.T, record arrow.Record) int {
	t.Helper()
	var n counter
	w := ipc.NewWriter(&n, ipc.WithSchema(record.Schema()))
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	before := n
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	return int(n - before)
}

// nested has a column of every kind.
func nested() []sdk.Column {
	text := sdk.Type{ID: sdk.String}
	list := sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: text}}}
	object := sdk.Type{ID: sdk.Struct, Children: []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.Int64}}, {Name: "l", Type: list}}}
	return []sdk.Column{
		{Name: "i", Type: sdk.Type{ID: sdk.Int64}}, {Name: "y", Type: sdk.Type{ID: sdk.Bool}}, {Name: "s", Type: text},
		{Name: "b", Type: sdk.Type{ID: sdk.Binary}}, {Name: "l", Type: list}, {Name: "o", Type: object},
		{Name: "m", Type: sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: text, NotNull: true}, {Name: "value", Type: object}}}},
	}
}

func TestSizeIsNeverBelowTheTruth(t *testing.T) {
	b := builder(t, nested())
	for i := range 300 {
		object := map[string]any{"a": i, "l": []any{"x", strings.Repeat("y", i)}}
		row := map[string]any{"i": i, "y": true, "s": strings.Repeat("s", i), "b": []byte{1, 2}, "l": []any{"a", nil, "c"}, "o": object,
			"m": map[string]any{"k": object, fmt.Sprint(i): nil}}
		if i%7 == 0 {
			row = map[string]any{"i": i}
		}
		if err := b.AppendMap(row); err != nil {
			t.Fatal(err)
		}
	}
	record := b.Take()[0]
	defer record.Release()
	for _, cut := range [][2]int64{{0, 300}, {0, 1}, {7, 8}, {100, 250}, {299, 300}} {
		piece := record.NewSlice(cut[0], cut[1])
		size, truth := batch.Size(piece), messageSize(t, piece)
		if size < truth || size > 2*truth+20_000 {
			t.Errorf("rows %v: estimated %d, in truth %d", cut, size, truth)
		}
		piece.Release()
	}
}

func TestPlacesAreNamed(t *testing.T) {
	b := builder(t, nested())
	for _, s := range []string{"a", strings.Repeat("x", 100), "line\nbreak"} {
		if err := b.AppendMap(map[string]any{"i": 1, "s": s, "b": []byte(s)}); err != nil {
			t.Fatal(err)
		}
	}
	record := b.Take()[0]
	defer record.Release()
	if column, row, found := batch.LargeField(record, 50); !found || column != 2 || row != 1 {
		t.Errorf("got column %d, row %d, %t", column, row, found)
	}
	if _, _, found := batch.LargeField(record, 100); found {
		t.Error("a value at the limit is too large")
	}
	for want, at := range map[string]struct {
		key []int
		row int
	}{
		"1 of the batch":                     {nil, 0},
		"i=1,s=a":                            {[]int{0, 2}, 0},
		"s=line break":                       {[]int{2}, 2},
		"i=1,l":                              {[]int{0, 4}, 0},
		"s=" + strings.Repeat("x", 60) + "…": {[]int{2}, 1},
	} {
		if got := batch.KeyOf(record, at.key, at.row); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

package part_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

var source = []sdk.Column{
	{Name: "n", Type: sdk.Type{ID: sdk.Int64}}, {Name: "b", Type: sdk.Type{ID: sdk.Bool}}, {Name: "s", Type: sdk.Type{ID: sdk.String}},
	{Name: "d", Type: sdk.Type{ID: sdk.Decimal, Precision: 30, Scale: 3}},
	{Name: "l", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.String}}}}},
	{Name: "st", Type: sdk.Type{ID: sdk.Struct, Children: []sdk.Column{{Name: "x", Type: sdk.Type{ID: sdk.Binary}}, {Name: "y", Type: sdk.Type{ID: sdk.Bool}}}}},
	{Name: "m", Type: sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: sdk.Type{ID: sdk.String}, NotNull: true}, {Name: "value", Type: sdk.Type{ID: sdk.Date}}}}},
}

// randomBatch builds rows from JSON, which arrow's builders read.
func randomBatch(t *testing.T, r *rand.Rand, rows int) ([]parquet.Column, arrow.Record) {
	t.Helper()
	columns, _, _, err := parquet.Assign(source, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := parquet.Schema(columns)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range rows {
		cells := []string{
			fmt.Sprintf(`"n":%d`, i), fmt.Sprintf(`"b":%v`, r.IntN(2) == 0), fmt.Sprintf(`"s":"text %d"`, r.IntN(50)), fmt.Sprintf(`"d":"%d.125"`, r.Int32()),
			fmt.Sprintf(`"l":[%s]`, strings.Join(slices.Repeat([]string{`"item"`, `null`}, r.IntN(3)), ",")),
			fmt.Sprintf(`"st":{"x":"AAEC","y":%v}`, r.IntN(2) == 0), fmt.Sprintf(`"m":[{"key":"k","value":"20%02d-01-01"}]`, r.IntN(100)),
		}
		for j := range cells[1:] {
			if r.IntN(4) == 0 {
				name, _, _ := strings.Cut(cells[j+1], ":")
				cells[j+1] = name + ":null"
			}
		}
		lines = append(lines, "{"+strings.Join(cells, ",")+"}")
	}
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("["+strings.Join(lines, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return columns, batch
}

func texts(batch arrow.Record) []string {
	var out []string
	for i := range int(batch.NumRows()) {
		line := ""
		for _, c := range batch.Columns() {
			line += c.ValueStr(i) + "|"
		}
		out = append(out, line)
	}
	return out
}

func TestTakeGivesTheRowsAskedFor(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		_, whole := randomBatch(t, r, 1+r.IntN(50))
		from := r.Int64N(whole.NumRows())
		batch := whole.NewSlice(from, from+1+r.Int64N(whole.NumRows()-from))
		all := texts(batch)
		var rows []int
		want := []string{}
		for range r.IntN(60) {
			rows = append(rows, r.IntN(len(all)))
			if seed%3 == 0 {
				slices.Sort(rows)
				rows = slices.Compact(rows)
			}
		}
		for _, i := range rows {
			want = append(want, all[i])
		}
		taken, err := part.Take(batch, rows)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, append([]string{}, texts(taken)...)); diff != "" {
			t.Fatalf("seed %d, rows %v (-want +taken):\n%s", seed, rows, diff)
		}
	}
}

type observed struct{ lines []string }

func (o *observed) Begin(table sdk.TableName, no int) {
	o.lines = append(o.lines, fmt.Sprint("begin ", table, no))
}
func (o *observed) Batch(no int, batch arrow.Record) {
	o.lines = append(o.lines, fmt.Sprint("batch ", no, batch.NumRows()))
}
func (o *observed) Close(no int, sha256 string, rows, bytes int64) {
	o.lines = append(o.lines, fmt.Sprint("close ", no, len(sha256), rows, bytes > 0))
}

var _ version.Observer = (*observed)(nil)

func TestWriterRollsAndTellsPlaces(t *testing.T) {
	root := t.TempDir()
	shelf := part.Shelf{FS: disk.OS{}, Files: disk.IO{FS: disk.OS{}, Root: root}, Final: "shop/orders/data", Draft: filepath.Join(root, "drafts", "r")}
	columns, batch := randomBatch(t, rand.New(rand.NewPCG(1, 1)), 10)
	o := &observed{}
	w := part.NewWriter(shelf, part.Options{Table: "shop.orders", Columns: columns, Observer: o, Roll: recordBytes(t, columns, batch) + 1, First: 5})
	var places []part.Place
	for range 3 {
		at, err := w.Write(batch, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, at)
	}
	loose, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]part.Place{{5, 0}, {5, 10}, {5, 20}}, places); diff != "" || len(loose) != 2 || w.Next() != 7 {
		t.Errorf("%d parts, next %d, places (-want +got):\n%s", len(loose), w.Next(), diff)
	}
	want := []string{"begin shop.orders5", "batch 5 10", "batch 5 10", "close 5 64 20 true", "begin shop.orders6", "batch 6 10", "close 6 64 10 true"}
	if diff := gocmp.Diff(want, o.lines); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	placed, err := shelf.Place(context.Background(), loose[0])
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(root, "shop/orders/data", placed.SHA256+".parquet"))
	if err != nil || info.Mode().Perm() != 0o444 || info.Size() != placed.Bytes {
		t.Errorf("%v, %v", info, err)
	}
	if err := w.Abort(); err == nil {
		t.Error("abort removed a part that was placed") // its temporary name is gone
	}
}

// recordBytes asks a writer how much it holds after one batch.
func recordBytes(t *testing.T, columns []parquet.Column, batch arrow.Record) int64 {
	t.Helper()
	w, err := parquet.New(&strings.Builder{}, columns, nil, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	pending, written := w.Buffered()
	return pending + written
}

func TestManyPartitionsKeepFewPartsOpen(t *testing.T) {
	root := t.TempDir()
	shelf := part.Shelf{FS: disk.OS{}, Files: disk.IO{FS: disk.OS{}, Root: root}, Final: "data", Draft: filepath.Join(root, "drafts")}
	columns, batch := randomBatch(t, rand.New(rand.NewPCG(1, 1)), 3)
	o := &observed{}
	w := part.NewWriter(shelf, part.Options{Table: "a.b", Columns: columns, Observer: o, Waiting: 1})
	for i := range int32(part.OpenParts * 2) {
		if _, err := w.Write(batch, nil, &i); err != nil {
			t.Fatal(err)
		}
	}
	open := 0
	for _, l := range o.lines {
		switch {
		case strings.HasPrefix(l, "begin"):
			open++
		case strings.HasPrefix(l, "close"):
			open--
		}
	}
	if open != part.OpenParts {
		t.Errorf("%d parts are open, want %d", open, part.OpenParts)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(shelf.Draft); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestReadRefusesAFileOfAnotherSize(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "x.parquet"), []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	shelf := part.Shelf{FS: disk.OS{}, Files: disk.IO{FS: disk.OS{}, Root: root}}
	columns, _ := randomBatch(t, rand.New(rand.NewPCG(1, 1)), 1)
	for name, p := range map[string]version.Part{"size": {Path: "x.parquet", Bytes: 5}, "absent": {Path: "y.parquet"}, "not Parquet": {Path: "x.parquet", Bytes: 4}} {
		failed := false
		for _, err := range shelf.Read(context.Background(), p, columns) {
			failed = err != nil
		}
		if !failed {
			t.Errorf("%s: no error", name)
		}
	}
}

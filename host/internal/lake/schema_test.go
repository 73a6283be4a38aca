package lake_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// I5: a column that comes later is NULL in the rows before it, for every reader; a column that stays away stays; field
// ids are never used again, rollback included; a changed type changes nothing.
func TestI5_SchemaEvolves(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "append"), "c1", rows(0, 3)...)

	wider := append(columns[:3:3], sdk.Column{Name: "note", Type: sdk.Type{ID: sdk.String}})
	d := w.draft(t, "run-2", spec(orders, "append"))
	must(t, d.Schema(orders, wider, nil))
	schema, err := sdk.ArrowSchema(wider)
	must(t, err)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(3)
	b.Field(1).(*array.StringBuilder).Append("row 3")
	b.Field(2).AppendNull()
	b.Field(3).(*array.StringBuilder).Append("late")
	late := b.NewRecord()
	defer late.Release()
	must(t, d.Append(orders, "append", late))
	p, err := d.Publish(ctx, true)
	must(t, err)
	must(t, d.Discard())
	if p.Seq != 2 || p.Tables[0].Rows != 4 {
		t.Fatalf("publication %+v", p)
	}
	if diff := cmp.Diff(rows(0, 4), scan(t, w, orders), cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("iceberg-go (-want +got):\n%s", diff)
	}
	if got := notes(t, w); got != "0:NULL 1:NULL 2:NULL 3:late" {
		t.Errorf("DuckDB by field id: %s", got)
	}

	w.sync(t, "run-3", spec(orders, "append"), "c3", rows(4, 5)...) // without the new column
	v, err := w.Current(ctx, orders)
	must(t, err)
	if len(v.Columns) != 4 || v.Columns[3].ID != 4 {
		t.Errorf("columns %+v", v.Columns)
	}
	if _, err := w.Rollback(ctx, 1); err != nil {
		t.Fatal(err)
	}
	v, err = w.Current(ctx, orders)
	must(t, err)
	if len(v.Columns) != 3 || v.LastID != 4 || v.Rows != 3 {
		t.Errorf("rolled back: %d columns, last id %d, %d rows", len(v.Columns), v.LastID, v.Rows)
	}
	d = w.draft(t, "run-4", spec(orders, "append"))
	must(t, d.Schema(orders, append(columns[:3:3], sdk.Column{Name: "note", Type: sdk.Type{ID: sdk.Bool}}), nil))
	if _, err = d.Publish(ctx, true); err != nil {
		t.Fatal(err)
	}
	must(t, d.Discard())
	v, err = w.Current(ctx, orders)
	must(t, err)
	if len(v.Columns) != 4 || v.Columns[3].ID != 5 {
		t.Errorf("the column came back as %+v", v.Columns[3])
	}
	d = w.draft(t, "run-5", spec(orders, "append"))
	if err := d.Schema(orders, []sdk.Column{{Name: "id", Type: sdk.Type{ID: sdk.String}}}, nil); fault.CodeOf(err) != fault.Data {
		t.Errorf("a changed type: %v", err)
	}
}

// notes reads id and note with DuckDB as the analyst's program does: by field id.
func notes(t *testing.T, w *world) string {
	t.Helper()
	v, err := w.Current(context.Background(), orders)
	must(t, err)
	var parts, fields []string
	for _, p := range v.Parts {
		parts = append(parts, "'"+w.local(t, p)+"'")
	}
	types := map[sdk.TypeID]string{sdk.Int64: "BIGINT", sdk.String: "VARCHAR", sdk.Timestamp: "TIMESTAMPTZ"}
	for _, c := range v.Columns {
		fields = append(fields, fmt.Sprintf("%d: {name: '%s', type: '%s', default_value: NULL}", c.ID, c.Name, types[c.Type.ID]))
	}
	db, err := sql.Open("duckdb", "")
	must(t, err)
	defer db.Close()
	found, err := db.Query(fmt.Sprintf("SELECT id || ':' || coalesce(note, 'NULL') FROM read_parquet([%s], schema=MAP {%s}) ORDER BY id", strings.Join(parts, ","), strings.Join(fields, ",")))
	must(t, err)
	defer found.Close()
	var all []string
	for found.Next() {
		var s string
		must(t, found.Scan(&s))
		all = append(all, s)
	}
	must(t, found.Err())
	return strings.Join(all, " ")
}

// BenchmarkPublish is one part into one table, and into six of one set, each with a hundred snapshots.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 6} {
		b.Run(fmt.Sprint(n, " tables"), func(b *testing.B) {
			w := newWorld(b)
			i := 0
			for ; i < 100; i++ {
				w.publishMany(b, n, i, func() {}, func() {})
			}
			for b.Loop() {
				b.StopTimer()
				w.publishMany(b, n, i, b.StartTimer, b.StopTimer)
				b.StartTimer()
				i++
			}
		})
	}
}

func (w *world) publishMany(b *testing.B, tables, i int, begin, end func()) {
	b.Helper()
	specs := make([]lake.Spec, tables)
	for t := range specs {
		specs[t] = spec(sdk.TableName(fmt.Sprint("shop.t", t)), "append")
		specs[t].Root = t == 0
	}
	d, err := w.Draft(context.Background(), lake.RunInfo{ID: fmt.Sprint("run-", i), Holder: "bench"}, specs)
	must(b, err)
	for _, s := range specs {
		deliver(b, d, s.Name, "append", rows(int64(i), int64(i+1))...)
	}
	begin()
	_, err = d.Publish(context.Background(), true)
	end()
	must(b, err)
	must(b, d.Discard())
}

package lake_test

import (
	"context"
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	icetable "github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/sdk"

	iceio "github.com/apache/iceberg-go/io"
)

// scan reads a table with iceberg-go's own scan, by nothing but its metadata file.
func scan(t testing.TB, w *world, name sdk.TableName) []row {
	t.Helper()
	ctx := context.Background()
	v, err := w.Current(ctx, name)
	must(t, err)
	files := func(context.Context) (iceio.IO, error) { return w.depot(t), nil }
	tbl, err := icetable.NewFromLocation(ctx, icetable.Identifier{name.Namespace(), name.Table()}, v.Metadata, files, nil)
	must(t, err)
	result, err := tbl.Scan(icetable.WithSelectedFields("id", "name", "at")).ToArrowTable(ctx)
	must(t, err)
	defer result.Release()
	var out []row
	reader := array.NewTableReader(result, 1024)
	defer reader.Release()
	for reader.Next() {
		b := reader.RecordBatch()
		for i := range int(b.NumRows()) {
			r := row{id: b.Column(0).(*array.Int64).Value(i), name: b.Column(1).ValueStr(i)}
			if b.Column(2).IsValid(i) {
				r.at = time.UnixMicro(int64(b.Column(2).(*array.Timestamp).Value(i))).UTC()
			}
			out = append(out, r)
		}
	}
	return sorted(out)
}

// duckdb reads a table's parts with DuckDB.
func duckdb(t testing.TB, w *world, name sdk.TableName) []row {
	t.Helper()
	v, err := w.Current(context.Background(), name)
	must(t, err)
	var parts []string
	for _, p := range v.Parts {
		parts = append(parts, "'"+w.local(t, p)+"'")
	}
	db, err := sql.Open("duckdb", "")
	must(t, err)
	defer db.Close()
	found, err := db.Query(fmt.Sprintf(`SELECT id, name, epoch_us("at") FROM read_parquet([%s], union_by_name=true)`, strings.Join(parts, ",")))
	must(t, err)
	defer found.Close()
	var out []row
	for found.Next() {
		var r row
		var us sql.NullInt64
		must(t, found.Scan(&r.id, &r.name, &us))
		if us.Valid {
			r.at = time.UnixMicro(us.Int64).UTC()
		}
		out = append(out, r)
	}
	must(t, found.Err())
	return sorted(out)
}

func sorted(rows []row) []row {
	sort.Slice(rows, func(i, j int) bool {
		if rows[i].id != rows[j].id {
			return rows[i].id < rows[j].id
		}
		return rows[i].name < rows[j].name
	})
	return rows
}

// Independent readers see the same rows after every kind of write.
func TestReadersAgree(t *testing.T) {
	w := newWorld(t)
	day := func(n int) time.Time { return time.Date(2026, 1, n, 10, 0, 0, 0, time.UTC) }
	partitioned := spec(orders, "merge")
	partitioned.Partition = partition("at", "day")
	want := map[int64]row{}
	for i := range 8 {
		var delivered []row
		for j := range 40 {
			r := row{id: int64((i*13 + j*7) % 90), name: fmt.Sprint("run ", i), at: day(1 + (i+j)%9)}
			if _, twice := want[r.id]; twice && want[r.id].name == r.name {
				continue
			}
			want[r.id] = r
			delivered = append(delivered, r)
		}
		w.sync(t, fmt.Sprint("run-", i), partitioned, fmt.Sprint("c", i), delivered...)
		var expected []row
		for _, r := range want {
			expected = append(expected, r)
		}
		expected = sorted(expected)
		if diff := cmp.Diff(expected, scan(t, w, orders), cmp.AllowUnexported(row{})); diff != "" {
			t.Fatalf("run %d, iceberg-go (-want +got):\n%s", i, diff)
		}
		if diff := cmp.Diff(expected, duckdb(t, w, orders), cmp.AllowUnexported(row{})); diff != "" {
			t.Fatalf("run %d, DuckDB (-want +got):\n%s", i, diff)
		}
	}
}

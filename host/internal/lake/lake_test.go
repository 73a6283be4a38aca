package lake_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"gocloud.dev/blob"
	_ "modernc.org/sqlite"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
)

const (
	orders = sdk.TableName("shop.orders")
	items  = sdk.TableName("shop.items")
)

var columns = []sdk.Column{
	{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true},
	{Name: "name", Type: sdk.Type{ID: sdk.String}},
	{Name: "at", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
}

// world is a lake with its database, and the clock of both.
type world struct {
	*lake.Lake
	options lake.Options
	now     time.Time
	bucket  *blob.Bucket // in which the lake lies; nil = in a folder
}

// newWorld opens an empty lake: on SQLite, or on Postgres where TEST_PG_URL names a server and the test is not below
// TestOnSQLite; in a folder, or below TestInBucket in an object store.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.options = lake.Options{Dir: filepath.Join(t.TempDir(), "lake"), Dialect: "sqlite", Exclusive: true, Now: func() time.Time { return w.now }}
	w.newDatabase(t)
	if inBucket(t) {
		w.settle(t, bucketURL(t))
		t.Cleanup(func() { w.clear(t) })
	}
	w.open(t)
	return w
}

func (w *world) newDatabase(t testing.TB) {
	t.Helper()
	if url := os.Getenv("TEST_PG_URL"); url != "" && !strings.HasPrefix(t.Name(), "TestOnSQLite/") {
		w.options.Dialect, w.options.DB = "postgres", openPostgres(t, url)
		return
	}
	w.options.DB = openSQLite(t, filepath.Join(t.TempDir(), "broker.db"))
}

func (w *world) open(t testing.TB) {
	t.Helper()
	opened, err := lake.Open(context.Background(), w.options)
	if err != nil {
		t.Fatal(err)
	}
	w.Lake = opened
	t.Cleanup(func() { opened.Close() })
}

func openSQLite(t testing.TB, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	migrate(t, db, "sqlite", goose.DialectSQLite3)
	return db
}

func openPostgres(t testing.TB, url string) *sql.DB {
	t.Helper()
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	schema := "lake_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	db, err := sql.Open("pgx", url+separator+"search_path="+schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	migrate(t, db, "postgres", goose.DialectPostgres)
	return db
}

func migrate(t testing.TB, db *sql.DB, dialect string, d goose.Dialect) {
	t.Helper()
	migrations, err := lake.Migrations(dialect)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(d, db, migrations, goose.WithTableName(lake.MigrationTable))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// row is one row of the test tables; a zero at is NULL.
type row struct {
	id   int64
	name string
	at   time.Time
}

func rows(from, to int64) []row {
	var out []row
	for i := from; i < to; i++ {
		out = append(out, row{id: i, name: fmt.Sprint("row ", i)})
	}
	return out
}

func batch(t testing.TB, rows ...row) arrow.Record {
	t.Helper()
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		t.Fatal(err)
	}
	return record(schema, rows...)
}

func record(schema *arrow.Schema, rows ...row) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.id)
		b.Field(1).(*array.StringBuilder).Append(r.name)
		if r.at.IsZero() {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(r.at.UnixMicro()))
		}
	}
	return b.NewRecord()
}

func spec(name sdk.TableName, mode string) lake.Spec {
	s := lake.Spec{Name: name, Root: true, Source: "demo", Stream: name.Table(), Strategy: sdk.FullRefresh, Policy: "evolve"}
	switch mode {
	case "replace":
		s.Mode = "replace"
	case "append":
		s.Mode, s.Strategy = "append", sdk.Incremental
	case "merge":
		s.Mode, s.Strategy, s.Key = "merge", sdk.Incremental, []string{"id"}
	}
	return s
}

func (w *world) draft(t testing.TB, run string, specs ...lake.Spec) *lake.Draft {
	t.Helper()
	d, err := w.Draft(context.Background(), lake.RunInfo{ID: run, Holder: "test"}, specs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Discard(); err != nil {
			t.Errorf("discard: %v", err)
		}
	})
	return d
}

// deliver sends rows of one table as a whole delivery.
func deliver(t testing.TB, d *lake.Draft, name sdk.TableName, op string, rows ...row) {
	t.Helper()
	must(t, d.Schema(name, columns, nil))
	must(t, d.Boundary(name, false))
	if len(rows) > 0 {
		b := batch(t, rows...)
		defer b.Release()
		must(t, d.Append(name, op, b))
	}
	must(t, d.Boundary(name, true))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sync makes one run of one table with a cursor and returns its publication.
func (w *world) sync(t testing.TB, run string, s lake.Spec, cursor string, rows ...row) lake.Publication {
	t.Helper()
	d := w.draft(t, run, s)
	op := "append"
	if s.Mode == "merge" {
		op = "upsert"
	}
	deliver(t, d, s.Name, op, rows...)
	if cursor != "" {
		must(t, d.Checkpoint(at(cursor), cursor))
	}
	p, err := d.Publish(context.Background(), true)
	must(t, err)
	must(t, d.Discard())
	return p
}

func at(position string) sdk.Cursor { return sdk.Cursor{Version: 1, Data: []byte(position)} }

func partition(column, granularity string) *lake.Partition {
	return &lake.Partition{Column: column, Granularity: granularity}
}

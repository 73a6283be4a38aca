package publish_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/publish"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

var wire = []sdk.Column{
	{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true},
	{Name: "name", Type: sdk.Type{ID: sdk.String}},
}

// world is a publisher over a lake on disk.
type world struct {
	*publish.Publisher
	now time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "broker.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, catalog.Migrations())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(context.Background()); err != nil {
		t.Fatal(err)
	}
	files := disk.IO{FS: disk.OS{}, Root: t.TempDir()}
	w := &world{now: time.Now()}
	clock := func() time.Time { return w.now }
	c := &catalog.Catalog{DB: db, IO: files, Root: strings.TrimRight(files.URL(""), "/"), Now: clock}
	w.Publisher = &publish.Publisher{Catalog: c, Files: files, Now: clock}
	return w
}

// part writes ids [from, to) as one part of a table.
func (w *world) part(t testing.TB, name sdk.TableName, columns []parquet.Column, from, to int64) version.Part {
	t.Helper()
	schema, err := parquet.Schema(columns)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := from; i < to; i++ {
		b.Field(0).(*array.Int64Builder).Append(i)
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("row ", i))
		for _, more := range b.Fields()[2:] {
			more.AppendNull()
		}
	}
	batch := b.NewRecord()
	defer batch.Release()
	folder := filepath.Join(w.Files.(disk.IO).Root, name.Namespace(), name.Table(), "data")
	if err := disk.MkdirAll(disk.OS{}, folder); err != nil {
		t.Fatal(err)
	}
	out, err := disk.Create(disk.OS{}, filepath.Join(folder, "making"))
	if err != nil {
		t.Fatal(err)
	}
	writer, err := parquet.New(out, columns, nil, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if to > from {
		if err := writer.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	file, err := writer.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(name.Namespace(), name.Table(), "data", file.SHA256+".parquet")
	if err := disk.Place(disk.OS{}, filepath.Join(folder, "making"), filepath.Join(w.Files.(disk.IO).Root, path)); err != nil {
		t.Fatal(err)
	}
	return version.Part{Path: path, SHA256: file.SHA256, Bytes: file.Bytes, Rows: file.Rows, Stats: file.Stats, Splits: file.Splits}
}

func (w *world) change(t testing.TB, name sdk.TableName, mode version.WriteMode, parts ...version.Part) version.Change {
	t.Helper()
	base, err := w.Current(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	columns, last, changed, err := parquet.Assign(wire, base.Columns, base.LastID)
	if err != nil {
		t.Fatal(err)
	}
	c := version.Change{Spec: version.Spec{Name: name, Root: true, Source: "demo", Stream: "orders", Strategy: sdk.FullRefresh, Mode: mode, Key: []string{"id"}},
		Base: base, Columns: columns, LastID: last, Schema: changed, Add: parts, Replace: mode == version.Replace}
	if c.Replace {
		for _, p := range parts {
			c.Content += p.SHA256
		}
	}
	return c
}

func (w *world) publish(t testing.TB, set publish.Set) publish.Result {
	t.Helper()
	result, err := w.Publish(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func columns(t testing.TB) []parquet.Column {
	t.Helper()
	c, _, _, err := parquet.Assign(wire, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const orders = sdk.TableName("shop.orders")

func TestReplaceIsPublishedWithItsCursor(t *testing.T) {
	w := newWorld(t)
	first := w.part(t, orders, columns(t), 0, 100)
	cursor := sdk.Cursor{Version: 1, Data: []byte("at 100"), Human: "up to 100"}
	got := w.publish(t, publish.Set{RunID: "r1", Root: orders, Changes: []version.Change{w.change(t, orders, version.Replace, first)},
		Cursors: map[sdk.TableName]sdk.Cursor{orders: cursor}, Watermark: "100"})
	if got.Seq != 1 || !got.Changed[orders] {
		t.Fatalf("seq %d, changed %v", got.Seq, got.Changed)
	}
	v := got.Versions[orders]
	want := version.Version{Table: orders, ID: v.ID, Seq: 1, Snapshot: v.Snapshot, Columns: columns(t), LastID: 2, Key: []string{"id"}, Parts: []version.Part{first},
		Rows: 100, Bytes: first.Bytes, Cursor: cursor, Content: first.SHA256, Location: w.Files.URL("shop/orders"), Metadata: v.Metadata,
		RunID: "r1", Published: w.now.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano), Props: v.Props,
		Source: "demo", Stream: "orders", Strategy: sdk.FullRefresh, Watermark: "100"}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("version (-want +got):\n%s", diff)
	}

	// The same rows again: no generation. Only the cursor: a snapshot, no generation.
	got = w.publish(t, publish.Set{RunID: "r2", Root: orders, Changes: []version.Change{w.change(t, orders, version.Replace, first)}})
	if got.Seq != 0 || len(got.Changed) != 0 || got.Versions[orders].Snapshot != v.Snapshot {
		t.Errorf("unchanged: seq %d, changed %v", got.Seq, got.Changed)
	}
	moved := sdk.Cursor{Version: 1, Data: []byte("at 100 still")}
	got = w.publish(t, publish.Set{RunID: "r3", Root: orders, Changes: []version.Change{w.change(t, orders, version.Replace, first)},
		Cursors: map[sdk.TableName]sdk.Cursor{orders: moved}})
	after := got.Versions[orders]
	if got.Seq != 0 || after.Snapshot == v.Snapshot || after.Seq != 1 || after.Rows != 100 || after.Content != first.SHA256 {
		t.Errorf("cursor only: %+v", got)
	}
	if diff := cmp.Diff(moved, after.Cursor); diff != "" {
		t.Errorf("cursor (-want +got):\n%s", diff)
	}
	seq, err := w.Catalog.Seq(context.Background())
	if err != nil || seq != 1 {
		t.Errorf("newest generation %d, %v", seq, err)
	}
}

// The same part twice would be the same rows twice, or once, depending on the reader.
func TestPartStandsOnce(t *testing.T) {
	w := newWorld(t)
	part := w.part(t, orders, columns(t), 0, 5)
	w.publish(t, publish.Set{RunID: "r1", Root: orders, Changes: []version.Change{w.change(t, orders, version.Append, part)}})
	if _, err := w.Publish(context.Background(), publish.Set{RunID: "r2", Root: orders, Changes: []version.Change{w.change(t, orders, version.Append, part)}}); err == nil {
		t.Error("a part was added twice")
	}
}

// Many appends: manifests are written together, and no part gets lost on the way.
func TestAppendsStayInOrder(t *testing.T) {
	w := newWorld(t)
	var want []version.Part
	for i := range int64(60) {
		p := w.part(t, orders, columns(t), i*10, i*10+10)
		want = append(want, p)
		got := w.publish(t, publish.Set{RunID: fmt.Sprint("r", i), Root: orders, Changes: []version.Change{w.change(t, orders, version.Append, p)}})
		if got.Seq != i+1 {
			t.Fatalf("seq %d, want %d", got.Seq, i+1)
		}
	}
	v, err := w.Current(context.Background(), orders)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, v.Parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	meta, err := w.Catalog.Metadata(v.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := meta.CurrentSnapshot().Manifests(w.Files)
	if err != nil || len(manifests) > 26 {
		t.Errorf("%d manifests, %v", len(manifests), err)
	}
	if got := meta.CurrentSnapshot().Summary.Properties["total-records"]; got != "600" {
		t.Errorf("total-records %s", got)
	}
}

// O6: a clock that jumps back does not stop publishing, and snapshots stay in order.
func TestO6_ClockJumpsBack(t *testing.T) {
	w := newWorld(t)
	last := int64(0)
	for i, jump := range []time.Duration{0, -time.Hour, 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
		w.now = w.now.Add(jump)
		w.publish(t, publish.Set{RunID: fmt.Sprint("r", i), Root: orders,
			Changes: []version.Change{w.change(t, orders, version.Append, w.part(t, orders, columns(t), int64(i), int64(i+1)))}})
		v, err := w.Current(context.Background(), orders)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := w.Catalog.Metadata(v.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		if at := meta.CurrentSnapshot().TimestampMs; at <= last {
			t.Errorf("snapshot %d at %d, the one before at %d", i, at, last)
		} else {
			last = at
		}
	}
}

// D10: a full refresh that loses most of the table waits for a person.
func TestD10_ShrinkIsHeld(t *testing.T) {
	for _, c := range []struct {
		name    string
		was, is int64
		held    bool
	}{
		{"to nothing", 5, 0, true}, {"a little less", 5000, 4000, false}, {"less than half, but few rows", 900, 100, false},
		{"less than half", 3000, 1400, true}, {"exactly half", 3000, 1500, false}, {"more", 10, 20, false}, {"still nothing", 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.publish(t, publish.Set{RunID: "r1", Root: orders, Changes: []version.Change{w.change(t, orders, version.Replace, w.part(t, orders, columns(t), 0, c.was))}})
			change := w.change(t, orders, version.Replace, w.part(t, orders, columns(t), 0, c.is))
			change.Content += "another"
			got := w.publish(t, publish.Set{RunID: "r2", Root: orders, Changes: []version.Change{change}})
			if (got.Held != "") != c.held {
				t.Fatalf("held: %q", got.Held)
			}
			if c.held && (got.Seq != 0 || got.Versions[orders].Rows != c.was) {
				t.Errorf("held, but %+v", got)
			}
			forced := w.publish(t, publish.Set{RunID: "r2", Root: orders, Force: true, Changes: []version.Change{w.change(t, orders, version.Replace, w.part(t, orders, columns(t), 0, c.is))}})
			if forced.Seq == 0 || forced.Versions[orders].Rows != c.is {
				t.Errorf("accepted, but %+v", forced)
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	w := newWorld(b)
	for i := range int64(100) {
		w.publish(b, publish.Set{RunID: "warm", Root: orders, Changes: []version.Change{w.change(b, orders, version.Append, w.part(b, orders, columns(b), i, i+1))}})
	}
	i := int64(1000)
	for b.Loop() {
		b.StopTimer()
		part := w.part(b, orders, columns(b), i, i+1)
		i++
		change := w.change(b, orders, version.Append, part)
		b.StartTimer()
		w.publish(b, publish.Set{RunID: "bench", Root: orders, Changes: []version.Change{change}})
	}
}

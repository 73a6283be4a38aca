package snapshot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/snapshot"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
)

// every is one column of each type that is published, nested ones included.
func every(t *testing.T) []parquet.Column {
	t.Helper()
	text := sdk.Type{ID: sdk.String}
	nested := sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.Struct, Children: []sdk.Column{
		{Name: "a", Type: sdk.Type{ID: sdk.Int32}}, {Name: "m", Type: sdk.Type{ID: sdk.Map, Children: []sdk.Column{{Name: "key", Type: text, NotNull: true}, {Name: "value", Type: sdk.Type{ID: sdk.Float32}}}}}}}}}}
	source := []sdk.Column{
		{Name: "yes", Type: sdk.Type{ID: sdk.Bool}, NotNull: true}, {Name: "small", Type: sdk.Type{ID: sdk.Int8}}, {Name: "huge", Type: sdk.Type{ID: sdk.Uint64}},
		{Name: "ratio", Type: sdk.Type{ID: sdk.Float32}}, {Name: "price", Type: sdk.Type{ID: sdk.Decimal, Precision: 38, Scale: 9}, Doc: "in EUR"},
		{Name: "plain", Type: text, Doc: "ends with [brackets]"}, {Name: "doc", Type: sdk.Type{ID: sdk.String, Logical: "json"}, Doc: "what it is"},
		{Name: "id", Type: sdk.Type{ID: sdk.String, Logical: "uuid"}, NotNull: true}, {Name: "raw", Type: sdk.Type{ID: sdk.Binary}},
		{Name: "day", Type: sdk.Type{ID: sdk.Date}}, {Name: "at", Type: sdk.Type{ID: sdk.Time}}, {Name: "local", Type: sdk.Type{ID: sdk.Timestamp}},
		{Name: "moment", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}}, {Name: "deep", Type: nested},
	}
	columns, _, _, err := parquet.Assign(source, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// Columns come back from an Iceberg schema as they went in, also through the JSON of a metadata file.
func TestColumnsRoundTrip(t *testing.T) {
	want := every(t)
	schema, err := snapshot.Schema(want, []string{"id", "yes"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{8, 1}, schema.IdentifierFieldIDs); diff != "" {
		t.Errorf("identifiers (-want +got):\n%s", diff)
	}
	content, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var read iceberg.Schema
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	got, err := snapshot.Columns(&read)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	for _, key := range [][]string{{"small"}, {"id", "small"}, {"none"}} {
		schema, err := snapshot.Schema(want, key)
		if err != nil || len(schema.IdentifierFieldIDs) != 0 {
			t.Errorf("key %v that may be NULL is an identifier: %v, %v", key, schema.IdentifierFieldIDs, err)
		}
	}
}

func TestCursorsRoundTrip(t *testing.T) {
	l := newLake(t)
	for _, c := range []sdk.Cursor{{}, {Version: 3}, {Version: 1, Data: []byte{0, 255, '"'}, Human: "up to \"now\" ☃"}, {Data: []byte(strings.Repeat("x", 10_000))}, {Data: make([]byte, sdk.MaxCursorBytes)}} {
		property, value, err := snapshot.SaveCursor(l.files, l.files.URL("shop/orders"), c)
		if err != nil {
			t.Fatal(err)
		}
		if len(value) > 12_000 {
			t.Errorf("%d bytes stand in the summary", len(value))
		}
		got, err := snapshot.LoadCursor(l.files, map[string]string{property: value})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("cursor (-want +got):\n%.500s", diff)
		}
	}
	_, lost, err := snapshot.SaveCursor(l.files, l.files.URL("shop/orders"), sdk.Cursor{Data: []byte(strings.Repeat("y", 10_000))})
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(l.files.Root, "shop/orders/metadata/changed.cursor")
	if err := disk.WriteFile(disk.OS{}, changed, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := l.files.Remove(lost); err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []map[string]string{ // I9: never an empty cursor
		{snapshot.CursorProperty: "?"}, {snapshot.CursorProperty: "e30"}, {snapshot.CursorProperty: "bm90IGpzb24="},
		{snapshot.CursorFile: lost}, {snapshot.CursorFile: changed}, {snapshot.CursorFile: "/etc/passwd"},
	} {
		if c, err := snapshot.LoadCursor(l.files, damaged); err == nil {
			t.Errorf("%v was read as %+v", damaged, c)
		}
	}
}

// lake is a folder with one table that is only metadata.
type lake struct {
	files disk.IO
	meta  table.Metadata
	b     snapshot.Builder
}

func newLake(t *testing.T) *lake {
	t.Helper()
	files := disk.IO{FS: disk.OS{}, Root: t.TempDir()}
	return &lake{files: files, b: snapshot.Builder{IO: files, Places: files, Now: time.Now}}
}

func (l *lake) build(t *testing.T, change version.Change, files snapshot.Files) *table.Snapshot {
	t.Helper()
	staged, err := snapshot.Stage(l.meta, l.files.URL("shop/orders"), change)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.b.Build(staged, files, map[string]string{"broker.run": "r"})
	if err != nil {
		t.Fatal(err)
	}
	updates := append(staged.Updates, table.NewAddSnapshotUpdate(s), table.NewSetSnapshotRefUpdate(table.MainBranch, s.SnapshotID, table.BranchRef, 0, 0, 0))
	if l.meta, err = table.UpdateTableMetadata(staged.Base, updates, ""); err != nil {
		t.Fatal(err)
	}
	return s
}

func part(name string, rows int64, partition *int32) version.Part {
	return version.Part{Path: "shop/orders/data/" + name + ".parquet", SHA256: name, Bytes: rows * 10, Rows: rows, Partition: partition,
		Stats:  []parquet.Stats{{ID: 1, Values: rows, Nulls: 1, Bytes: 7, Lower: []byte{0}, Upper: []byte{1}}, {ID: 10, Values: rows, NaNs: 2}},
		Splits: []int64{4}}
}

func number(n int32) *int32 { return &n }

// Partition values are Iceberg's numbers of days, months and years; another reader prunes by them.
func TestPartitionValues(t *testing.T) {
	at := time.Date(2024, 2, 29, 23, 0, 0, 0, time.UTC)
	for granularity, value := range map[string]int32{"day": int32(at.Unix() / 86400), "month": (2024-1970)*12 + 1, "year": 2024 - 1970} {
		for _, column := range []string{"day", "moment", "local"} {
			t.Run(granularity+" of "+column, func(t *testing.T) {
				l := newLake(t)
				want := []version.Part{part("aa", 5, number(value)), part("bb", 6, nil), part("cc", 7, number(-1))}
				change := version.Change{Spec: version.Spec{Partition: &version.Partition{Column: column, Granularity: granularity}}, Columns: every(t)}
				s := l.build(t, change, snapshot.Files{Add: want})
				v, err := snapshot.Read("shop.orders", l.meta, "", s, l.files, l.files)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, v.Parts); diff != "" {
					t.Errorf("parts (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(change.Spec.Partition, v.Partition); diff != "" {
					t.Errorf("partition (-want +got):\n%s", diff)
				}
				if got := l.prune(t, column, at); fmt.Sprint(got) != "[aa]" {
					t.Errorf("a scan for that instant plans %v", got)
				}
			})
		}
	}
}

// prune plans a scan for the rows of one instant with iceberg-go and returns the parts it would read.
func (l *lake) prune(t *testing.T, column string, at time.Time) (names []string) {
	t.Helper()
	tbl := table.New(table.Identifier{"shop", "orders"}, l.meta, "", func(context.Context) (iceio.IO, error) { return l.files, nil }, nil)
	var filter iceberg.BooleanExpression
	switch column {
	case "day":
		filter = iceberg.EqualTo(iceberg.Reference(column), iceberg.Date(at.Unix()/86400))
	default:
		filter = iceberg.EqualTo(iceberg.Reference(column), iceberg.Timestamp(at.UnixMicro()))
	}
	tasks, err := tbl.Scan(table.WithRowFilter(filter)).PlanFiles(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		names = append(names, strings.TrimSuffix(filepath.Base(task.File.FilePath()), ".parquet"))
	}
	return names
}

// Removing, replacing and keeping parts, with the figures that the summary gives.
func TestBuild(t *testing.T) {
	l := newLake(t)
	change := version.Change{Columns: every(t)}
	a, b, c, d := part("aa", 1, nil), part("bb", 2, nil), part("cc", 4, nil), part("dd", 8, nil)
	for _, step := range []struct {
		name      string
		files     snapshot.Files
		operation table.Operation
		want      string
		records   string
	}{
		{"first", snapshot.Files{Add: []version.Part{a, b}}, table.OpAppend, "[aa bb]", "3"},
		{"more", snapshot.Files{Add: []version.Part{c}}, table.OpAppend, "[aa bb cc]", "7"},
		{"rewrite one", snapshot.Files{Add: []version.Part{d}, Remove: []string{a.Path}}, table.OpOverwrite, "[cc bb dd]", "14"},
		{"nothing but a cursor", snapshot.Files{}, table.OpAppend, "[cc bb dd]", "14"},
		{"remove", snapshot.Files{Remove: []string{c.Path}}, table.OpDelete, "[bb dd]", "10"},
		{"replace, one part the same", snapshot.Files{Add: []version.Part{d, a}, Replace: true}, table.OpOverwrite, "[dd aa]", "9"},
		{"replace by what is there", snapshot.Files{Add: []version.Part{a, d}, Replace: true}, table.OpAppend, "[dd aa]", "9"},
	} {
		s := l.build(t, change, step.files)
		parts, err := snapshot.Parts(s, l.files, l.files)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range parts {
			names = append(names, p.SHA256)
		}
		got, want := sortedText(names), sortedText(strings.Fields(strings.Trim(step.want, "[]")))
		if got != want || s.Summary.Operation != step.operation || s.Summary.Properties["total-records"] != step.records {
			t.Errorf("%s: parts %s (want %s), %s, %s records", step.name, got, want, s.Summary.Operation, s.Summary.Properties["total-records"])
		}
	}
	staged, err := snapshot.Stage(l.meta, "", change)
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]snapshot.Files{
		"remove what is not there": {Remove: []string{"shop/orders/data/zz.parquet"}},
		"add twice":                {Add: []version.Part{b, b}},
	} {
		if _, err := l.b.Build(staged, files, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func sortedText(names []string) string {
	all := append([]string(nil), names...)
	for i := range all {
		for j := i; j > 0 && all[j] < all[j-1]; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	return fmt.Sprint(all)
}

// Ids are those of the parts, and a table's ids are never used again.
func TestSchemaChanges(t *testing.T) {
	l := newLake(t)
	columns := every(t)[:3]
	l.build(t, version.Change{Columns: columns}, snapshot.Files{Add: []version.Part{part("aa", 1, nil)}})
	wider := append(columns[:3:3], parquet.Column{ID: 40, Name: "late", Type: sdk.Type{ID: sdk.String}})
	l.build(t, version.Change{Columns: wider, Schema: true}, snapshot.Files{Add: []version.Part{part("bb", 1, nil)}})
	if l.meta.LastColumnID() != 40 || l.meta.CurrentSchema().ID != 1 {
		t.Errorf("last id %d, schema %d", l.meta.LastColumnID(), l.meta.CurrentSchema().ID)
	}
	s := l.build(t, version.Change{Columns: columns, Schema: true}, snapshot.Files{Add: []version.Part{part("cc", 1, nil)}, Replace: true})
	if l.meta.LastColumnID() != 40 || l.meta.CurrentSchema().ID != 0 || *s.SchemaID != 0 || len(l.meta.Schemas()) != 2 {
		t.Errorf("back: last id %d, schema %d of %d", l.meta.LastColumnID(), l.meta.CurrentSchema().ID, len(l.meta.Schemas()))
	}
	// Another partitioning is another spec; the old one stays with its files.
	l.build(t, version.Change{Columns: every(t), Schema: true, Spec: version.Spec{Partition: &version.Partition{Column: "day", Granularity: "month"}}},
		snapshot.Files{Add: []version.Part{part("dd", 1, number(3))}, Replace: true})
	if l.meta.DefaultPartitionSpec() != 1 || len(l.meta.PartitionSpecs()) != 2 {
		t.Errorf("default spec %d of %d", l.meta.DefaultPartitionSpec(), len(l.meta.PartitionSpecs()))
	}
	for _, bad := range []version.Partition{{Column: "none", Granularity: "day"}, {Column: "day", Granularity: "hour"}, {Column: "price", Granularity: "day"}} {
		if _, err := snapshot.Stage(l.meta, "", version.Change{Columns: every(t), Spec: version.Spec{Partition: &bad}}); err == nil {
			t.Errorf("partitioned by %v", bad)
		}
	}
}

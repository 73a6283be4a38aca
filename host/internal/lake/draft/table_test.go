package draft_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/draft"
	"github.com/ai-data-analyst/broker/host/internal/lake/part"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
)

// row is a row of the tests' table; pointers are NULL when nil.
type row struct {
	id   *int64
	at   *int64 // day
	seq  *int64
	text *string
}

func ptr[T any](v T) *T { return &v }

func (r row) String() string {
	return fmt.Sprintf("%s %s %s %s", show(r.id), show(r.at), show(r.seq), show(r.text))
}

func show[T any](p *T) string {
	if p == nil {
		return "NULL"
	}
	return fmt.Sprint(*p)
}

var ordersColumns = []sdk.Column{
	{Name: "id", Type: sdk.Type{ID: sdk.Int32}},
	{Name: "at", Type: sdk.Type{ID: sdk.Date}},
	{Name: "seq", Type: sdk.Type{ID: sdk.Int64}},
	{Name: "text", Type: sdk.Type{ID: sdk.String}},
}

func batchOf(t testing.TB, columns []sdk.Column, rows []row) arrow.Record {
	t.Helper()
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i, c := range columns {
		for _, r := range rows {
			appendCell(b.Field(i), c.Name, r)
		}
	}
	return b.NewRecord()
}

func appendCell(b array.Builder, name string, r row) {
	v := map[string]*int64{"id": r.id, "at": r.at, "seq": r.seq}[name]
	switch b := b.(type) {
	case *array.StringBuilder:
		if r.text == nil {
			b.AppendNull()
		} else {
			b.Append(*r.text)
		}
	default:
		if v == nil {
			b.AppendNull()
			return
		}
		switch b := b.(type) {
		case *array.Int32Builder:
			b.Append(int32(*v))
		case *array.Int64Builder:
			b.Append(*v)
		case *array.Date32Builder:
			b.Append(arrow.Date32(*v))
		}
	}
}

// unsynced is the machine's file system without the waiting for the disk, for tests that write thousands of files.
type unsynced struct{ disk.OS }

type unsyncedFile struct{ disk.File }

func (unsynced) Create(name string) (disk.File, error) {
	f, err := disk.OS{}.Create(name)
	return unsyncedFile{f}, err
}

func (unsynced) SyncDir(string) error { return nil }
func (unsyncedFile) Sync() error      { return nil }

// table is a published table as the lake would keep it: it applies what drafts seal.
type table struct {
	root     string
	spec     version.Spec
	now      version.Version
	rejected version.Version
	runs     int
	small    draft.Options // file system and sizes
}

func newTable(t testing.TB, spec version.Spec) *table {
	t.Helper()
	spec.Name, spec.Policy = "shop.orders", cmp.Or(spec.Policy, version.Evolve)
	if spec.MaxRejects == 0 && spec.MaxRejectsP == 0 {
		spec.MaxRejects = -1
	}
	return &table{small: draft.Options{FS: unsynced{}}, root: t.TempDir(), spec: spec, now: version.Version{Table: spec.Name}, rejected: version.Version{Table: spec.Name.Rejected()}}
}

func (x *table) open(t testing.TB) *draft.Draft {
	t.Helper()
	x.runs++
	options := x.small
	options.Files, options.Dir = disk.IO{FS: options.FS, Root: x.root}, filepath.Join(x.root, "drafts", fmt.Sprint("run", x.runs))
	options.RunID, options.Spec, options.Base, options.RejectedBase = fmt.Sprint("run", x.runs), x.spec, x.now, x.rejected
	d, err := draft.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// begin opens a draft and declares the usual columns.
func (x *table) begin(t testing.TB, key ...string) *draft.Draft {
	t.Helper()
	d := x.open(t)
	if err := d.Schema(ordersColumns, key); err != nil {
		t.Fatal(err)
	}
	return d
}

func appendRows(t testing.TB, d *draft.Draft, op string, rows ...row) {
	t.Helper()
	columns := ordersColumns
	if op == "delete_keys" {
		columns = []sdk.Column{ordersColumns[0], ordersColumns[2]}
	}
	batch := batchOf(t, columns, rows)
	defer batch.Release()
	if err := d.Append(op, batch); err != nil {
		t.Fatal(err)
	}
}

// publish seals the draft and applies it, checking what every change must keep.
func (x *table) publish(t testing.TB, d *draft.Draft) version.Change {
	t.Helper()
	sealed, err := d.Seal(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	x.now = x.apply(t, x.now, sealed.Table)
	if sealed.Rejected != nil {
		x.rejected = x.apply(t, x.rejected, *sealed.Rejected)
	}
	if err := d.Discard(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(x.root, "drafts", fmt.Sprint("run", x.runs)))
	if err == nil && len(left) > 0 {
		t.Errorf("the draft left %v", left)
	}
	return sealed.Table
}

func (x *table) apply(t testing.TB, base version.Version, c version.Change) version.Version {
	t.Helper()
	next := base
	next.Seq, next.Columns, next.LastID, next.Key, next.Partition, next.Content = base.Seq+1, c.Columns, c.LastID, c.Spec.Key, c.Spec.Partition, c.Content
	next.Parts = nil
	for _, p := range base.Parts {
		if !c.Replace && !slices.Contains(c.Remove, p.Path) {
			next.Parts = append(next.Parts, p)
		}
	}
	for _, p := range c.Add {
		if slices.ContainsFunc(next.Parts, func(o version.Part) bool { return o.Path == p.Path }) {
			t.Errorf("part %s is in the table twice", p.Path)
		}
		info, err := os.Stat(filepath.Join(x.root, p.Path))
		if err != nil || info.Mode().Perm() != 0o444 || info.Size() != p.Bytes {
			t.Errorf("part %s: %v, %v", p.Path, info, err)
		}
		next.Parts = append(next.Parts, p)
	}
	next.Rows, next.Bytes = 0, 0
	for _, p := range next.Parts {
		next.Rows += p.Rows
		next.Bytes += p.Bytes
	}
	if c.Rows.Rows != next.Rows || c.Rows.Bytes != next.Bytes {
		t.Errorf("the change counts %d rows, %d bytes; the table has %d, %d", c.Rows.Rows, c.Rows.Bytes, next.Rows, next.Bytes)
	}
	if len(next.Parts) == 0 {
		t.Error("the table has no part")
	}
	return next
}

// cells returns every cell of a version as text, in the order of parts and rows.
func (x *table) cells(t testing.TB, v version.Version) [][]string {
	t.Helper()
	shelf := part.Shelf{FS: disk.OS{}, Files: disk.IO{FS: disk.OS{}, Root: x.root}}
	var out [][]string
	for _, p := range v.Parts {
		n := int64(0)
		for batch, err := range shelf.Read(context.Background(), p, v.Columns) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(batch.NumRows()) {
				var cells []string
				for _, c := range batch.Columns() {
					cells = append(cells, cell(c, i))
				}
				out = append(out, cells)
				n++
			}
		}
		if n != p.Rows {
			t.Errorf("part %s has %d rows, says %d", p.Path, n, p.Rows)
		}
	}
	return out
}

func cell(c arrow.Array, i int) string {
	if c.IsNull(i) {
		return "NULL"
	}
	if d, ok := c.(*array.Date32); ok {
		return fmt.Sprint(int32(d.Value(i)))
	}
	return c.ValueStr(i)
}

// lines returns the rows as sorted text.
func (x *table) lines(t testing.TB) []string {
	t.Helper()
	lines := []string{}
	for _, cells := range x.cells(t, x.now) {
		lines = append(lines, strings.Join(cells, " "))
	}
	slices.Sort(lines)
	return lines
}

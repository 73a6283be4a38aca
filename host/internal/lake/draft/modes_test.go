package draft_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/draft"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func numbered(from, to int64) []row {
	var rows []row
	for i := from; i < to; i++ {
		rows = append(rows, row{id: ptr(i), at: ptr(i / 10), seq: ptr(i), text: ptr(fmt.Sprint("row ", i))})
	}
	return rows
}

func TestReplaceHoldsTheRunsRowsOnly(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Replace})
	x.small.FS = disk.OS{}
	for _, rows := range [][]row{numbered(0, 100), numbered(50, 60), numbered(0, 0)} {
		d := x.begin(t)
		d.Boundary(false)
		appendRows(t, d, "append", rows...)
		d.Boundary(true)
		c := x.publish(t, d)
		if !c.Complete || !c.Replace || c.Rows.Added != int64(len(rows)) || x.now.Rows != int64(len(rows)) {
			t.Errorf("change %+v, want %d rows", c.Rows, len(rows))
		}
	}
	if len(x.now.Parts) != 1 || x.now.Parts[0].Rows != 0 {
		t.Errorf("an empty table has the parts %+v, want one without rows", x.now.Parts)
	}
}

func TestCompleteNeedsBothBoundaries(t *testing.T) {
	for name, tc := range map[string]struct {
		marks []bool
		want  bool
	}{"none": {nil, false}, "begin": {[]bool{false}, false}, "complete": {[]bool{true}, false}, "both": {[]bool{false, true}, true}, "again": {[]bool{false, true, false}, false}} {
		x := newTable(t, version.Spec{Mode: version.Replace})
		d := x.begin(t)
		for _, m := range tc.marks {
			d.Boundary(m)
		}
		if c := x.publish(t, d); c.Complete != tc.want {
			t.Errorf("%s: complete %v, want %v", name, c.Complete, tc.want)
		}
	}
}

func TestContentDoesNotDependOnCuts(t *testing.T) {
	rows := numbered(0, 300)
	rows[7].text, rows[8].text, rows[100].at = nil, ptr(""), nil
	content := func(spec version.Spec, cuts int, rows []row) string {
		spec.Mode = version.Replace
		x := newTable(t, spec)
		d := x.begin(t)
		for len(rows) > 0 {
			n := min(cuts, len(rows))
			appendRows(t, d, "append", rows[:n]...)
			rows = rows[n:]
		}
		return x.publish(t, d).Content
	}
	want := content(version.Spec{}, 300, rows)
	if want == "" {
		t.Fatal("no digest")
	}
	for _, cuts := range []int{1, 7, 8, 64, 299} {
		if got := content(version.Spec{}, cuts, rows); got != want {
			t.Errorf("cut at %d: another digest of the same rows", cuts)
		}
	}
	other := map[string]string{"key": content(version.Spec{Key: []string{"id"}}, 300, rows)}
	for name, change := range map[string]func(r []row){
		"a value":             func(r []row) { r[9].seq = ptr(int64(-1)) },
		"NULL, not empty":     func(r []row) { r[8].text = nil },
		"the order":           func(r []row) { r[1], r[2] = r[2], r[1] },
		"text over a border":  func(r []row) { r[20].text, r[21].text = ptr("row 20r"), ptr("ow 21") },
		"NULL one row later":  func(r []row) { r[7].text, r[6].text = r[6].text, nil },
		"NULL, not zero":      func(r []row) { r[0].at = nil },
		"another last text":   func(r []row) { r[299].text = ptr("x") },
		"NULL in the last":    func(r []row) { r[299].text = nil },
		"NULL in all columns": func(r []row) { r[50] = row{} },
	} {
		changed := append([]row(nil), rows...)
		change(changed)
		other[name] = content(version.Spec{}, 300, changed)
	}
	other["a row less"] = content(version.Spec{}, 300, rows[:299])
	seen := map[string]string{want: "the rows themselves"}
	for name, digest := range other {
		if seen[digest] != "" {
			t.Errorf("%s has the digest of %s", name, seen[digest])
		}
		seen[digest] = name
	}
}

// TestAppendTwiceKeepsBoth appends equal rows, whose files would have one name.
func TestAppendTwiceKeepsBoth(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Append})
	for range 3 {
		d := x.begin(t)
		appendRows(t, d, "append", numbered(0, 10)...)
		if c := x.publish(t, d); c.Rows.Added != 10 {
			t.Errorf("added %d, want 10", c.Rows.Added)
		}
	}
	if x.now.Rows != 30 || len(x.now.Parts) != 3 {
		t.Errorf("%d rows in %d parts, want 30 in 3", x.now.Rows, len(x.now.Parts))
	}
}

func TestD12_DuplicatesInsideARun(t *testing.T) {
	for _, mode := range []version.WriteMode{version.Replace, version.Append, version.Partitions, version.Merge} {
		t.Run(string(mode), func(t *testing.T) {
			x := newTable(t, version.Spec{Mode: mode, Key: []string{"id"}, CursorField: "seq", Partition: &version.Partition{Column: "at", Granularity: "year"}})
			d := x.begin(t)
			one := func(seq int64, text string) row {
				return row{id: ptr(int64(1)), at: ptr(int64(3)), seq: ptr(seq), text: ptr(text)}
			}
			appendRows(t, d, "append", one(5, "early"), one(9, "highest cursor"), one(9, "the last of them"), one(2, "late"))
			appendRows(t, d, "append", one(1, "later"), row{id: ptr(int64(2)), at: ptr(int64(3)), text: ptr("other")})
			c := x.publish(t, d)
			if c.Rows.Duplicates != 4 || c.Rows.Added != 2 {
				t.Errorf("counts %+v, want 4 duplicates, 2 added", c.Rows)
			}
			if diff := gocmp.Diff([]string{"1 3 9 the last of them", "2 3 NULL other"}, x.lines(t)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestD13_NullInKeyOrPartitionIsRejected(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Merge, Key: []string{"id"}, CursorField: "seq", Partition: &version.Partition{Column: "at", Granularity: "day"}})
	d := x.begin(t)
	appendRows(t, d, "upsert", numbered(0, 2)...)
	appendRows(t, d, "upsert", row{at: ptr(int64(1)), text: ptr("no id")}, row{id: ptr(int64(7)), text: ptr("no day")}, row{}, numbered(2, 3)[0])
	appendRows(t, d, "delete_keys", row{seq: ptr(int64(9))})
	c := x.publish(t, d)
	if c.Rows.Rejected != 4 || c.Rows.Added != 3 {
		t.Errorf("counts %+v, want 4 rejected, 3 added", c.Rows)
	}
	want := [][]string{
		{"3", "id", "NULL in a key column", "NULL"}, {"4", "at", "NULL in the partition column", "NULL"},
		{"5", "id", "NULL in a key column", "NULL"}, {"7", "id", "NULL in a key column", "NULL"},
	}
	if diff := gocmp.Diff(want, x.cells(t, x.rejected)); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

func TestPartitionsReplacesExactlyWhatIsDelivered(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Partitions, Partition: &version.Partition{Column: "at", Granularity: "day"}})
	d := x.begin(t)
	appendRows(t, d, "append", append(numbered(0, 40), row{id: ptr(int64(-1))})...)
	x.publish(t, d)
	before := x.now

	d = x.begin(t)
	appendRows(t, d, "append", row{id: ptr(int64(100)), at: ptr(int64(1)), text: ptr("new")}, row{id: ptr(int64(-2))})
	c := x.publish(t, d)
	if c.Rows.Added != 2 || c.Rows.Deleted != 11 || x.now.Rows != 32 {
		t.Errorf("counts %+v, %d rows; want 2 added, 11 deleted, 32 rows", c.Rows, x.now.Rows)
	}
	kept := 0
	for _, p := range before.Parts {
		for _, q := range x.now.Parts {
			if p.Path == q.Path {
				kept++
			}
		}
	}
	if kept != 3 {
		t.Errorf("%d parts kept name and bytes, want 3", kept)
	}
	lines := x.lines(t)
	if lines[0] != "-2 NULL NULL NULL" || !strings.Contains(strings.Join(lines, "\n"), "100 1 NULL new") {
		t.Errorf("rows %q", lines)
	}
}

func TestPartitionNumbersAreIcebergs(t *testing.T) {
	for _, tc := range []struct {
		granularity string
		day, want   int64
	}{
		{"day", 0, 0}, {"day", -1, -1}, {"day", -719162, -719162}, {"day", 2932896, 2932896},
		{"month", 0, 0}, {"month", 30, 0}, {"month", 31, 1}, {"month", -1, -1}, {"month", -719162, -23628}, {"month", 2932896, 96359},
		{"year", 364, 0}, {"year", 365, 1}, {"year", -1, -1}, {"year", -719162, -1969}, {"year", 2932896, 8029},
	} {
		x := newTable(t, version.Spec{Mode: version.Append, Partition: &version.Partition{Column: "at", Granularity: tc.granularity}})
		d := x.begin(t)
		appendRows(t, d, "append", row{at: ptr(tc.day)})
		x.publish(t, d)
		if p := x.now.Parts[0].Partition; p == nil || int64(*p) != tc.want {
			t.Errorf("%s of day %d is %s, want %d", tc.granularity, tc.day, show(p), tc.want)
		}
	}
}

func TestMergeLeavesUnaffectedPartsAlone(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Merge, Key: []string{"id"}, CursorField: "seq"})
	for from := int64(0); from < 100; from += 20 {
		d := x.begin(t)
		appendRows(t, d, "upsert", numbered(from, from+20)...)
		x.publish(t, d)
	}
	before := x.now.Parts
	d := x.begin(t)
	again := numbered(0, 50) // the lookback of an incremental read brings rows again as they were
	again[45].text = ptr("changed")
	appendRows(t, d, "upsert", again...)
	c := x.publish(t, d)
	want := version.Counts{Rows: 100, Updated: 1, Unchanged: 49, Bytes: c.Rows.Bytes}
	if diff := gocmp.Diff(want, c.Rows); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff([]string{before[2].Path}, c.Remove); diff != "" {
		t.Errorf("removed parts (-want +got):\n%s", diff)
	}
	d = x.begin(t)
	appendRows(t, d, "upsert", again...)
	if c := x.publish(t, d); len(c.Add)+len(c.Remove) != 0 || c.Rows.Unchanged != 50 {
		t.Errorf("the same rows again change the table: %+v", c)
	}
}

func TestD15_DeleteOfAnUnknownKeyAndOfAll(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Merge, Key: []string{"id"}, CursorField: "seq"})
	d := x.begin(t)
	appendRows(t, d, "delete_keys", numbered(500, 510)...)
	if c := x.publish(t, d); c.Rows.Deleted != 0 || x.now.Rows != 0 {
		t.Errorf("counts %+v, want nothing deleted", c.Rows)
	}
	d = x.begin(t)
	appendRows(t, d, "upsert", numbered(0, 10)...)
	x.publish(t, d)
	if len(x.now.Parts) != 1 {
		t.Errorf("%d parts, want the empty one gone", len(x.now.Parts))
	}
	d = x.begin(t)
	appendRows(t, d, "delete_keys", numbered(0, 10)...)
	late := numbered(3, 4)[0]
	late.seq, late.text = ptr(int64(2)), ptr("an update from before the delete")
	appendRows(t, d, "upsert", late)
	if c := x.publish(t, d); c.Rows.Deleted != 10 || x.now.Rows != 0 || len(x.now.Parts) != 1 {
		t.Errorf("counts %+v, %d rows, %d parts; want all deleted", c.Rows, x.now.Rows, len(x.now.Parts))
	}
	d = x.begin(t)
	appendRows(t, d, "upsert", late)
	if c := x.publish(t, d); c.Rows.Added != 1 {
		t.Errorf("counts %+v, want one row inserted by a later run", c.Rows)
	}
}

func TestD11_MisfitsAreRejectedWithTheirValue(t *testing.T) {
	columns := []sdk.Column{
		{Name: "d", Type: sdk.Type{ID: sdk.Decimal, Precision: 3, Scale: 2}}, {Name: "s", Type: sdk.Type{ID: sdk.String}},
		{Name: "f", Type: sdk.Type{ID: sdk.Struct, Children: []sdk.Column{{Name: "x", Type: sdk.Type{ID: sdk.Float64}}, {Name: "t", Type: sdk.Type{ID: sdk.String}}}}},
	}
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	add := func(d uint64, s, inner string) {
		b.Field(0).(*array.Decimal128Builder).Append(decimal128.FromU64(d))
		b.Field(1).(*array.StringBuilder).Append(s)
		f := b.Field(2).(*array.StructBuilder)
		f.Append(true)
		f.FieldBuilder(0).(*array.Float64Builder).Append(math.NaN())
		f.FieldBuilder(1).(*array.StringBuilder).Append(inner)
	}
	add(999, "fine", "fine")
	add(1000, "fine", "fine")
	add(1, "bad \xff", "fine")
	add(1, "fine", "bad \xc0")
	x := newTable(t, version.Spec{Mode: version.Replace})
	for range 2 {
		d := x.open(t)
		if err := d.Schema(columns, nil); err != nil {
			t.Fatal(err)
		}
		if err := d.Append("append", b.NewRecord()); err != nil {
			t.Fatal(err)
		}
		if c := x.publish(t, d); c.Rows.Rejected == 3 {
			want := [][]string{
				{"2", "d", "number has more than 3 digits", "10.00"}, {"3", "s", "text is not UTF-8", `"bad \xff"`},
				{"4", "f", "text is not UTF-8", `{x: NaN, t: "bad \xc0"}`},
			}
			if diff := gocmp.Diff(want, x.cells(t, x.rejected)); diff != "" || x.now.Rows != 1 {
				t.Errorf("%d rows, rejected (-want +got):\n%s", x.now.Rows, diff)
			}
		} else if c.Rows.Rejected != 0 || x.rejected.Rows != 0 || len(x.rejected.Parts) != 1 {
			t.Errorf("counts %+v, %d rows rejected; want none left of the replaced version's", c.Rows, x.rejected.Rows)
		}
		add(1, "fine", "fine") // NewRecord emptied the builder
	}
}

func TestTooManyRejectsFailTheRun(t *testing.T) {
	bad := func(n int) []row { return make([]row, n) } // no key
	for name, tc := range map[string]struct {
		spec      version.Spec
		bad, good int
		fails     bool
	}{
		"none allowed":           {version.Spec{MaxRejects: 0, MaxRejectsP: 0.001}, 1, 99, true},
		"at the limit":           {version.Spec{MaxRejects: 3}, 3, 0, false},
		"above the limit":        {version.Spec{MaxRejects: 3}, 4, 96, true},
		"at the share":           {version.Spec{MaxRejectsP: 5}, 5, 95, false},
		"above the share":        {version.Spec{MaxRejectsP: 5}, 6, 94, true},
		"no limit":               {version.Spec{MaxRejects: -1}, 100, 0, false},
		"both, the share passed": {version.Spec{MaxRejects: 50, MaxRejectsP: 5}, 6, 94, true},
	} {
		t.Run(name, func(t *testing.T) {
			tc.spec.Mode, tc.spec.Key = version.Merge, []string{"id"}
			x := newTable(t, tc.spec)
			d := x.begin(t)
			err := d.Append("upsert", batchOf(t, ordersColumns, append(numbered(0, int64(tc.good)), bad(tc.bad)...)))
			if err == nil {
				_, err = d.Seal(context.Background())
			}
			if (err != nil) != tc.fails || tc.fails && (fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), `"id": NULL in a key column`)) {
				t.Errorf("error %v, want a failure: %v", err, tc.fails)
			}
			if err := d.Discard(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSourceRejectsCountToo(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Append, MaxRejects: 5})
	d := x.begin(t)
	if err := d.Reject(5, "text", "ragged row"); err != nil {
		t.Fatal(err)
	}
	if c := x.publish(t, d); c.Rows.Rejected != 5 {
		t.Errorf("counts %+v, want 5 rejected", c.Rows)
	}
	if diff := gocmp.Diff([][]string{{"NULL", "text", "ragged row (5 rows left out by the source)", "NULL"}}, x.cells(t, x.rejected)); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
	d = x.begin(t)
	if err := d.Reject(6, "", "ragged row"); fault.CodeOf(err) != fault.Data {
		t.Errorf("error %v, want a data fault", err)
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
}

func TestWrongUseIsAFault(t *testing.T) {
	list := append([]sdk.Column(nil), ordersColumns...)
	list[0].Type = sdk.Type{ID: sdk.List, Children: []sdk.Column{{Name: "item", Type: sdk.Type{ID: sdk.Int64}}}}
	nothing := arrow.NewSchema([]arrow.Field{{Name: "seq", Type: arrow.PrimitiveTypes.Int64}}, nil)
	orders := func(spec version.Spec, use func(d *draft.Draft) error) func() error {
		return func() error {
			x := newTable(t, spec)
			d := x.open(t)
			return errors.Join(use(d), d.Discard())
		}
	}
	schema := func(columns []sdk.Column) func(d *draft.Draft) error {
		return func(d *draft.Draft) error { return d.Schema(columns, nil) }
	}
	then := func(op string, batch arrow.Record) func(d *draft.Draft) error {
		return func(d *draft.Draft) error {
			if err := d.Schema(ordersColumns, nil); err != nil {
				return nil
			}
			return d.Append(op, batch)
		}
	}
	rows := batchOf(t, ordersColumns, numbered(0, 2))
	texts := array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.BinaryTypes.String}}, nil), []arrow.Array{array.MakeArrayOfNull(memory.DefaultAllocator, arrow.BinaryTypes.String, 1)}, 1)
	noKey := array.NewRecord(nothing, []arrow.Array{array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, 1)}, 1)
	for name, tc := range map[string]struct {
		code fault.Code
		try  func() error
	}{
		"merge without key":      {fault.Config, orders(version.Spec{Mode: version.Merge}, schema(ordersColumns))},
		"unknown key":            {fault.Config, orders(version.Spec{Mode: version.Merge, Key: []string{"nope"}}, schema(ordersColumns))},
		"nested key":             {fault.Config, orders(version.Spec{Mode: version.Merge, Key: []string{"id"}}, schema(list))},
		"unknown cursor":         {fault.Config, orders(version.Spec{Mode: version.Append, CursorField: "nope"}, schema(ordersColumns))},
		"partition of text":      {fault.Config, orders(version.Spec{Mode: version.Append, Partition: &version.Partition{Column: "text", Granularity: "day"}}, schema(ordersColumns))},
		"partition by week":      {fault.Config, orders(version.Spec{Mode: version.Append, Partition: &version.Partition{Column: "at", Granularity: "week"}}, schema(ordersColumns))},
		"rows before the schema": {fault.Bug, orders(version.Spec{Mode: version.Append}, func(d *draft.Draft) error { return d.Append("append", rows) })},
		"unknown operation":      {fault.Bug, orders(version.Spec{Mode: version.Append}, then("upend", rows))},
		"delete without key":     {fault.Data, orders(version.Spec{Mode: version.Replace}, then("delete_keys", rows))},
		"delete from an append":  {fault.Data, orders(version.Spec{Mode: version.Append, Key: []string{"id"}}, then("delete_keys", rows))},
		"delete of no key":       {fault.Data, orders(version.Spec{Mode: version.Merge, Key: []string{"id"}}, then("delete_keys", noKey))},
		"another type":           {fault.Data, orders(version.Spec{Mode: version.Append}, then("append", texts))},
		"no columns":             {fault.Data, orders(version.Spec{Mode: version.Append}, schema(nil))},
		"no schema":              {fault.Bug, orders(version.Spec{Mode: version.Replace}, func(d *draft.Draft) error { _, err := d.Seal(context.Background()); return err })},
	} {
		if err := tc.try(); fault.CodeOf(err) != tc.code {
			t.Errorf("%s: error %v, want class %s", name, err, tc.code)
		}
	}
}

// TestManyHitsAreNotCompared brings more known rows than are compared by content: the rows are right all the same.
func TestManyHitsAreNotCompared(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Merge, Key: []string{"id"}})
	x.small.Hits = 10
	for run := range 2 {
		d := x.begin(t)
		appendRows(t, d, "upsert", numbered(0, 50)...)
		if c := x.publish(t, d); run == 1 && (c.Rows.Unchanged != 10 || c.Rows.Updated != 40) {
			t.Errorf("counts %+v, want 10 unchanged, 40 updated", c.Rows)
		}
		if x.now.Rows != 50 || len(slices.Compact(x.lines(t))) != 50 {
			t.Errorf("%d rows: %q", x.now.Rows, x.lines(t))
		}
	}
}

// TestDamageIsNotCopied flips one byte of a published part that a merge has to rewrite.
func TestDamageIsNotCopied(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Merge, Key: []string{"id"}})
	d := x.begin(t)
	appendRows(t, d, "upsert", numbered(0, 50)...)
	x.publish(t, d)
	name := filepath.Join(x.root, x.now.Parts[0].Path)
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/3] ^= 1
	if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	d = x.begin(t)
	appendRows(t, d, "delete_keys", row{id: ptr(int64(3)), seq: ptr(int64(1))})
	if _, err := d.Seal(context.Background()); err == nil {
		t.Error("the damaged part was rewritten")
	}
	if err := d.Discard(); err != nil {
		t.Error(err)
	}
}

package draft_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func asking(spec version.Spec, column string, t sdk.Type) version.Spec {
	spec.Types, spec.TypesAt = map[string]sdk.Type{column: t}, map[string]string{column: "data_description.md:12"}
	return spec
}

func texts(values ...string) []row {
	var rows []row
	for i, v := range values {
		rows = append(rows, row{id: ptr(int64(i)), at: ptr(int64(i)), seq: ptr(int64(i)), text: ptr(v)})
	}
	return rows
}

// TestD13_ValuesThatAreNotTheAskedType are rows of <table>__rejected with column, reason and the value as it came; the
// others are published with the type asked for.
func TestD13_ValuesThatAreNotTheAskedType(t *testing.T) {
	x := newTable(t, asking(version.Spec{Mode: version.Replace}, "text", sdk.Type{ID: sdk.Int64}))
	d := x.begin(t)
	rows := texts("007", "x17", "42", "")
	rows = append(rows, row{id: ptr(int64(9))})
	appendRows(t, d, "append", rows...)
	d.Boundary(true)
	c := x.publish(t, d)
	if c.Rows.Rejected != 2 || c.Columns[3].Type.ID != sdk.Int64 || c.Columns[0].Type.ID != sdk.Int64 {
		t.Errorf("%d rejected, columns %v", c.Rows.Rejected, c.Columns)
	}
	if diff := gocmp.Diff([]string{"0 0 0 7", "2 2 2 42", "9 NULL NULL NULL"}, x.lines(t)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want := [][]string{{"2", "text", "not a whole number", "x17"}, {"4", "text", "not a whole number", ""}}
	if diff := gocmp.Diff(want, x.cells(t, x.rejected)); diff != "" {
		t.Errorf("rejected (-want +got)\n%s", diff)
	}
}

// TestD13_RejectsOfAskedTypesCountAgainstTheLimit: the policy is that of every other row that does not fit.
func TestD13_RejectsOfAskedTypesCountAgainstTheLimit(t *testing.T) {
	x := newTable(t, asking(version.Spec{Mode: version.Append, MaxRejects: 1}, "text", sdk.Type{ID: sdk.Bool}))
	d := x.begin(t)
	appendRows(t, d, "append", texts("true", "no")...)
	batch := batchOf(t, ordersColumns, texts("nein"))
	defer batch.Release()
	err := d.Append("append", batch)
	if fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), `the first: row 2, column "text": not true or false`) {
		t.Errorf("err %v", err)
	}
}

// TestD12_KeysAreComparedAsConverted: two spellings of a number are one key, inside a run, across runs, and in deletes.
func TestD12_KeysAreComparedAsConverted(t *testing.T) {
	for _, mode := range []version.WriteMode{version.Replace, version.Merge} {
		x := newTable(t, asking(version.Spec{Mode: mode, Key: []string{"text"}, CursorField: "seq"}, "text", sdk.Type{ID: sdk.Int64}))
		d := x.begin(t)
		appendRows(t, d, "append", texts("7", "8", "007")...)
		c := x.publish(t, d)
		if diff := gocmp.Diff([]string{"1 1 1 8", "2 2 2 7"}, x.lines(t)); diff != "" || c.Rows.Duplicates != 1 {
			t.Errorf("%s: %d duplicates (-want +got)\n%s", mode, c.Rows.Duplicates, diff)
		}
		if mode != version.Merge {
			continue
		}
		d = x.begin(t)
		appendRows(t, d, "append", row{id: ptr(int64(5)), seq: ptr(int64(5)), text: ptr("0008")})
		gone := batchOf(t, []sdk.Column{ordersColumns[3], ordersColumns[2]}, []row{{text: ptr("+7"), seq: ptr(int64(6))}, {text: ptr("seven"), seq: ptr(int64(6))}})
		if err := d.Append("delete_keys", gone); err != nil {
			t.Fatal(err)
		}
		gone.Release()
		c = x.publish(t, d)
		if diff := gocmp.Diff([]string{"5 NULL 5 8"}, x.lines(t)); diff != "" || c.Rows.Updated != 1 || c.Rows.Deleted != 1 || c.Rows.Rejected != 1 {
			t.Errorf("%+v (-want +got)\n%s", c.Rows, diff)
		}
	}
}

// TestAskedCursorsArePickedByValue: as texts "9" is newer than "10".
func TestAskedCursorsArePickedByValue(t *testing.T) {
	x := newTable(t, asking(version.Spec{Mode: version.Merge, Key: []string{"id"}, CursorField: "text"}, "text", sdk.Type{ID: sdk.Int64}))
	d := x.begin(t)
	appendRows(t, d, "append", row{id: ptr(int64(1)), text: ptr("10")}, row{id: ptr(int64(1)), text: ptr("9")})
	x.publish(t, d)
	if diff := gocmp.Diff([]string{"1 NULL NULL 10"}, x.lines(t)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestAskedDatesPartition: what was text at the source is a day of the table.
func TestAskedDatesPartition(t *testing.T) {
	spec := version.Spec{Mode: version.Partitions, Partition: &version.Partition{Column: "text", Granularity: "month"}}
	x := newTable(t, asking(spec, "text", sdk.Type{ID: sdk.Date}))
	d := x.begin(t)
	appendRows(t, d, "append", texts("1970-01-31", "1970-02-01", "1970-02-30", "1970-02-28")...)
	c := x.publish(t, d)
	var months []string
	for _, p := range c.Add {
		months = append(months, fmt.Sprint(*p.Partition, p.Rows))
	}
	slices.Sort(months)
	if diff := gocmp.Diff([]string{"0 1", "1 2"}, months); diff != "" || c.Rows.Rejected != 1 {
		t.Errorf("%d rejected, partitions (-want +got)\n%s", c.Rows.Rejected, diff)
	}

	d = newTable(t, spec).open(t)
	if err := d.Schema(ordersColumns, nil); fault.CodeOf(err) != fault.Config {
		t.Errorf("partitions of a text: %v", err)
	}
}

// TestD5_AskedTypeOfAPublishedColumnIsAConflict, whether it is asked for anew, changed or no longer asked for.
func TestD5_AskedTypeOfAPublishedColumnIsAConflict(t *testing.T) {
	number, decimal := sdk.Type{ID: sdk.Int64}, sdk.Type{ID: sdk.Decimal, Precision: 9, Scale: 2}
	plain := version.Spec{Mode: version.Replace}
	for name, c := range map[string]struct {
		before, after version.Spec
		want, help    string
	}{
		"new":     {plain, asking(plain, "text", number), "text: published as string, now int64\n  data_description.md:12 asks for the type of text", "Put the type back, or give the table another name"},
		"changed": {asking(plain, "text", number), asking(plain, "text", decimal), "text: published as int64, now decimal(9,2)\n  data_description.md:12 asks", "Put the type back"},
		"gone":    {asking(plain, "text", number), plain, "text: published as int64, now string", "Write columns: {text: {type: int64}} in data_description.md"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTable(t, c.before)
			d := x.begin(t)
			appendRows(t, d, "append", texts("1", "2")...)
			d.Boundary(true)
			x.publish(t, d)
			x.spec = newTable(t, c.after).spec
			d = x.open(t)
			err := d.Schema(ordersColumns, nil)
			if fault.CodeOf(err) != fault.Data || !strings.Contains(fault.TextOf(err), c.want) || !strings.Contains(fault.HelpOf(err), c.help) || !strings.Contains(fault.TextOf(err), "shop.orders") {
				t.Errorf("error %v\nhelp %s", err, fault.HelpOf(err))
			}
		})
	}
}

// TestD5_AskingMendsAChangedSource: a source that now sends texts is converted to the published type.
func TestD5_AskingMendsAChangedSource(t *testing.T) {
	x := newTable(t, version.Spec{Mode: version.Append})
	d := x.begin(t)
	appendRows(t, d, "append", numbered(0, 1)...)
	x.publish(t, d)
	changed := slices.Clone(ordersColumns)
	changed[2].Type = sdk.Type{ID: sdk.String}
	d = x.open(t)
	if err := d.Schema(changed, nil); !strings.Contains(fault.HelpOf(err), "columns: {seq: {type: int64}}") {
		t.Fatalf("help %q", fault.HelpOf(err))
	}
	x.spec = newTable(t, asking(version.Spec{Mode: version.Append}, "seq", sdk.Type{ID: sdk.Int64})).spec
	d = x.open(t)
	if err := d.Schema(changed, nil); err != nil {
		t.Fatal(err)
	}
	x.publish(t, d)
}

// TestUncastableNamesItsLine: found when the columns come, where they were not known before.
func TestUncastableNamesItsLine(t *testing.T) {
	x := newTable(t, asking(version.Spec{Mode: version.Append}, "at", sdk.Type{ID: sdk.Bool}))
	err := x.open(t).Schema(ordersColumns, nil)
	if fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), `data_description.md:12: table shop.orders: column "at": date cannot be converted to bool`) || fault.HelpOf(err) == "" {
		t.Errorf("err %v", err)
	}
}

// TestContentIsThatOfConvertedRows: equal numbers in other spellings are nothing new.
func TestContentIsThatOfConvertedRows(t *testing.T) {
	x := newTable(t, asking(version.Spec{Mode: version.Replace}, "text", sdk.Type{ID: sdk.Int64}))
	var contents []string
	for _, spelling := range []string{"7", "007", "8"} {
		d := x.begin(t)
		appendRows(t, d, "append", texts(spelling)...)
		d.Boundary(true)
		contents = append(contents, x.publish(t, d).Content)
	}
	if contents[0] != contents[1] || contents[1] == contents[2] || contents[0] == "" {
		t.Errorf("digests %v", contents)
	}
}

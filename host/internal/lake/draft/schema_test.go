package draft_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestD5_SchemaPolicies(t *testing.T) {
	more := append(append([]sdk.Column(nil), ordersColumns...), sdk.Column{Name: "extra", Type: sdk.Type{ID: sdk.Bool}})
	other := append([]sdk.Column(nil), ordersColumns...)
	other[3].Type = sdk.Type{ID: sdk.Float64}
	for name, tc := range map[string]struct {
		policy  version.Policy
		columns []sdk.Column
		want    string // "" = no error
	}{
		"same, frozen":    {version.Freeze, ordersColumns, ""},
		"more, evolving":  {version.Evolve, more, ""},
		"more, frozen":    {version.Freeze, more, "extra: new, bool"},
		"less, evolving":  {version.Evolve, ordersColumns[:3], ""},
		"less, frozen":    {version.Freeze, ordersColumns[:3], "text: gone"},
		"other, evolving": {version.Evolve, other, "text: published as string, now float64"},
		"other, frozen":   {version.Freeze, other, "text: published as string, now float64"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTable(t, version.Spec{Mode: version.Append, Policy: tc.policy})
			d := x.begin(t)
			appendRows(t, d, "append", numbered(0, 3)...)
			x.publish(t, d)
			d = x.open(t)
			err := d.Schema(tc.columns, nil)
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if c := x.publish(t, d); c.Schema != (len(c.Columns) > len(ordersColumns)) {
					t.Errorf("schema %v with the columns %v", c.Schema, c.Columns)
				}
				return
			}
			if fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), tc.want) || fault.HelpOf(err) == "" {
				t.Errorf("error %v, want a data fault with %q and help", err, tc.want)
			}
		})
	}
}

// TestD5_SchemaChangesInMidStream adds a column between two batches.
func TestD5_SchemaChangesInMidStream(t *testing.T) {
	for _, mode := range []version.WriteMode{version.Replace, version.Merge} {
		x := newTable(t, version.Spec{Mode: mode, Key: []string{"id"}, CursorField: "seq"})
		d := x.open(t)
		if err := d.Schema(ordersColumns[:3], nil); err != nil {
			t.Fatal(err)
		}
		batch := batchOf(t, ordersColumns[:3], numbered(0, 3))
		if err := d.Append("append", batch); err != nil {
			t.Fatal(err)
		}
		if err := d.Append("append", batchOf(t, ordersColumns, numbered(0, 3))); fault.CodeOf(err) != fault.Data {
			t.Errorf("%s: a column that is not declared: %v, want a data fault", mode, err)
		}
		if err := d.Schema(ordersColumns, nil); err != nil {
			t.Fatal(err)
		}
		appendRows(t, d, "append", numbered(2, 5)...)
		x.publish(t, d)
		want := []string{"0 0 0 NULL", "1 0 1 NULL", "2 0 2 row 2", "3 0 3 row 3", "4 0 4 row 4"}
		if diff := gocmp.Diff(want, x.lines(t)); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", mode, diff)
		}
	}
}

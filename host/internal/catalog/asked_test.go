package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/sdk"
)

// asked resolves a table whose column asks for a type, beside one without a definition.
func asked(t *testing.T, column, word string, castable func(from, asked sdk.Type) error) ([]catalog.Set, []catalog.Problem) {
	t.Helper()
	d, other := ordersTable(), orders()
	other.Name = "returns"
	d.Columns = map[string]catalog.Column{column: {Type: word, Line: 21}}
	return catalog.Resolve(catalog.Input{Sources: []catalog.Source{shop(orders(), other)}, Definitions: []catalog.Definition{d}, Now: now, Castable: castable})
}

func TestAskedTypesAreRead(t *testing.T) {
	for word, want := range map[string]sdk.Type{
		"int64": {ID: sdk.Int64}, "decimal( 18, 4 )": {ID: sdk.Decimal, Precision: 18, Scale: 4}, "timestamp": {ID: sdk.Timestamp}, "timestamp(UTC)": {ID: sdk.Timestamp, Zone: "UTC"},
		"json": {ID: sdk.String, Logical: "json"}, "uuid": {ID: sdk.String, Logical: "uuid"}, "string": {ID: sdk.String}, "date": {ID: sdk.Date},
	} {
		sets, problems := asked(t, "email", word, nil)
		if len(problems) > 0 || len(sets) != 2 {
			t.Fatalf("%s: %v", word, problems)
		}
		table := sets[0].Root
		if diff := cmp.Diff(map[string]sdk.Type{"email": want}, table.Types); diff != "" || table.TypesAt["email"] != "data_description.md:21" {
			t.Errorf("%s: at %q (-want +got)\n%s", word, table.TypesAt["email"], diff)
		}
	}
}

// A conversion that cannot exist is a problem at its own line and keeps only its own table away.
func TestAskedTypesThatCannotBe(t *testing.T) {
	refuse := func(from, to sdk.Type) error {
		if from.ID == sdk.Timestamp && to.ID == sdk.Bool {
			return errors.New("timestamp cannot be converted to bool")
		}
		return nil
	}
	for word, want := range map[string]string{
		"bool": "table sales.orders: column created_at: timestamp cannot be converted to bool", "decimal(39,2)": "precision is 1..38", "decimal(3,4)": "scale 0..precision", "varchar": `type "varchar" is not supported`,
		"list": "list cannot be asked for", "struct": "struct cannot be asked for", "": "",
	} {
		sets, problems := asked(t, "created_at", word, refuse)
		if want == "" {
			if len(problems) > 0 {
				t.Errorf("no type: %v", problems)
			}
			continue
		}
		if len(problems) != 1 || problems[0].Warning || problems[0].Line != 21 || problems[0].File != "data_description.md" || !strings.Contains(problems[0].Summary, want) || problems[0].Help == "" {
			t.Errorf("%s: %+v", word, problems)
		}
		if published(sets, "sales.orders") || !published(sets, "main.returns") {
			t.Errorf("%s: published %v", word, sets)
		}
	}
}

// A text that becomes a date may partition; whatever is not known yet is found when rows arrive.
func TestAskedDatesMayPartition(t *testing.T) {
	for _, known := range []bool{true, false} {
		stream, d := orders(), ordersTable()
		if !known {
			stream.Columns, stream.Key = nil, nil
		}
		d.Key, d.PartitionBy, d.Columns = []string{"order_id"}, "email", map[string]catalog.Column{"email": {Type: "date", Line: 21}}
		sets, problems := resolve(t, shop(stream), d)
		if got := one(t, sets, problems); got.Partition == nil || got.Partition.Column != "email" {
			t.Errorf("partition %+v", got.Partition)
		}
	}
}

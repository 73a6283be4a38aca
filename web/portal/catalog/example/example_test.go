package example_test

import (
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/catalog/example"
)

func TestName(t *testing.T) {
	for name, want := range map[string]string{"total": "total", "order": `"order"`, "select": `"select"`, "Total": `"Total"`, "a b": `"a b"`, `a"; DROP TABLE x --`: `"a""; DROP TABLE x --"`,
		"": `""`, "1st": `"1st"`, "naïve": `"naïve"`, "orders": "orders"} {
		if got := example.Name(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// Columns that are personal, keys or names of other things are in no example.
func TestOf(t *testing.T) {
	got := example.Of("shop.order", []example.Column{{Name: "born", Type: "DATE", PII: true}, {Name: "id", Type: "BIGINT"}, {Name: "customer_id", Type: "BIGINT"}, {Name: "salary", Type: "DOUBLE", PII: true},
		{Name: "n", Type: "BIGINT"}, {Name: `pri"ce`, Type: "DECIMAL(9,2)"}, {Name: "kind", Type: "VARCHAR", Distinct: 3}, {Name: "at", Type: "TIMESTAMP WITH TIME ZONE"}})
	if want := "SELECT date_trunc('month', \"at\") AS since,\n       count(*) AS n, sum(\"pri\"\"ce\") AS total\nFROM   shop.\"order\"\nGROUP  BY 1\nORDER  BY 1;"; got.SQL != strings.Replace(want, `"at"`, example.Name("at"), 1) {
		t.Error(got.SQL)
	}
	for _, text := range []string{got.SQL, got.Question, got.Python, got.R} {
		for _, hidden := range []string{"born", "salary", "customer_id"} {
			if strings.Contains(text, hidden) {
				t.Errorf("%s: %s", hidden, text)
			}
		}
	}
	if bare := example.Of("shop.empty", nil); bare.SQL != "SELECT count(*) AS n\nFROM   shop.empty;" {
		t.Error(bare.SQL)
	}
	if join := example.Join("shop.a", api.ProfileRelation{Table: "shop.b", Column: "order", RefColumn: "id"}); !strings.Contains(join, `ON   a."order" = b.id`) {
		t.Error(join)
	}
}

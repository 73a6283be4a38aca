package finder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/app/finder"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// house is what a finder asks; Catalog is counted.
type house struct {
	shown  manifest.Shown
	states []api.TableState
	made   int
	ask    func(sql string) error
	asked  []string
	order  []string
}

func (h *house) Shown(context.Context, sdk.Caller) (manifest.Shown, error) { return h.shown, nil }
func (h *house) States(context.Context, sdk.Caller) (api.States, error) {
	return api.States{Tables: h.states}, nil
}

func (h *house) finder() *finder.Finder {
	return finder.New(finder.Options{Manifests: h, States: h, Order: func() []string { return h.order }, Ask: func(_ context.Context, _ sdk.Caller, sql string) error {
		h.asked = append(h.asked, sql)
		return h.ask(sql)
	}})
}

// shop has n tables in ten namespaces, with columns each.
func shop(n, columns int) *house {
	h := &house{ask: func(string) error { return nil }}
	var tables []manifest.Exhibit
	catalog := api.Catalog{Generation: 7, Total: n}
	for i := range n {
		space := fmt.Sprintf("space%d", i*10/n)
		name := fmt.Sprintf("%s.table%05d", space, i)
		e := manifest.Exhibit{Source: fmt.Sprintf("source%d", i%3), Dataset: fmt.Sprintf("set%d", i%4)}
		e.Name, e.Namespace, e.Description = name, space, "What happened, number "+fmt.Sprint(i)
		for c := range columns {
			e.Columns = append(e.Columns, api.Column{Name: fmt.Sprintf("column_%d", c), Description: "said of it"})
		}
		if i == 3 {
			e.Columns = append(e.Columns, api.Column{Name: "coupon", Description: "Discount Code"})
		}
		tables = append(tables, e)
		catalog.Tables = append(catalog.Tables, api.CatalogTable{Name: name, Namespace: space, Source: e.Source, Dataset: e.Dataset, Description: e.Description})
		h.states = append(h.states, api.TableState{Name: name, State: []string{"fresh", "failed"}[i%5/4]})
	}
	h.shown = manifest.Shown{Key: "1", Tables: tables, Catalog: func() api.Catalog {
		h.made++
		out := catalog
		out.Tables = slices.Clone(catalog.Tables)
		return out
	}}
	return h
}

func find(t *testing.T, f *finder.Finder, filter api.CatalogFilter) api.Catalog {
	t.Helper()
	found, err := f.Find(t.Context(), sdk.Caller{}, filter)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFind(t *testing.T) {
	h := shop(20, 2)
	f := h.finder()
	for _, c := range []struct {
		filter api.CatalogFilter
		found  int
	}{
		{api.CatalogFilter{}, 20}, {api.CatalogFilter{Text: "discount COUPON"}, 1}, {api.CatalogFilter{Text: "table00003"}, 1}, {api.CatalogFilter{Text: "discount nothing"}, 0},
		{api.CatalogFilter{Dataset: "set1"}, 5}, {api.CatalogFilter{State: "failed"}, 4}, {api.CatalogFilter{State: "failed", Source: "source1"}, 2}, {api.CatalogFilter{State: "held"}, 0},
		{api.CatalogFilter{Text: "%' OR 1=1"}, 0},
	} {
		got := find(t, f, c.filter)
		if got.Found != c.found || len(got.Tables) != c.found || got.Total != 20 || got.Tables == nil {
			t.Errorf("%+v: %d found, %d tables of %d", c.filter, got.Found, len(got.Tables), got.Total)
		}
	}
	if h.made != 1 {
		t.Errorf("the index was made %d times", h.made)
	}
	h.shown.Key = "2"
	find(t, f, api.CatalogFilter{})
	if h.made != 2 {
		t.Error("a new generation or grant has no index of its own")
	}
}

// What a facet narrows by does not count for itself.
func TestFacets(t *testing.T) {
	got := find(t, shop(20, 1).finder(), api.CatalogFilter{State: "failed", Page: 1})
	if want := []api.CatalogFacet{{Value: "failed", Count: 4}, {Value: "fresh", Count: 16}}; !slices.Equal(got.Facets.States, want) {
		t.Errorf("states %v", got.Facets.States)
	}
	sum := 0
	for _, source := range got.Facets.Sources {
		sum += source.Count
	}
	if sum != 4 {
		t.Errorf("sources %v", got.Facets.Sources)
	}
}

func TestPages(t *testing.T) {
	h := shop(250, 1)
	h.order = []string{"space7", "gone", "space2"}
	f := h.finder()
	seen := map[string]bool{}
	for at, want := range map[int]int{1: 100, 2: 100, 3: 50, 4: 0, 1_000_000: 0} {
		got := find(t, f, api.CatalogFilter{Page: at})
		if len(got.Tables) != want || got.Pages != 3 || got.Page != at {
			t.Errorf("page %d: %d tables, %d pages", at, len(got.Tables), got.Pages)
		}
		for _, table := range got.Tables {
			if seen[table.Name] {
				t.Errorf("%s stands on two pages", table.Name)
			}
			seen[table.Name] = true
		}
		if at == 1 && (got.Tables[0].Namespace != "space7" || got.Tables[25].Namespace != "space2" || got.Tables[50].Namespace != "space0") {
			t.Errorf("order: %s, %s, %s", got.Tables[0].Name, got.Tables[25].Name, got.Tables[50].Name)
		}
	}
}

func definitions(t *testing.T, h *house, role sdk.Role) int {
	t.Helper()
	found, err := h.finder().Definitions(t.Context(), sdk.Caller{User: sdk.User{Role: role}})
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestG12_DefinitionsByEngine(t *testing.T) {
	docs := []manifest.Document{{Path: "docs/metrics/metrics.yml", Body: []byte("metrics: []\n")}, {Path: "docs/schema.yml", Body: []byte("x: 1\n")},
		{Path: "docs/metrics/finance/revenue.yml", Body: []byte("- {name: revenue, table: shop.orders, sql: 'SELECT 1 FROM shop.orders; '}\n")}}
	for name, c := range map[string]struct {
		err         error
		user, admin int
	}{
		"all there":        {nil, 1, 1},
		"a table missing":  {&fault.Fault{Code: fault.Config, Path: "sql", Scope: "not_found"}, 0, 1},
		"does not compile": {&fault.Fault{Code: fault.Config, Path: "sql"}, 1, 1},
		"no engine":        {fault.New(fault.NotFound, "none").WithScope("engine"), 1, 1},
		"engine is down":   {fault.New(fault.Transient, "down"), 0, 1},
		"anything else":    {errors.New("oh"), 0, 1},
	} {
		h := shop(1, 1)
		h.shown.Docs = docs
		h.ask = func(string) error { return c.err }
		if got := definitions(t, h, sdk.Standard); got != c.user {
			t.Errorf("%s: %d for a user", name, got)
		}
		if len(h.asked) != 1 || h.asked[0] != "SELECT * FROM (\nSELECT 1 FROM shop.orders\n) LIMIT 0" {
			t.Errorf("%s: asked %q", name, h.asked)
		}
		if got := definitions(t, h, sdk.Admin); got != c.admin {
			t.Errorf("%s: %d for an admin", name, got)
		}
	}
}

// The promise is 100 ms for the first page and for the whole JSON of 5,000 tables.
func BenchmarkCatalog5000(b *testing.B) {
	h := shop(5_000, 20)
	f := h.finder()
	for name, filter := range map[string]api.CatalogFilter{"page": {Page: 1}, "search": {Text: "said column_7 00042", Page: 1}, "whole": {}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				found, err := f.Find(context.Background(), sdk.Caller{}, filter)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := json.Marshal(found); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

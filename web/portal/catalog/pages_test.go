package catalog_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
)

func TestCatalog(t *testing.T) {
	s := orders()
	body := open(t, s).As("bob").Page("/catalog?q=or+der&dataset=sales&state=fresh")
	pagetest.Has(t, body, "1 of 1 table", "The shop", "One row per order.", "1,000", "&#43;2.0", "61.4", `aria-checked="true"`, "Sales", `href="/api/v1/catalog?dataset=sales&amp;q=or&#43;der&amp;state=fresh"`)
	if s.asked.Text != "or der" || s.asked.Dataset != "sales" || s.asked.State != "fresh" || s.asked.Page != 1 {
		t.Errorf("asked %+v", s.asked)
	}
}

func TestCatalogStates(t *testing.T) {
	for _, state := range api.AllStates() {
		s := orders()
		s.states.Tables[0].State = state
		body := open(t, s).As("bob").Page("/catalog")
		word := state
		if state == api.StateNever {
			word = "never synced"
		}
		pagetest.Has(t, body, word)
	}
}

func TestCatalogEmpty(t *testing.T) {
	s := &shop{catalog: api.Catalog{Page: 1, Pages: 1}}
	pagetest.Has(t, open(t, s).As("bob").Page("/catalog"), "Nothing is open to you yet", "Next:")
	s = &shop{catalog: api.Catalog{Page: 1, Pages: 1, Total: 7, Facets: &api.CatalogFacets{}}}
	pagetest.Has(t, open(t, s).As("bob").Page("/catalog?q=zzz"), "No table fits", "zzz", "Show all tables")
}

func TestCatalogPages(t *testing.T) {
	s := orders()
	s.catalog.Total, s.catalog.Found, s.catalog.Page, s.catalog.Pages = 5000, 5000, 2, 50
	body := open(t, s).As("bob").Page("/catalog?page=2&source=erp")
	pagetest.Has(t, body, "Page 2 of 50", `href="/catalog?source=erp"`, `href="/catalog?page=3&amp;source=erp"`)
}

func TestA2_CatalogParameters(t *testing.T) {
	b := open(t, orders()).As("bob")
	for query, field := range map[string]string{"page=-1": "page", "page=1000000000000000000": "page", "page=0": "page", "page=NaN": "page", "page=1&page=2": "page", "per_page=0": "per_page",
		"per_page=1001": "per_page", "q=a&q=b": "q", "state=happy": "state", "dataset=a&dataset=a": "dataset", "source=%ff": "source", "q=" + strings.Repeat("x", 201): "q", "page=01": "page", "page=+1": "page"} {
		status, body := b.Get("/catalog?" + query)
		if status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, status)
		}
		pagetest.Has(t, body, field)
	}
}

func TestA1_TableNames(t *testing.T) {
	b := open(t, orders()).As("bob")
	for _, name := range []string{"shop.nothing", "secret.pay", "..%2f..%2fetc", "shop.orders%00", "shop%2eorders%2e", "%c0%ae", `shop.or%5cders`, "SHOP.orders", "con.orders", strings.Repeat("a", 2000)} {
		for _, end := range []string{"", "/download", "/rows.csv"} {
			if status, _ := b.Get("/t/" + name + end); status != http.StatusNotFound && status != http.StatusBadRequest {
				t.Errorf("%s%s: %d", name, end, status)
			}
		}
	}
	_, absent := b.Get("/t/shop.nothing")
	_, denied := b.Get("/t/secret.pay")
	if absent != denied {
		t.Error("a table that is denied is told from one that is absent")
	}
}

func TestSignedOut(t *testing.T) {
	b := open(t, orders()).As("")
	for _, path := range []string{"/catalog", "/t/shop.orders", "/t/secret.pay", "/definitions", "/definitions/revenue"} {
		if status, _ := b.Get(path); status != http.StatusSeeOther {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, body := b.Get("/llms.txt"); status != http.StatusUnauthorized || strings.Contains(body, "orders") {
		t.Errorf("llms.txt: %d", status)
	}
}

func TestTable(t *testing.T) {
	text := "mobile"
	s := orders()
	s.sample = &api.Sample{Columns: []api.TypedName{{Name: "order_id"}, {Name: "email"}, {Name: "status"}}, Rows: [][]*string{{&text, nil, nil}}, Masked: []string{"email"}}
	body := open(t, s).As("bob").Page("/t/shop.orders")
	pagetest.Has(t, body, "One row per order.", "incremental", "no duplicates", "all different", "Personal data: values are not shown", "done", "66.7", "10\u00a0% empty", "50.2\u00a0% are zero",
		"median 112.4, p5 11.98, p95 884.2", "2026-09-01 to 2026-11-25, by month", "~30,000", "mobile", "NULL", "hidden", "1 of 6 parts", "column status VARCHAR added", "23 people",
		"412 queries", "Net revenue", "date_trunc(&#39;month&#39;, created_at)", "sum(total)", `href="/api/v1/tables/shop.orders"`, `class="tag on">new`)
	if got := count(body, "<h1"); got != 1 {
		t.Errorf("%d headings of the page", got)
	}
}

// A table of which nothing but its columns is known has a page.
func TestTableBare(t *testing.T) {
	s := orders()
	s.profile, s.use, s.history, s.metrics, s.states = nil, nil, api.History{}, nil, api.States{}
	body := open(t, s).As("bob").Page("/t/shop.orders")
	pagetest.Has(t, body, "order_id", "No figures are kept", "How to use")
	pagetest.HasNot(t, body, "NaN", "%!", "Who uses it")
}

func TestPull(t *testing.T) {
	s := orders()
	s.chosen.Tables = []string{"shop.customers", "shop.orders"}
	b := open(t, s).As("bob")
	b.Page("/t/shop.orders")
	status, where, _ := b.Post("/t/shop.orders/pull", url.Values{"take": {"off"}, "back": {"/catalog?q=x"}})
	if status != http.StatusSeeOther || where != "/catalog?q=x" || s.chosen.Mode != "explicit" || len(s.chosen.Tables) != 1 {
		t.Errorf("%d %q %+v", status, where, s.chosen)
	}
	status, where, _ = b.Post("/t/shop.orders/pull", url.Values{"take": {"on"}, "back": {"//evil.example"}})
	if status != http.StatusSeeOther || where != "/" || len(s.chosen.Tables) != 2 {
		t.Errorf("%d %q %+v", status, where, s.chosen)
	}
	if status, _, _ = b.Post("/t/shop.orders/pull", url.Values{"take": {"maybe"}}); status != http.StatusBadRequest {
		t.Errorf("maybe: %d", status)
	}
	if status, _, _ = b.Post("/t/secret.pay/pull", url.Values{"take": {"on"}}); status != http.StatusNotFound {
		t.Errorf("denied: %d", status)
	}
}

func TestDefinitions(t *testing.T) {
	s := orders()
	s.metrics[0].Validation = "method: ledger\nresult: 99 %"
	b := open(t, s).As("bob")
	pagetest.Has(t, b.Page("/definitions"), "One agreed metric", "Net revenue", "finance")
	pagetest.Has(t, b.Page("/definitions/revenue"), "Money that stays.", "SELECT sum(total) FROM shop.orders", "method: ledger; result: 99 %", `href="/t/shop.orders"`)
	if status, _ := b.Get("/definitions/profit"); status != http.StatusNotFound {
		t.Error(status)
	}
	s.metrics = nil
	pagetest.Has(t, b.Page("/definitions"), "No metric is defined for you yet")
}

// hostile is text that must come out of a page as text (A3).
const hostile = `</code><script>alert(1)</script><img src=x onerror=alert(2)>"'{{7}}` + "\u202e"

func TestA3_HostileTexts(t *testing.T) {
	s := orders()
	line := &s.catalog.Tables[0]
	line.Description, line.Source, line.Dataset = hostile, hostile, hostile
	s.catalog.Facets.Datasets[0].Value, s.catalog.Datasets[0] = hostile, api.Dataset{Name: hostile, Label: hostile}
	s.detail.CatalogTable = *line
	for i := range s.detail.Fields {
		s.detail.Fields[i].Description = hostile
	}
	s.detail.Fields[2].Name, s.profile.Columns[2].Name = hostile, hostile
	s.detail.PrimaryKey = []string{hostile}
	s.profile.Columns[0].Samples = []string{hostile}
	s.profile.Columns[2].Top[0].Value = hostile
	s.profile.Columns[3].Numeric.Min = hostile
	s.profile.Columns[4].Date.Earliest = hostile
	s.profile.Relations[0] = api.ProfileRelation{Table: "shop.orders", Column: hostile, RefColumn: hostile, Direction: hostile, Description: hostile}
	s.profile.Sample = []map[string]string{{"order_id": hostile, hostile: hostile}}
	s.states.Tables[0] = api.TableState{Name: "shop.orders", State: hostile, Message: hostile, Help: hostile, Schedule: hostile, Run: hostile, Days: []api.StateDay{{State: hostile}}}
	s.history.Versions[0].Schema = []string{hostile}
	s.use.With = []string{hostile}
	m := &s.metrics[0]
	m.Label, m.Category, m.Description, m.SQL, m.Unit, m.Notes, m.Variants = hostile, hostile, hostile, hostile, hostile, []string{hostile}, map[string]string{"sql_" + hostile: hostile}
	b := open(t, s).As("bob")
	for _, path := range []string{"/catalog?q=" + url.QueryEscape(hostile), "/t/shop.orders", "/definitions", "/definitions/revenue"} {
		body := b.Page(path)
		pagetest.HasNot(t, body, "<script>alert", "<img src=x", `onerror=alert(2)>"`)
	}
}

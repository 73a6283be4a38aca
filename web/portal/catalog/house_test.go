package catalog_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/portal/catalog"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/page/pagetest"
	"github.com/ai-data-analyst/broker/web/problem"
)

// shop is an instance as its pages see it: fields say what each part answers.
type shop struct {
	catalog api.Catalog
	asked   api.CatalogFilter
	metrics []tools.Metric
	detail  api.TableDetail
	profile *api.Profile // nil = none is kept
	sample  *api.Sample  // nil = no engine
	states  api.States
	history api.History
	use     *api.TableUse
	chosen  api.Subscriptions
}

var notThere = fault.New(fault.NotFound, "not there")

func (s *shop) Find(_ context.Context, _ sdk.Caller, filter api.CatalogFilter) (api.Catalog, error) {
	s.asked = filter
	return s.catalog, nil
}

func (s *shop) Definitions(context.Context, sdk.Caller) ([]tools.Metric, error) {
	return s.metrics, nil
}

func (s *shop) Granted(context.Context, sdk.Caller, int64) (api.Signed, error) {
	return api.Signed{}, notThere
}

func (s *shop) Table(_ context.Context, _ sdk.Caller, name sdk.TableName) (api.TableDetail, error) {
	if s.detail.Name != string(name) {
		return api.TableDetail{}, notThere
	}
	return s.detail, nil
}

func (s *shop) Instance() api.Instance { return api.Instance{Name: "Acme"} }

func (s *shop) Profile(context.Context, sdk.Caller, sdk.TableName) (api.Profile, error) {
	if s.profile == nil {
		return api.Profile{}, problem.New(503, api.CodeUnavailable, "no profiles")
	}
	return *s.profile, nil
}

func (s *shop) Sample(context.Context, sdk.Caller, sdk.TableName, int64) (api.Sample, error) {
	if s.sample == nil {
		return api.Sample{}, problem.New(503, api.CodeUnavailable, "no engine")
	}
	return *s.sample, nil
}

func (s *shop) States(context.Context, sdk.Caller) (api.States, error) { return s.states, nil }

func (s *shop) History(context.Context, sdk.Caller, sdk.TableName, int) (api.History, error) {
	return s.history, nil
}

func (s *shop) TableUse(context.Context, sdk.Caller, sdk.TableName) (api.TableUse, error) {
	if s.use == nil {
		return api.TableUse{}, notThere
	}
	return *s.use, nil
}

func (s *shop) Subscriptions(context.Context, sdk.Caller) (api.Subscriptions, error) {
	return s.chosen, nil
}

func (s *shop) Subscribe(_ context.Context, _ sdk.Caller, wanted api.Subscriptions) error {
	s.chosen = wanted
	return nil
}

// open puts up the pages of a shop.
func open(t *testing.T, s *shop) *pagetest.House {
	t.Helper()
	return pagetest.Open(t, func(host *page.Host) []page.Route {
		needs := catalog.Needs{Finder: s, Tables: s, Watch: s, Use: s, Choices: s, Doors: s, PublicURL: "http://example.com",
			Spaces: func() []catalog.Space { return []catalog.Space{{Name: "shop", Label: "The shop"}} }}
		return catalog.Routes(host, needs, func(_ context.Context, secret string) (sdk.Caller, error) {
			if secret != "good" {
				return sdk.Caller{}, fault.New(fault.Auth, "no")
			}
			return sdk.Caller{User: sdk.User{ID: "bob"}, Scopes: []sdk.Scope{sdk.ScopeRead}}, nil
		})
	})
}

// orders is a shop with one table of which everything is known.
func orders() *shop {
	yes, no := true, false
	n := func(v int64) *int64 { return &v }
	f := func(v float64) *float64 { return &v }
	line := api.CatalogTable{Name: "shop.orders", Namespace: "shop", Table: "orders", Description: "One row per order.", Dataset: "sales", Source: "erp",
		Strategy: "incremental", PrimaryKey: []string{"order_id"}, Rows: 1000, Bytes: 61_400_000, Columns: 5, Generation: 9, PublishedAt: "2026-11-25T14:02:00Z", State: "fresh"}
	return &shop{
		catalog: api.Catalog{Generation: 9, PublishedAt: "2026-11-25T14:02:00Z", Tables: []api.CatalogTable{line}, Total: 1, Found: 1, Page: 1, Pages: 1, Datasets: []api.Dataset{{Name: "sales", Label: "Sales"}},
			Facets: &api.CatalogFacets{States: []api.CatalogFacet{{Value: "fresh", Count: 1}}, Datasets: []api.CatalogFacet{{Value: "sales", Count: 1}}}},
		detail: api.TableDetail{CatalogTable: line, Fields: []api.Column{{ID: 1, Name: "order_id", Type: "VARCHAR"}, {ID: 2, Name: "email", Type: "VARCHAR", PII: true},
			{ID: 3, Name: "status", Type: "VARCHAR"}, {ID: 4, Name: "total", Type: "DECIMAL(12,2)"}, {ID: 5, Name: "created_at", Type: "TIMESTAMP"}},
			Relations: []api.Relation{}},
		profile: &api.Profile{Table: "shop.orders", Rows: 1000, DuplicateKeys: n(0), Columns: []api.ProfileColumn{
			{Name: "order_id", Type: "VARCHAR", IsKey: true, Nulls: n(0), CompletenessPct: f(100), Distinct: n(1000), DistinctExact: &yes, Samples: []string{"O-1", "O-2"}},
			{Name: "email", Type: "VARCHAR", PII: true, Masked: true, Nulls: n(0), CompletenessPct: f(100), Distinct: n(900), DistinctExact: &yes},
			{Name: "status", Type: "VARCHAR", Nulls: n(100), CompletenessPct: f(90), Distinct: n(2), DistinctExact: &yes, Top: []api.ProfileTop{{Value: "done", Count: 600}, {Value: "open", Count: 300}}},
			{Name: "total", Type: "DECIMAL(12,2)", Nulls: n(0), CompletenessPct: f(100), Distinct: n(30_000), DistinctExact: &no,
				Numeric: &api.ProfileNumbers{Min: 0.0, Max: 38_400.0, Median: 112.4, P5: 11.98, P95: 884.2, Zeros: 502, Histogram: &api.ProfileBars{Edges: []any{0.0, 1.0, 2.0}, Counts: []int64{900, 100}}}},
			{Name: "created_at", Type: "TIMESTAMP", Nulls: n(0), CompletenessPct: f(100), Distinct: n(990), DistinctExact: &yes,
				Date: &api.ProfileSpan{Earliest: "2026-09-01T00:00:00", Latest: "2026-11-25T13:00:00", Histogram: &api.ProfileCalendar{Unit: "month", Buckets: []api.ProfileBucket{{Start: "2026-09-01", Count: 400}, {Start: "2026-10-01", Count: 300}, {Start: "2026-11-01", Count: 300}}}}},
		}, Relations: []api.ProfileRelation{{Table: "shop.orders", Column: "order_id", RefColumn: "order_id", Direction: "belongs_to"}}},
		states:  api.States{Tables: []api.TableState{{Name: "shop.orders", State: "fresh", Schedule: "0 6 * * *", NextAt: "2026-11-26T06:00:00Z", Days: []api.StateDay{{Date: "2026-11-24", State: "fresh", Added: 10, Runs: 1}, {Date: "2026-11-25", State: "fresh", Added: 20, Runs: 1}}}}},
		history: api.History{Versions: []api.Version{{Generation: 9, PublishedAt: "2026-11-25T14:02:00Z", Rows: 1000, Parts: 6, NewParts: 1, NewBytes: 3_100_000, Added: n(612), Updated: n(1180), Deleted: n(0), Schema: []string{"column status VARCHAR added"}}}},
		use:     &api.TableUse{People: 23, Pulls: 40, Queries: 412, With: []string{"shop.customers"}},
		chosen:  api.Subscriptions{Mode: "all", Tables: []string{"shop.orders"}},
		metrics: []tools.Metric{{Name: "revenue", Label: "Net revenue", Category: "finance", Tables: []string{"shop.orders"}, SQL: "SELECT sum(total) FROM shop.orders", File: "finance/revenue.yml", Description: "Money that stays."}},
	}
}

// count is how often a text stands in a page.
func count(body, text string) int { return strings.Count(body, text) }

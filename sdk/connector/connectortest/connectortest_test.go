package connectortest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/connector/connectortest"
)

const goodSettings = `{"url": "https://shop.example", "token": "correct-horse-battery"}`

type settings struct {
	URL   string     `cfg:"url" doc:"Address." required:"true" format:"url"`
	Token sdk.Secret `cfg:"token" doc:"Token." required:"true"`
	Size  int        `cfg:"size" default:"40" min:"1" max:"1000"`
}

type order struct {
	ID      int64     `col:"id,key"`
	Note    *string   `col:"note"`
	Updated time.Time `col:"updated_at,cursor"`
}

type event struct {
	At   int64  `col:"at,cursor"`
	Kind string `col:"kind"`
}

type item struct {
	Order int64   `col:"order_id,key"`
	Line  int32   `col:"line,key"`
	Price float64 `col:"price"`
}

// orders come three at a time with one cursor value, so that every batch boundary falls into a tie now and then.
func makeOrders(n int) []order {
	orders := make([]order, n)
	for i := range orders {
		note := fmt.Sprintf("note %d", i)
		orders[i] = order{ID: int64(i), Updated: time.Date(2026, 8, 1, i/3, 0, 0, 0, time.UTC)}
		if i%4 != 0 {
			orders[i].Note = &note
		}
	}
	return orders
}

func readOrders(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[order]) error {
	since := q.Since.Time(time.Time{})
	items, err := rows.Child("items")
	if err != nil {
		return err
	}
	lines, err := connector.RowsOf[item](items)
	if err != nil {
		return err
	}
	for _, o := range makeOrders(s.Size) {
		if o.Updated.Before(since) {
			continue
		}
		if err := rows.Append(ctx, o); err != nil {
			return err
		}
		if err := lines.Append(ctx, item{Order: o.ID, Line: 1, Price: 1.5}, item{Order: o.ID, Line: 2, Price: 2.5}); err != nil {
			return err
		}
	}
	return nil
}

func readLog(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[event]) error {
	for i := range s.Size {
		at := int64(i / 3)
		if at < q.Since.Int(0) {
			continue
		}
		if err := rows.Append(ctx, event{At: at, Kind: fmt.Sprint("kind ", i%2)}); err != nil {
			return err
		}
	}
	return nil
}

func readCustomers(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[order]) error {
	since := q.Since.Time(time.Time{})
	for _, o := range makeOrders(s.Size) {
		if o.Updated.Before(since) {
			continue
		}
		if err := rows.Append(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func readLoose(ctx context.Context, _ settings, _ connector.Query, rows *connector.Records) error {
	columns := []sdk.Column{{Name: "a", Type: sdk.Type{ID: sdk.Int64}}, {Name: "b", Type: sdk.Type{ID: sdk.String, Logical: "json"}}}
	if err := rows.Schema(ctx, columns, nil); err != nil {
		return err
	}
	for i := range 9 {
		if err := rows.AppendMap(ctx, map[string]any{"a": i, "b": map[string]any{"x": []int{i}}}); err != nil {
			return err
		}
	}
	return nil
}

func good() connector.Plugin[settings, settings] {
	return connector.Plugin[settings, settings]{
		Name: "shop", Version: "1.0.0", Doc: "A shop.",
		Open: func(_ context.Context, _ connector.Runtime, s settings) (settings, error) { return s, nil },
		Streams: []connector.Stream[settings]{
			connector.Table("orders", readOrders),
			connector.Table[settings, item]("items", nil, connector.Parent("orders"), connector.Modes(sdk.FullRefresh, sdk.Incremental)),
			connector.Table("customers", readCustomers, connector.Sorted()),
			connector.Table("log", readLog, connector.AppendOnly(), connector.Sorted()),
			connector.Dynamic("loose", nil, readLoose),
			connector.Table("empty", func(context.Context, settings, connector.Query, *connector.Rows[item]) error { return nil }),
			connector.Table("broken", func(context.Context, settings, connector.Query, *connector.Rows[item]) error {
				panic("a defect")
			}),
		},
	}
}

func subject(make func() (connector.Connector, error)) connectortest.Subject {
	return connectortest.Subject{
		New: func(context.Context) (connector.Connector, func() error, error) {
			c, err := make()
			return c, nil, err
		},
		Settings: []byte(goodSettings),
		Bad:      []connectortest.Bad{{Settings: []byte(`{"url": "shop", "token": "correct-horse-battery"}`), Path: "url"}},
		Panics:   "broken",
		Limit:    5 * time.Second,
	}
}

func TestGoodConnectorPasses(t *testing.T) { connectortest.Test(t, subject(good().Build)) }

func TestNothingIsSkippedForTheGoodConnector(t *testing.T) {
	report := connectortest.Run(t.Context(), subject(good().Build))
	for _, c := range report.Checks {
		if c.Status != connectortest.OK {
			t.Errorf("%s %s: %s", c.Status, c.Name, c.Detail)
		}
	}
	if !strings.Contains(report.String(), "ok      read_resume\n") {
		t.Errorf("the report reads\n%s", report)
	}
}

func TestSkippedChecksSayWhy(t *testing.T) {
	p := connector.Plugin[struct{}, int]{
		Name: "bare", Version: "1",
		Open:    func(context.Context, connector.Runtime, struct{}) (int, error) { return 0, nil },
		Streams: []connector.Stream[int]{connector.Table("items", func(context.Context, int, connector.Query, *connector.Rows[item]) error { return nil })},
	}
	s := subject(p.Build)
	s.Settings, s.Bad, s.Panics = []byte(`{}`), nil, ""
	report := connectortest.Run(t.Context(), s)
	skipped := map[string]bool{}
	for _, c := range report.Checks {
		if c.Status == connectortest.Skipped {
			skipped[c.Name] = c.Detail != ""
		}
	}
	for _, name := range []string{"settings_bad", "settings_required", "read_incremental", "read_resume", "panic", "secrets"} {
		if !skipped[name] {
			t.Errorf("%s is not skipped with a reason:\n%s", name, report)
		}
	}
}

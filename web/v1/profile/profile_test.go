package profile_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/mcp"
	"github.com/ai-data-analyst/broker/web/v1/profile"
)

// manifests have one document of metrics.
type manifests struct {
	mcp.Manifests
	metrics string
}

func (m manifests) Document(context.Context, sdk.Caller, int64) (api.Signed, error) {
	body, err := json.Marshal(api.Manifest{Docs: []api.Doc{{Path: "docs/metrics/sales/revenue.yml", SHA256: "1"}, {Path: "docs/schema.yml", SHA256: "2"}}})
	return api.Signed{Body: body}, err
}
func (manifests) Count(context.Context, sdk.Caller) (int, error) { return 0, nil }

func (m manifests) Granted(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error) {
	return m.Document(ctx, who, generation)
}

type file struct{ *strings.Reader }

func (file) Close() error { return nil }

func (m manifests) Content(context.Context, sdk.Caller, string) (api.Content, error) {
	return api.Content{Open: func(context.Context) (io.ReadSeekCloser, error) { return file{strings.NewReader(m.metrics)}, nil }}, nil
}

func (m manifests) all(ctx context.Context, who sdk.Caller) ([]tools.Metric, error) {
	return mcp.Metrics(ctx, m, who)
}

// profiles know one table.
type profiles struct{}

func (profiles) Profile(_ context.Context, _ sdk.Caller, name sdk.TableName) (api.Profile, error) {
	if name != "shop.orders" {
		return api.Profile{}, fault.New(fault.NotFound, "not there")
	}
	return api.Profile{Table: string(name), Rows: 7}, nil
}

func TestMetricsThatNameTheTable(t *testing.T) {
	for metrics, want := range map[string]int{
		"- {name: revenue, table: shop.orders}\n- {name: refunds, tables: [orders, items]}\n": 2,
		"name: people\ntable: hr.people\n": 0,
		"name: orders\n":                   0,
	} {
		p, err := profile.Of(context.Background(), profiles{}, manifests{metrics: metrics}.all, sdk.Caller{}, "shop.orders")
		if err != nil || len(p.Metrics) != want || p.Metrics == nil || p.Rows != 7 {
			t.Errorf("%q: %+v, %v", metrics, p, err)
		}
	}
}

func TestNoProfile(t *testing.T) {
	if _, err := profile.Of(context.Background(), profiles{}, manifests{}.all, sdk.Caller{}, "shop.other"); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	_, err := profile.Of(context.Background(), nil, manifests{}.all, sdk.Caller{}, "shop.orders")
	if p, _, _ := problem.Of(err); p.Status != 503 {
		t.Errorf("%+v", p)
	}
}

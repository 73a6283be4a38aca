package connectortest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/connector/connectortest"
	"github.com/ai-data-analyst/broker/sdk/rest"
)

// The part between the two lines below stands in docs/writing-a-plugin.md word for word; TestGuide compares them.

// --- guide
type Settings struct {
	URL   string     `cfg:"url" doc:"Base address of the shop." required:"true" format:"url"`
	Token sdk.Secret `cfg:"token" doc:"API token with the right to read orders." required:"true"`
	Start time.Time  `cfg:"start_date" doc:"Oldest order to load." default:"2020-01-01"`
}

type Order struct {
	ID      int64     `json:"id" col:"id,key" doc:"Order number."`
	Status  string    `json:"status" col:"status"`
	Total   float64   `json:"total" col:"total"`
	Email   string    `json:"email" col:"email,pii"`
	Updated time.Time `json:"updated_at" col:"updated_at,cursor"`
	Extra   any       `json:"extra" col:"extra,json"`
}

type shop struct {
	api   *rest.Client
	start time.Time
}

func acme() connector.Author {
	return connector.Plugin[Settings, *shop]{
		Name: "acme", Version: "0.1.0", Doc: "Orders from the Acme shop.",
		Open:    openShop,
		Streams: []connector.Stream[*shop]{connector.Table("orders", readShopOrders, connector.Sorted(), connector.Lookback(5*time.Minute))},
	}
}

func openShop(_ context.Context, _ connector.Runtime, s Settings) (*shop, error) {
	api := &rest.Client{
		BaseURL: s.URL,
		Auth:    rest.Bearer(s.Token.Reveal()),
		Limit:   rest.Limit{N: 10, Per: time.Second},
	}
	return &shop{api: api, start: s.Start}, nil
}

func readShopOrders(ctx context.Context, s *shop, q connector.Query, rows *connector.Rows[Order]) error {
	request := rest.Request{Path: "/orders", Items: "data", NextKey: "next", Query: url.Values{
		"updated_since": {q.Since.Time(s.start).Format(time.RFC3339)},
		"sort":          {"updated_at"},
	}}
	for page, err := range rest.Pages[Order](ctx, s.api, request) {
		if err != nil {
			return err
		}
		if err := rows.Append(ctx, page...); err != nil {
			return err
		}
	}
	return nil
}

// --- guide

// shopServer is the API of the guide's connector: 25 orders, ten a page, behind a token.
func shopServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer acme-t0ken" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		since, err := time.Parse(time.RFC3339, r.URL.Query().Get("updated_since"))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var orders []Order
		for i := range 25 {
			o := Order{ID: int64(i), Status: "paid", Total: float64(i) / 4, Updated: time.Date(2026, 3, 1, 0, i/2*4, 0, 0, time.UTC), Extra: map[string]int{"n": i}}
			if !o.Updated.Before(since) {
				orders = append(orders, o)
			}
		}
		answer := map[string]any{"next": nil}
		from := 0
		for r.URL.Query().Get("next") != "" && from < len(orders) && r.URL.Query().Get("next") != orders[from].Updated.Format(time.RFC3339)+"/"+orders[from].Status {
			from++
		}
		to := min(from+10, len(orders))
		for to < len(orders) && orders[to].Updated.Equal(orders[to-1].Updated) {
			to++ // pages of this API do not cut a moment in two
		}
		if to < len(orders) {
			answer["next"] = orders[to].Updated.Format(time.RFC3339) + "/" + orders[to].Status
		}
		answer["data"] = orders[from:to]
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestGuidesConnectorKeepsItsContract(t *testing.T) {
	text, err := json.Marshal(map[string]string{"url": shopServer(t), "token": "acme-t0ken"})
	if err != nil {
		t.Fatal(err)
	}
	s := subject(acme().Build)
	s.Settings, s.Panics = text, ""
	s.Bad = []connectortest.Bad{{Settings: []byte(`{"url": "acme", "token": "acme-t0ken"}`), Path: "url"}}
	connectortest.Test(t, s)
}

func TestGuideHoldsTheCode(t *testing.T) {
	own, err := os.ReadFile("acme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../../docs/writing-a-plugin.md")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.TrimSpace(strings.Split(string(own), "// --- guide\n")[1])
	if !strings.Contains(string(guide), code) {
		t.Errorf("docs/writing-a-plugin.md does not hold this code:\n%s", code)
	}
}

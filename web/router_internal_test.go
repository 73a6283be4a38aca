package web

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
)

type nobody struct {
	v1.Access
	v1.SignIn
	v1.Manifests
}

func (nobody) Instance() api.Instance { return api.Instance{} }

func (nobody) Authorize(context.Context, sdk.Caller, sdk.Action, sdk.TableName) error { return nil }

type well struct{}

func (well) Failing(context.Context) string { return "" }

// Every route of the real router stands in a table: nothing is served that nobody declared (rule 19).
func TestRouterHoldsWhatTheTablesSay(t *testing.T) {
	s, err := New(Options{Listen: "127.0.0.1:0", Health: well{}, API: v1.Host{Access: nobody{}, SignIn: nobody{}, Manifests: nobody{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	declared := []string{"GET /healthz", "GET /readyz", "GET /metrics", "GET /download", "GET /download/", "GET /download/SHA256SUMS", "GET /download/install.sh", "GET /download/install.ps1",
		"GET /download/:file", "GET /connect", "POST /connect", "GET /connect/device", "POST /connect/device"}
	for _, route := range s.api.Routes() {
		declared = append(declared, route.Method+" "+api.Prefix+route.Path)
	}
	var served []string
	for _, route := range s.app.GetRoutes(true) {
		if route.Method != "HEAD" {
			served = append(served, route.Method+" "+route.Path)
		} else if !slices.Contains(declared, "GET "+route.Path) {
			t.Errorf("HEAD %s without GET", route.Path)
		}
	}
	slices.Sort(declared)
	slices.Sort(served)
	if !slices.Equal(declared, served) {
		t.Errorf("declared\n%s\nserved\n%s", strings.Join(declared, "\n"), strings.Join(served, "\n"))
	}
	for _, route := range s.api.Routes() {
		if (route.Method == "POST") != (route.Body > 0) && route.Path != "/login/device" {
			t.Errorf("%s %s: body limit %d", route.Method, route.Path, route.Body)
		}
		if route.Permission == v1.ForAll && route.Rate == "" {
			t.Errorf("%s %s is public without a rate", route.Method, route.Path)
		}
		if route.Handler == nil || route.Doc.ID == "" || route.Permission == "" {
			t.Errorf("%s %s: %+v", route.Method, route.Path, route)
		}
	}
}

package runs_test

import (
	"testing"

	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/runs"
)

func TestRoutes(t *testing.T) {
	if _, err := runs.Routes(&page.Host{}, runs.Needs{}); err != nil {
		t.Fatal(err)
	}
}
